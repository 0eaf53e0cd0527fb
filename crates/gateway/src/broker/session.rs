//! One session in the broker: its relay, its two legs, and what its supervisor has to hear.
//!
//! Everything is behind one short lock that is never held over an await. A leg's task takes it once a turn, for a whole
//! batch of messages; the supervisor takes it when it is woken. Both sides are told by notifications that carry
//! nothing: whoever wakes looks at the state, so a wake-up too many is harmless and none can overtake another.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use postern_control::lifecycle::Departure;
use postern_iam::{NodeId, SessionId};
use postern_protocol::channel::PeerError;
use postern_protocol::channel::relay::{Delivery, Ending, Leg, Relay, RelayConfig, RelayEvent, Side};
use postern_protocol::wire::payload::ChannelClosed;
use postern_protocol::{Clock, Now};
use postern_recording::chain::Head;
use postern_recording::recorder::Recorder;
use tokio::sync::Notify;

use super::recording::{Ended, Recording};
use super::registry::ConnectionId;

/// A session that this process relays.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) node_id: NodeId,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Wakes the supervisor.
    changed: Notify,
}

struct State {
    relay: Relay,
    recording: Recording,
    client: LegState,
    agent: LegState,
    /// When stream data last passed, since the supervisor looked.
    activity: Option<Now>,
    agent_terminating: bool,
    client_leaving: bool,
    /// The supervisor is waiting for the client to acknowledge the rest.
    awaiting_output: bool,
    /// The end is stored: legs leave, and nobody attaches any more.
    over: bool,
}

#[derive(Default)]
struct LegState {
    attached: Option<Attached>,
    /// Counts attachments, so that the supervisor sees one that came and went between two looks.
    attachments: u64,
    stock: bool,
    /// How the latest one left.
    departure: Option<Departure>,
    ping_wanted: bool,
    /// Its socket is not being read, for want of room: for a message of this size that waits in front of it.
    stalled: Option<usize>,
}

#[derive(Clone)]
struct Attached {
    id: ConnectionId,
    wake: Arc<Notify>,
}

/// What the supervisor sees when it looks.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) client: LegObservation,
    pub(crate) agent: LegObservation,
    pub(crate) activity: Option<Now>,
    pub(crate) agent_terminating: bool,
    pub(crate) client_leaving: bool,
    /// What the client has of the agent's output.
    pub(crate) output: Delivery,
    /// Nothing passes, because it could not be recorded.
    pub(crate) stands_still: bool,
    /// The latest signature of the recording, once.
    pub(crate) head: Option<Head>,
}

/// One leg, as the supervisor sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LegObservation {
    pub(crate) attached: bool,
    pub(crate) attachments: u64,
    /// Its program is AWS's; false before there was one.
    pub(crate) stock: bool,
    /// How the latest one left; nothing while it is there.
    pub(crate) departure: Option<Departure>,
}

/// What a leg's task does after a turn.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) then: Then,
    /// Whether to read the socket.
    pub(crate) read: bool,
    /// Whether to send a ping.
    pub(crate) ping: bool,
    /// The session is over for this side; its last messages are on their way.
    pub(crate) closing: bool,
    /// When to take the next turn if nothing happens.
    pub(crate) timeout: Option<Instant>,
}

/// Whether a leg goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Continue,
    /// Its last message is out: close the socket.
    Finish,
    /// A newer connection took its place: drop the socket.
    Displaced,
}

/// The session is over; the leg came too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over;

impl Session {
    pub(crate) fn new(
        id: SessionId,
        node_id: NodeId,
        config: RelayConfig,
        recorder: Option<Box<Recorder>>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let state = State {
            relay: Relay::new(config),
            recording: Recording::new(recorder),
            client: LegState::default(),
            agent: LegState::default(),
            activity: None,
            agent_terminating: false,
            client_leaving: false,
            awaiting_output: false,
            over: false,
        };
        Arc::new(Self { id, node_id, clock, state: Mutex::new(state), changed: Notify::new() })
    }

