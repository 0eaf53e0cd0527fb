//! Command documents, schemas 1.2, 2.0 and 2.2: checked as far as it can be said without running them.
//!
//! What a step's inputs mean is its plugin's business, on the node; which parameters a command was given is decided when
//! it is sent.

use serde_json::Value;

use super::content::{Content, Node, NodeValue};
use super::{DocumentError, DocumentType, PlatformType};

const SCHEMA_VERSIONS: [&str; 3] = ["1.2", "2.0", "2.2"];
/// The members of every schema; the first three and one of the last two.
const MEMBERS: [&str; 5] = ["schemaVersion", "description", "parameters", "runtimeConfig", "mainSteps"];
const PARAMETER_TYPES: [&str; 6] = ["String", "StringList", "Boolean", "Integer", "MapList", "StringMap"];
const ALL_PLATFORMS: [PlatformType; 3] = [PlatformType::Windows, PlatformType::Linux, PlatformType::MacOs];

/// A document that nodes can be told to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandDocument {
    /// 1.2, 2.0 or 2.2.
    pub schema_version: String,
    /// Where at least one of its steps can run.
    pub platform_types: Vec<PlatformType>,
}

impl CommandDocument {
    /// Reads a document's content.
    ///
    /// # Errors
    /// [`DocumentError`] for what no agent would run.
    pub fn read(content: &Content) -> Result<Self, DocumentError> {
        let schema_version = schema_version(content)?;
        if let Some(unknown) = content.members().iter().find(|member| !MEMBERS.contains(&member.name.as_str())) {
            return Err(DocumentError::UnknownMember(unknown.name.clone()));
        }
        optional_text(content.member("description"), "description")?;
        if let Some(parameters) = content.member("parameters").filter(|node| node.value != NodeValue::Null) {
            check_parameters(parameters)?;
        }
        let (expected, other) =
            if schema_version == "1.2" { ("runtimeConfig", "mainSteps") } else { ("mainSteps", "runtimeConfig") };
        if content.member(other).is_some() {
            return Err(DocumentError::UnknownMember(other.to_owned()));
        }
        let actions = match content.member(expected) {
            Some(config) if schema_version == "1.2" => plugins(config)?,
            Some(steps) => steps_of(steps)?,
            None if schema_version == "1.2" => return Err(NO_PLUGINS.error()),
            None => return Err(NO_STEPS.error()),
        };
        Ok(Self { schema_version, platform_types: platforms(&actions) })
    }
}

/// A member and what it must be, for the two places where it may be missing or wrong.
struct Expected(&'static str, &'static str);

impl Expected {
    fn error(&self) -> DocumentError {
        DocumentError::member(self.0, self.1)
    }
}

const NO_STEPS: Expected = Expected("mainSteps", "a list of at least one step");
const NO_PLUGINS: Expected = Expected("runtimeConfig", "an object of at least one plugin");

fn schema_version(content: &Content) -> Result<String, DocumentError> {
    let version = content.member("schemaVersion").and_then(Node::text);
    let version = version.ok_or_else(|| DocumentError::member("schemaVersion", "the text 1.2, 2.0 or 2.2"))?;
    if SCHEMA_VERSIONS.contains(&version) {
        return Ok(version.to_owned());
    }
    let version = version.chars().take(16).collect();
    Err(DocumentError::SchemaVersion { version, document_type: DocumentType::Command })
}

fn check_parameters(parameters: &Node) -> Result<(), DocumentError> {
    let NodeValue::Object(parameters) = &parameters.value else {
        return Err(DocumentError::member("parameters", "an object"));
    };
    for parameter in parameters {
        let name = &parameter.name;
        let path = |member: &str| format!("parameters.{name}.{member}");
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if name.is_empty() || name.len() > 255 || !name.bytes().all(is_name) {
            return Err(DocumentError::member("parameters", "an object whose names are letters, digits, _ and -"));
        }
        if !matches!(parameter.node.value, NodeValue::Object(_)) {
            return Err(DocumentError::member(format!("parameters.{name}"), "an object"));
        }
        let parameter_type = parameter.node.member("type").and_then(Node::text);
        let Some(parameter_type) = parameter_type.filter(|name| PARAMETER_TYPES.contains(name)) else {
            let expected = "String, StringList, Boolean, Integer, MapList or StringMap";
            return Err(DocumentError::member(path("type"), expected));
        };
        for member in ["description", "allowedPattern"] {
            optional_text(parameter.node.member(member), &path(member))?;
        }
        if parameter.node.member("allowedValues").is_some_and(|values| values.items().is_none()) {
            return Err(DocumentError::member(path("allowedValues"), "a list"));
        }
        let default = parameter.node.member("default").map(Node::to_json).filter(|value| !value.is_null());
        if default.is_some_and(|default| !fits(&default, parameter_type)) {
            return Err(DocumentError::member(path("default"), "of the parameter's type"));
        }
    }
    Ok(())
}

