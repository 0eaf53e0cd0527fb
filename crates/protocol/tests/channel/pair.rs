//! Two of our ends on a wire that loses, doubles, delays and exchanges messages, and breaks.

use std::collections::BTreeMap;

use bytes::Bytes;
use postern_protocol::channel::data_channel::{Config, Role};

use crate::simulation::seeds;
use crate::support::{Chance, Counted, MILLIS, SECONDS, at, micros_of};
use crate::world::{End, OurEnd};

/// Messages on their way, by arrival.
#[derive(Default)]
struct Wire {
    messages: BTreeMap<(u64, u64), Bytes>,
    count: u64,
}

impl Wire {
    fn put(&mut self, arrives: u64, message: Bytes) {
        self.count += 1;
        self.messages.insert((arrives, self.count), message);
    }

    fn next(&self) -> Option<u64> {
        self.messages.first_key_value().map(|((arrives, _), _)| *arrives)
    }
}

struct Pair {
    now: u64,
    ends: [OurEnd; 2],
    /// Toward each end.
    wires: [Wire; 2],
    chance: Chance,
    loss_percent: u64,
    longest_delay: u64,
    /// When the connection breaks next; it is back at once.
    breaks: Option<u64>,
}

impl Pair {
    fn run(&mut self) {
        for end in &mut self.ends {
            end.connected(at(0));
        }
        loop {
            assert!(self.now < 300 * SECONDS, "stuck");
            for index in 0..2 {
                self.work(index);
            }
            if self.is_done() {
                return;
            }
            let deadlines = self.ends.iter().filter_map(|end| end.timeout().map(micros_of));
            let arrivals = self.wires.iter().filter_map(Wire::next);
            let next = deadlines.chain(arrivals).chain(self.breaks).min().expect("nothing will ever happen");
            self.now = next.max(self.now);
            if self.breaks.is_some_and(|breaks| breaks <= self.now) {
                self.break_connection();
            }
        }
    }

    fn is_done(&self) -> bool {
        self.ends.iter().all(|end| end.is_drained() && end.sends().left() == 0)
            && self.ends.iter().all(|end| end.receives().received == end.receives().total)
    }

    fn work(&mut self, index: usize) {
        let now = at(self.now);
        let end = &mut self.ends[index];
        if end.timeout().is_some_and(|due| due <= now.instant) {
            end.handle_timeout(now);
        }
        while let Some(entry) = self.wires[index].messages.first_entry().filter(|entry| entry.key().0 <= self.now) {
            end.message(entry.remove(), now);
        }
        end.work(now);
        while let Some(message) = end.transmit(now) {
            if self.chance.percent(self.loss_percent) {
                continue;
            }
            for _ in 0..1 + u64::from(self.chance.percent(5)) {
                let delay = self.chance.within(0..self.longest_delay);
                self.wires[1 - index].put(self.now + delay, message.clone());
            }
        }
    }

    fn break_connection(&mut self) {
        self.wires = Default::default();
        for end in &mut self.ends {
            end.disconnected(at(self.now));
            end.connected(at(self.now));
        }
        self.breaks = self.chance.percent(70).then(|| self.now + self.chance.within(0..2 * SECONDS));
    }
}

#[test]
fn every_byte_arrives_once_and_in_order() {
    seeds(200, |seed| {
        let mut chance = Chance::new(seed);
        let up = Counted::new(1, chance.within(1..60_000));
        let down = Counted::new(2, chance.within(1..60_000));
        let mut end = |role, sends: &Counted, receives: &Counted| {
            let config = Config {
                max_payload: usize::try_from(chance.within(100..3_000)).unwrap(),
                send_window_bytes: usize::try_from(chance.within(4_000..60_000)).unwrap(),
                receive_window_bytes: usize::try_from(chance.within(6_000..60_000)).unwrap(),
                handshake_timeout: std::time::Duration::from_secs(300),
                ..Config::new(role, chance.next())
            };
            let end = OurEnd::new(config, sends.clone(), receives.clone(), Chance::new(chance.next()));
            end.cumulative(chance.percent(60))
        };
        let ends = [end(Role::Client, &up, &down), end(Role::Agent, &down, &up)];
        Pair {
            now: 0,
            ends,
            wires: Default::default(),
            loss_percent: chance.within(0..20),
            longest_delay: chance.within(1..200 * MILLIS),
            breaks: chance.percent(50).then(|| chance.within(0..3 * SECONDS)),
            chance,
        }
        .run();
    });
}
