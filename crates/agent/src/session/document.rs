//! What a session document asks of this agent: read once at the start, refused with a sentence.
//!
//! Placeholders in the properties are filled in here, by the service's own code and in one pass: a value that looks
//! like a placeholder stays a value. The preferences arrive filled in.

use postern_model::document::{TooLong, interpolate};
use postern_protocol::wire::payload::{
    PayloadError, PlatformCommand, SessionDocumentContent, SessionInputs, SessionStart,
};
use serde_json::Value;
use thiserror::Error;

use super::port::PortUse;
use crate::forward::{Host, NoHost};

/// The longest prefix of a chunk of output, and what it may consist of (spec session-types §5).
const MAX_PREFIX_BYTES: usize = 30;

/// A session this agent can run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SessionPlan {
    /// The session type as the client is told it.
    pub(crate) session_type: SessionType,
    /// What to run.
    pub(crate) work: Work,
    /// What the client is told of the document: its properties, in a port session.
    pub(crate) properties: Value,
    /// The preferences.
    pub(crate) inputs: SessionInputs,
}

/// Session types that exist here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionType {
    StandardStream,
    InteractiveCommands,
    NonInteractiveCommands,
    Port,
    FileTransfer,
}

/// What runs, by session type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A login shell, into which the profile is typed first.
    Shell { profile: String },
    /// A command line in a terminal.
    Interactive { commands: String, is_elevated: bool },
    /// A command without a terminal.
    Command { commands: String, is_elevated: bool, output: CommandOutput },
    /// Connections to a port.
    Port { host: Host, port: u16, port_use: PortUse },
    /// Files, between our own ends.
    Copy,
}

/// How a command's output is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CommandOutput {
    /// Standard output and error as one stream, when the command has ended.
    Together,
    /// Each stream by itself, as it comes, every chunk after a line end preceded by its prefix.
    Separate { stdout_prefix: String, stderr_prefix: String },
}

