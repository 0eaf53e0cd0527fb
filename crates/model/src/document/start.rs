//! What a node is told to start a session: the decoded `Content` of an `interactive_shell` message
//! (agent-control-channel §3).
//!
//! Placeholders in the properties are left to the node, with the values beside them: that is what AWS does and what
//! stock agents are known to take. Substituting here as well would interpret a caller's value twice.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Preferences, SessionDocument, SessionType, preferences};
use crate::node::PlatformType;

/// A document together with one session's parameters.
#[derive(Clone, Debug)]
pub struct ResolvedDocument<'a> {
    pub(super) document: &'a SessionDocument,
    pub(super) parameters: BTreeMap<String, Value>,
    pub(super) properties: Value,
    pub(super) preferences: Preferences,
}

/// What a start message says besides the document.
#[derive(Clone, Copy, Debug)]
pub struct SessionStart<'a> {
    /// The name it was asked for by. Informational.
    pub document_name: &'a str,
    /// The session; also the name of its folder on the node.
    pub session_id: &'a str,
    /// The user to run as, from the caller's tag; empty for none.
    pub run_as_user: &'a str,
    /// The ARN of the caller.
    pub session_owner: &'a str,
}

impl ResolvedDocument<'_> {
    /// What happens in the session.
    #[must_use]
    pub fn session_type(&self) -> SessionType {
        self.document.session_type
    }

    /// The document's preferences, parameters put in.
    #[must_use]
    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// Every declared parameter with its value: texts for `String`, lists for `StringList`, objects for `StringMap`.
    #[must_use]
    pub fn parameters(&self) -> &BTreeMap<String, Value> {
        &self.parameters
    }

    /// The properties, parameters put in: what the session will really do, for records and decisions.
    #[must_use]
    pub fn properties(&self) -> &Value {
        &self.properties
    }

    /// Whether a command is to run with the agent's own rights, which are root's, on this platform.
    #[must_use]
    pub fn is_elevated_on(&self, platform: PlatformType) -> bool {
        let is_command =
            matches!(self.session_type(), SessionType::InteractiveCommands | SessionType::NonInteractiveCommands);
        let member = match platform {
            PlatformType::Linux => "linux",
            PlatformType::MacOS => "macos",
            PlatformType::Windows => "windows",
        };
        let elevated = self.properties.get(member).and_then(|command| command.get("runAsElevated"));
        is_command && elevated.and_then(preferences::truth) == Some(true)
    }

    /// The content of the start message, as JSON.
    #[must_use]
    pub fn start_content(&self, start: &SessionStart<'_>) -> Value {
        let document = self.document;
        let inputs = serde_json::to_value(&self.preferences).expect("preferences are texts and booleans");
        let mut content = Map::new();
        content.insert("schemaVersion".to_owned(), json!("1.0"));
        content.insert("description".to_owned(), json!(document.description.as_deref().unwrap_or_default()));
        content.insert("sessionType".to_owned(), json!(document.session_type.as_str()));
        content.insert("inputs".to_owned(), inputs);
        content.insert("parameters".to_owned(), Value::Object(document.parameters_source.clone()));
        content.insert("properties".to_owned(), Value::Object(document.properties.clone()));
        json!({
            "DocumentName": start.document_name,
            "DocumentContent": content,
            "SessionId": start.session_id,
            "Parameters": self.parameters,
            "RunAsUser": start.run_as_user,
            "SessionOwner": start.session_owner,
        })
    }
}
