//! A session on a virtual clock: client, relay and agent, joined by two legs that behave like TCP.
//! They keep order, take time, hold little, and lose everything on their way when they die.

mod ours;
mod stock_agent;
mod stock_client;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use postern_protocol::Now;
use postern_protocol::channel::relay::{Leg, Relay, RelayConfig, RelayEvent, Side};
use postern_protocol::wire::MessageType;
use postern_protocol::wire::payload::{Acknowledge, JsonPayload};

pub use self::ours::OurEnd;
pub use self::stock_agent::StockAgent;
pub use self::stock_client::StockClient;
use crate::support::{Chance, Counted, MILLIS, SECONDS, at, decode, micros_of};

/// One end of the session, with the user or program behind it.
pub trait End {
    fn connected(&mut self, now: Now);
    fn disconnected(&mut self, now: Now);
    fn message(&mut self, message: Bytes, now: Now);
    /// The next message for the socket; asked again until there is none.
    fn transmit(&mut self, now: Now) -> Option<Bytes>;
    /// Lets the program behind it read and write.
    fn work(&mut self, now: Now);
    fn timeout(&self) -> Option<Instant>;
    fn handle_timeout(&mut self, now: Now);
    fn reads(&self) -> bool {
        true
    }
    fn is_ours(&self) -> bool;
    /// Whether it offers cumulative acknowledgements.
    fn is_cumulative(&self) -> bool {
        false
    }
    /// The streams that it sends and receives.
    fn sends(&self) -> &Counted;
    fn receives(&self) -> &Counted;
    /// Whether everything that it sent was acknowledged.
    fn is_drained(&self) -> bool;
    /// How many bytes of its stream are sent with the message of this number and those before.
    fn sent_until(&self, number: i64) -> Option<u64>;
    /// Whether the end has a message for good: handed on, or kept to be when its turn comes.
    fn has(&self, number: i64, until: u64) -> bool;
}

/// What is on its way on a leg.
enum Wire {
    Message(Bytes),
    Ping,
    Pong,
}

impl Wire {
    fn len(&self) -> usize {
        match self {
            Self::Message(message) => message.len(),
            Self::Ping | Self::Pong => 11,
        }
    }
}

/// One direction of one leg.
#[derive(Default)]
struct Pipe {
    queue: VecDeque<(u64, Wire)>,
    bytes: usize,
}

impl Pipe {
    fn put(&mut self, arrives: u64, wire: Wire) {
        // TCP keeps order whatever the delays.
        let arrives = self.queue.back().map_or(arrives, |(last, _)| arrives.max(*last));
        self.bytes += wire.len();
        self.queue.push_back((arrives, wire));
    }

    fn next(&self) -> Option<u64> {
        self.queue.front().map(|(arrives, _)| *arrives)
    }

    fn take(&mut self, now: u64) -> Option<Wire> {
        self.next().filter(|arrives| *arrives <= now)?;
        let (_, wire) = self.queue.pop_front()?;
        self.bytes -= wire.len();
        Some(wire)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The connection of one side to the service.
struct Cable {
    up: bool,
    /// Its end has closed it for good: what is on its way from there arrives, and then it is gone.
    closing: bool,
    /// When a new one is made.
    returns: Option<u64>,
    /// From the end to the relay, and back.
    inbound: Pipe,
    outbound: Pipe,
    delay: u64,
    capacity: usize,
}

#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// This side's connection dies, and comes back after so many microseconds.
    Drop(Side, u64),
    /// The service dies with all it knows, and comes back.
    Restart(u64),
}

/// How the world is.
#[derive(Clone, Debug)]
pub struct Weather {
    pub client_delay: u64,
    pub agent_delay: u64,
    pub capacity: usize,
    pub max_buffer_bytes: usize,
    pub faults: Vec<(u64, Fault)>,
}

pub struct World {
    pub now: u64,
    pub client: Box<dyn End>,
    pub agent: Box<dyn End>,
    pub relay: Relay,
    client_cable: Cable,
    agent_cable: Cable,
    weather: Weather,
    chance: Chance,
    pub most_buffered: usize,
    /// Cumulative acknowledgements that reached their senders.
    pub cumulative: u64,
    steps: u64,
    log: VecDeque<String>,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log.iter().cloned().collect::<Vec<_>>().join("\n"));
        }
    }
}

impl World {
    pub fn new(client: Box<dyn End>, agent: Box<dyn End>, weather: Weather, mut chance: Chance) -> Self {
        let cable = |delay, returns| Cable {
            up: false,
            closing: false,
            returns: Some(returns),
            inbound: Pipe::default(),
            outbound: Pipe::default(),
            delay,
            capacity: weather.capacity,
        };
        let config = RelayConfig { max_buffer_bytes: weather.max_buffer_bytes, ..RelayConfig::new(chance.next()) };
        Self {
            now: 0,
            client,
            agent,
            relay: Relay::new(config),
            client_cable: cable(weather.client_delay, chance.within(0..200 * MILLIS)),
            agent_cable: cable(weather.agent_delay, chance.within(0..200 * MILLIS)),
            weather,
            chance,
            most_buffered: 0,
            cumulative: 0,
            steps: 0,
            log: VecDeque::new(),
        }
    }

