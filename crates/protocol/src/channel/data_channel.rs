//! One end of a session's data channel, for our agent and our client: handshake, order,
//! acknowledgement, resending, pause and close.
//!
//! It opens no socket and starts no session. It keeps the promise that what a peer was told to be
//! received was handed to the application, and that what the application wrote is sent until the
//! other end has acknowledged it, across any number of sockets. It does not copy the stock client's
//! replacement of a lone LF by CR (spec messages 4).

mod config;
mod event;
mod handshake;
mod incoming;
mod outgoing;
mod round_trip;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

pub use self::config::{Config, Role, WINDOW_PER_MILLISECOND};
pub use self::event::Event;
use self::handshake::Handshake;
use self::incoming::{Incoming, Received};
use self::outgoing::Outgoing;
use super::PeerError;
use super::acknowledgement::{accepted, unsequenced};
use super::cipher::SessionCipher;
use crate::Now;
use crate::wire::payload::{
    AgentSessionState, ChannelClosed, ChannelOffer, HandshakeComplete, HandshakeRequest, HandshakeResponse,
    JsonPayload, SessionEnding, SessionState,
};
use crate::wire::{Flags, Frame, MessageIds, MessageType, PayloadType};

/// Why a write was refused. The data stays with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Stream data before the handshake is through. Stock agents throw such data away.
    #[error("the handshake is not complete")]
    HandshakePending,
    /// More than [`DataChannel::write_capacity`] allows.
    #[error("the send window has room for {capacity} bytes only")]
    WindowFull {
        /// Bytes that fit now.
        capacity: usize,
    },
    /// The service has closed the channel.
    #[error("the channel is closed")]
    Closed,
}

/// How far payloads outside the window may exceed it: sizes, flags and exit codes are small and
/// few, but a terminal that is dragged about while its network is away makes many.
const CONTROL_ALLOWANCE_BYTES: usize = 64 * 1024;

/// One end of a data channel. See the [grammar](super).
#[derive(Debug)]
pub struct DataChannel {
    config: Config,
    ids: MessageIds,
    connected: bool,
    paused: bool,
    handshake: Handshake,
    outgoing: Outgoing,
    incoming: Incoming,
    offers: Offers,
    /// Messages for the service itself. They are not acknowledged, so a lost one stays lost.
    states: VecDeque<Bytes>,
    close: Close,
    /// The newest warning of each limit, until the application has it.
    endings: VecDeque<SessionEnding>,
    /// Set in sessions that are encrypted from end to end.
    cipher: Option<SessionCipher>,
}

/// What each end may do beyond AWS's protocol; an end that has made no offer, nothing.
#[derive(Debug, Default)]
struct Offers {
    ours: ChannelOffer,
    theirs: ChannelOffer,
}

impl Offers {
    /// A cumulative acknowledgement is understood whoever sends it; all else is for ends that have both said so.
    const fn agreed(&self) -> ChannelOffer {
        self.ours.agreed(self.theirs)
    }
}

/// How far the end of the channel has come.
#[derive(Debug)]
enum Close {
    Open,
    /// To be told to the application in its turn.
    Announced(ChannelClosed),
    Closed,
}

impl DataChannel {
    /// A channel whose socket is not open yet.
    pub fn new(config: Config) -> Self {
        let ids = MessageIds::new(config.message_id_seed);
        let incoming = Incoming::new(config.receive_window_bytes);
        Self {
            config,
            ids,
            connected: false,
            paused: false,
            handshake: Handshake::Idle,
            outgoing: Outgoing::new(),
            incoming,
            offers: Offers::default(),
            states: VecDeque::new(),
            cipher: None,
            close: Close::Open,
            endings: VecDeque::new(),
        }
    }

    /// The socket is open and the opening message is on its way: everything unacknowledged is
    /// queued again, in order, at once. A pause does not outlive its socket.
    pub fn handle_connected(&mut self, _now: Now) {
        self.connected = true;
        self.paused = false;
        self.outgoing.restart();
    }

    /// The socket is gone. Nothing is transmitted until there is another one.
    pub fn handle_disconnected(&mut self, _now: Now) {
        self.connected = false;
    }

