//! What the agent asks before a session begins, and our answers (data-channel.md §6, messages.md §6). Actions are
//! answered in their order; what this client cannot do is answered as such, and the agent then ends the session.

use postern_protocol::mux::{Dialect, OFFERED_DIALECT, PortMode};
use postern_protocol::wire::payload::{
    ChannelOffer, ClientOffer, HandshakeRequest, HandshakeResponse, KmsEncryptionResult, ProcessedAction,
    RequestedAction, Size,
};
use postern_protocol::{CLIENT_VERSION, EXTENSION_VERSION, transfer};
use serde_json::Value;

use crate::session::Manner;

/// What the stock plugin says when it was started by a CLI too old to name the profile (data-channel.md §7).
const OLD_CLI: &str = "Installed version of CLI does not support Session Manager encryption feature. \
    Please upgrade to the latest version of your CLI (e.g., AWS CLI).";

/// The `type` of port documents that forward any number of connections.
const LOCAL_PORT_FORWARDING: &str = "LocalPortForwarding";

/// What kinds of sessions there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionType {
    /// A shell in a terminal.
    StandardStream,
    /// A command in a terminal.
    InteractiveCommands,
    /// A command without a terminal.
    NonInteractiveCommands,
    /// One connection to a port, as standard input and output: `Port` without a `type`, for SSH (session-types.md §6.2).
    PortStream,
    /// Connections to a port: `Port` with the type `LocalPortForwarding`.
    PortForwarding,
    /// Files, between our own ends only.
    Files,
}

impl SessionType {
    fn named(name: &str, port: &PortProperties) -> Option<SessionType> {
        match name {
            "Standard_Stream" => Some(SessionType::StandardStream),
            "InteractiveCommands" => Some(SessionType::InteractiveCommands),
            "NonInteractiveCommands" => Some(SessionType::NonInteractiveCommands),
            "Port" if port.kind == LOCAL_PORT_FORWARDING => Some(SessionType::PortForwarding),
            "Port" => Some(SessionType::PortStream),
            transfer::SESSION_TYPE => Some(SessionType::Files),
            _ => None,
        }
    }

    /// Whether the node runs it in a terminal, so that size and ^D mean something.
    pub(crate) fn has_terminal(self) -> bool {
        matches!(self, SessionType::StandardStream | SessionType::InteractiveCommands)
    }
}

/// What a port document says that concerns this end (session-types.md §6.1). Texts only: what is none counts as empty,
/// as with the stock plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PortProperties {
    pub(crate) kind: String,
    pub(crate) local_port_number: String,
    pub(crate) local_connection_type: String,
    pub(crate) local_unix_socket: String,
}

impl PortProperties {
    fn read(properties: &Value) -> PortProperties {
        let text = |name| properties.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        PortProperties {
            kind: text("type"),
            local_port_number: text("localPortNumber"),
            local_connection_type: text("localConnectionType"),
            local_unix_socket: text("localUnixSocket"),
        }
    }
}

/// What the session is for. The node says what it makes of it, and may not make of it what nobody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Whatever a program of these habits takes.
    Session(Manner),
    /// A tunnel, which says itself what it takes.
    Tunnel,
    /// Files to be copied.
    Files,
}

impl Purpose {
    fn accepts(self, session_type: SessionType) -> bool {
        match self {
            Purpose::Session(manner) => manner.accepts(session_type),
            Purpose::Tunnel => session_type != SessionType::Files,
            Purpose::Files => session_type == SessionType::Files,
        }
    }
}

/// What this client brings into the handshake.
pub(crate) struct Ours {
    /// The size of the user's terminal.
    pub(crate) size: Size,
    /// Its description.
    pub(crate) term: String,
    /// We want to know with which status a shell ended.
    pub(crate) exit_status: bool,
    /// We have standard input for a command.
    pub(crate) standard_input: bool,
    /// What the session is for.
    pub(crate) purpose: Purpose,
    /// Started by a CLI that does not name the profile.
    pub(crate) legacy_cli: bool,
    /// What the key service gave for an encrypted session; the reason of a failure is for the user.
    pub(crate) data_key: Option<Result<SealedKey, String>>,
}

/// A data key for the agent, who has it opened.
pub(crate) struct SealedKey {
    /// Base64.
    pub(crate) ciphertext: String,
    /// The agent's challenge went into the encryption context.
    pub(crate) acknowledges: bool,
}

