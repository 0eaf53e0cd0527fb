//! Session documents, schema 1.0: what kind of session, with which preferences, parameters and properties
//! (session-types §7). A document is parsed once, into a value that can be used without further checks.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::content::Content;
use super::{
    DocumentError, DocumentFormat, DocumentType, ParameterDefinition, Preferences, ResolvedDocument, parameter,
    preferences, template,
};
use crate::error::{ApiError, ErrorCode};

/// The only schema version that session documents have.
pub(super) const SCHEMA_VERSION: &str = "1.0";

const MEMBERS: [&str; 6] = ["schemaVersion", "description", "sessionType", "inputs", "parameters", "properties"];

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
    /// Copying files, between our own ends only. An account's own documents cannot be of this type: whoever may copy is
    /// decided by the one document that is.
    FileTransfer,
}

/// Whose document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// An account's.
    Account,
    /// The service's own.
    Service,
}

impl SessionType {
    const ALL: [Self; 5] =
        [Self::StandardStream, Self::InteractiveCommands, Self::NonInteractiveCommands, Self::Port, Self::FileTransfer];

    /// The name in documents and handshakes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StandardStream => "Standard_Stream",
            Self::InteractiveCommands => "InteractiveCommands",
            Self::NonInteractiveCommands => "NonInteractiveCommands",
            Self::Port => "Port",
            Self::FileTransfer => "Postern_FileTransfer",
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
    pub(super) description: Option<String>,
    pub(super) session_type: SessionType,
    /// Kept as written, because it may hold placeholders; [`Preferences`] is the typed view after resolving. A document
    /// without any leaves it to the account's preferences.
    inputs: Option<Map<String, Value>>,
    parameters: BTreeMap<String, ParameterDefinition>,
    /// The definitions as written: the node gets them too.
    pub(super) parameters_source: Map<String, Value>,
    pub(super) properties: Map<String, Value>,
}

impl SessionDocument {
    /// Parses a document written in JSON.
    ///
    /// # Errors
    /// [`DocumentError`] for anything that could not start a session.
    pub fn parse(json: &str) -> Result<Self, DocumentError> {
        Self::read(&Content::parse(json, DocumentFormat::Json)?)
    }

    /// Reads a document's content.
    ///
    /// # Errors
    /// [`DocumentError`] for anything that could not start a session, or that means nothing in a session document.
    pub fn read(content: &Content) -> Result<Self, DocumentError> {
        Self::read_as(content, Owner::Account)
    }

    pub(super) fn read_as(content: &Content, owner: Owner) -> Result<Self, DocumentError> {
        let mut document = content.to_json();
        match document.get("schemaVersion").and_then(Value::as_str) {
            Some(SCHEMA_VERSION) => {}
            Some(version) => {
                let version = version.chars().take(16).collect();
                return Err(DocumentError::SchemaVersion { version, document_type: DocumentType::Session });
            }
            None => return Err(DocumentError::member("schemaVersion", "the text 1.0")),
        }
        if let Some(unknown) = content.members().iter().find(|member| !MEMBERS.contains(&member.name.as_str())) {
            return Err(DocumentError::UnknownMember(unknown.name.clone()));
        }
        let session_type = document.get("sessionType").and_then(Value::as_str).and_then(SessionType::from_name);
        let session_type = session_type.filter(|kind| *kind != SessionType::FileTransfer || owner == Owner::Service);
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
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(DocumentError::member(name, "an object")),
        };
        let inputs = object("inputs")?;
        let (parameters_source, properties) =
            (object("parameters")?.unwrap_or_default(), object("properties")?.unwrap_or_default());
        let parameters = parameter::parse_all(&parameters_source)?;
        check_properties(session_type, &properties)?;
        if let Some(inputs) = &inputs {
            preferences::check_names(inputs)?;
            template::check_declared("inputs", inputs, &parameters)?;
            if !template::has_placeholder(inputs) {
                Preferences::parse(inputs)?;
            }
        }
        template::check_declared("properties", &properties, &parameters)?;
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

    /// Whether it has preferences of its own. One that has none is used with the account's.
    #[must_use]
    pub fn has_preferences(&self) -> bool {
        self.inputs.is_some()
    }

    /// Checks the parameters of a `StartSession` call and fills in defaults. `fallback` are the preferences of a document
    /// that has none.
    ///
    /// # Errors
    /// `InvalidParameters`, naming the parameter and what it must be, never its value, or that they are too long where
    /// they are put in; `InvalidDocument` when the preferences make no sense once the parameters are in.
    pub fn resolve(
        &self,
        given: &BTreeMap<String, Vec<String>>,
        fallback: &Preferences,
    ) -> Result<ResolvedDocument<'_>, ApiError> {
        let parameters = parameter::resolve(&self.parameters, given)?;
        let preferences = match &self.inputs {
            None => fallback.clone(),
            Some(inputs) => match put_in(inputs, &parameters)? {
                Value::Object(inputs) => Preferences::parse(&inputs)?,
                _ => fallback.clone(),
            },
        };
        let properties = put_in(&self.properties, &parameters)?;
        Ok(ResolvedDocument { preferences, parameters, properties, document: self })
    }
}

fn put_in(members: &Map<String, Value>, parameters: &BTreeMap<String, Value>) -> Result<Value, ApiError> {
    template::interpolate(&Value::Object(members.clone()), parameters)
        .map_err(|error| ApiError::new(ErrorCode::InvalidParameters, format!("The session can not start: {error}.")))
}

/// What an agent would refuse only after the session was opened: found here, it is one clear error.
fn check_properties(session_type: SessionType, properties: &Map<String, Value>) -> Result<(), DocumentError> {
    match session_type {
        SessionType::StandardStream | SessionType::FileTransfer => Ok(()),
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
            let mut found = false;
            for system in ["linux", "macos", "windows"] {
                if let Some(command) = properties.get(system) {
                    check_command(&format!("properties.{system}"), command)?;
                    found = true;
                }
            }
            match found {
                true => Ok(()),
                false => Err(DocumentError::member("properties", "an object with linux, macos or windows")),
            }
        }
    }
}

fn check_command(path: &str, command: &Value) -> Result<(), DocumentError> {
    let commands = command.get("commands").and_then(Value::as_str).unwrap_or_default();
    if commands.trim().is_empty() {
        return Err(DocumentError::member(format!("{path}.commands"), "a text that is not blank"));
    }
    // A placeholder can become anything; the node looks at what it became.
    let given = |name: &str| command.get(name).filter(|value| !value.as_str().is_some_and(|text| text.contains("{{")));
    for name in ["runAsElevated", "separateOutputStream"] {
        if given(name).is_some_and(|value| preferences::truth(value).is_none()) {
            return Err(DocumentError::member(format!("{path}.{name}"), "true or false"));
        }
    }
    for name in ["stdOutSeparatorPrefix", "stdErrSeparatorPrefix"] {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"\r\n_:-".contains(&byte);
        let is_prefix = |text: &str| text.len() <= 30 && text.bytes().all(is_inner);
        if given(name).is_some_and(|value| !value.as_str().is_some_and(is_prefix)) {
            let expected = "up to 30 letters, digits, line ends or any of _ : -";
            return Err(DocumentError::member(format!("{path}.{name}"), expected));
        }
    }
    Ok(())
}
