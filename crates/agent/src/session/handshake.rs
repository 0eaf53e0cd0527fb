//! The handshake, which our agent makes for every session type: it tells the client what kind of session this is, and
//! both ends find out whether the other one is ours.

use postern_protocol::channel::data_channel::Event;
use postern_protocol::wire::payload::{
    ActionStatus, AgentOffer, ClientOffer, HandshakeComplete, HandshakeRequest, HandshakeResponse, RequestedAction,
};
use postern_protocol::{AGENT_VERSION, Clock as _, EXTENSION_VERSION};
use postern_transport::SystemClock;
use serde_json::Value;

use super::End;
use super::channel::SessionChannel;
use super::document::SessionType;
use crate::link::Connect;

/// What the stock agent says; the service hands it to the client as it is.
const FAILED: &str = "Encountered error while initiating handshake. ";
const TIMED_OUT: &str =
    "Handshake timed out. Please ensure that you have the latest version of the session manager plugin.";

/// Performs it. Gives the client's offer when the client is ours.
pub(super) async fn perform<C: Connect>(
    channel: &mut SessionChannel<C>,
    session_type: SessionType,
) -> Result<Option<ClientOffer>, End> {
    let began = SystemClock.now().instant;
    channel.request_handshake(HandshakeRequest {
        agent_version: AGENT_VERSION.to_owned(),
        requested_client_actions: vec![RequestedAction::SessionType {
            session_type: session_type.as_str().to_owned(),
            properties: Value::Null,
        }],
        postern: Some(AgentOffer {
            version: EXTENSION_VERSION,
            exit_status: true,
            cumulative_acknowledgements: true,
            standard_input: session_type == SessionType::NonInteractiveCommands,
            ..AgentOffer::default()
        }),
    });
    loop {
        while let Some(event) = channel.poll_event() {
            match event {
                Event::HandshakeResponse(response) => {
                    check(&response).map_err(|reason| End::Failed(format!("{FAILED}{reason}")))?;
                    let took = SystemClock.now().instant.duration_since(began);
                    channel.complete_handshake(HandshakeComplete {
                        handshake_time_to_complete: i64::try_from(took.as_nanos()).unwrap_or(i64::MAX),
                        customer_message: String::new(),
                    });
                    return Ok(response.postern);
                }
                Event::HandshakeIgnored => return Ok(None),
                Event::HandshakeTimedOut => return Err(End::Failed(format!("{FAILED}{TIMED_OUT}"))),
                Event::ChannelClosed(_) => return Err(End::Terminated),
                _ => {}
            }
        }
        channel.drive().await?;
    }
}

fn check(response: &HandshakeResponse) -> Result<(), String> {
    let refused = response.processed_client_actions.iter().find(|action| action.action_status != ActionStatus::SUCCESS);
    match refused {
        Some(action) => Err(format!(
            "{} failed on client with status {} error: {}",
            excerpt(&action.action_type),
            action.action_status.0,
            excerpt(&action.error),
        )),
        None => Ok(()),
    }
}

/// The client's own words, for the client: bounded, and without anything a terminal would obey.
fn excerpt(text: &str) -> String {
    text.chars().take(256).map(|shown| if shown.is_control() { ' ' } else { shown }).collect()
}
