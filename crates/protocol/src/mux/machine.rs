//! The machine: streams by number, whose turn it is to send, and what the application is to be told.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};

use super::frame::{self, Control, HEADER_BYTES, MAX_SLICE_BYTES, Parser, Part};
use super::reset::{Reset, ResetReason};
use super::stream::{Sending, Stream};
use super::window::{Budget, ReceiveWindow};
use super::{
    BASE_WINDOW_BYTES, Config, Dialect, Event, MAX_TRANSMIT_BYTES, MIN_TRANSMIT_BYTES, MuxError, Read, Role, StreamId,
    WriteError,
};

/// The opener's first stream (spec session-types §6.5).
const FIRST: u64 = 3;
/// What one stream may have waiting to be sent: with few streams, and with however many.
const MOST_UNSENT: usize = 128 * 1024;
const LEAST_UNSENT: usize = 1024;
/// Less than this is not cut from a slice to fill a payload up.
const SLIVER_BYTES: usize = 2 * 1024;
/// Refusals of streams beyond the bound that may wait to be sent.
const MAX_REFUSALS: usize = 16 * 1024;

/// One end of a multiplexed port session. See the [module](super).
pub struct Multiplexer {
    config: Config,
    parser: Parser,
    streams: BTreeMap<StreamId, Stream>,
    /// The opener's next number; for the acceptor, what no new number may be below. Behind the last number there is no
    /// other, so it has room for more than a number.
    next: u64,
    /// Streams with control frames, which go first.
    controls: VecDeque<StreamId>,
    /// Streams with data that may be sent, each one's slice in turn.
    turns: VecDeque<StreamId>,
    /// Streams with news.
    news: VecDeque<StreamId>,
    /// Streams that were one too many.
    refusals: VecDeque<StreamId>,
    /// A sign of life is to be sent.
    owes_keep_alive: bool,
    budget: Budget,
    unread_bytes: usize,
    failed: Option<MuxError>,
}

impl std::fmt::Debug for Multiplexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Multiplexer")
            .field("config", &self.config)
            .field("streams", &self.streams.len())
            .field("unread_bytes", &self.unread_bytes)
            .finish_non_exhaustive()
    }
}

