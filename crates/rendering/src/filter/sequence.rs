//! Control sequences: `ESC [`, numbers, and a letter that says what is to be done.

use std::fmt::Write as _;

/// The longest that is looked at, in characters behind the bracket.
const MAX_CHARS: usize = 128;
/// The most numbers of one sequence.
const MAX_NUMBERS: usize = 32;
/// The largest number; a screen has fewer cells each way.
const MAX_NUMBER: u16 = 9999;
/// The most times that a character is repeated.
const MAX_REPEATS: u16 = 1000;
/// The modes that may be set: origin, wrapping, the cursor, and the other screen.
const MODES: [u16; 7] = [6, 7, 25, 47, 1047, 1048, 1049];

/// What stands behind `ESC [`, as it comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequence {
    text: String,
    is_too_long: bool,
}

impl Sequence {
    /// Takes one more character. True if it was the last.
    pub(super) fn push(&mut self, character: char) -> bool {
        if self.text.len() < MAX_CHARS {
            self.text.push(character);
        } else {
            self.is_too_long = true;
        }
        !matches!(character, ' '..='?')
    }

    /// Writes it anew, if it is one that may come through.
    pub(super) fn write(&self, out: &mut String) {
        if self.is_too_long {
            return;
        }
        let mut characters = self.text.chars();
        let Some(last) = characters.next_back() else { return };
        let body = characters.as_str();
        match body.strip_prefix('?') {
            Some(numbers) => private(numbers, last, out),
            None if (body, last) == ("!", 'p') => out.push_str("\u{1b}[!p"),
            None if last == 'm' => colours(body, out),
            None => plain(body, last, out),
        }
    }
}

/// Every number has at most so many.
fn numbers(text: &str) -> Option<Vec<Option<u16>>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let read = |number: &str| match number {
        "" => Some(None),
        _ if !number.bytes().all(|byte| byte.is_ascii_digit()) => None,
        _ => Some(Some(number.parse().unwrap_or(MAX_NUMBER).min(MAX_NUMBER))),
    };
    let found: Option<Vec<_>> = text.split(';').map(read).collect();
    found.filter(|found| found.len() <= MAX_NUMBERS)
}

fn private(text: &str, last: char, out: &mut String) {
    let Some(found) = numbers(text).filter(|_| matches!(last, 'h' | 'l')) else { return };
    for mode in found.into_iter().flatten().filter(|mode| MODES.contains(mode)) {
        // It is the older name of another one.
        let mode = if mode == 47 { 1047 } else { mode };
        write!(out, "\u{1b}[?{mode}{last}").expect("a string takes everything");
    }
}

fn plain(text: &str, last: char, out: &mut String) {
    let Some(mut found) = numbers(text) else { return };
    let may_pass = match last {
        'A'..='I' | 'L' | 'M' | 'P' | 'S' | 'X' | 'Z' | '@' | '`' | 'a' | 'd' | 'e' | 'f' => found.len() <= 2,
        // What has scrolled away on the viewer's terminal is not the recording's.
        'J' => found.len() <= 1 && found.first() != Some(&Some(3)),
        // With more numbers it is about the mouse.
        'K' | 'T' | 'g' => found.len() <= 1,
        'b' => {
            found.iter_mut().flatten().for_each(|times| *times = (*times).min(MAX_REPEATS));
            found.len() <= 1
        }
        'r' => found.len() <= 2,
        's' | 'u' => found.is_empty(),
        'h' | 'l' => found == [Some(4)] || found == [Some(20)],
        _ => false,
    };
    if may_pass {
        written(&found, last, out);
    }
}

fn written(found: &[Option<u16>], last: char, out: &mut String) {
    out.push_str("\u{1b}[");
    for (at, number) in found.iter().enumerate() {
        if at > 0 {
            out.push(';');
        }
        if let Some(number) = number {
            write!(out, "{number}").expect("a string takes everything");
        }
    }
    out.push(last);
}

/// Colours may have parts behind colons.
fn colours(text: &str, out: &mut String) {
    let is_well_formed = |number: &str| number.len() <= 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.split([';', ':']);
    if parts.clone().count() <= MAX_NUMBERS && parts.clone().all(is_well_formed) {
        write!(out, "\u{1b}[{text}m").expect("a string takes everything");
    }
}
