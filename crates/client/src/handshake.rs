//! What the agent asks before a session begins, and our answers (data-channel.md §6, messages.md §6). Actions are
//! answered in their order; what this client cannot do is answered as such, and the agent then ends the session.

use postern_protocol::wire::payload::{
    ClientOffer, HandshakeRequest, HandshakeResponse, ProcessedAction, RequestedAction, Size,
};
use postern_protocol::{CLIENT_VERSION, EXTENSION_VERSION};

/// What the stock plugin says when it was started by a CLI too old to name the profile (data-channel.md §7).
const OLD_CLI: &str = "Installed version of CLI does not support Session Manager encryption feature. \
    Please upgrade to the latest version of your CLI (e.g., AWS CLI).";

/// The session types that are streams of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionType {
    /// A shell in a terminal.
    StandardStream,
    /// A command in a terminal.
    InteractiveCommands,
    /// A command without a terminal.
    NonInteractiveCommands,
}

impl SessionType {
    fn from_name(name: &str) -> Option<SessionType> {
        match name {
            "Standard_Stream" => Some(SessionType::StandardStream),
            "InteractiveCommands" => Some(SessionType::InteractiveCommands),
            "NonInteractiveCommands" => Some(SessionType::NonInteractiveCommands),
            _ => None,
        }
    }

    /// Whether the node runs it in a terminal, so that size and ^D mean something.
    pub(crate) fn has_terminal(self) -> bool {
        self != SessionType::NonInteractiveCommands
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
    /// Started by a CLI that does not name the profile.
    pub(crate) legacy_cli: bool,
}

/// The answer and what is known after it.
pub(crate) struct Answer {
    pub(crate) response: HandshakeResponse,
    /// The type of the session, if one was announced that we can run.
    pub(crate) session_type: Option<SessionType>,
    /// Why the session cannot be, in words for the user.
    pub(crate) failure: Option<String>,
    /// The agent is ours: it has the terminal's size already.
    pub(crate) agent_is_ours: bool,
}

/// Answers a handshake request.
pub(crate) fn answer(request: &HandshakeRequest, ours: Ours) -> Answer {
    let mut session_type = None;
    let mut errors = Vec::new();
    let mut failure = None;
    let mut processed = Vec::with_capacity(request.requested_client_actions.len());
    for action in &request.requested_client_actions {
        let failed = match action {
            RequestedAction::SessionType { session_type: name, .. } => {
                session_type = SessionType::from_name(name);
                session_type.is_none().then(|| format!("Unknown session type {name}"))
            }
            RequestedAction::KmsEncryption { .. } if ours.legacy_cli => Some(OLD_CLI.to_owned()),
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
    let postern = request.postern.is_some().then_some(ClientOffer {
        version: EXTENSION_VERSION,
        exit_status: ours.exit_status,
        multiplexer: 0,
        cumulative_acknowledgements: true,
        terminal_size: Some(ours.size),
        term: Some(ours.term),
    });
    let response = HandshakeResponse {
        client_version: CLIENT_VERSION.to_owned(),
        processed_client_actions: processed,
        errors,
        postern,
    };
    Answer { response, session_type, failure, agent_is_ours: request.postern.is_some() }
}

fn unsupported_text(action: &RequestedAction, error: &str) -> String {
    match action {
        RequestedAction::KmsEncryption { .. } => format!(
            "{error}: the session preferences ask for encryption with a KMS key, \
             which this client does not have yet; take kmsKeyId out of them or use AWS's plugin"
        ),
        _ => error.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use postern_protocol::wire::payload::{ActionStatus, AgentOffer};
    use serde_json::Value;

    fn ours() -> Ours {
        Ours { size: Size { cols: 80, rows: 24 }, term: "xterm".to_owned(), exit_status: true, legacy_cli: false }
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
            assert_eq!(answer.session_type, SessionType::from_name(name));
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
        assert!(answer.failure.unwrap().contains("kmsKeyId"));
    }

    #[test]
    fn unknown_types_and_old_clis_fail_with_awss_texts() {
        let port = answer(&request(vec![session_type("Port")]), ours());
        let action = &port.response.processed_client_actions[0];
        assert_eq!(action.action_status, ActionStatus::FAILED);
        assert_eq!(action.error, "Failed to process action SessionType: Unknown session type Port");
        assert_eq!(port.response.errors, ["Unknown session type Port"]);
        assert_eq!((port.session_type, port.failure.as_deref()), (None, Some("Unknown session type Port")));
        let legacy = answer(&request(vec![kms()]), Ours { legacy_cli: true, ..ours() });
        assert_eq!(legacy.response.processed_client_actions[0].action_status, ActionStatus::FAILED);
        assert_eq!(legacy.response.errors, [OLD_CLI]);
    }
}
