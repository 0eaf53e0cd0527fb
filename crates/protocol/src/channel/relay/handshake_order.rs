//! The order in which a stock client must see the end of a handshake.
//!
//! The stock client crashes in silence when anything arrives in the few milliseconds between the
//! end of the handshake and the birth of its multiplexer; the acknowledgement of its own answer,
//! sent right behind HandshakeComplete, is enough (spec data-channel 6.3, measured). So
//! HandshakeComplete waits for that acknowledgement, and in multiplexed sessions nothing follows
//! it for a while.

use std::time::{Duration, Instant};

use crate::channel::acknowledgement::Accepted;
use crate::wire::payload::{HandshakeRequest, JsonPayload, RequestedAction};

/// How long HandshakeComplete waits for an acknowledgement that may have been lost.
const ACKNOWLEDGEMENT_PATIENCE: Duration = Duration::from_millis(500);
/// How long nothing is sent once a stock client starts its multiplexer.
const SILENCE: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(super) struct HandshakeOrder {
    /// The session is encrypted end to end.
    encrypted: bool,
    /// The client will start a multiplexer.
    multiplexed: bool,
    /// The client's answer, until its acknowledgement went to the client.
    response: Option<i64>,
    /// HandshakeComplete is here; until then it waits for that acknowledgement.
    complete_due: Option<Instant>,
    /// HandshakeComplete went to a stock client that is busy until then.
    silent_until: Option<Instant>,
}

impl HandshakeOrder {
    /// `unknown` if the session began under an earlier relay, so that it may be multiplexed.
    pub(super) fn new(unknown: bool) -> Self {
        Self { multiplexed: unknown, ..Self::default() }
    }

    /// The agent asks. A request that cannot be read changes nothing: the client will say so.
    pub(super) fn requested(&mut self, payload: &[u8]) {
        let Ok(request) = HandshakeRequest::decode(payload) else { return };
        for action in &request.requested_client_actions {
            match action {
                RequestedAction::SessionType { session_type, properties } => {
                    let kind = properties.get("type").and_then(|kind| kind.as_str());
                    self.multiplexed = session_type == "Port" && kind == Some("LocalPortForwarding");
                }
                RequestedAction::KmsEncryption { .. } => self.encrypted = true,
                RequestedAction::Other { .. } => {}
            }
        }
    }

    /// The client answers with this message.
    pub(super) fn responded(&mut self, number: i64) {
        self.response = Some(number);
    }

    /// The agent's HandshakeComplete has come.
    pub(super) fn completed(&mut self, now: Instant) {
        if self.response.is_some() {
            self.complete_due = Some(now + ACKNOWLEDGEMENT_PATIENCE);
        }
    }

    /// An acknowledgement of this went to the client.
    pub(super) fn acknowledgement_sent(&mut self, accepted: Accepted) {
        if self.response.is_some_and(|response| accepted.covers(response)) {
            self.response = None;
            self.complete_due = None;
        }
    }

    /// HandshakeComplete went to a stock client.
    pub(super) fn complete_sent(&mut self, now: Instant) {
        self.response = None;
        self.complete_due = None;
        if self.multiplexed {
            self.silent_until = Some(now + SILENCE);
        }
    }

    /// Whether the session is encrypted end to end.
    pub(super) const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Whether HandshakeComplete has to wait.
    pub(super) const fn holds_complete(&self) -> bool {
        self.complete_due.is_some()
    }

    /// Whether everything has to wait.
    pub(super) const fn is_silent(&self) -> bool {
        self.silent_until.is_some()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [self.complete_due, self.silent_until].into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.complete_due.is_some_and(|due| due <= now) {
            self.response = None;
            self.complete_due = None;
        }
        if self.silent_until.is_some_and(|until| until <= now) {
            self.silent_until = None;
        }
    }

    /// The client's leg is gone, and with it what made it delicate.
    pub(super) fn client_gone(&mut self) {
        self.silent_until = None;
    }
}