    fn end(&mut self, side: Side) -> (&mut Box<dyn End>, &mut Cable) {
        match side {
            Side::Client => (&mut self.client, &mut self.client_cable),
            Side::Agent => (&mut self.agent, &mut self.agent_cable),
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if self.log.len() == 60 {
            self.log.pop_front();
        }
        let now = self.now;
        self.log.push_back(format!("{}.{:03} ms {}", now / MILLIS, now % MILLIS, what()));
    }

    /// Whether every byte of both streams has arrived and been acknowledged.
    pub fn is_done(&self) -> bool {
        let arrived = |from: &dyn End, to: &dyn End| to.receives().received == from.sends().total;
        arrived(&*self.client, &*self.agent)
            && arrived(&*self.agent, &*self.client)
            && self.client.is_drained()
            && self.agent.is_drained()
    }

    /// Runs until everything has arrived; fails at the deadline.
    pub fn run(&mut self, deadline: u64) {
        while !self.is_done() {
            let next = self.next();
            self.steps += 1;
            if next.is_none_or(|next| next > deadline) || self.steps > 300_000 {
                panic!("stuck at {} ms after {} steps: {}", self.now / MILLIS, self.steps, self.state());
            }
            self.now = next.unwrap().max(self.now);
            self.step();
        }
    }

    /// Runs for some time, whatever happens.
    pub fn run_until(&mut self, end: u64) {
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.step();
        }
        self.now = end;
    }

    fn state(&self) -> String {
        let ends = [&self.client, &self.agent].map(|end| {
            let (sends, receives) = (end.sends(), end.receives());
            format!("sent {}/{} drained {} received {}", sends.sent, sends.total, end.is_drained(), receives.received)
        });
        format!(
            "client {}; agent {}; relay keeps {} bytes, reads client {} agent {}; {:?}",
            ends[0],
            ends[1],
            self.relay.buffered_bytes(),
            self.relay.wants_read(Side::Client),
            self.relay.wants_read(Side::Agent),
            self.relay,
        )
        .chars()
        .take(3000)
        .collect()
    }

    fn next(&self) -> Option<u64> {
        let mut next = vec![self.weather.faults.first().map(|(when, _)| *when)];
        next.push(self.relay.poll_timeout().map(micros_of));
        for (end, cable, side) in
            [(&self.client, &self.client_cable, Side::Client), (&self.agent, &self.agent_cable, Side::Agent)]
        {
            next.push(cable.returns);
            next.push(end.timeout().map(micros_of));
            next.push(cable.outbound.next().filter(|_| end.reads()));
            next.push(cable.inbound.next().filter(|_| self.relay.wants_read(side)));
        }
        next.into_iter().flatten().min()
    }

    fn step(&mut self) {
        let now = at(self.now);
        while let Some((_, fault)) = self.weather.faults.first().copied().filter(|(when, _)| *when <= self.now) {
            self.weather.faults.remove(0);
            self.fault(fault);
        }
        for side in [Side::Client, Side::Agent] {
            self.reconnect(side);
        }
        self.relay.handle_timeout(now);
        for side in [Side::Client, Side::Agent] {
            let (end, _) = self.end(side);
            if end.timeout().is_some_and(|due| due <= now.instant) {
                end.handle_timeout(now);
            }
            self.deliver_to_relay(side);
            self.deliver_to_end(side);
            self.finish_closing(side);
        }
        for side in [Side::Client, Side::Agent] {
            self.end(side).0.work(now);
            self.transmit_from_end(side);
        }
        self.pump_relay();
        self.most_buffered = self.most_buffered.max(self.relay.buffered_bytes());
    }

    /// Lets something happen now.
    pub fn fault_now(&mut self, fault: Fault) {
        self.fault(fault);
    }

    fn fault(&mut self, fault: Fault) {
        self.note(|| format!("{fault:?}"));
        match fault {
            Fault::Drop(side, pause) => self.cut(side, pause),
            Fault::Restart(pause) => {
                let uneven = self.chance.within(0..100 * MILLIS);
                self.cut(Side::Client, pause + uneven);
                self.cut(Side::Agent, pause);
                self.relay = Relay::new(RelayConfig {
                    max_buffer_bytes: self.weather.max_buffer_bytes,
                    resumed: true,
                    ..RelayConfig::new(self.chance.next())
                });
            }
        }
    }

    fn cut(&mut self, side: Side, pause: u64) {
        let now = self.now;
        let (end, cable) = self.end(side);
        cable.inbound.clear();
        cable.outbound.clear();
        cable.returns = Some(now + pause);
        if std::mem::take(&mut cable.up) {
            end.disconnected(at(now));
            self.relay.detach(side, at(now));
        }
    }

    /// This side's program ends and closes its connection.
    pub fn close(&mut self, side: Side) {
        let now = self.now;
        let (end, cable) = self.end(side);
        end.disconnected(at(now));
        cable.closing = true;
        cable.returns = None;
    }

