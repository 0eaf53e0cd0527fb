//! What of the input may be recorded: what the terminal showed.
//!
//! A service that only relays bytes does not know whether a terminal echoes; so a line that was typed is held back until
//! the output has answered each of its characters with that character, one by one and with nothing else in between. Then
//! it is recorded as it was typed. Everything else is recorded as `*`: what was not echoed, echoed late, or in a line that
//! was completed, recalled, redrawn or wrapped. A wrong guess masks; nothing is shown here that the output did not show.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A key that is not echoed within this time is not echoed.
pub const ECHO_WAIT: Duration = Duration::from_secs(2);
/// A line is held back so long at most.
pub const LINE_WAIT: Duration = Duration::from_secs(300);
/// The most that is held back, in bytes.
pub const MAX_HELD_BYTES: usize = 4096;

const BACKSPACES: [u8; 2] = [0x08, 0x7f];
const ESCAPE: u8 = 0x1b;

/// See the module.
#[derive(Debug, Default)]
pub struct Echo {
    /// Only the first is compared with the output; the others were typed before it was decided, and are masked.
    lines: VecDeque<Line>,
    held_bytes: usize,
    screen: Screen,
    /// What may be recorded now.
    decided: Vec<u8>,
}

#[derive(Debug)]
struct Line {
    bytes: Vec<u8>,
    since: Instant,
    /// Characters whose echo is awaited, each with the time when it was typed.
    awaited: VecDeque<(u8, Instant)>,
    /// So many spaces may appear where characters are taken back.
    erasures: usize,
    is_masked: bool,
    /// Its last byte ends it.
    is_ended: bool,
}

/// Where the output is, as far as escape sequences go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Screen {
    #[default]
    Text,
    Escape,
    /// `ESC [` up to its last byte.
    Sequence,
    /// `ESC ]` and its likes, up to BEL or `ESC \`.
    Command,
    CommandEscape,
}

impl Echo {
    /// Something is typed.
    pub fn typed(&mut self, data: &[u8], now: Instant) {
        for byte in data {
            self.key(*byte, now);
        }
        if self.held_bytes > MAX_HELD_BYTES {
            for line in &mut self.lines {
                line.is_masked = true;
            }
        }
        self.decide();
    }

    /// Something is shown.
    pub fn shown(&mut self, data: &[u8]) {
        if self.lines.front().is_some_and(|line| line.is_masked) {
            return;
        }
        for byte in data {
            let Some(line) = self.lines.front_mut() else {
                // Between lines nothing is compared. A sequence that is cut here is taken for text, which masks.
                self.screen = Screen::Text;
                return;
            };
            if self.screen.passes(*byte) {
                line.shown(*byte);
            }
            if line.is_decided() {
                self.decide();
            }
        }
    }

    /// When [`Echo::pass_time`] wants to be called.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let line = self.lines.front().filter(|line| !line.is_masked)?;
        let awaited = line.awaited.front().map(|(_, at)| *at + ECHO_WAIT);
        Some(awaited.map_or(line.since + LINE_WAIT, |due| due.min(line.since + LINE_WAIT)))
    }

    /// Time has passed.
    pub fn pass_time(&mut self, now: Instant) {
        while self.due().is_some_and(|due| due <= now) {
            if let Some(line) = self.lines.front_mut() {
                line.is_masked = true;
            }
            self.decide();
        }
    }

    /// Nothing more comes: what is not decided is masked.
    pub fn finish(&mut self) {
        for line in &mut self.lines {
            line.is_masked = true;
        }
        self.decide();
    }

    /// Takes what may be recorded.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.decided)
    }

    fn key(&mut self, byte: u8, now: Instant) {
        if self.lines.back().is_none_or(|line| line.is_ended) {
            let is_masked = !self.lines.is_empty();
            self.lines.push_back(Line {
                bytes: Vec::new(),
                since: now,
                awaited: VecDeque::new(),
                erasures: 0,
                is_masked,
                is_ended: false,
            });
        }
        if let Some(line) = self.lines.back_mut() {
            line.typed(byte, now);
            self.held_bytes += 1;
        }
        // An echo belongs to what was typed before it.
        if self.lines.front().is_some_and(Line::is_decided) {
            self.decide();
        }
    }

    fn decide(&mut self) {
        while let Some(line) = self.lines.front_mut().filter(|line| line.is_decided()) {
            self.held_bytes -= line.bytes.len();
            match line.is_masked {
                true => self.decided.extend(line.bytes.drain(..).filter_map(masked)),
                false => self.decided.append(&mut line.bytes),
            }
            if !line.is_ended {
                // It stays masked to its end.
                line.awaited.clear();
                return;
            }
            self.lines.pop_front();
        }
    }
}

impl Line {
    fn typed(&mut self, byte: u8, now: Instant) {
        self.bytes.push(byte);
        match byte {
            b'\r' | b'\n' | 0x03 | 0x04 | 0x1a | 0x1c => self.is_ended = true,
            _ if BACKSPACES.contains(&byte) => self.erasures += 1,
            // Completion, history and whatever else keys do: what is on the screen then is not what was typed.
            ..=0x1f => self.is_masked = true,
            _ if self.is_masked => {}
            _ => self.awaited.push_back((byte, now)),
        }
    }

    fn shown(&mut self, byte: u8) {
        if self.is_masked {
            return;
        }
        if self.awaited.front().is_some_and(|(awaited, _)| *awaited == byte) {
            self.awaited.pop_front();
        } else if byte == b' ' && self.erasures > 0 {
            self.erasures -= 1;
        } else {
            self.is_masked = true;
        }
    }

    fn is_decided(&self) -> bool {
        self.is_masked && !self.bytes.is_empty() || self.is_ended && (self.is_masked || self.awaited.is_empty())
    }
}

impl Screen {
    /// Whether a byte of output is to be compared: it is text, or begins another line.
    fn passes(&mut self, byte: u8) -> bool {
        let is_text = *self == Self::Text && byte != ESCAPE && byte != 0x07 && byte != 0x08;
        *self = match (*self, byte) {
            (Self::Text, ESCAPE) => Self::Escape,
            (Self::Text, _) => Self::Text,
            (Self::Escape, b'[') => Self::Sequence,
            (Self::Escape, b']' | b'P' | b'X' | b'^' | b'_') => Self::Command,
            (Self::Escape, ESCAPE) => Self::Escape,
            (Self::Escape, 0x20..=0x2f) => Self::Escape,
            (Self::Escape, _) => Self::Text,
            (Self::Sequence, 0x40..=0x7e) => Self::Text,
            (Self::Sequence, ESCAPE) => Self::Escape,
            (Self::Sequence, _) => Self::Sequence,
            (Self::Command | Self::CommandEscape, 0x07) | (Self::CommandEscape, b'\\') => Self::Text,
            (Self::Command | Self::CommandEscape, ESCAPE) => Self::CommandEscape,
            (Self::Command | Self::CommandEscape, _) => Self::Command,
        };
        is_text
    }
}

/// One `*` for each character; the keys that end a line are no secret.
fn masked(byte: u8) -> Option<u8> {
    match byte {
        b'\r' | b'\n' | 0x03 | 0x04 | 0x1a | 0x1c => Some(byte),
        0x80..=0xbf => None,
        _ => Some(b'*'),
    }
}

#[cfg(test)]
mod tests;
