//! From bytes to a request that satisfies the service model.
//!
//! Wrong JSON types are `SerializationException` and stop at once, as at AWS; broken constraints are collected and
//! reported together. The body is bounded by whoever read it; nesting is bounded by the JSON parser.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::constraint::{Path, Text, Violations};
use crate::error::{ApiError, ErrorCode};
use crate::operation::Operation;
use crate::query::Form;
use crate::timestamp::Timestamp;

mod values;

/// The request of one operation. Serializes to what a client sends.
pub trait ApiRequest: Serialize + Sized {
    /// The operation it belongs to.
    const OPERATION: Operation;
    /// What comes back.
    type Response: Serialize + DeserializeOwned;

    /// Reads the members. Use [`decode`].
    #[doc(hidden)]
    fn read(input: &mut Input<'_>) -> Result<Self, ApiError>;
}

/// Decodes and validates the body of a request. An empty body is an empty object.
///
/// # Errors
/// `SerializationException` for what is not the right JSON, `ValidationException` (or what the service calls it) for
/// broken constraints, and the more particular errors that some operations have for some members.
pub fn decode<R: ApiRequest>(body: &[u8]) -> Result<R, ApiError> {
    let object = if body.trim_ascii().is_empty() { Map::new() } else { parse_object(body)? };
    read(&object, false)
}

/// Decodes and validates a form of the Query protocol.
///
/// # Errors
/// `SerializationException` for members of the wrong type, `ValidationError` for broken constraints, and the more
/// particular errors that some operations have for some members.
pub fn decode_form<R: ApiRequest>(form: &Form) -> Result<R, ApiError> {
    read(form.members(), true)
}

fn read<R: ApiRequest>(object: &Map<String, Value>, is_form: bool) -> Result<R, ApiError> {
    let mut violations = Violations::default();
    let mut input = Input { object, within: None, violations: &mut violations, is_form };
    let request = R::read(&mut input)?;
    violations.into_result(R::OPERATION.service().validation_error()).map(|()| request)
}

fn parse_object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(serialization("The request body must be one JSON object.")),
        // The parser's own message can repeat parts of the body; the position is enough to find the mistake.
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            Err(serialization(format!("The request body is not JSON: see line {line}, column {column}.")))
        }
    }
}

fn serialization(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::SerializationException, message)
}

/// The members of one JSON object, read one by one. Names are case-sensitive; `null` is absence.
#[doc(hidden)]
pub struct Input<'a> {
    object: &'a Map<String, Value>,
    within: Option<&'a Path<'a>>,
    violations: &'a mut Violations,
    /// Everything is text then, also numbers, truths, and lists without an item.
    is_form: bool,
}

impl<'a> Input<'a> {
    /// A required text. When it is missing the request fails as a whole, so the value given back does not matter.
    pub(crate) fn required_text(&mut self, name: &str, constraint: Text) -> Result<String, ApiError> {
        let text = self.text(name, constraint)?;
        if text.is_none() {
            self.report_missing(name);
        }
        Ok(text.unwrap_or_default())
    }

