//! The payloads that the machine makes: refusals and control frames first, then each stream's slice in turn.

use bytes::{Bytes, BytesMut};

use super::super::frame::{self, Control, HEADER_BYTES, MAX_SLICE_BYTES};
use super::super::reset::{Reset, ResetReason};
use super::super::stream::Sending;
use super::super::{Dialect, MAX_TRANSMIT_BYTES, MIN_TRANSMIT_BYTES};
use super::Multiplexer;

/// Less than this is not cut from a slice to fill a payload up.
const SLIVER_BYTES: usize = 2 * 1024;
impl Multiplexer {
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
            if stream.sending == Sending::Breaking && stream.unsent.is_empty() {
                let last_word = stream.last_word.take();
                self.drop_stream(id);
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.control.extend(last_word.map(Control::Reset));
                }
            }
            self.settle(id);
        }
    }
}