impl Multiplexer {
    /// An end without streams.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            parser: Parser::new(config.dialect),
            streams: BTreeMap::new(),
            next: FIRST,
            controls: VecDeque::new(),
            turns: VecDeque::new(),
            news: VecDeque::new(),
            refusals: VecDeque::new(),
            owes_keep_alive: false,
            budget: Budget::new(config.receive_bytes),
            unread_bytes: 0,
            failed: None,
        }
    }

    /// Whether one direction of a stream can end while the other goes on.
    pub fn has_half_close(&self) -> bool {
        self.config.dialect == Dialect::Postern2
    }

    /// Streams that are not forgotten yet.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Their numbers.
    pub(super) fn ids(&self) -> Vec<StreamId> {
        self.streams.keys().copied().collect()
    }

    /// Received data that has not been read, in all streams.
    pub const fn unread_bytes(&self) -> usize {
        self.unread_bytes
    }

    /// Whether [`Multiplexer::handle_data`] may be called. Not when, in the first dialect, too much waits to be read.
    pub fn wants_data(&self) -> bool {
        self.has_half_close() || self.unread_bytes < self.config.receive_bytes
    }

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

    fn new_window(&self) -> Option<ReceiveWindow> {
        self.has_half_close().then(ReceiveWindow::new)
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

    /// The next thing for the application.
    pub fn poll_event(&mut self) -> Option<Event> {
        while let Some(id) = self.news.front().copied() {
            let Some(stream) = self.streams.get_mut(&id) else {
                self.news.pop_front();
                continue;
            };
            let news = &mut stream.news;
            // A stream that came and went before anybody looked never was.
            let was_opened = std::mem::take(&mut news.opened);
            if let Some(reset) = news.reset.take() {
                self.settle(id);
                if was_opened {
                    continue;
                }
                return Some(Event::Reset(id, reset));
            }
            let event = if was_opened {
                Some(Event::Opened(id))
            } else if std::mem::take(&mut news.connected) {
                Some(Event::Connected(id))
            } else if std::mem::take(&mut news.readable) {
                Some(Event::Readable(id))
            } else if std::mem::take(&mut news.writable) {
                Some(Event::Writable(id))
            } else {
                None
            };
            match event {
                Some(_) => return event,
                None => {
                    self.news.pop_front();
                    stream.queued.news = false;
                }
            }
        }
        None
    }

    /// Opener: a new stream; none when there are as many as may be.
    pub fn open(&mut self) -> Option<StreamId> {
        if self.config.role != Role::Opener || self.streams.len() >= self.config.max_streams {
            return None;
        }
        let id = StreamId(u32::try_from(self.next).ok()?);
        self.next += 2;
        let mut stream = match self.new_window() {
            None => Stream { is_connected: true, ..Stream::new(usize::MAX, None) },
            Some(window) => Stream::new(BASE_WINDOW_BYTES, Some(window)),
        };
        stream.news.connected = stream.is_connected;
        let window = stream.window.as_mut().map_or(0, |window| window.begin(&mut self.budget));
        stream.control.push_back(Control::Open { window });
        self.streams.insert(id, stream);
        self.settle(id);
        Some(id)
    }

    /// Acceptor: the stream's connection is made. The opener is told so.
    pub fn accept(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if self.config.role != Role::Acceptor || stream.is_dropped || stream.is_connected {
            return;
        }
        stream.is_connected = true;
        if let Some(window) = &mut stream.window {
            let window = window.begin(&mut self.budget);
            stream.control.push_back(Control::Connected { window });
        }
        self.settle(id);
    }

    /// What the stream has for its reader. Reading is what lets the peer send more.
    pub fn read(&mut self, id: StreamId) -> Read {
        let Some(stream) = self.streams.get_mut(&id) else { return Read::Nothing };
        let Some(data) = stream.unread.pop() else {
            if stream.is_dropped || !stream.has_ended {
                return Read::Nothing;
            }
            stream.knows_end = true;
            self.settle(id);
            return Read::Finished;
        };
        self.unread_bytes -= data.len();
        // An end that is known leaves nothing to grant.
        if let Some(window) = stream.window.as_mut().filter(|_| !stream.has_ended)
            && let Some(more) = window.grant(stream.unread.len(), &mut self.budget)
        {
            stream.grant_more(more);
            self.settle(id);
        }
        Read::Data(data)
    }

    /// Bytes that may be written now; 0 means wait for [`Event::Writable`]. A few bytes are not worth telling.
    pub fn write_capacity(&mut self, id: StreamId) -> usize {
        let most = self.most_unsent();
        let Some(stream) = self.streams.get_mut(&id) else { return 0 };
        if stream.sending != Sending::Open {
            return 0;
        }
        let room = most.saturating_sub(stream.unsent.len());
        stream.wants_room = room < most / 4;
        if stream.wants_room { 0 } else { room }
    }

    /// What one stream may have unsent. However many there are, each may have some.
    fn most_unsent(&self) -> usize {
        (self.config.send_bytes / self.streams.len().max(1)).clamp(LEAST_UNSENT, MOST_UNSENT)
    }

    /// Queues data of the stream: as much as [`Multiplexer::write_capacity`] said, even if it says less by now.
    ///
    /// # Errors
    /// See [`WriteError`]. Either everything was queued or nothing.
    pub fn write(&mut self, id: StreamId, data: Bytes) -> Result<(), WriteError> {
        let stream = self.streams.get_mut(&id).filter(|stream| stream.sending == Sending::Open);
        let stream = stream.ok_or(WriteError::Closed)?;
        let capacity = MOST_UNSENT.saturating_sub(stream.unsent.len());
        if data.len() > capacity {
            return Err(WriteError::Full { capacity });
        }
        let backing = data.len();
        stream.unsent.push(data, backing);
        self.settle(id);
        Ok(())
    }

    /// This end has no more data for the stream. What was written goes out first.
    pub fn finish(&mut self, id: StreamId) {
        let has_half_close = self.has_half_close();
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if !matches!(stream.sending, Sending::Open | Sending::Stopped) {
            return;
        }
        stream.sending = Sending::Ending;
        if !has_half_close {
            // Without half-close this is the end of both directions.
            self.unread_bytes -= stream.unread.clear();
            stream.has_ended = true;
            stream.knows_end = true;
        }
        self.settle(id);
    }

    /// Drops the stream in both directions, with all that waits in it.
    pub fn reset(&mut self, id: StreamId, reset: Reset) {
        let has_reasons = self.has_half_close();
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.news.reset = None;
        if stream.is_dropped {
            return self.settle(id);
        }
        let is_unheard_of = matches!(stream.control.front(), Some(Control::Open { .. }));
        self.drop_stream(id);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if !is_unheard_of {
            stream.control.push_back(if has_reasons { Control::Reset(reset) } else { Control::Finish });
        }
        self.settle(id);
    }

    /// Frees what the stream holds. What it has to say goes on.
    fn drop_stream(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.is_dropped = true;
        stream.sending = Sending::Over;
        stream.unsent.clear();
        stream.control.clear();
        stream.news.connected = false;
        stream.news.readable = false;
        stream.news.writable = false;
        self.unread_bytes -= stream.unread.clear();
    }

    /// Sends a frame that means nothing. Old stock ends give a session up in which nothing came for 30 s, and want one
    /// every 10 s (spec session-types §6.5, data-channel §6.4).
    pub const fn keep_alive(&mut self) {
        self.owes_keep_alive = true;
    }

    /// Whether [`Multiplexer::poll_transmit`] has something, given room.
    pub fn has_transmit(&self) -> bool {
        self.owes_keep_alive || !(self.controls.is_empty() && self.refusals.is_empty() && self.turns.is_empty())
    }

    /// The next payload, of at most `room` bytes and [`MAX_TRANSMIT_BYTES`].
    pub fn poll_transmit(&mut self, room: usize) -> Option<Bytes> {
        if room < MIN_TRANSMIT_BYTES || !self.has_transmit() {
            return None;
        }
        let room = room.min(MAX_TRANSMIT_BYTES);
        let mut out = BytesMut::new();
        if std::mem::take(&mut self.owes_keep_alive) {
            frame::put_keep_alive(&mut out, self.config.dialect);
        }
        if self.transmit_refusals(&mut out, room) && self.transmit_controls(&mut out, room) {
            self.transmit_data(&mut out, room);
        }
        Some(out.freeze())
    }

    /// True when none is left.
    fn transmit_refusals(&mut self, out: &mut BytesMut, room: usize) -> bool {
        let refusal = match self.config.dialect {
            Dialect::Smux1 => Control::Finish,
            Dialect::Postern2 => {
                let most = self.config.max_streams;
                Control::Reset(Reset::new(
                    ResetReason::TooMany,
                    format!(
                        "the session has {most} connections, the most it may have; close some, or start another session"
                    ),
                ))
            }
        };
        while let Some(id) = self.refusals.front() {
            if out.len() + refusal.encoded_len() > room {
                return false;
            }
            refusal.put(out, self.config.dialect, *id);
            self.refusals.pop_front();
        }
        true
    }

    /// True when none is left. Data waits for that: an opening comes before what is sent on the stream.
    fn transmit_controls(&mut self, out: &mut BytesMut, room: usize) -> bool {
        while let Some(id) = self.controls.front().copied() {
            let control = self.streams.get_mut(&id).and_then(|stream| {
                let fits = stream.control.front().is_none_or(|control| out.len() + control.encoded_len() <= room);
                fits.then(|| stream.control.pop_front())
            });
            match control {
                None => return false,
                Some(Some(control)) => control.put(out, self.config.dialect, id),
                Some(None) => {}
            }
            self.settle(id);
        }
        true
    }

    fn transmit_data(&mut self, out: &mut BytesMut, room: usize) {
        while let Some(id) = self.turns.front().copied() {
            let left = (room - out.len()).saturating_sub(HEADER_BYTES);
            let most_unsent = self.most_unsent();
            let Some(stream) = self.streams.get_mut(&id) else { return };
            let wanted = stream.unsent.len().min(stream.credit).min(MAX_SLICE_BYTES);
            let len = wanted.min(left);
            // The rest of a payload is not worth a sliver of a large slice, nor a header without its data.
            let is_worth_it = len >= wanted.min(SLIVER_BYTES) && room - out.len() >= HEADER_BYTES;
            if !is_worth_it && !out.is_empty() {
                return;
            }
            if len > 0 {
                out.reserve(HEADER_BYTES + len);
                frame::put_data_header(out, self.config.dialect, id, len);
                stream.unsent.move_to(out, len);
                if stream.window.is_some() {
                    stream.credit -= len;
                }
            }
            if stream.sending == Sending::Ending && stream.unsent.is_empty() && room - out.len() >= HEADER_BYTES {
                Control::Finish.put(out, self.config.dialect, id);
                stream.sending = Sending::Over;
            } else if !stream.unsent.is_empty() && stream.credit == 0 && !stream.has_starved {
                stream.has_starved = true;
                stream.control.push_back(Control::Starved);
            }
            if stream.wants_room && stream.sending == Sending::Open && stream.unsent.len() <= most_unsent / 2 {
                stream.wants_room = false;
                stream.news.writable = true;
            }
            // To the end of the line.
            self.turns.pop_front();
            stream.queued.data = false;
            self.settle(id);
        }
    }

    /// Puts the stream into the queues that it belongs to, and out of the others; forgets it when it is over.
    fn settle(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let news = &stream.news;
        let has_news = news.opened || news.connected || news.readable || news.writable || news.reset.is_some();
        let (has_control, has_slice) = (!stream.control.is_empty(), stream.has_slice());
        place(&mut self.controls, &mut stream.queued.control, has_control, id);
        place(&mut self.turns, &mut stream.queued.data, has_slice, id);
        // News stay in line until they were looked at; an empty entry is skipped then.
        if has_news {
            place(&mut self.news, &mut stream.queued.news, true, id);
        }
        if stream.is_over() {
            place(&mut self.news, &mut stream.queued.news, false, id);
            if let Some(mut stream) = self.streams.remove(&id) {
                self.unread_bytes -= stream.unread.clear();
                if let Some(window) = &mut stream.window {
                    window.end(&mut self.budget);
                }
            }
        }
    }
}

/// Makes the stream stand in the queue or not.
fn place(queue: &mut VecDeque<StreamId>, stands: &mut bool, belongs: bool, id: StreamId) {
    if *stands == belongs {
        return;
    }
    *stands = belongs;
    if belongs {
        queue.push_back(id);
    } else if queue.front() == Some(&id) {
        queue.pop_front();
    } else {
        queue.retain(|queued| *queued != id);
    }
}

/// A window of the peer's: any size is fine, for what is kept is bounded by what is written.
fn as_size(window: u32) -> usize {
    usize::try_from(window).unwrap_or(usize::MAX)
}
