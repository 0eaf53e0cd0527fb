//! Two ends joined by a wire that cuts everything anywhere: every stream is exact, both ways, in both dialects, and
//! nobody has more under way than was granted.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use postern_protocol::mux::{
    BASE_WINDOW_BYTES, Config, Dialect, Event, MAX_TRANSMIT_BYTES, MIN_TRANSMIT_BYTES, Multiplexer, Read, Reset,
    ResetReason, Role, StreamId,
};
use proptest::prelude::*;

/// SplitMix64: what happens next.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// Every byte is a function of its stream, direction and place.
fn content(id: StreamId, role: Role, place: usize, len: usize) -> Bytes {
    let salt = usize::try_from(id.0).unwrap() * 31 + if role == Role::Opener { 7 } else { 0 };
    (place..place + len).map(|place| ((place * 131 + salt) ^ (place >> 8)).to_le_bytes()[0]).collect()
}

/// Mostly little, sometimes more than a window.
fn amount(chance: &mut Chance) -> usize {
    let most = if chance.below(8) == 0 { 600_000 } else { 60_000 };
    chance.below(most)
}

/// What an end's application has done with a stream.
#[derive(Debug, Default)]
struct Flow {
    /// Still to be written.
    left: usize,
    written: usize,
    read: usize,
    has_ended: bool,
    is_finished: bool,
}

struct End {
    role: Role,
    mux: Multiplexer,
    flows: BTreeMap<StreamId, Flow>,
    /// What this end has said and the other has not heard, as one byte stream.
    wire: VecDeque<u8>,
    resets: Vec<StreamId>,
}

impl End {
    fn new(role: Role, dialect: Dialect) -> Self {
        let mux = Multiplexer::new(Config::new(role, dialect));
        Self { role, mux, flows: BTreeMap::new(), wire: VecDeque::new(), resets: Vec::new() }
    }

    fn take_events(&mut self, chance: &mut Chance) {
        while let Some(event) = self.mux.poll_event() {
            match event {
                Event::Opened(id) => {
                    if chance.below(20) == 0 {
                        self.mux.reset(id, Reset::new(ResetReason::Refused, "no"));
                        self.resets.push(id);
                    } else {
                        self.mux.accept(id);
                        self.flows.insert(id, Flow { left: amount(chance), ..Flow::default() });
                    }
                }
                Event::Reset(id, _) => {
                    self.flows.remove(&id);
                    self.resets.push(id);
                }
                Event::Connected(_) | Event::Readable(_) | Event::Writable(_) => {}
            }
        }
    }

    fn write_some(&mut self, chance: &mut Chance) {
        for (id, flow) in &mut self.flows {
            let room = self.mux.write_capacity(*id).min(flow.left);
            let len = if chance.below(3) == 0 { room } else { chance.below(room + 1) };
            if len > 0 {
                self.mux.write(*id, content(*id, self.role, flow.written, len)).unwrap();
                flow.written += len;
                flow.left -= len;
            }
            if flow.left == 0 && !flow.is_finished && self.mux.has_half_close() {
                self.mux.finish(*id);
                flow.is_finished = true;
            }
        }
    }

    fn read_some(&mut self, chance: &mut Chance) {
        let peer = if self.role == Role::Opener { Role::Acceptor } else { Role::Opener };
        for (id, flow) in &mut self.flows {
            for _ in 0..chance.below(4) {
                match self.mux.read(*id) {
                    Read::Data(data) => {
                        assert!(data == content(*id, peer, flow.read, data.len()), "stream {id} at {}", flow.read);
                        flow.read += data.len();
                    }
                    Read::Nothing => break,
                    Read::Finished => {
                        flow.has_ended = true;
                        break;
                    }
                }
            }
        }
    }

    fn say(&mut self, chance: &mut Chance) {
        let room = MIN_TRANSMIT_BYTES + chance.below(MAX_TRANSMIT_BYTES);
        if let Some(payload) = self.mux.poll_transmit(room) {
            assert!(!payload.is_empty() && payload.len() <= room.min(MAX_TRANSMIT_BYTES));
            self.wire.extend(payload);
        }
    }

    fn hear(&mut self, from: &mut VecDeque<u8>, chance: &mut Chance) {
        if !self.mux.wants_data() {
            return;
        }
        let cut = if chance.below(4) == 0 { from.len() } else { chance.below(from.len().min(9000) + 1) };
        let piece: Bytes = from.drain(..cut).collect();
        self.mux.handle_data(piece).unwrap();
    }
}