    /// Joins a leg to the session, in place of one that may be there. It leaves when the attachment is dropped.
    pub(crate) fn attach(self: &Arc<Self>, side: Side, leg: Leg) -> Result<Attachment, Over> {
        let now = self.clock.now();
        let attached = Attached { id: ConnectionId::next(), wake: Arc::new(Notify::new()) };
        let mut state = self.lock();
        if state.over {
            return Err(Over);
        }
        let slot = state.leg(side);
        slot.attachments += 1;
        (slot.stock, slot.departure) = (!leg.ours, None);
        (slot.ping_wanted, slot.stalled) = (false, None);
        if let Some(displaced) = slot.attached.replace(attached.clone()) {
            displaced.wake.notify_one();
        }
        state.relay.attach(side, leg, now);
        state.recording.leg(side, true, now);
        state.recording.store(now);
        state.wake_if_wanted(side.other());
        drop(state);
        self.changed.notify_one();
        Ok(Attachment { session: Arc::clone(self), side, id: attached.id, wake: attached.wake })
    }

    /// Waits until the supervisor has something to look at.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What is the case now. Takes the activity, so that each look reports what is new.
    pub(crate) fn observe(&self) -> Observation {
        let mut state = self.lock();
        Observation {
            client: state.client.observe(),
            agent: state.agent.observe(),
            activity: state.activity.take(),
            agent_terminating: state.agent_terminating,
            client_leaving: state.client_leaving,
            output: state.relay.output_delivery(),
            stands_still: state.recording.stands_still(),
            head: state.recording.take_head(),
        }
    }

    /// When [`Session::record`] wants to be called although nothing passes.
    pub(crate) fn recording_due(&self) -> Option<Instant> {
        self.lock().recording.due()
    }

    /// Signs what is recorded, and tries again to record what was not.
    pub(crate) fn record(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        let stood_still = state.recording.stands_still();
        if state.recording.store(now) && stood_still {
            state.wake(Side::Client);
            state.wake(Side::Agent);
        }
    }

    /// Ends the recording. Nothing if there is none, or it has ended before.
    pub(crate) fn end_recording(&self, cause: &str) -> Option<Ended> {
        let now = self.clock.now();
        self.lock().recording.close(cause, now)
    }

    /// From now on the supervisor is woken when the client has acknowledged all that can be had.
    pub(crate) fn await_output(&self) {
        self.lock().awaiting_output = true;
    }

    /// Tells a client that takes warnings that a limit of the session is near.
    pub(crate) fn warn(&self, ending: Ending) {
        let mut state = self.lock();
        state.relay.warn(ending);
        state.wake_if_wanted(Side::Client);
    }

    /// Queues `channel_closed` behind everything else for this side. Its leg stays until [`Session::release`].
    pub(crate) fn tell_closed(&self, side: Side, closed: ChannelClosed) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.relay.close(side, closed, now);
        state.wake(side);
    }

    /// The session is over: legs leave when they have sent what they have, and nobody attaches any more.
    pub(crate) fn release(&self) {
        let mut state = self.lock();
        state.over = true;
        state.wake(Side::Client);
        state.wake(Side::Agent);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic inside the relay ends the task that hit it; the other leg and the supervisor still have to clean up.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn leg(&mut self, side: Side) -> &mut LegState {
        match side {
            Side::Client => &mut self.client,
            Side::Agent => &mut self.agent,
        }
    }

    fn wake(&mut self, side: Side) {
        if let Some(attached) = &self.leg(side).attached {
            attached.wake.notify_one();
        }
    }

    fn wake_if_wanted(&mut self, side: Side) {
        let room_again = self.leg(side).stalled.is_some_and(|waiting| self.relay.takes(side, waiting));
        if self.relay.has_transmit(side) || self.leg(side).ping_wanted || room_again {
            self.wake(side);
        }
    }

    /// Takes what the relay has to say. True if the supervisor has to hear of it at once.
    fn take_events(&mut self, now: Now) -> bool {
        let mut tell = false;
        while let Some(event) = self.relay.poll_event() {
            match event {
                // Not worth waking anybody: the supervisor looks when its deadline comes, and at every end.
                RelayEvent::Activity(_) => self.activity = Some(now),
                RelayEvent::WantsPing(side) => self.leg(side).ping_wanted = true,
                RelayEvent::AgentTerminating => {
                    (self.agent_terminating, self.awaiting_output, tell) = (true, true, true);
                }
                RelayEvent::ClientLeaving => (self.client_leaving, tell) = (true, true),
                // The first is asked for below, the second says nothing that the leg's own presence does not.
                RelayEvent::OutputDrained | RelayEvent::AgentConnected => {}
            }
        }
        // Not by the relay's event alone: the last thing owed to the client may be an acknowledgement.
        tell || self.awaiting_output && self.relay.output_delivery() != Delivery::Pending
    }
}

