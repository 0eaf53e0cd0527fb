//! A terminal in memory, and how a viewer's terminal is made to look like it.

mod draw;

use avt::{Cell, ScreenKind, Terminal};

use crate::filter::{Filter, Lines};

/// The largest screen, whatever a recording says of its user's.
pub const MAX_COLS: u16 = 1000;
/// See [`MAX_COLS`].
pub const MAX_ROWS: u16 = 500;
/// What a terminal has until somebody says otherwise.
const SIZE: (u16, u16) = (80, 24);

/// What a user saw at one moment.
pub struct Screen {
    filter: Filter,
    terminal: Terminal,
    passed: String,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (cols, rows) = self.terminal.size();
        write!(f, "Screen({cols} × {rows})")
    }
}

impl Screen {
    /// An empty one of 80 columns and 24 rows.
    #[must_use]
    pub fn new(lines: Lines) -> Self {
        Self { filter: Filter::new(lines), terminal: terminal(), passed: String::new() }
    }

    /// Shows more of what a program wrote.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.passed.clear();
        self.filter.push(bytes, &mut self.passed);
        self.terminal.feed(self.passed.as_str());
    }

    /// The same, with somebody who watches, and who is told each time when the screen may be the other one now.
    pub(crate) fn feed_with<O: avt::Observer>(
        &mut self,
        bytes: &[u8],
        mut observer: O,
        mut tell: impl FnMut(&mut Self, &mut O, O::Output),
    ) {
        let mut passed = std::mem::take(&mut self.passed);
        passed.clear();
        self.filter.push(bytes, &mut passed);
        let mut rest = passed.as_str();
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(switch(rest).unwrap_or(rest.len()));
            let output = self.terminal.feed_with(part, &mut observer);
            tell(self, &mut observer, output);
            rest = behind;
        }
        self.passed = passed;
    }

    /// Puts a line of ours where the cursor is, on a line of its own.
    pub(crate) fn note<O: avt::Observer>(&mut self, text: &str, observer: O) -> O::Output {
        let begins_line = self.terminal.cursor().col == 0;
        let line = if begins_line { format!("{text}\r\n") } else { format!("\r\n{text}\r\n") };
        self.terminal.feed_with(line.as_str(), observer)
    }

    /// Gives it another size, within [`MAX_COLS`] and [`MAX_ROWS`].
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.resize_with(cols, rows, ());
    }

    pub(crate) fn resize_with<O: avt::Observer>(&mut self, cols: u16, rows: u16, observer: O) -> O::Output {
        let (cols, rows) = (cols.clamp(1, MAX_COLS), rows.clamp(1, MAX_ROWS));
        self.terminal.resize_with(cols.into(), rows.into(), observer)
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        self.terminal.size()
    }

    /// Its lines from the top, as text without what is behind their last character.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.terminal.screen().visible_lines().map(|line| line.text().trim_end().to_owned()).collect()
    }

    /// Whether a program has the whole screen for itself.
    #[must_use]
    pub fn is_alternate(&self) -> bool {
        self.terminal.active_screen_kind() == ScreenKind::Alternate
    }

    pub(crate) fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// The same screen once more. What was cut off in the middle of a sequence goes on in both.
    #[must_use]
    pub fn copied(&self) -> Self {
        let (cols, rows) = self.terminal.size();
        let mut copy = Terminal::new(cols, rows).unwrap_or_else(|_| terminal());
        copy.feed(self.terminal.dump());
        Self { filter: self.filter.clone(), terminal: copy, passed: String::new() }
    }
}

/// Where the first sequence ends that takes the other screen, as a [`Filter`] writes it.
fn switch(text: &str) -> Option<usize> {
    let (at, found) = text.match_indices("\u{1b}[?104").find(|(at, found)| {
        let behind = text.as_bytes().get(at + found.len()..).unwrap_or_default();
        matches!(behind, [b'7' | b'9', b'h' | b'l', ..])
    })?;
    Some(at + found.len() + 2)
}

fn terminal() -> Terminal {
    Terminal::new(SIZE.0.into(), SIZE.1.into()).expect("neither is zero")
}

/// What is shown of a cell; nothing of one that a wide character to its left covers.
pub(crate) fn shown(cell: &Cell) -> Option<char> {
    match cell.width() {
        0 => None,
        _ if cell.char().is_control() || crate::filter::deceives(cell.char()) => Some(char::REPLACEMENT_CHARACTER),
        _ => Some(cell.char()),
    }
}