/// Runs until every stream has carried all it had, or panics after far too many steps.
fn run(seed: u64, dialect: Dialect, streams: usize) {
    let mut chance = Chance(seed);
    let mut client = End::new(Role::Opener, dialect);
    let mut agent = End::new(Role::Acceptor, dialect);
    let mut to_open = streams;
    for step in 0.. {
        assert!(step < 200_000, "seed {seed}: {:?} {:?}", client.flows, agent.flows);
        if to_open > 0 && chance.below(3) == 0 {
            let id = client.mux.open().unwrap();
            client.flows.insert(id, Flow { left: amount(&mut chance), ..Flow::default() });
            to_open -= 1;
        }
        for end in [&mut client, &mut agent] {
            end.take_events(&mut chance);
            end.write_some(&mut chance);
            end.say(&mut chance);
            end.read_some(&mut chance);
        }
        client.hear(&mut agent.wire, &mut chance);
        agent.hear(&mut client.wire, &mut chance);
        for end in [&client, &agent] {
            // Whatever is not read, it is no more than was granted; the first dialect's bound is the session's.
            let most = (32 << 20) + end.mux.streams() * BASE_WINDOW_BYTES;
            assert!(end.mux.unread_bytes() <= most);
        }
        let is_carried = |from: &End, to: &End| {
            from.flows.iter().all(|(id, flow)| {
                let there = to.flows.get(id);
                flow.left == 0 && there.is_some_and(|there| there.read == flow.written)
            })
        };
        let is_quiet = client.wire.is_empty() && agent.wire.is_empty();
        let is_silent = !client.mux.has_transmit() && !agent.mux.has_transmit();
        if to_open == 0 && is_quiet && is_silent && is_carried(&client, &agent) && is_carried(&agent, &client) {
            break;
        }
        // A stream that was refused is gone at both ends in the first dialect once its end was read.
        if dialect == Dialect::Smux1 {
            client.flows.retain(|id, flow| {
                let is_refused = agent.resets.contains(id);
                if is_refused && flow.has_ended {
                    client.mux.finish(*id);
                }
                !(is_refused && flow.has_ended)
            });
        }
    }
    if dialect == Dialect::Postern2 {
        assert_eq!(client.resets.len(), agent.resets.len());
        // Everything has ended by itself; what is left are ends that have not been read.
        for end in [&mut client, &mut agent] {
            let ids: Vec<_> = end.flows.keys().copied().collect();
            assert!(ids.into_iter().all(|id| end.flows[&id].has_ended || end.mux.read(id) == Read::Finished));
        }
    } else {
        let ids: Vec<_> = client.flows.keys().copied().collect();
        ids.iter().for_each(|id| client.mux.finish(*id));
        crate::carry(&mut client.mux, &mut agent.mux);
        for id in ids {
            assert_eq!(agent.mux.read(id), Read::Finished);
            agent.mux.finish(id);
        }
        crate::carry(&mut agent.mux, &mut client.mux);
    }
    assert_eq!((client.mux.streams(), agent.mux.streams()), (0, 0), "seed {seed}");
    assert_eq!((client.mux.unread_bytes(), agent.mux.unread_bytes()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn every_stream_is_exact_between_our_ends(seed: u64, streams in 1..12usize) {
        run(seed, Dialect::Postern2, streams);
    }

    #[test]
    fn every_stream_is_exact_in_the_stock_dialect(seed: u64, streams in 1..12usize) {
        run(seed, Dialect::Smux1, streams);
    }
}

/// Eight streams with the same to send come out even: in every round each has its slice.
#[test]
fn streams_share_the_session_evenly() {
    for dialect in crate::BOTH {
        let (mut client, mut agent) = crate::pair(dialect);
        let ids: Vec<_> = (0..8).map(|_| client.open().unwrap()).collect();
        crate::carry(&mut client, &mut agent);
        ids.iter().for_each(|id| agent.accept(*id));
        crate::carry(&mut agent, &mut client);
        let mut read = BTreeMap::new();
        for _ in 0..500 {
            for id in &ids {
                let room = agent.write_capacity(*id);
                agent.write(*id, Bytes::from(vec![0; room])).unwrap();
            }
            client.handle_data(agent.poll_transmit(MAX_TRANSMIT_BYTES).unwrap()).unwrap();
            for id in &ids {
                *read.entry(*id).or_insert(0) += crate::read_all(&mut client, *id).0.len();
            }
            crate::carry(&mut client, &mut agent);
        }
        let (least, most) = (read.values().min().unwrap(), read.values().max().unwrap());
        assert!(most - least <= MAX_TRANSMIT_BYTES, "{read:?}");
    }
}

/// The promise to users: a thousand connections through one tunnel at the same time.
#[test]
fn a_thousand_streams_are_exact_at_once() {
    let mut chance = Chance(1);
    let mut client = End::new(Role::Opener, Dialect::Postern2);
    let mut agent = End::new(Role::Acceptor, Dialect::Postern2);
    for _ in 0..1000 {
        let id = client.mux.open().unwrap();
        client.flows.insert(id, Flow { left: 5000, ..Flow::default() });
    }
    for _ in 0..4000 {
        for end in [&mut client, &mut agent] {
            while let Some(event) = end.mux.poll_event() {
                if let Event::Opened(id) = event {
                    end.mux.accept(id);
                    end.flows.insert(id, Flow { left: 5000, ..Flow::default() });
                }
            }
            end.say(&mut chance);
        }
        client.hear(&mut agent.wire, &mut chance);
        agent.hear(&mut client.wire, &mut chance);
        for end in [&mut client, &mut agent] {
            end.write_some(&mut chance);
            end.read_some(&mut chance);
        }
        if agent.flows.len() == 1000 && client.flows.values().chain(agent.flows.values()).all(|flow| flow.has_ended) {
            break;
        }
    }
    let is_exact = |end: &End| end.flows.values().all(|flow| flow.read == 5000 && flow.has_ended);
    assert!(agent.flows.len() == 1000 && is_exact(&client) && is_exact(&agent));
    assert_eq!((client.mux.streams(), agent.mux.streams()), (0, 0));
}
