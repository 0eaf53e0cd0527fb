//! The broker between the two ends of a session: one for each session, used under a short lock.
//!
//! It relays stream messages and acknowledgements as they are: it never renumbers, never looks
//! into a payload but the handshake's and a flag's, and checks no digest. It acknowledges nothing that the
//! receiver has not acknowledged, with one exception for stock clients. What it adds is
//! memory, because the stock ends recover lost messages at ten a second and lost acknowledgements
//! not at all (spec data-channel 4):
//!
//! * Every message is kept until it is acknowledged, and sent again on its receiver's next leg.
//! * Every acknowledgement is kept until its sender's leg takes it. A sender that repeats what was
//!   acknowledged is answered, not relayed. Of those that our own ends give for everything up to a message, the newest
//!   says what the others said.
//! * Its size is bounded whatever the ends do. An agent is paused well before the bound; at the
//!   bound [`Relay::wants_read`] says no, and if a message comes all the same it is dropped and
//!   not acknowledged, so its sender has it still.
//!
//! The bound must not let the two directions wait for each other: acknowledgements travel behind
//! data, so a socket that is not read for its data hides acknowledgements too. Therefore a
//! direction gives up what is already on its way on a live leg when the other one is full.

mod acknowledgements;
mod direction;
mod ending;
mod event;
mod handshake_order;
mod leg;
mod next;
mod probe;
mod publication;
mod sides;

use std::time::{Duration, Instant};

use bytes::Bytes;

use self::acknowledgements::Acknowledgements;
pub use self::direction::Delivery;
use self::direction::{Direction, Limits, Receipt, Room};
pub use self::ending::Ending;
use self::ending::Warnings;
use self::event::Events;
pub use self::event::RelayEvent;
use self::handshake_order::HandshakeOrder;
use self::leg::End;
pub use self::leg::{Leg, Side};
use self::next::Next;
use self::publication::Publication;
use super::PeerError;
use super::acknowledgement::{accepted, unsequenced};
use super::opaque::Opaque;
use crate::Now;
use crate::wire::payload::{
    AgentSessionState, ChannelClosed, EndingCause, JsonPayload, PUBLICATION, SessionState, StreamFlag,
};
use crate::wire::{Header, MessageIds, MessageType, PayloadType};

/// What a relay is built from.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// The most bytes kept for this session, both directions and acknowledgements together. One
    /// single message larger than that is relayed all the same.
    pub max_buffer_bytes: usize,
    /// Whether the session had a relay before whose memory is gone: the service was restarted.
    pub resumed: bool,
    /// Whether the agent may be paused. Not in `NonInteractiveCommands` sessions with separate
    /// output of stock agents, whose readers stop for good (spec data-channel 5).
    pub may_pause: bool,
    /// Where the ids of the service's own messages come from: another number for each relay.
    pub message_id_seed: u64,
}

impl RelayConfig {
    /// The settings of a session that has just been started.
    pub const fn new(message_id_seed: u64) -> Self {
        Self { max_buffer_bytes: 1024 * 1024, resumed: false, may_pause: true, message_id_seed }
    }
}

/// A piece of the session's stream on its way from one end to the other.
#[derive(Clone, PartialEq, Eq)]
pub struct Passing {
    /// Its sequence number, in its direction.
    pub number: i64,
    /// What it is.
    pub payload_type: PayloadType,
    /// Its content: ciphertext, if the ends encrypt.
    pub payload: Bytes,
}

/// Shows the size of the content: terminal content never reaches a log.
impl std::fmt::Debug for Passing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, payload_type, payload } = self;
        write!(f, "Passing({number}, {payload_type}, {} bytes)", payload.len())
    }
}

/// How long a client may be away before the agent is paused. Shorter absences are not worth the
/// trouble: a stock agent sends what it made during a pause at ten messages a second.
const AWAY: Duration = Duration::from_secs(1);
/// How long after a restart of the service a stock client's silence is looked into.
const AFTERMATH: Duration = Duration::from_secs(120);
/// In encrypted sessions payloads of these types begin with a nonce.
const NONCE_BYTES: usize = 12;

