//! A session that carries connections of local programs to a port (session-types.md §6.4, §6.5).
//!
//! One task moves everything: nothing is read from a program before the carrier has room for it, nothing is taken from
//! the channel before the carrier has, and what a program does not take stops its own connection and, where the other end
//! has windows for each, no other. An idle connection holds no buffer.

mod basic;
mod carrier;
mod connection;
mod opening;
pub(crate) mod plugin;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use postern_protocol::channel::data_channel;
use postern_protocol::mux::{Event, PortMode, Read, Reset, StreamId};
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::StreamFlag;
use postern_protocol::{Clock as _, Now};
use postern_transport::{SystemClock, sleep_until};

use self::carrier::Carrier;
use self::connection::{Connection, Ready, Waits, refuse};
use crate::access::Access;
use crate::ending;
use crate::handshake::Answer;
use crate::leg::{Leg, LegEvent};
use crate::session::{Cause, SessionError};

pub use self::connection::Arrival;
pub use self::opening::TunnelOpener;

/// Input that may be unacknowledged: 40 MB/s over 100 ms.
const SEND_WINDOW_BYTES: usize = 4 * 1024 * 1024;

/// The same on a path without delay.
const NEAR_WINDOW_BYTES: usize = 768 * 1024;

/// The same where a small request of somebody else's would wait behind it.
const SHARED_WINDOW_BYTES: usize = 48 * 1024;

/// With this much untaken in the channel the socket is read no further.
const READ_BELOW_BYTES: usize = 1024 * 1024;

/// What one connection reads at a time, so that all get their turns.
const READ_BYTES: usize = 64 * 1024;

/// Stock agents of old end a session whose client is silent for 30 s (session-types.md §6.5).
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(10);

/// How long good-bye may take.
const FAREWELL_WITHIN: Duration = Duration::from_secs(2);

/// What a tunnel has to tell.
#[derive(Debug)]
pub enum TunnelEvent {
    /// A destination was not reached. The reason is the node's own, where it gave one.
    NotConnected(Option<Reset>),
    /// A connection is over.
    Closed(Flow),
    /// Another connection can be carried again.
    Room,
    /// There has been no connection to the session for long enough to be told; why.
    Missing(String),
    /// There is one again.
    Back,
    /// It is about to end; why.
    Ending(String),
    /// The session has ended.
    Ended(Result<Cause, SessionError>),
}

/// What flowed through a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// From the local program.
    pub sent_bytes: u64,
    /// To it.
    pub received_bytes: u64,
}

/// A session that carries connections.
pub struct Tunnel<A> {
    leg: Leg<A>,
    knows_terminate_flag: bool,
    /// When the other end wants to hear of us; stock agents of old do.
    keep_alive_at: Option<Instant>,
    carrier: Carrier,
    connections: BTreeMap<StreamId, Connection>,
    waits: Waits,
    events: VecDeque<TunnelEvent>,
    /// Said everything: nothing is moved any more.
    has_ended: bool,
}