/// A document that this agent cannot serve.
#[derive(Debug, Error)]
pub(crate) enum DocumentError {
    #[error("the session document has schemaVersion {0:?}; this agent supports \"1.0\"")]
    SchemaVersion(String),
    #[error("session type {0:?} is not supported by this agent")]
    SessionType(String),
    #[error("Commands cannot be empty for session type {0}")]
    NoCommands(&'static str),
    #[error("Port number is empty in session properties.")]
    NoPort,
    #[error("portNumber {0:?} is no port; it is a number from 1 to 65535")]
    BadPort(String),
    #[error("the host of the session's destination cannot be used")]
    Host(#[from] NoHost),
    #[error("{0} may have at most 30 letters, digits, '_', ':', '-' and line ends")]
    Prefix(&'static str),
    #[error(transparent)]
    TooLong(#[from] TooLong),
    #[error("the session document cannot be read")]
    Malformed(#[from] PayloadError),
}

/// A command that cannot be split into words.
#[derive(Debug, Error)]
#[error("the command cannot be split into words; check its quotes")]
pub(crate) struct ShellWordsError;

impl SessionType {
    /// The name on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::StandardStream => "Standard_Stream",
            Self::InteractiveCommands => "InteractiveCommands",
            Self::NonInteractiveCommands => "NonInteractiveCommands",
            Self::Port => "Port",
            Self::FileTransfer => postern_protocol::transfer::SESSION_TYPE,
        }
    }
}

impl SessionPlan {
    /// Reads what the start of a session asks for.
    pub(crate) fn read(start: &SessionStart) -> Result<Self, DocumentError> {
        let parameters = start.parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let document = &SessionDocumentContent {
            properties: interpolate(&start.document_content.properties, &parameters)?,
            ..start.document_content.clone()
        };
        if document.schema_version != SessionDocumentContent::SCHEMA_VERSION {
            return Err(DocumentError::SchemaVersion(document.schema_version.clone()));
        }
        let inputs = document.inputs()?;
        let (session_type, work) = match document.session_type.as_str() {
            "Standard_Stream" => {
                let profile = &inputs.shell_profile;
                let profile = if cfg!(windows) { &profile.windows } else { &profile.linux };
                (SessionType::StandardStream, Work::Shell { profile: profile.clone() })
            }
            "InteractiveCommands" => {
                let session_type = SessionType::InteractiveCommands;
                let PlatformCommand { commands, run_as_elevated, .. } = command(document, session_type)?;
                (session_type, Work::Interactive { commands, is_elevated: run_as_elevated })
            }
            "NonInteractiveCommands" => {
                let session_type = SessionType::NonInteractiveCommands;
                let command = command(document, session_type)?;
                let output = command_output(&command)?;
                let PlatformCommand { commands, run_as_elevated, .. } = command;
                (session_type, Work::Command { commands, is_elevated: run_as_elevated, output })
            }
            "Port" => (SessionType::Port, port(document)?),
            postern_protocol::transfer::SESSION_TYPE => (SessionType::FileTransfer, Work::Copy),
            other => return Err(DocumentError::SessionType(other.chars().take(64).collect())),
        };
        let properties = match session_type {
            SessionType::Port => document.properties.clone(),
            _ => Value::Null,
        };
        Ok(Self { session_type, work, properties, inputs })
    }

    /// Whether the document asks for root.
    pub(crate) fn is_elevated(&self) -> bool {
        match &self.work {
            Work::Shell { .. } | Work::Port { .. } | Work::Copy => false,
            Work::Interactive { is_elevated, .. } | Work::Command { is_elevated, .. } => *is_elevated,
        }
    }
}

fn command(document: &SessionDocumentContent, session_type: SessionType) -> Result<PlatformCommand, DocumentError> {
    let properties = document.command()?;
    let command = if cfg!(windows) {
        properties.windows
    } else if cfg!(target_vendor = "apple") {
        properties.macos
    } else {
        properties.linux
    };
    if command.commands.trim().is_empty() {
        return Err(DocumentError::NoCommands(session_type.as_str()));
    }
    Ok(command)
}

fn port(document: &SessionDocumentContent) -> Result<Work, DocumentError> {
    let properties = document.port()?;
    let text = properties.port_number.trim();
    if text.is_empty() {
        return Err(DocumentError::NoPort);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| is_number && *port > 0);
    let port = port.ok_or_else(|| DocumentError::BadPort(text.chars().take(64).collect()))?;
    let port_use = match properties.kind.as_str() {
        "LocalPortForwarding" => PortUse::Forwarding,
        _ => PortUse::Connection,
    };
    Ok(Work::Port { host: Host::read(properties.host.trim())?, port, port_use })
}

fn command_output(command: &PlatformCommand) -> Result<CommandOutput, DocumentError> {
    if !command.separate_output_stream {
        return Ok(CommandOutput::Together);
    }
    let prefix = |text: &String, name: &'static str| {
        let is_fine = text.len() <= MAX_PREFIX_BYTES
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'\r' | b'\n' | b'_' | b':' | b'-'));
        if is_fine { Ok(text.clone()) } else { Err(DocumentError::Prefix(name)) }
    };
    Ok(CommandOutput::Separate {
        stdout_prefix: prefix(&command.std_out_separator_prefix, "stdOutSeparatorPrefix")?,
        stderr_prefix: prefix(&command.std_err_separator_prefix, "stdErrSeparatorPrefix")?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use serde_json::{Value, json};

    use super::*;

    fn read(document: Value) -> Result<SessionPlan, DocumentError> {
        let start = json!({"SessionId": "a-1", "DocumentContent": document});
        SessionPlan::read(&serde_json::from_value(start).unwrap())
    }

    fn commands(session_type: &str, properties: &Value) -> Value {
        json!({"schemaVersion": "1.0", "sessionType": session_type,
               "properties": {"linux": properties, "macos": properties, "windows": properties}})
    }

    #[test]
    fn shells_and_commands_are_read() {
        let plan = read(json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
            "inputs": {"shellProfile": {"linux": "exec bash", "windows": "exec bash"}, "kmsKeyId": ""},
            "properties": {"linux": {"commands": "ignored"}}}))
        .unwrap();
        assert_eq!(plan.work, Work::Shell { profile: "exec bash".into() });
        let plan = read(commands("InteractiveCommands", &json!({"commands": "top", "runAsElevated": true}))).unwrap();
        assert_eq!(plan.work, Work::Interactive { commands: "top".into(), is_elevated: true });
        assert!(plan.is_elevated());
        let separate =
            json!({"commands": "uname -a", "separateOutputStream": "true", "stdOutSeparatorPrefix": "OUT: "});
        assert!(matches!(
            read(commands("NonInteractiveCommands", &separate)),
            Err(DocumentError::Prefix("stdOutSeparatorPrefix")),
        ));
        let separate =
            json!({"commands": "uname -a", "separateOutputStream": "true", "stdErrSeparatorPrefix": "ERR:\n"});
        let plan = read(commands("NonInteractiveCommands", &separate)).unwrap();
        let output = CommandOutput::Separate { stdout_prefix: String::new(), stderr_prefix: "ERR:\n".into() };
        assert_eq!(plan.work, Work::Command { commands: "uname -a".into(), is_elevated: false, output });
        let together = json!({"commands": "uname -a", "separateOutputStream": false});
        let plan = read(commands("NonInteractiveCommands", &together)).unwrap();
        assert!(matches!(plan.work, Work::Command { output: CommandOutput::Together, .. }));
    }