/// The broker's half of a session. See the [grammar](super).
#[derive(Debug)]
pub struct Relay {
    config: RelayConfig,
    ids: MessageIds,
    client: End,
    agent: End,
    /// Agent to client, and the client's acknowledgements back.
    output: Direction,
    output_acknowledgements: Acknowledgements,
    /// Client to agent, and the agent's acknowledgements back.
    input: Direction,
    input_acknowledgements: Acknowledgements,
    order: HandshakeOrder,
    publication: Publication,
    /// What a client that takes them is still to be warned of.
    warnings: Warnings,
    /// Nothing of the stream goes on.
    withheld: bool,
    /// The client was once found silent about what it knew, so it will be again.
    known_silent: bool,
    events: Events,
}

impl Relay {
    /// A relay without legs.
    pub fn new(config: RelayConfig) -> Self {
        let eighth = config.max_buffer_bytes / 8;
        let limits = Limits::of(eighth * 3);
        let from_start = !config.resumed;
        Self {
            ids: MessageIds::new(config.message_id_seed),
            client: End::default(),
            agent: End::default(),
            output: Direction::new(limits, from_start),
            output_acknowledgements: Acknowledgements::new(MessageType::OutputStreamData, eighth),
            input: Direction::new(limits, from_start),
            input_acknowledgements: Acknowledgements::new(MessageType::InputStreamData, eighth),
            order: HandshakeOrder::new(config.resumed),
            publication: Publication::default(),
            warnings: Warnings::default(),
            withheld: false,
            known_silent: false,
            events: Events::default(),
            config,
        }
    }

    /// A leg is open. One that was open on the same side is replaced: whatever it had not
    /// acknowledged is sent on the new one, in order.
    pub fn attach(&mut self, side: Side, leg: Leg, now: Now) {
        self.detach(side, now);
        let leg_is_ours = leg.ours;
        let end = self.end_mut(side);
        *end = End { leg: Some(leg), attached_at: Some(now.instant), closed: end.closed.take(), ..End::default() };
        self.direction_mut(side.other()).attach(!leg_is_ours);
        match side {
            Side::Client => self.input_acknowledgements.restart(),
            Side::Agent => {
                self.output_acknowledgements.restart();
                self.publication.restart();
                if self.client.leg.is_none() {
                    self.client.away_since.get_or_insert(now.instant);
                }
            }
        }
        self.update_publication(now.instant);
    }

    /// The leg is gone. What it has not acknowledged waits for the next one.
    pub fn detach(&mut self, side: Side, now: Now) {
        if self.end_mut(side).leg.take().is_none() {
            return;
        }
        match side {
            Side::Client => {
                self.client.away_since = Some(now.instant);
                self.output.restart();
                self.order.client_gone();
            }
            Side::Agent => self.input.restart(),
        }
        self.update_publication(now.instant);
    }

    /// A binary message came. Only its header is read, and the payload where the relay itself is
    /// meant. Says what of the session's stream it brought, if that was new to the relay: after it had to give something
    /// up, or was restarted, the same may come as new again.
    ///
    /// # Errors
    /// If the message is no use to the other side. It is dropped; nothing else is disturbed.
    pub fn handle_message(&mut self, from: Side, message: Bytes, now: Now) -> Result<Option<Passing>, PeerError> {
        let header = Header::parse(&message)?;
        let mut passing = None;
        match (from, header.message_type) {
            (Side::Client, MessageType::InputStreamData) | (Side::Agent, MessageType::OutputStreamData) => {
                passing = self.handle_stream(from, &header, message, now)?;
            }
            (_, MessageType::Acknowledge) => self.handle_acknowledge(from, &header, message)?,
            (Side::Agent, MessageType::AgentSessionState) => {
                match AgentSessionState::decode(payload_of(&header, &message))?.session_state {
                    SessionState::Connected => self.events.agent_connected = true,
                    SessionState::Terminating => self.events.agent_terminating = true,
                    SessionState::Other(_) => {}
                }
            }
            (_, message_type) => return Err(PeerError::Unexpected { message_type }),
        }
        self.update_publication(now.instant);
        Ok(passing)
    }