impl Ours {
    /// Of a program that is no terminal's.
    pub(crate) fn without_terminal(purpose: Purpose) -> Ours {
        Ours {
            size: Size { cols: 80, rows: 24 },
            term: String::new(),
            exit_status: false,
            standard_input: false,
            purpose,
            legacy_cli: false,
            data_key: None,
        }
    }
}

/// The answer and what is known after it.
pub(crate) struct Answer {
    pub(crate) response: HandshakeResponse,
    /// The type of the session, if one was announced that we can run.
    pub(crate) session_type: Option<SessionType>,
    /// What the document says, when it is one of ports.
    pub(crate) port: PortProperties,
    /// What carries a port session's connections.
    pub(crate) port_mode: PortMode,
    /// Whether the agent knows the flag that ends a port session.
    pub(crate) knows_terminate_flag: bool,
    /// Why the session cannot be, in words for the user.
    pub(crate) failure: Option<String>,
    /// The agent is ours: it has the terminal's size already.
    pub(crate) agent_is_ours: bool,
    /// The command gets our standard input.
    pub(crate) standard_input: bool,
}

/// Answers a handshake request.
pub(crate) fn answer(request: &HandshakeRequest, ours: Ours) -> Answer {
    let mut session_type = None;
    let mut port = PortProperties::default();
    let mut errors = Vec::new();
    let mut failure = None;
    let mut processed = Vec::with_capacity(request.requested_client_actions.len());
    for action in &request.requested_client_actions {
        let failed = match action {
            RequestedAction::SessionType { session_type: name, properties } => {
                port = PortProperties::read(properties);
                let named = SessionType::named(name, &port);
                session_type = named.filter(|named| ours.purpose.accepts(*named));
                match (named, session_type) {
                    (_, Some(_)) => None,
                    (Some(_), None) => {
                        Some(format!("the node makes a session of type {name} of it, which was not asked for"))
                    }
                    (None, None) => Some(format!("Unknown session type {name}")),
                }
            }
            RequestedAction::KmsEncryption { .. } if ours.legacy_cli => Some(OLD_CLI.to_owned()),
            RequestedAction::KmsEncryption { .. } if ours.data_key.is_some() => match &ours.data_key {
                Some(Ok(key)) => {
                    processed.push(encrypting(action, key));
                    continue;
                }
                Some(Err(reason)) => Some(reason.clone()),
                None => None,
            },
            RequestedAction::KmsEncryption { .. } | RequestedAction::Other { .. } => {
                let answer = ProcessedAction::unsupported(action);
                failure.get_or_insert_with(|| unsupported_text(action, &answer.error));
                errors.push(answer.error.clone());
                processed.push(answer);
                continue;
            }
        };
        processed.push(match failed {
            None => ProcessedAction::success(action),
            Some(detail) => {
                let answer = ProcessedAction::failed(action, &detail);
                failure.get_or_insert_with(|| detail.clone());
                errors.push(detail);
                answer
            }
        });
    }
    let port_mode = PortMode::with_agent(&request.agent_version, request.postern.as_ref());
    let takes_ours = matches!(port_mode, PortMode::Multiplexed { dialect: Dialect::Postern2, .. });
    // A port's connection ends in each direction by itself, whoever uses it.
    let wants_input = ours.standard_input || session_type == Some(SessionType::PortStream);
    let standard_input = wants_input && request.postern.as_ref().is_some_and(|offer| offer.standard_input);
    let postern = request.postern.is_some().then_some(ClientOffer {
        version: EXTENSION_VERSION,
        exit_status: ours.exit_status,
        channel: ChannelOffer { cumulative_acknowledgements: true, digest_optional: true },
        multiplexer: if takes_ours { OFFERED_DIALECT } else { 0 },
        standard_input,
        terminal_size: Some(ours.size),
        term: Some(ours.term),
    });
    let response = HandshakeResponse {
        client_version: CLIENT_VERSION.to_owned(),
        processed_client_actions: processed,
        errors,
        postern,
    };
    Answer {
        response,
        session_type,
        port,
        port_mode,
        knows_terminate_flag: knows_terminate_flag(&request.agent_version),
        failure,
        agent_is_ours: request.postern.is_some(),
        standard_input,
    }
}

