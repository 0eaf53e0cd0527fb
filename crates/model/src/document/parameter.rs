//! Parameters: how a document declares them, and whether a caller's values are acceptable.
//!
//! The agent checks next to nothing of this, so it is decided here. Messages name the parameter and what it must be;
//! they never repeat the value, which may be a command line with a password in it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::DocumentError;
use super::pattern::{AllowedPattern, PatternBudget, WorkBudget};
use crate::error::{ApiError, ErrorCode};

/// The JSON type that a parameter's value has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterType {
    /// One text.
    String,
    /// A list of texts.
    StringList,
    /// A JSON object; callers send its text.
    StringMap,
}

/// A parameter as a document declares it.
#[derive(Clone, Debug)]
pub struct ParameterDefinition {
    /// Its type.
    pub parameter_type: ParameterType,
    /// For people.
    pub description: Option<String>,
    /// Used when the caller gives no value; without one the parameter is required.
    pub default: Option<Value>,
    /// The only values accepted, if there are any.
    allowed_values: Vec<String>,
    allowed_pattern: Option<AllowedPattern>,
    chars: Bounds,
    items: Bounds,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    min: u64,
    max: u64,
}

impl Bounds {
    fn contains(self, count: usize) -> bool {
        u64::try_from(count).is_ok_and(|count| (self.min..=self.max).contains(&count))
    }
}

pub(super) fn parse_all(source: &Map<String, Value>) -> Result<BTreeMap<String, ParameterDefinition>, DocumentError> {
    let mut patterns = PatternBudget::new();
    let parse =
        |(name, value): (&String, &Value)| Ok((name.clone(), ParameterDefinition::parse(name, value, &mut patterns)?));
    source.iter().map(parse).collect()
}

impl ParameterDefinition {
    fn parse(name: &str, value: &Value, patterns: &mut PatternBudget) -> Result<Self, DocumentError> {
        let path = |member: &str| format!("parameters.{name}.{member}");
        if name.is_empty() || name.len() > 255 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(DocumentError::member("parameters", "an object whose names are letters and digits"));
        }
        let Value::Object(members) = value else {
            return Err(DocumentError::member(format!("parameters.{name}"), "an object"));
        };
        let text = |member: &str| match members.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(DocumentError::member(path(member), "a text")),
        };
        let parameter_type = match text("type")? {
            Some("String") => ParameterType::String,
            Some("StringList") => ParameterType::StringList,
            Some("StringMap") => ParameterType::StringMap,
            _ => return Err(DocumentError::member(path("type"), "String, StringList or StringMap")),
        };
        let default = members.get("default").filter(|value| !value.is_null()).cloned();
        if default.as_ref().is_some_and(|default| !has_type(default, parameter_type)) {
            return Err(DocumentError::member(path("default"), "of the parameter's type"));
        }
        let allowed_values = match members.get("allowedValues") {
            None | Some(Value::Null) => Vec::new(),
            Some(values) => {
                texts(values).ok_or_else(|| DocumentError::member(path("allowedValues"), "a list of texts"))?
            }
        };
        let allowed_pattern = match text("allowedPattern")? {
            None | Some("") => None,
            Some(pattern) => Some(patterns.compile(name, pattern)?),
        };
        let number = |member: &str, absent: u64| match members.get(member) {
            None | Some(Value::Null) => Ok(absent),
            // Documents written in YAML often have these as texts.
            Some(value) => {
                let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
                number.ok_or_else(|| DocumentError::member(path(member), "a whole number"))
            }
        };
        Ok(Self {
            parameter_type,
            description: text("description")?.map(str::to_owned),
            default,
            allowed_values,
            allowed_pattern,
            chars: Bounds { min: number("minChars", 0)?, max: number("maxChars", u64::MAX)? },
            items: Bounds { min: number("minItems", 0)?, max: number("maxItems", u64::MAX)? },
        })
    }

    /// The value a caller's list of texts stands for, checked.
    fn read(&self, name: &str, given: &[String], work: &mut WorkBudget) -> Result<Value, ApiError> {
        let refuse = |must: String| Err(invalid(format!("The parameter '{name}' {must}.")));
        match self.parameter_type {
            ParameterType::String => {
                let [text] = given else { return refuse("takes exactly one value".to_owned()) };
                self.check_text(name, text, work)?;
                Ok(Value::String(text.clone()))
            }
            ParameterType::StringList => {
                if !self.items.contains(given.len()) {
                    let Bounds { min, max } = self.items;
                    return refuse(format!("takes {min} to {max} values"));
                }
                for text in given {
                    self.check_text(name, text, work)?;
                }
                Ok(Value::Array(given.iter().cloned().map(Value::String).collect()))
            }
            ParameterType::StringMap => {
                let [text] = given else { return refuse("takes exactly one value, a JSON object".to_owned()) };
                self.check_text(name, text, work)?;
                match serde_json::from_str(text) {
                    Ok(Value::Object(map)) => Ok(Value::Object(map)),
                    _ => refuse("must be a JSON object".to_owned()),
                }
            }
        }
    }

    fn check_text(&self, name: &str, text: &str, work: &mut WorkBudget) -> Result<(), ApiError> {
        let must = if !self.chars.contains(text.chars().count()) {
            let Bounds { min, max } = self.chars;
            format!("must have {min} to {max} characters")
        } else if !work.take(text, self.compared_bytes()) {
            "is too long to be compared with what is allowed".to_owned()
        } else if !self.allowed_values.is_empty() && !self.allowed_values.iter().any(|allowed| allowed == text) {
            format!("must be one of [{}]", self.allowed_values.join(", "))
        } else if let Some(pattern) = self.allowed_pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
            format!("must satisfy the regular expression {}", pattern.source())
        } else {
            return Ok(());
        };
        Err(invalid(format!("A value of the parameter '{name}' {must}.")))
    }

    /// What each byte of a value may have to be compared with.
    fn compared_bytes(&self) -> usize {
        self.allowed_values.len() + self.allowed_pattern.as_ref().map_or(0, AllowedPattern::program_bytes)
    }
}

/// Every parameter that the document declares with the value it has in this session.
pub(super) fn resolve(
    declared: &BTreeMap<String, ParameterDefinition>,
    given: &BTreeMap<String, Vec<String>>,
) -> Result<BTreeMap<String, Value>, ApiError> {
    if let Some(unknown) = given.keys().find(|name| !declared.contains_key(*name)) {
        let shown: String = unknown.chars().take(64).collect();
        let known = declared.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {known}") };
        return Err(invalid(format!("The document has no parameter '{shown}'; {known}.")));
    }
    let (mut values, mut work) = (BTreeMap::new(), WorkBudget::new());
    for (name, definition) in declared {
        let value = match (given.get(name), &definition.default) {
            (Some(given), _) => definition.read(name, given, &mut work)?,
            (None, Some(default)) => default.clone(),
            (None, None) => return Err(invalid(format!("The document's parameter '{name}' is required."))),
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidParameters, message)
}

fn has_type(value: &Value, parameter_type: ParameterType) -> bool {
    match parameter_type {
        ParameterType::String => value.is_string(),
        ParameterType::StringList => texts(value).is_some(),
        ParameterType::StringMap => value.is_object(),
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}
