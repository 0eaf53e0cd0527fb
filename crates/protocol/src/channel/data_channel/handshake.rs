//! Where the handshake stands, for either role. It decides nothing about versions, keys or session
//! types: the application does.

use std::time::{Duration, Instant};

use super::incoming::Received;
use super::{Event, Role};
use crate::channel::PeerError;
use crate::wire::payload::{HandshakeComplete, HandshakeRequest, HandshakeResponse, JsonPayload};
use crate::wire::{Frame, PayloadType};

/// How long an answer may come after data that should not have come before it. A client that
/// speaks first and does not answer in this time knows no handshake: the independent client
/// `ssm-session` sends its terminal's size at once and passes over every request.
const SPOKE_FIRST: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handshake {
    /// Nothing was asked yet.
    Idle,
    /// Agent: asked; the answer is due. Client: was asked.
    Requested {
        /// None for the client, which has no deadline of its own.
        due: Option<Instant>,
    },
    /// Agent: asked, and data came instead of an answer.
    SpokenOver {
        /// From then on no answer is expected any more.
        due: Instant,
    },
    /// The client knows no handshake, and the application has to hear of it.
    Ignored,
    /// Agent: answered, and the application has not said yet that it is complete.
    Answered,
    /// Data may flow.
    Complete,
    /// Nobody answered, and the application has to hear of it.
    TimedOut,
    /// Nobody answered.
    Failed,
}

impl Handshake {
    /// Refuses a handshake message whose payload cannot be read, before it is kept.
    pub(super) fn check(frame: &Frame) -> Result<(), PeerError> {
        match frame.payload_type {
            PayloadType::HANDSHAKE_REQUEST => HandshakeRequest::decode(&frame.payload).map(drop)?,
            PayloadType::HANDSHAKE_RESPONSE => HandshakeResponse::decode(&frame.payload).map(drop)?,
            PayloadType::HANDSHAKE_COMPLETE => HandshakeComplete::decode(&frame.payload).map(drop)?,
            _ => {}
        }
        Ok(())
    }

    /// Takes a handshake message in order; what is out of turn is acknowledged and forgotten. (A
    /// stock agent blocks for good on a second answer, a stock client on an early challenge.)
    pub(super) fn advance(&mut self, role: Role, received: Received) -> Option<Event> {
        let Received { payload_type, payload, .. } = received;
        match (role, payload_type, *self) {
            (Role::Client, PayloadType::HANDSHAKE_REQUEST, Self::Idle) => {
                *self = Self::Requested { due: None };
                HandshakeRequest::decode(&payload).ok().map(Event::HandshakeRequest)
            }
            (Role::Client, PayloadType::HANDSHAKE_COMPLETE, Self::Requested { .. }) => {
                *self = Self::Complete;
                HandshakeComplete::decode(&payload).ok().map(Event::HandshakeComplete)
            }
            (Role::Agent, PayloadType::HANDSHAKE_RESPONSE, Self::Requested { .. } | Self::SpokenOver { .. }) => {
                *self = Self::Answered;
                HandshakeResponse::decode(&payload).ok().map(Event::HandshakeResponse)
            }
            (Role::Client, PayloadType::ENC_CHALLENGE_REQUEST, Self::Requested { .. })
            | (Role::Agent, PayloadType::ENC_CHALLENGE_RESPONSE, Self::Answered) => {
                Some(Event::Data { payload_type, payload: payload.0 })
            }
            _ => None,
        }
    }

    /// Agent: the request is on its way.
    pub(super) fn request(&mut self, due: Instant) {
        if *self == Self::Idle {
            *self = Self::Requested { due: Some(due) };
        }
    }

    /// Agent: the application is content with the answer.
    pub(super) fn complete(&mut self) {
        *self = Self::Complete;
    }

    /// Client: data without a handshake. True once.
    pub(super) fn assume_none(&mut self) -> bool {
        let assumed = *self == Self::Idle;
        if assumed {
            *self = Self::Complete;
        }
        assumed
    }

    pub(super) fn is_complete(self) -> bool {
        self == Self::Complete
    }

    /// Agent: data waits that no client sends before the handshake is complete.
    pub(super) fn early_data(&mut self, now: Instant) {
        if let Self::Requested { due: Some(_) } = self {
            *self = Self::SpokenOver { due: now + SPOKE_FIRST };
        }
    }

    /// Whether the application must be told that there will be no handshake. True once; data
    /// flows from here on.
    pub(super) fn take_ignored(&mut self) -> bool {
        let ignored = *self == Self::Ignored;
        if ignored {
            *self = Self::Complete;
        }
        ignored
    }

    pub(super) const fn poll_timeout(self) -> Option<Instant> {
        match self {
            Self::Requested { due } => due,
            Self::SpokenOver { due } => Some(due),
            _ => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|due| due <= now) {
            *self = match self {
                Self::SpokenOver { .. } => Self::Ignored,
                _ => Self::TimedOut,
            };
        }
    }

    /// Whether the application must be told now. True once.
    pub(super) fn take_timed_out(&mut self) -> bool {
        let timed_out = *self == Self::TimedOut;
        if timed_out {
            *self = Self::Failed;
        }
        timed_out
    }
}