    fn handle_stream(
        &mut self,
        from: Side,
        header: &Header,
        message: Bytes,
        now: Now,
    ) -> Result<Option<Passing>, PeerError> {
        let Header { sequence_number: number, payload_type, message_id, .. } = *header;
        self.check_encrypted(payload_type, header.payload.len())?;
        if self.end(from.other()).closed.is_some() {
            return Ok(None); // Nobody is left to read it.
        }
        let passing = Passing { number, payload_type, payload: message.slice(header.payload.clone()) };
        let room = if self.may_evict(from) { Room::EvictSent } else { Room::Keep };
        let leaving = payload_type == PayloadType::FLAG
            && StreamFlag::decode(payload_of(header, &message)) == Ok(StreamFlag::TerminateSession);
        let handshake = (payload_type == PayloadType::HANDSHAKE_REQUEST).then(|| message.clone());
        let direction = self.direction_mut(from);
        let receipt = direction.receive(number, payload_type, message, room, now.instant)?;
        // Also by a number that was used before: the stock client numbers messages in several threads at once, so its
        // last word may bear the number of its last data, and the agent will not have it (spec data-channel 4.3).
        self.events.client_leaving |= leaving && from == Side::Client;
        match receipt {
            Receipt::Kept => {
                self.observe(from, header, now);
                if let Some(message) = handshake.filter(|_| from == Side::Agent) {
                    self.order.requested(payload_of(header, &message));
                }
            }
            Receipt::Acknowledged => {
                let ours = self.end(from).is_ours();
                self.acknowledgements_mut(from).repeat(message_id, number, ours);
            }
            Receipt::Repeated => self.suspect_after_restart(from, number, now.instant),
            Receipt::Dropped => {}
        }
        Ok((receipt == Receipt::Kept).then_some(passing))
    }

    fn check_encrypted(&self, payload_type: PayloadType, len: usize) -> Result<(), PeerError> {
        let encrypted = matches!(payload_type, PayloadType::OUTPUT | PayloadType::STD_ERR | PayloadType::EXIT_CODE);
        if self.order.is_encrypted() && encrypted && len < NONCE_BYTES {
            return Err(PeerError::Undecipherable { len });
        }
        Ok(())
    }

    fn observe(&mut self, from: Side, header: &Header, now: Now) {
        if matches!(header.payload_type, PayloadType::OUTPUT | PayloadType::STD_ERR) {
            self.warnings.retain(|ending| ending.cause != EndingCause::Idle);
        }
        match (from, header.payload_type) {
            (Side::Client, PayloadType::OUTPUT) => self.events.client_active = true,
            (Side::Agent, PayloadType::OUTPUT | PayloadType::STD_ERR) => self.events.agent_active = true,
            (Side::Client, PayloadType::HANDSHAKE_RESPONSE) => self.order.responded(header.sequence_number),
            (Side::Agent, PayloadType::HANDSHAKE_COMPLETE) => self.order.completed(now.instant),
            _ => {}
        }
    }

    /// An agent that repeats what a stock client was sent may be waiting for an acknowledgement
    /// that died with an earlier relay.
    fn suspect_after_restart(&mut self, from: Side, number: i64, now: Instant) {
        let recent = self.client.attached_at.is_some_and(|at| now.saturating_duration_since(at) < AFTERMATH);
        if from == Side::Agent && self.config.resumed && recent {
            self.output.suspect(number);
        }
    }

    fn handle_acknowledge(&mut self, from: Side, header: &Header, message: Bytes) -> Result<(), PeerError> {
        let accepted = accepted(payload_of(header, &message))?;
        let sender = from.other();
        if self.direction_mut(sender).acknowledge(accepted)? {
            self.acknowledgements_mut(sender).relay(accepted, message);
            self.events.output_drained |= from == Side::Client && self.output.is_drained();
        }
        Ok(())
    }

    /// A pong came, of a ping that was sent for [`RelayEvent::WantsPing`] or of any other.
    pub fn handle_pong(&mut self, from: Side, now: Now) {
        if !self.direction_mut(from.other()).handle_pong() {
            return;
        }
        if from == Side::Client {
            self.acknowledge_silent();
        }
        self.direction_mut(from.other()).recover(now.instant);
        self.update_publication(now.instant);
    }

