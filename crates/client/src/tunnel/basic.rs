//! The basic port mode (session-types.md §6.4), for agents that do not multiplex: one connection at a time, its bytes as
//! they are. The local end's leaving is told by a flag; data of the connection that has left may still come until the
//! flag is acknowledged, and is dropped, so that it does not reach the next connection.

use std::collections::VecDeque;

use bytes::Bytes;
use postern_protocol::mux::{Event, Read, StreamId, WriteError};
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::StreamFlag;

/// Received data that may wait for the local program; more is not taken from the channel.
const RECEIVE_BYTES: usize = 256 * 1024;

/// Written data that may wait for the channel.
const SEND_BYTES: usize = 256 * 1024;

/// The one connection.
#[derive(Default)]
pub(super) struct Basic {
    opened: u32,
    phase: Phase,
    unread: VecDeque<Bytes>,
    unread_bytes: usize,
    unsent: VecDeque<Bytes>,
    unsent_bytes: usize,
    events: VecDeque<Event>,
    wants_room: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    Open(StreamId),
    /// The connection has left; what it sent is still to go, and the flag behind it.
    Leaving,
    /// The flag is on its way.
    Told,
}

impl Basic {
    pub(super) fn can_open(&self) -> bool {
        self.phase == Phase::Idle
    }

    pub(super) fn open(&mut self) -> Option<StreamId> {
        if !self.can_open() {
            return None;
        }
        self.opened += 1;
        let id = StreamId(self.opened);
        self.phase = Phase::Open(id);
        // Nobody says when the agent has its connection.
        self.events.extend([Event::Connected(id), Event::Readable(id)]);
        Some(id)
    }

    /// Without a connection data waits in the channel, unacknowledged, for the next one.
    pub(super) fn wants_data(&self) -> bool {
        self.phase != Phase::Idle && self.unread_bytes < RECEIVE_BYTES
    }

    pub(super) fn handle_data(&mut self, data: Bytes) {
        if let Phase::Open(id) = self.phase {
            self.unread_bytes += data.len();
            self.unread.push_back(data);
            self.events.push_back(Event::Readable(id));
        }
    }

    /// Everything that was sent is acknowledged, the flag too: what comes now is for the next connection.
    pub(super) fn handle_drained(&mut self) {
        if self.phase == Phase::Told {
            self.phase = Phase::Idle;
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn read(&mut self, id: StreamId) -> Read {
        if self.phase != Phase::Open(id) {
            return Read::Nothing;
        }
        let Some(data) = self.unread.pop_front() else { return Read::Nothing };
        self.unread_bytes -= data.len();
        Read::Data(data)
    }

    pub(super) fn write_capacity(&mut self, id: StreamId) -> usize {
        if self.phase != Phase::Open(id) {
            return 0;
        }
        let capacity = SEND_BYTES.saturating_sub(self.unsent_bytes);
        self.wants_room |= capacity == 0;
        capacity
    }

    pub(super) fn write(&mut self, id: StreamId, data: Bytes) -> Result<(), WriteError> {
        if self.phase != Phase::Open(id) {
            return Err(WriteError::Closed);
        }
        let capacity = self.write_capacity(id);
        if data.len() > capacity {
            return Err(WriteError::Full { capacity });
        }
        self.unsent_bytes += data.len();
        self.unsent.push_back(data);
        Ok(())
    }

    /// The connection has left; a half of it cannot.
    pub(super) fn leave(&mut self, id: StreamId) {
        if self.phase == Phase::Open(id) {
            self.phase = Phase::Leaving;
            self.unread.clear();
            self.unread_bytes = 0;
            self.events.clear();
        }
    }

    pub(super) fn poll_transmit(&mut self, room: usize) -> Option<(PayloadType, Bytes)> {
        if let Some(front) = self.unsent.front_mut() {
            if room == 0 {
                return None;
            }
            let data = front.split_to(room.min(front.len()));
            if front.is_empty() {
                self.unsent.pop_front();
            }
            self.unsent_bytes -= data.len();
            if let Phase::Open(id) = self.phase
                && std::mem::take(&mut self.wants_room)
            {
                self.events.push_back(Event::Writable(id));
            }
            return Some((PayloadType::OUTPUT, data));
        }
        if self.phase == Phase::Leaving {
            self.phase = Phase::Told;
            return Some((PayloadType::FLAG, StreamFlag::DisconnectToPort.encode()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn connections_come_one_after_the_other_and_do_not_mix() {
        let mut basic = Basic::default();
        assert!(!basic.wants_data(), "what comes before a connection waits for it");
        let first = basic.open().unwrap();
        assert_eq!(basic.open(), None);
        basic.handle_data(Bytes::from_static(b"banner"));
        assert_eq!(basic.read(first), Read::Data(Bytes::from_static(b"banner")));
        basic.write(first, Bytes::from_static(b"question")).unwrap();
        basic.leave(first);
        assert_eq!(basic.poll_transmit(3).unwrap().1, "que");
        assert_eq!(basic.poll_transmit(100).unwrap().1, "stion");
        let flag = (PayloadType::FLAG, StreamFlag::DisconnectToPort.encode());
        assert_eq!(basic.poll_transmit(0), Some(flag), "behind what was written");
        assert!(!basic.can_open() && basic.wants_data());
        basic.handle_data(Bytes::from_static(b"late"));
        basic.handle_drained();
        let second = basic.open().unwrap();
        assert_ne!(first, second);
        assert_eq!(basic.read(second), Read::Nothing, "not the first one's data");
        assert_eq!(basic.write(first, Bytes::from_static(b"x")), Err(WriteError::Closed));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut basic = Basic::default();
        let id = basic.open().unwrap();
        while basic.poll_event().is_some() {}
        basic.write(id, vec![0; SEND_BYTES].into()).unwrap();
        assert_eq!(basic.write_capacity(id), 0);
        assert_eq!(basic.write(id, Bytes::from_static(b"x")), Err(WriteError::Full { capacity: 0 }));
        assert!(basic.poll_transmit(1000).is_some());
        assert_eq!(basic.poll_event(), Some(Event::Writable(id)));
        basic.handle_data(vec![0; RECEIVE_BYTES].into());
        assert!(!basic.wants_data());
    }
}
