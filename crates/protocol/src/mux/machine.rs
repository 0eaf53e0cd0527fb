//! The machine: streams by number, whose turn it is to send, and what the application is to be told.

mod intake;
mod transmit;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::frame::{Control, Parser};
use super::reset::Reset;
use super::stream::{Sending, Stream};
use super::window::{Budget, ReceiveWindow};
use super::{BASE_WINDOW_BYTES, Config, Dialect, Event, MuxError, Read, Role, StreamId, WriteError};

/// The opener's first stream (spec session-types §6.5).
const FIRST: u64 = 3;
/// What one stream may have waiting to be sent: with few streams, and with however many.
const MOST_UNSENT: usize = 128 * 1024;
const LEAST_UNSENT: usize = 1024;
/// Whoever writes so much at a time has more to come.
const BULK_WRITE_BYTES: usize = 4 * 1024;

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
    /// Streams whose last write was a large one.
    bulk_streams: usize,
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
            bulk_streams: 0,
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

    /// Whether somebody's next bytes could have to wait for what others send in bulk: some stream has sent nothing yet,
    /// or little the last time.
    pub fn has_sparse(&self) -> bool {
        self.streams.len() > self.bulk_streams.max(1)
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

    /// The second dialect's streams have windows.
    fn new_window(&self) -> Option<ReceiveWindow> {
        self.has_half_close().then(ReceiveWindow::new)
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
            if let Some(reset) = stream.last_word.take_if(|_| !stream.is_dropped && stream.sending == Sending::Over) {
                stream.news.reset = Some(reset);
                self.drop_stream(id);
                self.settle(id);
                return Read::Nothing;
            }
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
        let was_bulk = std::mem::replace(&mut stream.is_bulk, backing >= BULK_WRITE_BYTES);
        self.bulk_streams = self.bulk_streams - usize::from(was_bulk) + usize::from(stream.is_bulk);
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

    /// Drops the stream behind what was written and is unsent: the connection has broken, and what it said before is
    /// still to be heard. What comes is dropped. Without half-close it is as [`Multiplexer::finish`].
    pub fn break_off(&mut self, id: StreamId, reset: Reset) {
        if !self.has_half_close() {
            return self.finish(id);
        }
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if stream.is_dropped || stream.unsent.is_empty() {
            return self.reset(id, reset);
        }
        stream.sending = Sending::Breaking;
        stream.last_word = Some(reset);
        stream.news.readable = false;
        stream.news.writable = false;
        self.unread_bytes -= stream.unread.clear();
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
                self.bulk_streams -= usize::from(stream.is_bulk);
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
