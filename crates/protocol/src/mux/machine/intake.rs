//! What the peer's frames do to the machine, and what no honest peer sends.

use bytes::Bytes;

use super::super::frame::{self, Control, Part};
use super::super::reset::ResetReason;
use super::super::stream::{Sending, Stream};
use super::super::{BASE_WINDOW_BYTES, Dialect, MuxError, Role, StreamId};
use super::{FIRST, Multiplexer};

/// Refusals of streams beyond the bound that may wait to be sent.
const MAX_REFUSALS: usize = 16 * 1024;

impl Multiplexer {
    /// The peer's next bytes, cut anywhere.
    ///
    /// # Errors
    /// If they cannot be followed. It is final: every later call gives the same error.
    pub fn handle_data(&mut self, mut data: Bytes) -> Result<(), MuxError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let handled = self.handle_parts(&mut data);
        self.failed = handled.clone().err();
        handled
    }

    fn handle_parts(&mut self, data: &mut Bytes) -> Result<(), MuxError> {
        let backing = data.len();
        while let Some(part) = self.parser.next(data)? {
            match part {
                Part::Control(id, Control::Open { window }) => self.handle_open(id, window)?,
                Part::Control(id, control) => self.handle_control(id, control)?,
                Part::Data(id, data) => self.handle_stream_data(id, data, backing)?,
            }
        }
        Ok(())
    }

    fn handle_open(&mut self, id: StreamId, window: u32) -> Result<(), MuxError> {
        if self.config.role == Role::Opener {
            return Err(MuxError::Role(frame::OPEN));
        }
        let credit = match self.config.dialect {
            // A stock end ignores the number of a stream that exists (spec session-types §6.5).
            Dialect::Smux1 if self.streams.contains_key(&id) => return Ok(()),
            Dialect::Smux1 => usize::MAX,
            Dialect::Postern2 => {
                if id.0.is_multiple_of(2) || u64::from(id.0) < self.next {
                    return Err(MuxError::NotNew(id));
                }
                self.next = u64::from(id.0) + 2;
                BASE_WINDOW_BYTES.saturating_add(as_size(window))
            }
        };
        if self.streams.len() >= self.config.max_streams {
            if self.refusals.len() >= MAX_REFUSALS {
                return Err(MuxError::Flood);
            }
            self.refusals.push_back(id);
            return Ok(());
        }
        let mut stream = Stream::new(credit, self.new_window());
        stream.news.opened = true;
        self.streams.insert(id, stream);
        self.settle(id);
        Ok(())
    }

    fn handle_control(&mut self, id: StreamId, control: Control) -> Result<(), MuxError> {
        let has_windows = self.has_half_close();
        let is_opener = self.config.role == Role::Opener;
        let Some(stream) = self.streams.get_mut(&id) else { return self.check_forgotten(id) };
        if stream.is_dropped {
            return Ok(());
        }
        match control {
            Control::Finish if stream.has_ended && has_windows => {
                return Err(MuxError::Repeated { stream: id, command: frame::FINISH });
            }
            Control::Finish if stream.has_ended => {}
            Control::Finish => {
                stream.has_ended = true;
                stream.news.readable = true;
                if !has_windows {
                    // Whoever says so has forgotten the stream, and drops what still comes.
                    stream.unsent.clear();
                    stream.sending = Sending::Stopped;
                }
            }
            Control::Grant(more) => {
                stream.credit = stream.credit.saturating_add(as_size(more));
                stream.has_starved = false;
            }
            Control::Connected { .. } if !is_opener => return Err(MuxError::Role(frame::CONNECTED)),
            Control::Connected { .. } if stream.is_connected => {
                return Err(MuxError::Repeated { stream: id, command: frame::CONNECTED });
            }
            Control::Connected { window } => {
                stream.is_connected = true;
                stream.news.connected = true;
                stream.credit = stream.credit.saturating_add(as_size(window));
                stream.has_starved = false;
            }
            // The opener's program hears what its destination has said before the connection broke. An acceptor's
            // destination would not miss it, and must not keep the connection by not reading.
            Control::Reset(reset) if is_opener && reset.reason == ResetReason::Broken && !stream.unread.is_empty() => {
                stream.last_word = Some(reset);
                stream.has_ended = true;
                stream.sending = Sending::Over;
                stream.unsent.clear();
                stream.control.clear();
                stream.news.writable = false;
            }
            Control::Reset(reset) => {
                stream.news.reset = Some(reset);
                self.drop_stream(id);
            }
            Control::Starved => {
                if let Some(window) = &mut stream.window {
                    window.starve();
                    let unread = stream.unread.len();
                    if let Some(more) = window.grant(unread, &mut self.budget) {
                        stream.grant_more(more);
                    }
                }
            }
            Control::Open { .. } => {}
        }
        self.settle(id);
        Ok(())
    }

    fn handle_stream_data(&mut self, id: StreamId, data: Bytes, backing: usize) -> Result<(), MuxError> {
        let has_windows = self.has_half_close();
        let Some(stream) = self.streams.get_mut(&id) else { return self.check_forgotten(id) };
        if stream.is_dropped {
            return Ok(());
        }
        if stream.has_ended && has_windows {
            return Err(MuxError::Repeated { stream: id, command: frame::DATA });
        }
        if let Some(window) = &mut stream.window
            && !window.receive(data.len())
        {
            return Err(MuxError::Window(id));
        }
        if stream.sending == Sending::Breaking {
            return Ok(());
        }
        // Without half-close nobody reads after this end's end or the peer's own.
        if !has_windows && (stream.sending != Sending::Open || stream.has_ended) {
            return Ok(());
        }
        self.unread_bytes += data.len();
        stream.unread.push(data, backing);
        stream.news.readable = true;
        self.settle(id);
        Ok(())
    }

    /// Frames may still be under way to a stream that this end has forgotten.
    fn check_forgotten(&self, id: StreamId) -> Result<(), MuxError> {
        let was_opened = (FIRST..self.next).contains(&id.0.into()) && id.0 % 2 == 1;
        if self.has_half_close() && !was_opened { Err(MuxError::NeverOpened(id)) } else { Ok(()) }
    }
}

/// A window of the peer's: any size is fine, for what is kept is bounded by what is written.
fn as_size(window: u32) -> usize {
    usize::try_from(window).unwrap_or(usize::MAX)
}