    /// A binary message came.
    ///
    /// # Errors
    /// If the message is no use. It is dropped, not acknowledged, and the channel lives on.
    pub fn handle_message(&mut self, message: Bytes, now: Now) -> Result<(), PeerError> {
        let frame = self.decode(message)?;
        match frame.message_type {
            MessageType::Acknowledge => {
                self.resume(now);
                self.outgoing.acknowledge(accepted(&frame.payload)?, now.instant)
            }
            MessageType::ChannelClosed => self.handle_channel_closed(&frame.payload),
            MessageType::SessionEnding if self.config.role == Role::Client => {
                let ending = SessionEnding::decode(&frame.payload)?;
                // The newest of each limit.
                self.endings.retain(|other| other.cause != ending.cause);
                self.endings.push_back(ending);
                Ok(())
            }
            MessageType::PausePublication => {
                // The stock client takes both publications and does nothing, and so does ours.
                self.paused = self.config.role == Role::Agent;
                Ok(())
            }
            MessageType::StartPublication => {
                self.resume(now);
                Ok(())
            }
            message_type if message_type == self.config.role.receives() => {
                self.resume(now);
                Handshake::check(&frame)?;
                self.incoming.receive(frame)?;
                if self.incoming.has_data() {
                    self.handshake.early_data(now.instant);
                }
                Ok(())
            }
            message_type => Err(PeerError::Unexpected { message_type }),
        }
    }

    /// The stock client drops messages with a wrong digest, the stock agent does not look, and a
    /// client in the field writes its digest as hex.
    fn decode(&self, message: Bytes) -> Result<Frame, PeerError> {
        let frame = match self.config.role {
            Role::Client if self.offers.agreed().digest_optional => Frame::decode_digest_optional(message),
            Role::Client => Frame::decode(message),
            Role::Agent => Frame::decode_unverified(message),
        };
        Ok(frame?)
    }

    /// Any sign of the other end ends a pause (spec data-channel 5).
    fn resume(&mut self, now: Now) {
        if self.paused {
            self.paused = false;
            self.outgoing.forgive(now.instant);
        }
    }

    fn handle_channel_closed(&mut self, payload: &[u8]) -> Result<(), PeerError> {
        let closed = match (ChannelClosed::decode(payload), self.config.role) {
            (Ok(closed), _) => closed,
            // As the stock ends: an end that cannot be read is an end for the client only.
            (Err(_), Role::Client) => ChannelClosed::default(),
            (Err(error), Role::Agent) => return Err(error.into()),
        };
        if matches!(self.close, Close::Open) {
            self.close = Close::Announced(closed);
        }
        Ok(())
    }

    /// The next message to put on the socket; `None` while there is none or no socket.
    pub fn poll_transmit(&mut self, now: Now) -> Option<Bytes> {
        if !self.connected {
            return None;
        }
        if let Some(state) = self.states.pop_front() {
            return Some(state);
        }
        if let Some((owed, cumulative)) = self.incoming.take_owed() {
            let of = self.config.role.receives();
            return Some(match cumulative {
                true => owed.encode_cumulative(of, &mut self.ids, now),
                false => owed.encode(of, &mut self.ids, now),
            });
        }
        self.may_send().then(|| self.outgoing.transmit(now.instant)).flatten()
    }

    /// Whether `poll_transmit` has something.
    pub fn has_transmit(&self) -> bool {
        let unsequenced = !self.states.is_empty() || self.incoming.has_owed();
        self.connected && (unsequenced || self.may_send() && self.outgoing.has_transmit())
    }

    /// Whether this end alone has a part of what it wrote: it was paused, or has had no socket since.
    pub fn has_unsent(&self) -> bool {
        !self.outgoing.is_empty() && (!self.connected || self.outgoing.has_transmit())
    }

    const fn may_send(&self) -> bool {
        self.connected && !self.paused && matches!(self.close, Close::Open)
    }

    /// The next thing for the application. Ask only when it can be dealt with: what was taken is
    /// acknowledged, what is left waits, and when too much waits the sender is made to stop.
    pub fn poll_event(&mut self, now: Now) -> Option<Event> {
        if self.config.role == Role::Agent && matches!(self.close, Close::Announced(_)) {
            return self.end();
        }
        if matches!(self.close, Close::Closed) {
            return None;
        }
        if let Some(ending) = self.endings.pop_front() {
            return Some(Event::SessionEnding(ending));
        }
        if self.handshake.take_timed_out() {
            return Some(Event::HandshakeTimedOut);
        }
        if self.handshake.take_ignored() {
            return Some(Event::HandshakeIgnored);
        }
        while let Some(received) = self.incoming.take_handshake(now.instant) {
            if let Some(event) = self.handshake.advance(self.config.role, received) {
                self.note_offer(&event);
                return Some(event);
            }
        }
        if self.incoming.has_data() {
            if self.config.role == Role::Client && self.handshake.assume_none() {
                return Some(Event::SessionTypeAssumed);
            }
            if self.handshake.is_complete() {
                let Received { payload_type, payload, .. } = self.incoming.take_data(now.instant)?;
                return Some(self.opened(payload_type, payload.0));
            }
        }
        self.end()
    }