impl LegState {
    fn observe(&self) -> LegObservation {
        let Self { attachments, stock, departure, .. } = *self;
        LegObservation { attached: self.attached.is_some(), attachments, stock, departure }
    }
}

/// A leg's place in its session. Dropping it leaves as one that was lost, unless a newer connection has the place
/// already.
pub(crate) struct Attachment {
    session: Arc<Session>,
    side: Side,
    id: ConnectionId,
    wake: Arc<Notify>,
}

impl Attachment {
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(crate) fn side(&self) -> Side {
        self.side
    }

    /// Whether the program at the other end is ours.
    pub(crate) fn is_ours(&self) -> bool {
        !self.session.lock().leg(self.side).stock
    }

    pub(crate) fn now(&self) -> Instant {
        self.session.clock.now().instant
    }

    /// Leaves, in this way.
    pub(crate) fn leave(self, departure: Departure) {
        let mut state = self.session.lock();
        if state.holds(&self) {
            state.leg(self.side).departure = Some(departure);
        }
        // The rest is what dropping does.
    }

    /// Waits until the session has something for this leg.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// One turn of the leg: gives `incoming` to the relay, then moves what the relay has for this side into `send`
    /// until that has no more room. Bad messages are handed to `complain`, which says whether to go on reading.
    pub(crate) fn turn(
        &self,
        incoming: &mut VecDeque<Bytes>,
        pong: bool,
        mut send: impl FnMut(Bytes) -> bool,
        mut room: bool,
        mut complain: impl FnMut(PeerError),
    ) -> Turn {
        let now = self.session.clock.now();
        let mut guard = self.session.lock();
        let state = &mut *guard;
        if !state.holds(self) {
            incoming.clear();
            return Turn { then: Then::Displaced, read: false, ping: false, closing: false, timeout: None };
        }
        // What has no room waits here, and the socket is not read meanwhile: the relay would have to drop it, and
        // stock ends send what was dropped ten times a second.
        let room_for = |relay: &Relay, incoming: &VecDeque<Bytes>| {
            incoming.front().is_some_and(|message| relay.takes(self.side, message.len()))
        };
        let stood_still = state.recording.stands_still();
        if stood_still && state.recording.store(now) {
            state.wake(self.side.other());
        }
        if state.over && self.side == Side::Agent {
            // The recording has come to its end, so nothing more is shown.
            incoming.clear();
        }
        while !state.recording.stands_still()
            && room_for(&state.relay, incoming)
            && let Some(message) = incoming.pop_front()
        {
            match state.relay.handle_message(self.side, message, now) {
                Ok(Some(passing)) => state.recording.pass(self.side, &passing, now),
                Ok(None) => {}
                Err(error) => complain(error),
            }
        }
        // What is not recorded is not shown.
        let stored = state.recording.store(now);
        if pong {
            state.relay.handle_pong(self.side, now);
        }
        if state.relay.poll_timeout().is_some_and(|due| due <= now.instant) {
            state.relay.handle_timeout(now);
        }
        state.relay.withhold(!stored);
        while room {
            let Some(message) = state.relay.poll_transmit(self.side, now) else { break };
            room = send(message);
        }
        let tell = state.take_events(now) || stood_still == stored || state.recording.has_head();
        state.wake_if_wanted(self.side.other());
        let finished = state.over && room && !state.relay.owes(self.side);
        let read = stored && incoming.is_empty() && state.relay.wants_read(self.side);
        state.leg(self.side).stalled = (!read).then(|| incoming.front().map_or(0, Bytes::len));
        let turn = Turn {
            then: if finished { Then::Finish } else { Then::Continue },
            read,
            ping: std::mem::take(&mut state.leg(self.side).ping_wanted),
            closing: state.over,
            timeout: state.relay.poll_timeout().into_iter().chain(state.recording.due()).min(),
        };
        drop(guard);
        if tell {
            self.session.changed.notify_one();
        }
        turn
    }
}

impl State {
    fn holds(&mut self, attachment: &Attachment) -> bool {
        self.leg(attachment.side).attached.as_ref().is_some_and(|attached| attached.id == attachment.id)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let now = self.session.clock.now();
        let mut guard = self.session.lock();
        let state = &mut *guard;
        if !state.holds(self) {
            return;
        }
        state.leg(self.side).attached = None;
        state.relay.detach(self.side, now);
        state.recording.leg(self.side, false, now);
        state.recording.store(now);
        state.take_events(now);
        state.wake_if_wanted(self.side.other());
        drop(guard);
        self.session.changed.notify_one();
    }
}