    /// The stock client drops what it knows without acknowledging it (spec data-channel 4.4). So
    /// when an acknowledgement died with a leg, or with an earlier relay, the agent waits for it
    /// for ever unless it is given here: the one acknowledgement that nobody wrote.
    fn acknowledge_silent(&mut self) {
        let silent = self.output.acknowledge_silent(self.known_silent);
        self.known_silent |= !silent.is_empty();
        self.events.output_drained |= !silent.is_empty() && self.output.is_drained();
        for number in silent {
            self.output_acknowledgements.write_anew(number);
        }
    }

    /// The next message for this side's socket; `None` while there is none or no leg.
    pub fn poll_transmit(&mut self, to: Side, now: Now) -> Option<Bytes> {
        self.order.handle_timeout(now.instant);
        self.forget_past_ending(now);
        let next = self.next(to)?;
        match (next, to) {
            (Next::Closed, _) => {
                let end = self.end_mut(to);
                end.told_closed = true;
                end.closed.as_ref().map(|closed| closed.0.clone())
            }
            (Next::Acknowledgement, Side::Client) => {
                let (accepted, message) = self.input_acknowledgements.transmit(&mut self.ids, now)?;
                self.order.acknowledgement_sent(accepted);
                Some(message)
            }
            (Next::Acknowledgement, Side::Agent) => {
                let (_, message) = self.output_acknowledgements.transmit(&mut self.ids, now)?;
                self.publication.relayed();
                Some(message)
            }
            (Next::Stream(number, payload_type), Side::Client) => {
                let message = self.output.transmit(number, now.instant);
                if payload_type == PayloadType::HANDSHAKE_COMPLETE && self.client.is_stock() {
                    self.order.complete_sent(now.instant);
                }
                self.update_publication(now.instant);
                message
            }
            (Next::Stream(number, _), Side::Agent) => {
                self.publication.relayed();
                self.input.transmit(number, now.instant)
            }
            (Next::Ending(ending), _) => {
                self.warnings.retain(|other| *other != ending);
                Some(unsequenced(MessageType::SessionEnding, ending.message(now.instant).encode(), &mut self.ids, now))
            }
            (Next::Publication(message_type), _) => {
                self.publication.told();
                Some(unsequenced(message_type, Bytes::from_static(PUBLICATION), &mut self.ids, now))
            }
        }
    }

    /// Whether [`Relay::poll_transmit`] has something.
    pub fn has_transmit(&self, to: Side) -> bool {
        self.next(to).is_some()
    }

    /// Whether to read this side's socket. When not, its pings go unanswered too, so a stock agent
    /// is paused long before.
    pub fn wants_read(&self, from: Side) -> bool {
        self.takes(from, 0)
    }

    /// Whether to give it a message of this size that was read. One that has no room waits where it is, with the socket
    /// behind it: dropped, it would come again, and again without room, as fast as its sender can.
    pub fn takes(&self, from: Side, message_bytes: usize) -> bool {
        let direction = self.direction(from);
        if !direction.is_full() && direction.has_room(message_bytes) {
            return true;
        }
        // What is missing comes on this very socket.
        let waits_for_gap = direction.has_gap() && !direction.has_evictable() && self.is_stuck(from);
        let makes_room = self.may_evict(from) && direction.has_enough_evictable(message_bytes);
        // Ours sends again at once what is dropped now, but hangs up when its pings go unanswered.
        let alive = direction.stands_still() && self.end(from).is_ours();
        waits_for_gap || makes_room || alive
    }

    /// Whether the other side has a leg, and nothing for it.
    fn is_stuck(&self, from: Side) -> bool {
        let to = from.other();
        self.end(to).leg.is_some() && self.next(to).is_none()
    }

    /// Whether messages that are on their way on a live leg may be given up for new ones. If that
    /// leg dies their sender has to send them again: ours does so at once. A stock one takes its
    /// time, so it is asked to only when the alternative is to wait for ever.
    fn may_evict(&self, from: Side) -> bool {
        let direction = self.direction(from);
        let needs_sender = direction.has_gap() || direction.has_evicted();
        self.end(from).is_ours() || needs_sender || self.direction(from.other()).is_full()
    }