    fn opened(&self, payload_type: PayloadType, payload: Bytes) -> Event {
        match self.cipher.as_ref().filter(|_| SessionCipher::covers(payload_type)).map(|cipher| cipher.open(&payload)) {
            None => Event::Data { payload_type, payload },
            Some(Ok(payload)) => Event::Data { payload_type, payload },
            Some(Err(error)) => Event::Undecipherable(error),
        }
    }

    /// From here on what the session is about is encrypted, both ways: during the handshake, before its end.
    pub fn encrypt(&mut self, cipher: SessionCipher) {
        self.cipher = Some(cipher);
    }

    /// The cipher, for the challenge by which the two ends prove their keys to each other.
    pub const fn cipher(&mut self) -> Option<&mut SessionCipher> {
        self.cipher.as_mut()
    }

    /// The other end's offer has come. An end that made none itself uses none.
    fn note_offer(&mut self, event: &Event) {
        let offer = match event {
            Event::HandshakeRequest(request) => request.postern.as_ref().map(|offer| offer.channel),
            Event::HandshakeResponse(response) => response.postern.as_ref().map(|offer| offer.channel),
            _ => return,
        };
        self.offers.theirs = offer.unwrap_or_default();
        self.agree();
    }

    fn agree(&mut self) {
        if self.offers.agreed().cumulative_acknowledgements {
            self.incoming.acknowledge_cumulatively();
        }
    }

    fn end(&mut self) -> Option<Event> {
        match std::mem::replace(&mut self.close, Close::Closed) {
            Close::Announced(closed) => Some(Event::ChannelClosed(closed)),
            Close::Open => {
                self.close = Close::Open;
                None
            }
            Close::Closed => None,
        }
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let resend = self.may_send().then(|| self.outgoing.poll_timeout()).flatten();
        [resend, self.handshake.poll_timeout(), self.incoming.poll_timeout()].into_iter().flatten().min()
    }

    /// A deadline may have passed.
    pub fn handle_timeout(&mut self, now: Now) {
        self.handshake.handle_timeout(now.instant);
        self.incoming.handle_timeout(now.instant);
        if self.may_send() {
            self.outgoing.handle_timeout(now.instant);
        }
    }

    /// Agent: opens the handshake. The time for the answer runs from here.
    pub fn request_handshake(&mut self, request: HandshakeRequest, now: Now) {
        self.offers.ours = request.postern.as_ref().map(|offer| offer.channel).unwrap_or_default();
        self.handshake.request(now.instant + self.config.handshake_timeout);
        self.push(PayloadType::HANDSHAKE_REQUEST, request.encode(), now);
    }

    /// Client: answers the handshake, after [`Event::HandshakeRequest`].
    pub fn respond_handshake(&mut self, response: HandshakeResponse, now: Now) {
        self.offers.ours = response.postern.as_ref().map(|offer| offer.channel).unwrap_or_default();
        self.agree();
        self.push(PayloadType::HANDSHAKE_RESPONSE, response.encode(), now);
    }

    /// Agent: ends the handshake, after [`Event::HandshakeResponse`]. From here on the
    /// application gets its input, including what came early.
    pub fn complete_handshake(&mut self, complete: HandshakeComplete, now: Now) {
        self.handshake.complete();
        self.push(PayloadType::HANDSHAKE_COMPLETE, complete.encode(), now);
    }

    /// Changes [`Config::send_window_bytes`] and [`Config::near_window_bytes`]: what a session carries is known only
    /// when it begins.
    pub const fn set_send_window(&mut self, send_window_bytes: usize, near_window_bytes: usize) {
        self.config.send_window_bytes = send_window_bytes;
        self.config.near_window_bytes = near_window_bytes;
    }

    /// Bytes of stream data that [`DataChannel::write`] takes now; 0 means wait: for the
    /// handshake, for acknowledgements, or for the end of a pause.
    pub fn write_capacity(&self) -> usize {
        if self.paused || !self.handshake.is_complete() || !matches!(self.close, Close::Open) {
            return 0;
        }
        self.window_left()
    }

    fn window_left(&self) -> usize {
        self.window().saturating_sub(self.outgoing.unacknowledged_bytes())
    }