    fn port_document(properties: &Value) -> Value {
        json!({"schemaVersion": "1.0", "sessionType": "Port", "properties": properties})
    }

    #[test]
    fn ports_are_read_and_never_encrypted() {
        let properties = json!({"portNumber": "5432", "host": "DB.internal", "type": "LocalPortForwarding", "x": [1]});
        let mut document = port_document(&properties);
        document["inputs"] = json!({"kmsKeyId": "alias/a"});
        let plan = read(document).unwrap();
        let host = Host::Name("db.internal".to_owned());
        assert_eq!(plan.work, Work::Port { host, port: 5432, port_use: PortUse::Forwarding });
        assert_eq!(plan.properties, properties, "the client gets them as they are");
        let plan = read(port_document(&json!({"portNumber": "22"}))).unwrap();
        assert_eq!(plan.work, Work::Port { host: Host::Node, port: 22, port_use: PortUse::Connection });
    }

    #[test]
    fn placeholders_become_values_once() {
        let properties = json!({"commands": "run {{ command }}", "separateOutputStream": "{{ separate }}"});
        let start = json!({"SessionId": "a-1",
            "DocumentContent": commands("NonInteractiveCommands", &properties),
            "Parameters": {"command": "'{{ separate }}' {{ unknown }}", "separate": "true"}});
        let plan = SessionPlan::read(&serde_json::from_value(start).unwrap()).unwrap();
        let Work::Command { commands, output, .. } = plan.work else { panic!("{plan:?}") };
        assert_eq!(commands, "run '{{ separate }}' {{ unknown }}");
        assert!(matches!(output, CommandOutput::Separate { .. }));
    }

    #[test]
    fn what_cannot_be_served_is_refused_in_a_sentence() {
        let cases = [
            (json!({"schemaVersion": "2.2", "sessionType": "Standard_Stream"}), "schemaVersion"),
            (json!({"schemaVersion": "1.0", "sessionType": "Porth"}), "\"Porth\""),
            (json!({"schemaVersion": "1.0", "sessionType": "Port"}), "Port number is empty in session properties."),
            (port_document(&json!({"portNumber": 80})), "cannot be read"),
            (port_document(&json!({"portNumber": "+80"})), "\"+80\" is no port"),
            (port_document(&json!({"portNumber": "65536"})), "from 1 to 65535"),
            (port_document(&json!({"portNumber": "80", "host": "a b"})), "cannot be used"),
            (json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": 7}), "cannot be read"),
            (commands("InteractiveCommands", &json!({"commands": "  "})), "cannot be empty"),
            (commands("NonInteractiveCommands", &json!({})), "cannot be empty"),
            (
                commands("NonInteractiveCommands", &json!({"commands": "x", "separateOutputStream": "perhaps"})),
                "cannot be read",
            ),
        ];
        for (document, wanted) in cases {
            let error = read(document).unwrap_err().to_string();
            assert!(error.contains(wanted), "{wanted:?} is not in {error:?}");
        }
    }
}
