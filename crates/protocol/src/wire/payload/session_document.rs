//! The session document as an agent receives it, with typed views of the parts an agent acts on.
//!
//! Placeholders may still stand in `inputs` and `properties`, so both stay raw JSON until somebody
//! asks for a view. Resolving placeholders and checking parameters happens elsewhere.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::PayloadError;
use super::json::null_is_default;

/// A session document (spec session-types 7.1). Unknown keys are dropped.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionDocumentContent {
    /// Must be `1.0`; see [`SessionDocumentContent::SCHEMA_VERSION`].
    #[serde(deserialize_with = "null_is_default")]
    pub schema_version: String,
    /// For people.
    #[serde(deserialize_with = "null_is_default")]
    pub description: String,
    /// `Standard_Stream`, `InteractiveCommands`, `NonInteractiveCommands` or `Port`.
    #[serde(deserialize_with = "null_is_default")]
    pub session_type: String,
    /// Preferences; see [`SessionDocumentContent::inputs`].
    pub inputs: Value,
    /// Definitions of the parameters.
    pub parameters: Value,
    /// By session type; see [`SessionDocumentContent::command`] and
    /// [`SessionDocumentContent::port`].
    pub properties: Value,
}

impl SessionDocumentContent {
    /// The only schema that stock agents accept.
    pub const SCHEMA_VERSION: &'static str = "1.0";

    /// The preferences.
    ///
    /// # Errors
    /// If a value has a type that the stock agent refuses, too.
    pub fn inputs(&self) -> Result<SessionInputs, PayloadError> {
        view(&self.inputs, "inputs of the session document")
    }

    /// What the commands types run. Each platform has its own; an absent one is empty.
    ///
    /// # Errors
    /// If a value has a type that the stock agent refuses, too.
    pub fn command(&self) -> Result<CommandProperties, PayloadError> {
        view(&self.properties, "properties of a commands document")
    }

    /// Where a port session leads.
    ///
    /// # Errors
    /// If a value is not a string, which the stock agent refuses, too.
    pub fn port(&self) -> Result<PortProperties, PayloadError> {
        view(&self.properties, "properties of a port document")
    }
}

/// Shows what kind of document it is: commands and preferences may hold secrets.
impl fmt::Debug for SessionDocumentContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionDocumentContent")
            .field("schema_version", &self.schema_version)
            .field("session_type", &self.session_type)
            .finish_non_exhaustive()
    }
}

fn view<T>(value: &Value, payload: &'static str) -> Result<T, PayloadError>
where
    T: Default + for<'de> Deserialize<'de>,
{
    Option::deserialize(value)
        .map(Option::unwrap_or_default)
        .map_err(|_| PayloadError::Form { payload, expected: "of the types an agent accepts" })
}

/// Session preferences that an agent acts on (spec session-types 7.2). Idle timeout and maximum
/// duration are not among them: agents ignore both, the service enforces them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionInputs {
    /// Bucket for the log; empty for none.
    #[serde(deserialize_with = "null_is_default")]
    pub s3_bucket_name: String,
    /// Prefix of the log's key.
    #[serde(deserialize_with = "null_is_default")]
    pub s3_key_prefix: String,
    /// Refuse the session if the bucket is not encrypted.
    #[serde(deserialize_with = "bool_or_text")]
    pub s3_encryption_enabled: bool,
    /// Log group; empty for none.
    #[serde(deserialize_with = "null_is_default")]
    pub cloud_watch_log_group_name: String,
    /// Refuse the session if the log group is not encrypted.
    #[serde(deserialize_with = "bool_or_text")]
    pub cloud_watch_encryption_enabled: bool,
    /// Stream during the session. The one switch that must be a JSON bool: a string fails the
    /// whole message on a stock agent.
    #[serde(deserialize_with = "null_is_default")]
    pub cloud_watch_streaming_enabled: bool,
    /// Key of the end-to-end encryption; empty for none.
    #[serde(deserialize_with = "null_is_default")]
    pub kms_key_id: String,
    /// Run as a chosen user.
    #[serde(deserialize_with = "bool_or_text")]
    pub run_as_enabled: bool,
    /// Which one, if the principal has no tag that says so.
    #[serde(deserialize_with = "null_is_default")]
    pub run_as_default_user: String,
    /// First lines typed into a shell.
    #[serde(deserialize_with = "null_is_default")]
    pub shell_profile: ShellProfile,
}

/// First lines typed into a shell, by platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShellProfile {
    /// For Linux and macOS.
    #[serde(deserialize_with = "null_is_default")]
    pub linux: String,
    /// For Windows.
    #[serde(deserialize_with = "null_is_default")]
    pub windows: String,
}