impl<A: Access + 'static> Tunnel<A> {
    /// A tunnel over a channel whose handshake is through.
    pub(crate) fn new(mut leg: Leg<A>, answer: &Answer) -> Tunnel<A> {
        leg.channel.set_send_window(SEND_WINDOW_BYTES, NEAR_WINDOW_BYTES);
        let (carrier, keeps_alive) = match answer.port_mode {
            PortMode::Multiplexed { dialect, keeps_alive } => (Carrier::multiplexed(dialect), keeps_alive),
            PortMode::Basic => (Carrier::basic(), false),
        };
        Tunnel {
            leg,
            knows_terminate_flag: answer.knows_terminate_flag,
            keep_alive_at: keeps_alive.then(|| SystemClock.now().instant),
            carrier,
            connections: BTreeMap::new(),
            waits: Waits::default(),
            events: VecDeque::new(),
            has_ended: false,
        }
    }

    /// Whether there is room for another connection.
    pub fn can_open(&self) -> bool {
        !self.has_ended && self.carrier.can_open()
    }

    /// Whether several connections are carried at a time.
    pub(crate) fn is_multiplexed(&self) -> bool {
        matches!(self.carrier, Carrier::Multiplexed(_))
    }

    /// Connections under way.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// What has flowed so far through the connections that are under way.
    pub fn flows(&self) -> impl Iterator<Item = Flow> {
        self.connections.values().map(flow)
    }

    /// Carries a connection from here on. Only while [`Tunnel::can_open`]; else it is closed.
    pub fn open(&mut self, arrival: Arrival) {
        let Some(id) = self.carrier.open() else { return };
        let connection = self.connections.entry(id).or_insert(Connection::new(arrival));
        self.waits.for_input(id, connection);
    }

    /// Moves everything until there is something to tell. Cancel-safe.
    pub async fn next(&mut self) -> TunnelEvent {
        let could_open = self.can_open();
        loop {
            let now = SystemClock.now();
            if !self.has_ended {
                self.keep_alive(now);
                self.take_channel_events(now);
                self.take_carrier_events();
                self.transmit(now);
            }
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            if self.has_ended {
                return std::future::pending().await;
            }
            if !could_open && self.can_open() {
                return TunnelEvent::Room;
            }
            self.leg.read_below(READ_BELOW_BYTES);
            // By chance, not in order: a leg that always has something must not keep programs from being heard.
            tokio::select! {
                event = self.leg.next() => self.on_leg(event),
                ready = self.waits.next() => self.on_ready(ready),
                () = sleep_until(self.keep_alive_at) => {}
            }
        }
    }

    fn keep_alive(&mut self, now: Now) {
        if self.keep_alive_at.is_some_and(|at| at <= now.instant) {
            self.keep_alive_at = Some(now.instant + KEEP_ALIVE_EVERY);
            self.carrier.keep_alive();
        }
    }

    fn on_leg(&mut self, event: LegEvent) {
        match event {
            LegEvent::Moved => {}
            LegEvent::Missing(cause) => self.events.push_back(TunnelEvent::Missing(cause)),
            LegEvent::Back => self.events.push_back(TunnelEvent::Back),
            LegEvent::Ended => self.end(Ok(Cause::TimedOut)),
            LegEvent::Failed(error) => self.end(Err(error.into())),
        }
    }

    fn end(&mut self, ending: Result<Cause, SessionError>) {
        if !self.has_ended {
            self.has_ended = true;
            for connection in self.connections.values() {
                connection.stream.reset_on_drop();
            }
            let left = std::mem::take(&mut self.connections);
            self.events.extend(left.values().map(|connection| TunnelEvent::Closed(flow(connection))));
            self.events.push_back(TunnelEvent::Ended(ending));
        }
    }

    /// Takes from the channel, and thereby acknowledges, what the carrier has room for.
    fn take_channel_events(&mut self, now: Now) {
        if self.leg.channel.is_drained() {
            self.carrier.handle_drained();
        }
        while !self.has_ended && (self.carrier.wants_data() || self.has_nothing_to_lose()) {
            match self.leg.channel.poll_event(now) {
                None => return,
                Some(data_channel::Event::Data { payload_type: PayloadType::FLAG, payload }) => {
                    if StreamFlag::decode(&payload) == Ok(StreamFlag::ConnectToPortError) {
                        self.events.push_back(TunnelEvent::NotConnected(None));
                    }
                }
                Some(data_channel::Event::Data { payload_type: PayloadType::OUTPUT, payload }) => {
                    if let Err(error) = self.carrier.handle_data(payload) {
                        self.end(Err(SessionError::Multiplexer(error)));
                    }
                    // What is readable now may leave at once, which makes room for more.
                    self.take_carrier_events();
                }
                Some(data_channel::Event::SessionEnding(ending)) => {
                    self.events.push_back(TunnelEvent::Ending(ending::warning(&ending)));
                }
                Some(data_channel::Event::ChannelClosed(closed)) => {
                    self.end(Ok(Cause::Closed { output: closed.output }));
                }
                Some(_) => {}
            }
        }
    }

    /// The end is noticed although nobody takes the data before it.
    fn has_nothing_to_lose(&self) -> bool {
        self.leg.channel.receive_backlog_bytes() == 0 || self.connections.is_empty() && self.leg.channel.is_closing()
    }

    fn take_carrier_events(&mut self) {
        while let Some(event) = self.carrier.poll_event() {
            match event {
                Event::Connected(id) => self.on_connected(id),
                Event::Readable(id) => self.deliver(id),
                Event::Writable(id) => {
                    if let Some(connection) = self.connections.get_mut(&id)
                        && !connection.has_sent_all
                    {
                        self.waits.for_input(id, connection);
                    }
                }
                Event::Reset(id, reset) => self.on_reset(id, reset),
                // Only clients open streams.
                Event::Opened(_) => {}
            }
        }
    }

    fn on_connected(&mut self, id: StreamId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.is_connected = true;
        connection.unwritten = std::mem::take(&mut connection.on_connected);
        self.deliver(id);
    }

    fn on_reset(&mut self, id: StreamId, reset: Reset) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        if connection.is_connected && !connection.unwritten.is_empty() {
            // What had come before is still the program's.
            connection.is_broken = true;
            connection.has_sent_all = true;
            self.connections.insert(id, connection);
            return self.deliver(id);
        }
        if !connection.is_connected {
            refuse(&connection.stream, (connection.on_failed)(Some(reset.reason)));
            self.events.push_back(TunnelEvent::NotConnected(Some(reset)));
        } else {
            connection.stream.reset_on_drop();
        }
        self.events.push_back(TunnelEvent::Closed(flow(&connection)));
    }

    /// Gives the program what has come for it, as far as it takes it.
    fn deliver(&mut self, id: StreamId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        loop {
            if connection.stream.try_write(&mut connection.unwritten).is_err() {
                return self.break_off(id);
            }
            if !connection.unwritten.is_empty() {
                return self.waits.for_room(id, connection);
            }
            if connection.is_broken {
                connection.stream.reset_on_drop();
                return self.break_off(id);
            }
            match self.carrier.read(id) {
                Read::Data(data) => {
                    connection.received_bytes += data.len() as u64;
                    connection.unwritten = data;
                }
                Read::Nothing => return,
                Read::Finished => {
                    connection.stream.finish();
                    connection.has_received_all = true;
                    if !self.carrier.has_half_close() && !connection.has_sent_all {
                        // The stream is over as a whole; what the program still sends has nowhere to go.
                        connection.has_sent_all = true;
                        self.carrier.finish(id);
                    }
                    return self.close_if_over(id);
                }
            }
        }
    }

    fn on_ready(&mut self, ready: Ready) {
        let (Ready::ToRead(id) | Ready::ToWrite(id)) = ready;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.waited(ready);
        match ready {
            Ready::ToRead(_) => self.collect(id),
            Ready::ToWrite(_) => self.deliver(id),
        }
    }

    /// Takes from the program what the carrier has room for.
    fn collect(&mut self, id: StreamId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let capacity = self.carrier.write_capacity(id).min(READ_BYTES);
        if capacity == 0 {
            // An event says when there is room.
            return;
        }
        match connection.stream.try_read(capacity) {
            Err(_) => self.break_off(id),
            Ok(None) => self.waits.for_input(id, connection),
            Ok(Some(data)) if data.is_empty() => {
                connection.has_sent_all = true;
                self.carrier.finish(id);
                if !self.carrier.has_half_close() {
                    connection.has_received_all = true;
                }
                self.close_if_over(id);
            }
            Ok(Some(data)) => {
                connection.sent_bytes += data.len() as u64;
                self.carrier.write(id, data);
                self.waits.for_input(id, connection);
            }
        }
    }

    /// The program's end of a connection has broken.
    fn break_off(&mut self, id: StreamId) {
        self.carrier.reset(id);
        if let Some(connection) = self.connections.remove(&id) {
            self.events.push_back(TunnelEvent::Closed(flow(&connection)));
        }
    }

    fn close_if_over(&mut self, id: StreamId) {
        if self.connections.get(&id).is_some_and(Connection::is_over)
            && let Some(connection) = self.connections.remove(&id)
        {
            self.events.push_back(TunnelEvent::Closed(flow(&connection)));
        }
    }

    fn transmit(&mut self, now: Now) {
        let near = if self.carrier.has_sparse() { SHARED_WINDOW_BYTES } else { NEAR_WINDOW_BYTES };
        self.leg.channel.set_send_window(SEND_WINDOW_BYTES, near);
        while !self.has_ended
            && let Some((payload_type, payload)) = self.carrier.poll_transmit(self.leg.channel.write_capacity())
        {
            self.write(payload_type, payload, now);
        }
    }

    fn write(&mut self, payload_type: PayloadType, payload: Bytes, now: Now) {
        if let Err(error) = self.leg.channel.write(payload_type, payload, now) {
            tracing::debug!(%error, "a payload was not sent");
        }
    }

    /// Ends the session on the node, as the stock plugin does at a signal, and waits a moment until it has heard it.
    /// Says whether it could be told so; agents of old do not know the flag.
    pub async fn terminate(&mut self) -> bool {
        if self.has_ended || self.leg.is_missing() || !self.knows_terminate_flag {
            return false;
        }
        let now = SystemClock.now();
        let deadline = now.instant + FAREWELL_WITHIN;
        self.write(PayloadType::FLAG, StreamFlag::TerminateSession.encode(), now);
        while !self.leg.channel.is_drained() {
            // Nobody is there any more for what still comes; that it is over may be among it.
            while let Some(event) = self.leg.channel.poll_event(now) {
                if matches!(event, data_channel::Event::ChannelClosed(_)) {
                    return true;
                }
            }
            let event = tokio::select! {
                event = self.leg.next() => event,
                () = sleep_until(Some(deadline)) => return false,
            };
            match event {
                LegEvent::Moved | LegEvent::Back => {}
                LegEvent::Ended => return true,
                LegEvent::Missing(_) | LegEvent::Failed(_) => return false,
            }
        }
        true
    }
}

fn flow(connection: &Connection) -> Flow {
    Flow { sent_bytes: connection.sent_bytes, received_bytes: connection.received_bytes }
}
