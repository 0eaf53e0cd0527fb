//! The handshake, which our agent makes for every session type: it tells the client what kind of session this is, and
//! both ends find out whether the other one is ours.

use std::time::Duration;

use postern_protocol::channel::data_channel::Event;
use postern_protocol::mux::OFFERED_DIALECT;
use postern_protocol::wire::payload::{
    ActionStatus, AgentOffer, ChannelOffer, ClientOffer, HandshakeComplete, HandshakeRequest, HandshakeResponse,
    RequestedAction,
};
use postern_protocol::{AGENT_VERSION, Clock as _, EXTENSION_VERSION};
use postern_transport::SystemClock;

use super::End;
use super::channel::SessionChannel;
use super::document::{SessionPlan, SessionType, Work};
use super::encryption::{self, DataKeys, Encryption};
use super::port::PortUse;
use crate::link::Connect;

/// What the stock agent says; the service hands it to the client as it is.
const FAILED: &str = "Encountered error while initiating handshake. ";
const TIMED_OUT: &str =
    "Handshake timed out. Please ensure that you have the latest version of the session manager plugin.";

/// How long everything may take that the client needs for an encrypted session: two calls of the key service.
const ENCRYPTED_WITHIN: Duration = Duration::from_secs(60);

/// What the handshake told of the client.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// Its version; empty when it knows no handshake.
    pub(super) version: String,
    /// Its offer, when it is ours.
    pub(super) offer: Option<ClientOffer>,
}

/// Performs it.
pub(super) async fn perform<C: Connect, K: DataKeys>(
    channel: &mut SessionChannel<C>,
    plan: &SessionPlan,
    encryption: Option<Encryption<'_, K>>,
) -> Result<Client, End> {
    let began = SystemClock.now().instant;
    let of_type = RequestedAction::SessionType {
        session_type: plan.session_type.as_str().to_owned(),
        properties: plan.properties.clone(),
    };
    let of_encryption = encryption.as_ref().map(Encryption::action);
    channel.request_handshake(HandshakeRequest {
        agent_version: AGENT_VERSION.to_owned(),
        requested_client_actions: std::iter::once(of_type).chain(of_encryption).collect(),
        postern: Some(AgentOffer {
            version: EXTENSION_VERSION,
            exit_status: true,
            multiplexer: if matches!(plan.work, Work::Port { .. }) { OFFERED_DIALECT } else { 0 },
            channel: ChannelOffer { cumulative_acknowledgements: true, digest_optional: true },
            standard_input: plan.session_type == SessionType::NonInteractiveCommands
                || matches!(plan.work, Work::Port { port_use: PortUse::Connection, .. }),
        }),
    });
    loop {
        while let Some(event) = channel.poll_event() {
            match event {
                Event::HandshakeResponse(response) => {
                    check(&response).map_err(|reason| End::Failed(format!("{FAILED}{reason}")))?;
                    let mut customer_message = String::new();
                    if let Some(encryption) = &encryption {
                        let established = encryption.establish(channel, &response);
                        match tokio::time::timeout(ENCRYPTED_WITHIN, established).await {
                            Ok(established) => established?,
                            Err(_) => return Err(End::Failed(format!("{FAILED}{TIMED_OUT}"))),
                        }
                        customer_message = encryption::CUSTOMER_MESSAGE.to_owned();
                    }
                    let took = SystemClock.now().instant.duration_since(began);
                    channel.complete_handshake(HandshakeComplete {
                        handshake_time_to_complete: i64::try_from(took.as_nanos()).unwrap_or(i64::MAX),
                        customer_message,
                    });
                    return Ok(Client { version: response.client_version, offer: response.postern });
                }
                Event::HandshakeIgnored if encryption.is_some() => {
                    return Err(End::Failed(format!("{FAILED}the client knows no handshake, so it cannot encrypt")));
                }
                Event::HandshakeIgnored => return Ok(Client::default()),
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
