//! What connections travel in: a multiplexer, or the basic mode's one connection.

use bytes::Bytes;
use postern_protocol::mux::{Config, Dialect, Event, Multiplexer, MuxError, Read, Reset, ResetReason, Role, StreamId};
use postern_protocol::wire::PayloadType;

use super::basic::Basic;

/// Connections as payloads.
pub(super) enum Carrier {
    Multiplexed(Box<Multiplexer>),
    Basic(Box<Basic>),
}

impl Carrier {
    pub(super) fn multiplexed(dialect: Dialect) -> Carrier {
        Carrier::Multiplexed(Box::new(Multiplexer::new(Config::new(Role::Opener, dialect))))
    }

    pub(super) fn basic() -> Carrier {
        Carrier::Basic(Box::default())
    }

    /// Whether one direction of a connection can end while the other goes on.
    pub(super) fn has_half_close(&self) -> bool {
        matches!(self, Carrier::Multiplexed(mux) if mux.has_half_close())
    }

    /// Whether another connection has room.
    pub(super) fn can_open(&self) -> bool {
        match self {
            Carrier::Multiplexed(mux) => mux.streams() < Config::new(Role::Opener, Dialect::Smux1).max_streams,
            Carrier::Basic(basic) => basic.can_open(),
        }
    }

    pub(super) fn open(&mut self) -> Option<StreamId> {
        match self {
            Carrier::Multiplexed(mux) => mux.open(),
            Carrier::Basic(basic) => basic.open(),
        }
    }

    /// Whether a connection's next few bytes may have to wait for what others send in bulk.
    pub(super) fn has_sparse(&self) -> bool {
        matches!(self, Carrier::Multiplexed(mux) if mux.has_sparse())
    }

    /// Whether a payload may be handed in.
    pub(super) fn wants_data(&self) -> bool {
        match self {
            Carrier::Multiplexed(mux) => mux.wants_data(),
            Carrier::Basic(basic) => basic.wants_data(),
        }
    }

    pub(super) fn handle_data(&mut self, data: Bytes) -> Result<(), MuxError> {
        match self {
            Carrier::Multiplexed(mux) => mux.handle_data(data),
            Carrier::Basic(basic) => {
                basic.handle_data(data);
                Ok(())
            }
        }
    }

    /// Everything that was sent is acknowledged.
    pub(super) fn handle_drained(&mut self) {
        if let Carrier::Basic(basic) = self {
            basic.handle_drained();
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        match self {
            Carrier::Multiplexed(mux) => mux.poll_event(),
            Carrier::Basic(basic) => basic.poll_event(),
        }
    }

    pub(super) fn read(&mut self, id: StreamId) -> Read {
        match self {
            Carrier::Multiplexed(mux) => mux.read(id),
            Carrier::Basic(basic) => basic.read(id),
        }
    }

    /// Bytes that [`Carrier::write`] takes; after 0 an event says when there is room again.
    pub(super) fn write_capacity(&mut self, id: StreamId) -> usize {
        match self {
            Carrier::Multiplexed(mux) => mux.write_capacity(id),
            Carrier::Basic(basic) => basic.write_capacity(id),
        }
    }

    /// Queues at most as many bytes as the capacity was.
    pub(super) fn write(&mut self, id: StreamId, data: Bytes) {
        let written = match self {
            Carrier::Multiplexed(mux) => mux.write(id, data),
            Carrier::Basic(basic) => basic.write(id, data),
        };
        if let Err(error) = written {
            tracing::debug!(%id, %error, "data of a connection was dropped");
        }
    }

    /// The local program has no more data.
    pub(super) fn finish(&mut self, id: StreamId) {
        match self {
            Carrier::Multiplexed(mux) => mux.finish(id),
            Carrier::Basic(basic) => basic.leave(id),
        }
    }

    /// The local program's connection has broken.
    pub(super) fn reset(&mut self, id: StreamId) {
        match self {
            Carrier::Multiplexed(mux) => mux.reset(id, Reset::new(ResetReason::Broken, "")),
            Carrier::Basic(basic) => basic.leave(id),
        }
    }

    /// Tells the other end that this one lives.
    pub(super) fn keep_alive(&mut self) {
        if let Carrier::Multiplexed(mux) = self {
            mux.keep_alive();
        }
    }

    /// The next payload that fits into `room` bytes.
    pub(super) fn poll_transmit(&mut self, room: usize) -> Option<(PayloadType, Bytes)> {
        match self {
            Carrier::Multiplexed(mux) => mux.poll_transmit(room).map(|data| (PayloadType::OUTPUT, data)),
            Carrier::Basic(basic) => basic.poll_transmit(room),
        }
    }
}