/// Documents of AWS's own give booleans and numbers as texts, and one text where a list is meant.
fn fits(default: &Value, parameter_type: &str) -> bool {
    match parameter_type {
        "String" => default.is_string(),
        "StringList" => default.is_string() || default.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
        "Boolean" => default.is_boolean() || matches!(default.as_str(), Some("true" | "false" | "True" | "False")),
        "Integer" => default.is_number() || default.as_str().is_some_and(|text| text.parse::<i64>().is_ok()),
        "MapList" => default.as_array().is_some_and(|all| all.iter().all(Value::is_object)),
        _ => default.is_object(),
    }
}

fn optional_text(node: Option<&Node>, path: &str) -> Result<(), DocumentError> {
    match node.map(|node| &node.value) {
        None | Some(NodeValue::Null | NodeValue::Text(_)) => Ok(()),
        Some(_) => Err(DocumentError::member(path, "a text")),
    }
}

/// The actions of the steps of a 2.x document.
fn steps_of(steps: &Node) -> Result<Vec<String>, DocumentError> {
    let steps = steps.items().filter(|steps| !steps.is_empty()).ok_or_else(|| NO_STEPS.error())?;
    let mut names: Vec<&str> = Vec::new();
    let mut actions = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let path = |member: &str| format!("mainSteps[{at}].{member}");
        if !matches!(step.value, NodeValue::Object(_)) {
            return Err(DocumentError::member(format!("mainSteps[{at}]"), "an object"));
        }
        let action = step.member("action").and_then(Node::text).filter(|action| is_plugin(action));
        let action = action.ok_or_else(|| DocumentError::member(path("action"), PLUGIN))?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        let name = step.member("name").and_then(Node::text);
        let name = name.filter(|name| (1..=128).contains(&name.len()) && name.bytes().all(is_name));
        let name =
            name.ok_or_else(|| DocumentError::member(path("name"), "1 to 128 letters, digits or any of _ - . :"))?;
        if names.contains(&name) {
            return Err(DocumentError::member(path("name"), "the name of no other step"));
        }
        if step.member("inputs").is_some_and(|inputs| !matches!(inputs.value, NodeValue::Object(_))) {
            return Err(DocumentError::member(path("inputs"), "an object"));
        }
        names.push(name);
        actions.push(action.to_owned());
    }
    Ok(actions)
}

/// The plugins of a 1.2 document.
fn plugins(config: &Node) -> Result<Vec<String>, DocumentError> {
    let plugins = Some(config.members()).filter(|plugins| !plugins.is_empty()).ok_or_else(|| NO_PLUGINS.error())?;
    for plugin in plugins {
        if !is_plugin(&plugin.name) {
            return Err(DocumentError::member("runtimeConfig", "an object whose names are those of plugins"));
        }
        if plugin.node.member("properties").is_none() {
            return Err(DocumentError::member(format!("runtimeConfig.{}", plugin.name), "an object with properties"));
        }
    }
    Ok(plugins.iter().map(|plugin| plugin.name.clone()).collect())
}

const PLUGIN: &str = "the name of a plugin, as in aws:runShellScript";

fn is_plugin(name: &str) -> bool {
    let known = name.strip_prefix("aws:");
    known.is_some_and(|name| (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Shell scripts do not run on Windows; of the other plugins each says so itself on the node.
fn platforms(actions: &[String]) -> Vec<PlatformType> {
    let only_scripts = actions.iter().all(|action| action == "aws:runShellScript");
    ALL_PLATFORMS.into_iter().filter(|platform| !only_scripts || *platform != PlatformType::Windows).collect()
}