    fn finish_closing(&mut self, side: Side) {
        let now = self.now;
        let cable = self.end(side).1;
        if cable.up && cable.closing && cable.inbound.queue.is_empty() {
            cable.up = false;
            self.relay.detach(side, at(now));
        }
    }

    fn reconnect(&mut self, side: Side) {
        let now = self.now;
        let (end, cable) = self.end(side);
        if cable.returns.is_none_or(|returns| returns > now) {
            return;
        }
        cable.returns = None;
        cable.up = true;
        let leg = Leg { ours: end.is_ours(), version: None, takes_warnings: false };
        end.connected(at(now));
        self.relay.attach(side, leg, at(now));
        self.note(|| format!("{side:?} is connected"));
    }

    fn deliver_to_relay(&mut self, side: Side) {
        while self.relay.wants_read(side) {
            let now = self.now;
            match self.end(side).1.inbound.take(now) {
                Some(Wire::Message(message)) => {
                    self.note(|| format!("{side:?} > {}", label(&message)));
                    self.relay.handle_message(side, message, at(now)).unwrap();
                }
                Some(Wire::Pong) => self.relay.handle_pong(side, at(now)),
                Some(Wire::Ping) => unreachable!("ends do not ping here"),
                None => return,
            }
        }
    }

    fn deliver_to_end(&mut self, side: Side) {
        loop {
            let now = self.now;
            let (end, cable) = self.end(side);
            if !end.reads() {
                return;
            }
            let (delay, chance) = (cable.delay, now);
            match cable.outbound.take(now) {
                Some(_) if cable.closing => {}
                Some(Wire::Message(message)) => {
                    end.message(message.clone(), at(now));
                    self.note(|| format!("{side:?} < {}", label(&message)));
                    self.check_acknowledgement(side, &message);
                }
                Some(Wire::Ping) => {
                    // The stock client pongs in the loop that handles data: behind its answers.
                    self.transmit_from_end(side);
                    self.end(side).1.inbound.put(chance + delay, Wire::Pong);
                }
                Some(Wire::Pong) | None => return,
            }
        }
    }

    /// A byte that is acknowledged to its sender was delivered.
    fn check_acknowledgement(&mut self, side: Side, message: &Bytes) {
        let frame = decode(message);
        if frame.message_type != MessageType::Acknowledge {
            return;
        }
        let acknowledge = Acknowledge::decode(&frame.payload).unwrap();
        let number = acknowledge.acknowledged_message_sequence_number;
        let (sender, receiver) = match side {
            Side::Client => (&self.client, &self.agent),
            Side::Agent => (&self.agent, &self.client),
        };
        if acknowledge.cumulative {
            assert!(sender.is_cumulative() && receiver.is_cumulative(), "nobody asked for {acknowledge:?}");
            self.cumulative += 1;
        }
        let until = sender.sent_until(number).expect("only what was sent is acknowledged");
        assert!(receiver.has(number, until), "message {number} of {side:?} was acknowledged and not delivered");
    }

    fn transmit_from_end(&mut self, side: Side) {
        let now = self.now;
        loop {
            let (end, cable) = self.end(side);
            if !cable.up || cable.inbound.bytes >= cable.capacity {
                return;
            }
            let Some(message) = end.transmit(at(now)) else { return };
            cable.inbound.put(now + cable.delay, Wire::Message(message));
        }
    }

    fn pump_relay(&mut self) {
        let now = self.now;
        while let Some(event) = self.relay.poll_event() {
            if let RelayEvent::WantsPing(side) = event {
                let cable = self.end(side).1;
                if cable.up {
                    cable.outbound.put(now + cable.delay, Wire::Ping);
                }
            }
        }
        for side in [Side::Client, Side::Agent] {
            loop {
                let cable = self.end(side).1;
                if !cable.up || cable.outbound.bytes >= cable.capacity {
                    break;
                }
                let has = self.relay.has_transmit(side);
                let message = self.relay.poll_transmit(side, at(now));
                assert!(has || message.is_none(), "has_transmit said no");
                let Some(message) = message else { break };
                let cable = self.end(side).1;
                cable.outbound.put(now + cable.delay, Wire::Message(message));
            }
        }
    }
}

fn label(message: &Bytes) -> String {
    let frame = decode(message);
    match frame.message_type {
        MessageType::Acknowledge => crate::support::show(message),
        message_type => {
            format!("{message_type} {} {} ({} bytes)", frame.sequence_number, frame.payload_type, frame.payload.len())
        }
    }
}

/// A world without faults, for tests that make their own.
pub fn fair(client: Box<dyn End>, agent: Box<dyn End>) -> World {
    let weather = Weather {
        client_delay: 5 * MILLIS,
        agent_delay: 5 * MILLIS,
        capacity: 64 * 1024,
        max_buffer_bytes: 1024 * 1024,
        faults: Vec::new(),
    };
    World::new(client, agent, weather, Chance::new(1))
}

/// Long enough for anything that is not stuck.
pub const PATIENCE: u64 = 600 * SECONDS;