/// What `InteractiveCommands` and `NonInteractiveCommands` run, by platform.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommandProperties {
    /// On Linux.
    #[serde(deserialize_with = "null_is_default")]
    pub linux: PlatformCommand,
    /// On Windows.
    #[serde(deserialize_with = "null_is_default")]
    pub windows: PlatformCommand,
    /// On macOS.
    #[serde(deserialize_with = "null_is_default")]
    pub macos: PlatformCommand,
}

/// One platform's command (spec session-types 5).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlatformCommand {
    /// The command line.
    #[serde(deserialize_with = "null_is_default")]
    pub commands: String,
    /// Run as the agent's own user.
    #[serde(deserialize_with = "bool_or_text")]
    pub run_as_elevated: bool,
    /// Stream standard output and standard error apart, and report the exit code.
    #[serde(deserialize_with = "bool_or_text")]
    pub separate_output_stream: bool,
    /// Put before chunks of standard output.
    #[serde(deserialize_with = "null_is_default")]
    pub std_out_separator_prefix: String,
    /// Put before chunks of standard error.
    #[serde(deserialize_with = "null_is_default")]
    pub std_err_separator_prefix: String,
}

/// Shows the switches: a command line may hold a secret.
impl fmt::Debug for PlatformCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlatformCommand")
            .field("run_as_elevated", &self.run_as_elevated)
            .field("separate_output_stream", &self.separate_output_stream)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CommandProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandProperties")
            .field("linux", &self.linux)
            .field("windows", &self.windows)
            .field("macos", &self.macos)
            .finish()
    }
}

/// Where a port session leads (spec session-types 6.1). Numbers are strings here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PortProperties {
    /// Port on the node or on the remote host; required.
    #[serde(deserialize_with = "null_is_default")]
    pub port_number: String,
    /// Remote host; empty is the node itself.
    #[serde(deserialize_with = "null_is_default")]
    pub host: String,
    /// `LocalPortForwarding`, or empty for one raw connection.
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    pub kind: String,
    /// Local port for the client; empty or `0` is any free one.
    #[serde(deserialize_with = "null_is_default")]
    pub local_port_number: String,
}

/// A switch as a JSON bool or as a text that Go's `strconv.ParseBool` takes; empty is false.
fn bool_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(false),
        Value::Bool(on) => Ok(on),
        Value::String(text) => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "" | "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            _ => Err(serde::de::Error::custom("neither true nor false")),
        },
        _ => Err(serde::de::Error::custom("neither a bool nor a text")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    fn document(inputs: Value, properties: Value) -> SessionDocumentContent {
        SessionDocumentContent { inputs, properties, ..SessionDocumentContent::default() }
    }

    #[test]
    fn absent_views_are_empty() {
        let document = document(Value::Null, Value::Null);
        assert_eq!(document.inputs().unwrap(), SessionInputs::default());
        assert_eq!(document.command().unwrap(), CommandProperties::default());
        assert_eq!(document.port().unwrap(), PortProperties::default());
    }

    #[test]
    fn switches_are_bools_or_gos_texts() {
        for (value, expected) in [
            (json!(true), Some(true)),
            (json!("true"), Some(true)),
            (json!("T"), Some(true)),
            (json!(""), Some(false)),
            (json!("False"), Some(false)),
            (json!(null), Some(false)),
            (json!("yes"), None),
            (json!(1), None),
        ] {
            let document = document(json!({"runAsEnabled": value}), Value::Null);
            let view = document.inputs().ok().map(|inputs| inputs.run_as_enabled);
            assert_eq!(view, expected, "{value}");
        }
        // The stock agent drops the whole message here; so must our reading of it fail.
        assert!(document(json!({"cloudWatchStreamingEnabled": "true"}), Value::Null).inputs().is_err());
    }

    #[test]
    fn properties_are_read_by_type() {
        let command = json!({"linux": {"commands": "uptime", "separateOutputStream": "true"}});
        let command = document(Value::Null, command).command().unwrap();
        assert_eq!(command.linux.commands, "uptime");
        assert!(command.linux.separate_output_stream);
        assert!(!format!("{command:?}").contains("uptime"));

        let port = json!({"portNumber": "8080", "type": "LocalPortForwarding", "x": 1});
        let port = document(Value::Null, port).port().unwrap();
        assert_eq!((port.port_number.as_str(), port.kind.as_str()), ("8080", "LocalPortForwarding"));
        assert!(document(Value::Null, json!({"portNumber": 8080})).port().is_err());
    }
}