    fn window(&self) -> usize {
        let Config { send_window_bytes, near_window_bytes, window_per_millisecond, .. } = self.config;
        let delay = self.outgoing.shortest_round_trip().map_or(0, |shortest| shortest.as_micros());
        let path = usize::try_from(delay).unwrap_or(usize::MAX).saturating_mul(window_per_millisecond) / 1000;
        send_window_bytes.min(near_window_bytes.saturating_add(path))
    }

    /// Queues stream data, cut into payloads. Data that was in hand when a pause began is taken as
    /// well, and goes out with the end of the pause. Nothing is never sent: stock encoders cannot
    /// make an empty payload.
    ///
    /// # Errors
    /// See [`WriteError`]. Either everything was queued or nothing.
    pub fn write(&mut self, payload_type: PayloadType, mut data: Bytes, now: Now) -> Result<(), WriteError> {
        if !matches!(self.close, Close::Open) {
            return Err(WriteError::Closed);
        }
        // A challenge is part of the handshake; everything else would come too early.
        let is_challenge =
            matches!(payload_type, PayloadType::ENC_CHALLENGE_REQUEST | PayloadType::ENC_CHALLENGE_RESPONSE);
        if !self.handshake.is_complete() && !is_challenge {
            return Err(WriteError::HandshakePending);
        }
        let windowed = matches!(payload_type, PayloadType::OUTPUT | PayloadType::STD_ERR);
        let allowance = if windowed { 0 } else { CONTROL_ALLOWANCE_BYTES };
        let capacity = self.window_left() + allowance;
        if data.len() > capacity {
            return Err(WriteError::WindowFull { capacity });
        }
        while !data.is_empty() {
            let cut = data.len().min(self.config.max_payload.max(1));
            self.push(payload_type, data.split_to(cut), now);
        }
        Ok(())
    }

    fn push(&mut self, payload_type: PayloadType, payload: Bytes, now: Now) {
        let sequence_number = self.outgoing.next_sequence_number();
        let opens = self.config.role == Role::Agent && sequence_number == 0;
        let payload = match &mut self.cipher {
            Some(cipher) if SessionCipher::covers(payload_type) => cipher.seal(&payload),
            _ => payload,
        };
        let frame = Frame {
            message_type: self.config.role.sends(),
            created_millis: now.unix_millis,
            sequence_number,
            flags: if opens { Flags::SYN } else { Flags::NONE },
            message_id: self.ids.next(),
            payload_type,
            payload,
        };
        let message = match self.offers.agreed().digest_optional {
            true => frame.encode_without_digest(),
            false => frame.encode(),
        };
        self.outgoing.push(message, frame.payload.len());
    }

    /// The data of this type that came and was not taken yet, oldest first. Looking takes nothing and acknowledges
    /// nothing: it is for what must not wait behind the rest, and comes in its turn all the same.
    pub fn waiting(&self, payload_type: PayloadType) -> impl Iterator<Item = &Bytes> {
        self.incoming.waiting(payload_type)
    }

    /// Agent: tells the service where the session stands. It overtakes everything that is queued,
    /// so wait for [`DataChannel::is_drained`] before `Terminating`.
    pub fn send_session_state(&mut self, state: SessionState, session_id: &str, now: Now) {
        let state = AgentSessionState { schema_version: 1, session_state: state, session_id: session_id.to_owned() };
        let message = unsequenced(MessageType::AgentSessionState, state.encode(), &mut self.ids, now);
        self.states.push_back(message);
    }

    /// Whether nothing is queued and nothing unacknowledged.
    pub fn is_drained(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// Whether the end has been announced: nothing more comes than what waits to be taken.
    pub const fn is_closing(&self) -> bool {
        !matches!(self.close, Close::Open)
    }

    /// Whether the service has asked this agent to hold back. The application stops reading from
    /// the shell or the port meanwhile.
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Payload bytes sent or queued and not acknowledged.
    pub const fn unacknowledged_bytes(&self) -> usize {
        self.outgoing.unacknowledged_bytes()
    }

    /// Bytes that wait to be taken by [`DataChannel::poll_event`], with what it costs to keep them.
    /// While there are many the driver does not read the socket; beyond
    /// [`Config::receive_window_bytes`] messages are dropped. Messages that came before their turn
    /// are not counted, for what they wait for comes on that very socket.
    pub const fn receive_backlog_bytes(&self) -> usize {
        self.incoming.backlog_bytes()
    }
}