    /// An optional text.
    pub(crate) fn text(&mut self, name: &str, constraint: Text) -> Result<Option<String>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(None) };
        let text = self.expect_text(value, name)?;
        self.at(name, |path, violations| constraint.check(text, path, violations));
        Ok(Some(text.to_owned()))
    }

    /// An optional text without constraints: one that is cut to `max` characters instead of refused, and is absent when
    /// empty. Only for what a node reports about itself, where an error would send a stock agent to sleep.
    pub(crate) fn tolerant_text(&mut self, name: &str, max: usize) -> Result<Option<String>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(None) };
        let text: String = self.expect_text(value, name)?.chars().filter(|c| !c.is_control()).take(max).collect();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A required member of a closed set of names. `None` means that it was missing or unknown and is reported.
    pub(crate) fn required_choice<T: Copy>(&mut self, name: &str, all: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        let Some(value) = self.member(name) else {
            self.report_missing(name);
            return Ok(None);
        };
        let text = self.expect_text(value, name)?;
        let found = all.iter().find(|(known, _)| *known == text).map(|(_, choice)| *choice);
        if found.is_none() {
            let names: Vec<&str> = all.iter().map(|(known, _)| *known).collect();
            self.at(name, |path, violations| violations.report_enum(text, path, &names));
        }
        Ok(found)
    }

    /// An optional truth.
    pub(crate) fn boolean(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(None) };
        let truth = match value {
            Value::String(text) if self.is_form => text.parse().ok(),
            value => value.as_bool(),
        };
        truth.map(Some).ok_or_else(|| self.wrong_type(value, name, "a Boolean"))
    }

    /// An optional whole number.
    pub(crate) fn integer(&mut self, name: &str, min: i64, max: i64) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(None) };
        let number = match value {
            Value::String(text) if self.is_form => text.parse().ok(),
            value => value.as_i64(),
        };
        let Some(number) = number else { return Err(self.wrong_type(value, name, "an Integer")) };
        self.at(name, |path, violations| violations.check_range(number, path, min, max));
        Ok(Some(number))
    }

    /// An optional time: a number of seconds.
    pub(crate) fn timestamp(&mut self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(None) };
        match value.as_f64().and_then(Timestamp::from_seconds) {
            Some(time) => Ok(Some(time)),
            None => Err(self.wrong_type(value, name, "a Timestamp (seconds since the epoch)")),
        }
    }

    /// The page size and token of a listing. Whether the token is one of ours is not known here.
    pub(crate) fn page(&mut self, min: i64, max: i64) -> Result<(Option<u32>, Option<String>), ApiError> {
        let size = self.integer("MaxResults", min, max)?.and_then(|size| u32::try_from(size).ok());
        Ok((size, self.text("NextToken", Text::ANY)?))
    }

    /// A list of texts; absent is `None`, which a required one reports.
    pub(crate) fn texts(
        &mut self,
        name: &str,
        count: std::ops::RangeInclusive<usize>,
        item: Text,
    ) -> Result<Option<Vec<String>>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(None) };
        let values = self.list(value, name)?;
        let mut texts = Vec::with_capacity(values.len());
        for value in values {
            texts.push(self.expect_text(value, name)?.to_owned());
        }
        self.at(name, |path, violations| {
            violations.check_count(&texts, path, *count.start(), *count.end());
            for (at, text) in texts.iter().enumerate() {
                item.check(text, &Path::Item(path, at), violations);
            }
        });
        Ok(Some(texts))
    }

    /// A required list of texts. `None` means that it was missing and is reported.
    pub(crate) fn required_texts(
        &mut self,
        name: &str,
        count: std::ops::RangeInclusive<usize>,
        item: Text,
    ) -> Result<Option<Vec<String>>, ApiError> {
        if !self.has(name) {
            self.report_missing(name);
        }
        self.texts(name, count, item)
    }

    /// A list of objects, each read by `read`. Absent is empty; an empty list that is present must be allowed.
    pub(crate) fn objects<T>(
        &mut self,
        name: &str,
        count: std::ops::RangeInclusive<usize>,
        mut read: impl FnMut(&mut Input<'_>) -> Result<Option<T>, ApiError>,
    ) -> Result<Vec<T>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(Vec::new()) };
        let values = self.list(value, name)?;
        if !count.contains(&values.len()) {
            let shown: Vec<String> = values.iter().map(Value::to_string).collect();
            self.at(name, |path, violations| violations.check_count(&shown, path, *count.start(), *count.end()));
            return Ok(Vec::new());
        }
        let outer = self.path(name);
        let mut items = Vec::with_capacity(values.len());
        for (at, value) in values.iter().enumerate() {
            let Value::Object(object) = value else { return Err(self.wrong_type(value, name, "a Structure")) };
            let path = Path::Item(&outer, at);
            let is_form = self.is_form;
            let mut input = Input { object, within: Some(&path), violations: self.violations, is_form };
            items.extend(read(&mut input)?);
        }
        Ok(items)
    }

    /// A map from text to a list of texts. Absent is empty.
    pub(crate) fn map_of_texts(
        &mut self,
        name: &str,
        key: Text,
        item: Text,
    ) -> Result<BTreeMap<String, Vec<String>>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(BTreeMap::new()) };
        let Value::Object(entries) = value else { return Err(self.wrong_type(value, name, "a Map")) };
        let mut map = BTreeMap::new();
        for (entry, value) in entries {
            let Value::Array(values) = value else { return Err(self.wrong_type(value, name, "a Map of Lists")) };
            let mut texts = Vec::with_capacity(values.len());
            for value in values {
                texts.push(self.expect_text(value, name)?.to_owned());
            }
            map.insert(entry.clone(), texts);
        }
        // AWS repeats the whole map here. Values may be command lines with passwords in them, so we do not.
        self.at(name, |path, violations| {
            if map.keys().any(|entry| !key.accepts(entry)) {
                violations.report(None, path, &format_args!("Map keys must satisfy constraint: [{}]", key.describe()));
            }
            if map.values().flatten().any(|text| !item.accepts(text)) {
                let item = item.describe();
                let constraint =
                    format_args!("Map value must satisfy constraint: [Member must satisfy constraint: [{item}]]");
                violations.report(None, path, &constraint);
            }
        });
        Ok(map)
    }

    /// Reports that a required member is absent.
    pub(crate) fn report_missing(&mut self, name: &str) {
        self.at(name, |path, violations| violations.report_missing(path));
    }

    /// Reports a constraint that has no method of its own here.
    pub(crate) fn report(&mut self, name: &str, value: &str, constraint: &str) {
        self.at(name, |path, violations| violations.report(Some(value), path, &constraint));
    }

    /// Whether the member is there at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// A list that is there. In a form, one without an item is an empty text.
    fn list(&self, value: &'a Value, name: &str) -> Result<&'a [Value], ApiError> {
        match value {
            Value::Array(values) => Ok(values),
            Value::String(text) if self.is_form && text.is_empty() => Ok(&[]),
            other => Err(self.wrong_type(other, name, "a List")),
        }
    }

    fn member(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn path<'p>(&self, name: &'p str) -> Path<'p>
    where
        'a: 'p,
    {
        self.within.map_or(Path::Member(name), |outer| Path::In(outer, name))
    }

    fn at(&mut self, name: &str, act: impl FnOnce(&Path<'_>, &mut Violations)) {
        let path = self.path(name);
        act(&path, self.violations);
    }

    fn expect_text<'v>(&self, value: &'v Value, name: &str) -> Result<&'v str, ApiError> {
        value.as_str().ok_or_else(|| self.wrong_type(value, name, "a String"))
    }

    fn wrong_type(&self, value: &Value, name: &str, wanted: &str) -> ApiError {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "a Boolean",
            Value::Number(_) => "a Number",
            Value::String(_) => "a String",
            Value::Array(_) => "a List",
            Value::Object(_) => "a Structure",
        };
        serialization(format!("{found} at '{}' can not be converted to {wanted}.", self.path(name)))
    }
}