    fn update_publication(&mut self, now: Instant) {
        let away = self.client.leg.is_none()
            && self.client.away_since.is_some_and(|since| now.saturating_duration_since(since) >= AWAY);
        let load = if self.may_evict(Side::Agent) { self.output.unsent_bytes() } else { self.output.bytes() };
        let limits = self.output.limits;
        let loaded = load >= limits.high || self.publication.is_wanted() && load > limits.low;
        // A paused agent does not resend. When there is nothing else to send, only that can help.
        let needs_agent = self.output.has_gap() || self.output.has_evicted();
        let waits_for_agent = needs_agent && self.is_stuck(Side::Agent);
        self.publication.want(self.config.may_pause && (away || loaded && !waits_for_agent));
    }

    /// The next thing for the supervisor.
    pub fn poll_event(&mut self) -> Option<RelayEvent> {
        self.events.poll()
    }

    /// The session is over for this side. A client gets everything that can be sent to it first,
    /// for it leaves at once when it is told (spec data-channel 9); an agent is told at once. On
    /// every further leg of that side it is said again.
    pub fn close(&mut self, to: Side, closed: ChannelClosed, now: Now) {
        let message = unsequenced(MessageType::ChannelClosed, closed.encode(), &mut self.ids, now);
        self.end_mut(to).closed.get_or_insert(Opaque(message));
        self.warnings.retain(|_| false);
    }

    /// A limit of the session is near. The client is told if it takes warnings: now, or when it comes back in time. What
    /// passes meanwhile takes back a warning of an idle session.
    pub fn warn(&mut self, ending: Ending) {
        if self.client.closed.is_none() {
            self.warnings.add(ending);
        }
    }

    /// Whether the session's stream stands still: what came is kept and not passed on, though acknowledgements are, and the
    /// end of the session.
    pub fn withhold(&mut self, withheld: bool) {
        self.withheld = withheld;
    }

    /// Whether this side has a leg that something is still to be sent on: now, or when its time has come.
    pub fn owes(&self, to: Side) -> bool {
        let end = self.end(to);
        let closing = end.leg.is_some() && end.closed.is_some() && !end.told_closed;
        closing || self.has_transmit(to)
    }

    /// Whether everything for this side was sent, and acknowledged where it can be, the end of the
    /// session included if it has come.
    pub fn is_drained(&self, to: Side) -> bool {
        let end = self.end(to);
        self.direction(to.other()).is_drained()
            && self.acknowledgements(to).is_empty()
            && (end.closed.is_none() || end.told_closed)
    }

    /// How far the agent's output has come on its way to the client, who is owed acknowledgements too.
    pub fn output_delivery(&self) -> Delivery {
        if self.input_acknowledgements.is_empty() { self.output.delivery() } else { Delivery::Pending }
    }

    /// Whether this side was told on its present leg that the session is over, so that its socket
    /// can be closed once it is flushed.
    pub fn is_told_closed(&self, side: Side) -> bool {
        self.end(side).told_closed
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let away = self.client.away_since.filter(|_| self.client.leg.is_none() && !self.publication.is_wanted());
        let pause = away.filter(|_| self.config.may_pause && self.agent.leg.is_some()).map(|since| since + AWAY);
        let probes = [&self.output, &self.input].map(|direction| direction.probe.poll_timeout());
        let standstills = [&self.output, &self.input].map(Direction::standstill_at);
        let first = [self.order.poll_timeout(), pause].into_iter().chain(probes).chain(standstills);
        first.flatten().min()
    }

    /// A deadline may have passed.
    pub fn handle_timeout(&mut self, now: Now) {
        self.order.handle_timeout(now.instant);
        self.forget_past_ending(now);
        self.events.ping_client |= self.output.handle_timeout(now.instant);
        self.events.ping_agent |= self.input.handle_timeout(now.instant);
        self.update_publication(now.instant);
    }

    fn forget_past_ending(&mut self, now: Now) {
        self.warnings.retain(|ending| ending.at > now.instant);
    }

    /// Bytes kept now, in both directions.
    pub fn buffered_bytes(&self) -> usize {
        self.output.bytes()
            + self.output_acknowledgements.bytes()
            + self.input.bytes()
            + self.input_acknowledgements.bytes()
    }
}

/// The header's own range, which lies inside the message that it was parsed from.
fn payload_of<'a>(header: &Header, message: &'a Bytes) -> &'a [u8] {
    message.get(header.payload.clone()).unwrap_or_default()
}
