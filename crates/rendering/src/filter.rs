//! Lets through what text and pictures are made of, and nothing that a viewer's terminal would act upon.

mod sequence;
mod utf8;

use sequence::Sequence;
use utf8::Decoder;

/// The longest string to a terminal; pictures and clipboards have fewer characters.
const MAX_STRING_CHARS: u32 = 1024 * 1024;

/// What a line feed means in the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// The cursor goes down: what comes from a terminal.
    #[default]
    Feeds,
    /// A line ends: what comes from a pipe.
    Ends,
}

/// Reads what a program wrote, in pieces that may break anywhere, and writes it anew.
///
/// Through come: printable characters, backspace, tab, line ends and shifts between character sets; and of the control
/// sequences those that move the cursor, colour, erase, insert, delete and scroll, with numbers of at most four digits,
/// that choose one of the two screens, and that say whether a cursor is seen or lines wrap. Everything else is taken out:
/// strings to the terminal (titles, the clipboard, links, pictures), questions to it, its bell, its modes, whatever is not
/// known. Characters that reorder or hide others show as U+FFFD.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    decoder: Decoder,
    state: State,
    lines: Lines,
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Text,
    Escape,
    /// Behind an escape with an intermediate character, which says which character set is meant.
    Charset(char),
    /// A control sequence.
    Control(Sequence),
    /// In a string that is for the terminal, which has so many characters; true behind an escape, which may be its end.
    String(bool, u32),
    /// In an escape sequence that is not known, up to its last character.
    Unknown,
}

impl Filter {
    /// One that has read nothing.
    #[must_use]
    pub fn new(lines: Lines) -> Self {
        Self { lines, ..Self::default() }
    }

    /// Takes more of what was written, and appends what comes through. What is begun and not whole waits, bounded.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) {
        // The decoder is moved out for as long as it calls back.
        let mut decoder = std::mem::take(&mut self.decoder);
        decoder.push(bytes, |character| self.take(character, out));
        self.decoder = decoder;
    }

    /// Nothing follows: a character that was cut off shows as U+FFFD.
    pub fn finish(&mut self, out: &mut String) {
        let mut decoder = std::mem::take(&mut self.decoder);
        decoder.finish(|character| self.take(character, out));
        self.state = State::Text;
    }

    fn take(&mut self, character: char, out: &mut String) {
        match character {
            '\u{18}' | '\u{1a}' => self.state = State::Text,
            '\u{1b}' => {
                self.state = match self.state {
                    State::String(_, len) => State::String(true, len),
                    _ => State::Escape,
                }
            }
            // The eight-bit forms are the seven-bit ones, also where UTF-8 carries them.
            '\u{80}'..='\u{9f}' if !matches!(self.state, State::String(..)) => self.state = eight_bit(character, out),
            _ => self.go_on(character, out),
        }
    }

    fn go_on(&mut self, character: char, out: &mut String) {
        match &mut self.state {
            State::Text => self.text(character, out),
            State::Escape => self.state = escape(character, out),
            State::Charset(which) => {
                if matches!(character, '0' | 'A' | 'B') {
                    out.extend(['\u{1b}', *which, character]);
                }
                self.state = State::Text;
            }
            State::Control(sequence) => {
                // A control character in a sequence is done at once, and the sequence goes on.
                if character < ' ' {
                    return self.text(character, out);
                }
                if sequence.push(character) {
                    sequence.write(out);
                    self.state = State::Text;
                }
            }
            State::String(is_ending, len) => match (character, *is_ending) {
                ('\u{7}' | '\u{9c}', _) | ('\\', true) => self.state = State::Text,
                (_, true) => self.state = escape(character, out),
                // Nobody hides the rest of a session behind a string that never ends.
                (_, false) if *len >= MAX_STRING_CHARS => self.state = State::Text,
                (_, false) => *len += 1,
            },
            State::Unknown => {
                if matches!(character, '0'..='~') {
                    self.state = State::Text;
                }
            }
        }
    }

    fn text(&self, character: char, out: &mut String) {
        match character {
            '\n' if self.lines == Lines::Ends => out.push_str("\r\n"),
            '\u{8}'..='\r' | '\u{e}' | '\u{f}' => out.push(character),
            '\0'..='\u{1f}' | '\u{7f}' => {}
            _ if deceives(character) => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(character),
        }
    }
}

/// Behind an escape.
fn escape(character: char, out: &mut String) -> State {
    match character {
        '[' => State::Control(Sequence::default()),
        ']' | 'P' | 'X' | '^' | '_' => State::String(false, 0),
        '(' | ')' => State::Charset(character),
        '7' | '8' | 'D' | 'E' | 'H' | 'M' => {
            out.extend(['\u{1b}', character]);
            State::Text
        }
        // A reset clears what was before on the viewer's terminal, and its settings: only our part of it is meant.
        'c' => {
            out.push_str("\u{1b}[!p\u{1b}[?1049l\u{1b}[2J\u{1b}[H");
            State::Text
        }
        ' '..='/' => State::Unknown,
        _ => State::Text,
    }
}

fn eight_bit(character: char, out: &mut String) -> State {
    match u8::try_from(character) {
        Ok(byte @ 0x80..=0x9f) => escape(char::from(byte - 0x40), out),
        _ => State::Text,
    }
}

/// Characters that are not seen and change what is: writing direction, joined and tagged text, line ends of their own.
pub(crate) fn deceives(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}
