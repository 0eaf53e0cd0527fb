//! `interactive_shell`: the start of a session of any type, in spite of its name.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::json::{null_is_default, parse_json};
use super::{JsonPayload, PayloadError, SessionDocumentContent};

/// The start message, whose content is JSON inside a JSON string
/// (spec agent-control-channel 3).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InteractiveShell {
    /// JSON text; see [`InteractiveShell::session_start`].
    #[serde(deserialize_with = "null_is_default")]
    pub content: String,
    /// The session.
    #[serde(deserialize_with = "null_is_default")]
    pub task_id: String,
    /// Always [`InteractiveShell::TOPIC`]; agents do not check it.
    #[serde(deserialize_with = "null_is_default")]
    pub topic: String,
    /// Always 1.
    #[serde(deserialize_with = "null_is_default")]
    pub schema_version: i64,
}

impl InteractiveShell {
    /// What the topic always is.
    pub const TOPIC: &'static str = "interactive_shell";

    /// The message that starts this session.
    pub fn new(start: &SessionStart) -> Self {
        Self {
            content: serde_json::to_string(start).expect("payload types have string keys only"),
            task_id: start.session_id.clone(),
            topic: Self::TOPIC.to_owned(),
            schema_version: 1,
        }
    }

    /// Reads the content.
    ///
    /// # Errors
    /// If it is not the JSON that an agent accepts.
    pub fn session_start(&self) -> Result<SessionStart, PayloadError> {
        parse_json("Content of interactive_shell", Self::MAX_BYTES, self.content.as_bytes())
    }
}

impl JsonPayload for InteractiveShell {
    const NAME: &'static str = "interactive_shell";
    // A document has at most 64 KiB, is escaped once more here, and comes with its parameters.
    const MAX_BYTES: usize = 512 * 1024;
}

/// Shows whose content it is: parameters may hold secrets.
impl fmt::Debug for InteractiveShell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InteractiveShell")
            .field("task_id", &self.task_id)
            .field("content_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

/// Everything an agent needs to start a session.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SessionStart {
    /// For information only.
    #[serde(deserialize_with = "null_is_default")]
    pub document_name: String,
    /// The document itself.
    #[serde(deserialize_with = "null_is_default")]
    pub document_content: SessionDocumentContent,
    /// The session, which is also the data channel's id and a folder name on the node: agents
    /// check its alphabet before they use it.
    #[serde(deserialize_with = "null_is_default")]
    pub session_id: String,
    /// Values for the document's placeholders: scalars, not the lists that clients send.
    #[serde(deserialize_with = "null_is_default")]
    pub parameters: Map<String, Value>,
    /// User by the principal's tag; beats the document's default user.
    #[serde(deserialize_with = "null_is_default")]
    pub run_as_user: String,
    /// ARN of the caller.
    #[serde(deserialize_with = "null_is_default")]
    pub session_owner: String,
}

/// Leaves out the parameters: they may hold secrets.
impl fmt::Debug for SessionStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionStart")
            .field("session_id", &self.session_id)
            .field("document_name", &self.document_name)
            .field("document_content", &self.document_content)
            .field("run_as_user", &self.run_as_user)
            .field("session_owner", &self.session_owner)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[test]
    fn content_is_json_inside_json() {
        let mut start = SessionStart {
            document_name: "SSM-SessionManagerRunShell".to_owned(),
            session_id: "tester-0886922a8af34e9a8".to_owned(),
            session_owner: "arn:aws:iam::123456789012:user/tester".to_owned(),
            ..SessionStart::default()
        };
        start.parameters.insert("password".to_owned(), json!("hunter2"));
        start.document_content.session_type = "Standard_Stream".to_owned();
        let message = InteractiveShell::new(&start);
        let decoded = InteractiveShell::decode(&message.encode()).unwrap();
        assert_eq!(decoded, message);
        assert_eq!(decoded.task_id, start.session_id);
        assert_eq!(decoded.session_start().unwrap(), start);
        assert!(!format!("{decoded:?}{start:?}").contains("hunter2"));
    }

    #[test]
    fn rubbish_inside_is_an_error() {
        for content in ["", "[]", "{\"Parameters\":[]}", "{\"DocumentContent\":\"\"}"] {
            let message = InteractiveShell { content: content.to_owned(), ..InteractiveShell::default() };
            assert!(message.session_start().is_err(), "{content:?}");
        }
    }
}
