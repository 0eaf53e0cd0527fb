//! Session documents, schema 1.0: what kind of session, with which preferences, parameters and properties
//! (session-types §7).
//!
//! A document is parsed once, into a value that can be used without further checks; a session then *resolves* it with
//! the parameters of its caller. A parameter's value is data: it is put into the document's strings in one pass, and
//! nothing in it is interpreted again. Nothing here runs a command or opens a port.

mod builtin;
mod parameter;
mod preferences;
mod start;
mod template;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::error::{ApiError, ErrorCode};

pub use builtin::{DEFAULT_DOCUMENT, builtin, default_shell};
pub use parameter::{ParameterDefinition, ParameterType};
pub use preferences::{Preferences, ShellProfile};
pub use start::{ResolvedDocument, SessionStart};
pub use template::interpolate;

/// The largest document accepted, in bytes of JSON: AWS's limit.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// Why a document is not a session document. The fault is that of whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, or not an object.
    #[error("the document is not a JSON object of at most {MAX_DOCUMENT_BYTES} bytes")]
    NotAnObject,
    /// A member is missing or of the wrong type or value.
    #[error("'{path}' in the document must be {expected}")]
    Member {
        /// The member, as in `parameters.host.type`.
        path: String,
        /// What it must be.
        expected: &'static str,
    },
    /// An `allowedPattern` that is no regular expression, or uses what linear-time matching has not.
    #[error("the allowedPattern of the parameter '{0}' is not a regular expression without look-around or references")]
    Pattern(String),
}

impl DocumentError {
    pub(crate) fn member(path: impl Into<String>, expected: &'static str) -> Self {
        Self::Member { path: path.into(), expected }
    }
}

impl From<DocumentError> for ApiError {
    fn from(error: DocumentError) -> Self {
        Self::new(ErrorCode::InvalidDocument, format!("The document can not start a session: {error}."))
    }
}

/// What happens in a session (session-types §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionType {
    /// An interactive shell in a pty.
    StandardStream,
    /// One command in a pty.
    InteractiveCommands,
    /// One command without a pty.
    NonInteractiveCommands,
    /// TCP forwarding.
    Port,
}

impl SessionType {
    const ALL: [Self; 4] = [Self::StandardStream, Self::InteractiveCommands, Self::NonInteractiveCommands, Self::Port];

    /// The name in documents and handshakes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StandardStream => "Standard_Stream",
            Self::InteractiveCommands => "InteractiveCommands",
            Self::NonInteractiveCommands => "NonInteractiveCommands",
            Self::Port => "Port",
        }
    }

    /// Reads that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for SessionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A document that can start sessions.
#[derive(Clone, Debug)]
pub struct SessionDocument {
    description: Option<String>,
    session_type: SessionType,
    /// Kept as written, because it may hold placeholders; [`Preferences`] is the typed view after resolving.
    inputs: Map<String, Value>,
    parameters: BTreeMap<String, ParameterDefinition>,
    /// The definitions as written: the node gets them too.
    parameters_source: Map<String, Value>,
    properties: Map<String, Value>,
}

impl SessionDocument {
    /// Parses a document.
    ///
    /// # Errors
    /// [`DocumentError`] for anything that could not start a session.
    pub fn parse(json: &str) -> Result<Self, DocumentError> {
        if json.len() > MAX_DOCUMENT_BYTES {
            return Err(DocumentError::NotAnObject);
        }
        let Ok(Value::Object(mut document)) = serde_json::from_str(json) else {
            return Err(DocumentError::NotAnObject);
        };
        if document.get("schemaVersion").and_then(Value::as_str) != Some("1.0") {
            return Err(DocumentError::member("schemaVersion", "the text 1.0"));
        }
        let session_type = document.get("sessionType").and_then(Value::as_str).and_then(SessionType::from_name);
        let session_type = session_type.ok_or_else(|| {
            let expected = "Standard_Stream, InteractiveCommands, NonInteractiveCommands or Port";
            DocumentError::member("sessionType", expected)
        })?;
        let description = match document.remove("description") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => return Err(DocumentError::member("description", "a text")),
        };
        let mut object = |name: &str| match document.remove(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(DocumentError::member(name, "an object")),
        };
        let (inputs, parameters_source, properties) = (object("inputs")?, object("parameters")?, object("properties")?);
        let parameters = parameter::parse_all(&parameters_source)?;
        check_properties(session_type, &properties)?;
        if !template::has_placeholder(&inputs) {
            Preferences::parse(&inputs)?;
        }
        Ok(Self { description, session_type, inputs, parameters, parameters_source, properties })
    }

    /// What it says about itself.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What happens in its sessions.
    #[must_use]
    pub fn session_type(&self) -> SessionType {
        self.session_type
    }

    /// The parameters it declares.
    #[must_use]
    pub fn parameters(&self) -> &BTreeMap<String, ParameterDefinition> {
        &self.parameters
    }

    /// Checks the parameters of a `StartSession` call and fills in defaults.
    ///
    /// # Errors
    /// `InvalidParameters`, naming the parameter and what it must be, never its value; `InvalidDocument` when the
    /// preferences make no sense once the parameters are in.
    pub fn resolve(&self, given: &BTreeMap<String, Vec<String>>) -> Result<ResolvedDocument<'_>, ApiError> {
        let parameters = parameter::resolve(&self.parameters, given)?;
        let inputs = match template::interpolate(&Value::Object(self.inputs.clone()), &parameters) {
            Value::Object(inputs) => inputs,
            _ => Map::new(),
        };
        Ok(ResolvedDocument { preferences: Preferences::parse(&inputs)?, parameters, document: self })
    }
}

/// What an agent would refuse only after the session was opened: found here, it is one clear error.
fn check_properties(session_type: SessionType, properties: &Map<String, Value>) -> Result<(), DocumentError> {
    match session_type {
        SessionType::StandardStream => Ok(()),
        SessionType::Port => {
            let port = properties.get("portNumber").and_then(Value::as_str).unwrap_or_default();
            if port.is_empty() {
                return Err(DocumentError::member("properties.portNumber", "a text that is not empty"));
            }
            for name in ["host", "type", "localPortNumber", "localConnectionType", "localUnixSocket"] {
                if properties.get(name).is_some_and(|value| !value.is_string()) {
                    return Err(DocumentError::member(format!("properties.{name}"), "a text, numbers too"));
                }
            }
            Ok(())
        }
        SessionType::InteractiveCommands | SessionType::NonInteractiveCommands => {
            let mut systems = ["linux", "macos", "windows"].into_iter().filter_map(|name| {
                let commands = properties.get(name)?.get("commands").and_then(Value::as_str);
                Some((name, commands.is_some_and(|commands| !commands.trim().is_empty())))
            });
            match systems.find(|(_, has_commands)| !has_commands) {
                Some((name, _)) => {
                    Err(DocumentError::member(format!("properties.{name}.commands"), "a text that is not blank"))
                }
                None if ["linux", "macos", "windows"].iter().any(|name| properties.contains_key(*name)) => Ok(()),
                None => Err(DocumentError::member("properties", "an object with linux, macos or windows")),
            }
        }
    }
}

#[cfg(test)]
mod tests;