/// The answer to KMSEncryption that has the key in it.
fn encrypting(action: &RequestedAction, key: &SealedKey) -> ProcessedAction {
    let result = KmsEncryptionResult {
        kms_cipher_text_key: key.ciphertext.clone(),
        kms_cipher_text_hash: None,
        challenge_acknowledgement: key.acknowledges,
    };
    ProcessedAction {
        action_result: serde_json::to_value(result).expect("text and a flag are JSON"),
        ..ProcessedAction::success(action)
    }
}

/// As the stock plugin compares: versions of four numbers only, above 2.3.722.0 (data-channel.md §6.4).
fn knows_terminate_flag(version: &str) -> bool {
    let numbers: Result<Vec<u64>, _> = version.split('.').map(str::parse).collect();
    numbers.is_ok_and(|numbers| numbers.len() == 4 && numbers.as_slice() > &[2, 3, 722, 0])
}

fn unsupported_text(action: &RequestedAction, error: &str) -> String {
    match action {
        RequestedAction::KmsEncryption { .. } => {
            format!("{error}: the node's agent wants connections to ports encrypted, which no client can do")
        }
        _ => error.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use postern_protocol::wire::payload::{ActionStatus, AgentOffer};

    fn ours() -> Ours {
        Ours {
            size: Size { cols: 80, rows: 24 },
            term: "xterm".to_owned(),
            exit_status: true,
            standard_input: true,
            purpose: Purpose::Tunnel,
            legacy_cli: false,
            data_key: None,
        }
    }

    fn request(actions: Vec<RequestedAction>) -> HandshakeRequest {
        HandshakeRequest { agent_version: "3.3.987.0".to_owned(), requested_client_actions: actions, postern: None }
    }

    fn session_type(name: &str) -> RequestedAction {
        RequestedAction::SessionType { session_type: name.to_owned(), properties: Value::Null }
    }

    fn kms() -> RequestedAction {
        RequestedAction::KmsEncryption { kms_key_id: "alias/x".to_owned(), challenge: None }
    }

    #[test]
    fn stream_types_are_accepted_and_no_offer_goes_to_a_stock_agent() {
        for name in ["Standard_Stream", "InteractiveCommands", "NonInteractiveCommands"] {
            let answer = answer(&request(vec![session_type(name)]), ours());
            assert_eq!(answer.session_type, SessionType::named(name, &PortProperties::default()));
            assert!(answer.failure.is_none() && !answer.agent_is_ours);
            assert_eq!(answer.response.client_version, CLIENT_VERSION);
            assert_eq!(answer.response.processed_client_actions[0].action_status, ActionStatus::SUCCESS);
            assert!(answer.response.errors.is_empty() && answer.response.postern.is_none());
        }
    }

    #[test]
    fn our_agent_learns_the_terminal() {
        let mut request = request(vec![session_type("Standard_Stream")]);
        request.postern = Some(AgentOffer { version: 1, exit_status: true, ..AgentOffer::default() });
        let answer = answer(&request, ours());
        let offer = answer.response.postern.unwrap();
        assert!(!offer.standard_input && !answer.standard_input, "no command, no standard input");
        assert!(answer.agent_is_ours && offer.exit_status);
        assert_eq!((offer.terminal_size, offer.term.as_deref()), (Some(Size { cols: 80, rows: 24 }), Some("xterm")));
    }

    #[test]
    fn what_cannot_be_done_is_answered_in_order_with_awss_texts() {
        let answer = answer(&request(vec![session_type("Standard_Stream"), kms()]), ours());
        let actions = &answer.response.processed_client_actions;
        assert_eq!(actions[0].action_status, ActionStatus::SUCCESS);
        assert_eq!(actions[1].action_status, ActionStatus::UNSUPPORTED);
        assert_eq!(actions[1].error, "Unsupported action KMSEncryption");
        assert_eq!(answer.response.errors, ["Unsupported action KMSEncryption"]);
        assert!(answer.failure.unwrap().contains("ports encrypted"));
    }

    #[test]
    fn a_data_key_goes_to_the_agent_and_the_lack_of_one_is_told() {
        let key = SealedKey { ciphertext: "c2VhbGVk".to_owned(), acknowledges: true };
        let asked = request(vec![session_type("Standard_Stream"), kms()]);
        let encrypted = answer(&asked, Ours { data_key: Some(Ok(key)), ..ours() });
        assert!(encrypted.failure.is_none() && encrypted.response.errors.is_empty());
        let result = encrypted.response.processed_client_actions[1].kms_encryption().unwrap();
        assert_eq!((result.kms_cipher_text_key.as_str(), result.challenge_acknowledgement), ("c2VhbGVk", true));
        let refused = answer(&asked, Ours { data_key: Some(Err("no such key".to_owned())), ..ours() });
        assert_eq!(refused.response.processed_client_actions[1].action_status, ActionStatus::FAILED);
        assert_eq!(refused.failure.as_deref(), Some("no such key"));
    }

    #[test]
    fn ports_are_of_two_kinds_and_only_texts_count() {
        let properties = serde_json::json!({
            "type": "LocalPortForwarding", "portNumber": "80", "localPortNumber": 8080, "localUnixSocket": "/run/x",
        });
        let action = RequestedAction::SessionType { session_type: "Port".to_owned(), properties };
        let forwarding = answer(&request(vec![action]), ours());
        assert_eq!(forwarding.session_type, Some(SessionType::PortForwarding));
        assert_eq!((forwarding.port.local_port_number.as_str(), &*forwarding.port.local_unix_socket), ("", "/run/x"));
        let stock = PortMode::Multiplexed { dialect: Dialect::Smux1, keeps_alive: false };
        assert_eq!((forwarding.port_mode, forwarding.knows_terminate_flag), (stock, true));
        let stream = answer(&request(vec![session_type("Port")]), ours());
        assert_eq!((stream.session_type, stream.failure), (Some(SessionType::PortStream), None));
    }

    #[test]
    fn the_flag_that_ends_ports_is_for_agents_that_know_it() {
        let versions = [("", false), ("2.3.722.0", false), ("2.3.723.0", true), ("3.3.987", false), ("9.0.0.0", true)];
        for (version, expected) in versions {
            assert_eq!(knows_terminate_flag(version), expected, "{version}");
        }
    }

    #[test]
    fn a_node_makes_of_a_session_what_it_is_for_or_is_refused() {
        use crate::session::Manner;
        let becomes = |purpose, name: &str| {
            let mut request = request(vec![session_type(name)]);
            request.postern = Some(AgentOffer { version: 1, ..AgentOffer::default() });
            let answer = answer(&request, Ours::without_terminal(purpose));
            let refused = answer.response.processed_client_actions[0].action_status == ActionStatus::FAILED;
            assert_eq!((answer.session_type.is_none(), answer.failure.is_some()), (refused, refused), "{name}");
            answer.session_type
        };
        assert_eq!(becomes(Purpose::Files, transfer::SESSION_TYPE), Some(SessionType::Files));
        for name in ["Standard_Stream", "InteractiveCommands", "NonInteractiveCommands", "Port"] {
            assert_eq!(becomes(Purpose::Files, name), None);
        }
        let command = Manner::Command { standard_input: true };
        for manner in [Manner::Plugin { legacy_cli: false }, Manner::Shell, Manner::Document, command, Manner::Stream] {
            assert_eq!(becomes(Purpose::Session(manner), transfer::SESSION_TYPE), None, "{manner:?}");
        }
        assert_eq!(becomes(Purpose::Tunnel, transfer::SESSION_TYPE), None);
        assert_eq!(becomes(Purpose::Session(Manner::Shell), "Standard_Stream"), Some(SessionType::StandardStream));
    }

    #[test]
    fn unknown_types_and_old_clis_fail_with_awss_texts() {
        let other = answer(&request(vec![session_type("Other")]), ours());
        let action = &other.response.processed_client_actions[0];
        assert_eq!(action.action_status, ActionStatus::FAILED);
        assert_eq!(action.error, "Failed to process action SessionType: Unknown session type Other");
        assert_eq!(other.response.errors, ["Unknown session type Other"]);
        assert_eq!((other.session_type, other.failure.as_deref()), (None, Some("Unknown session type Other")));
        let legacy = answer(&request(vec![kms()]), Ours { legacy_cli: true, ..ours() });
        assert_eq!(legacy.response.processed_client_actions[0].action_status, ActionStatus::FAILED);
        assert_eq!(legacy.response.errors, [OLD_CLI]);
    }
}
