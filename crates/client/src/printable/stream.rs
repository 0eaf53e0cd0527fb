//! A stream of somebody else's bytes that is shown on a terminal.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::is_steering;

/// Writes text as it is, and everything that a terminal would obey as what it is called: `\u{1b}`, and `\x9b` for bytes
/// that are no text. Line ends and tabs stay.
pub struct PrintableStream<W> {
    out: W,
    /// The beginning of a character, or a carriage return of which is not known whether it ends a line.
    held: Vec<u8>,
    named: Arc<AtomicU64>,
}

impl<W: Write> PrintableStream<W> {
    /// Before `out`, which is a terminal.
    pub fn new(out: W) -> Self {
        Self { out, held: Vec::new(), named: Arc::default() }
    }

    /// How many characters and bytes were not written as they are, so far.
    pub fn named(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.named)
    }

    fn name(&mut self, name: impl std::fmt::Display) -> io::Result<()> {
        self.named.fetch_add(1, Ordering::Relaxed);
        write!(self.out, "{name}")
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(|character| is_steering(character) && !matches!(character, '\n' | '\t')) {
            let (plain, steering) = rest.split_at(at);
            self.out.write_all(plain.as_bytes())?;
            let mut characters = steering.chars();
            match characters.next() {
                Some('\r') if characters.as_str().starts_with('\n') => self.out.write_all(b"\r")?,
                Some('\r') if characters.as_str().is_empty() => self.held.push(b'\r'),
                Some(character) => self.name(character.escape_unicode())?,
                None => {}
            }
            rest = characters.as_str();
        }
        self.out.write_all(rest.as_bytes())
    }
}

impl<W: Write> Write for PrintableStream<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(data);
        for chunk in Pieces(&bytes) {
            match chunk {
                Piece::Text(text) => self.text(text)?,
                Piece::NoText(byte) => {
                    // What is behind it is no line end.
                    self.settle()?;
                    self.name(format_args!("\\x{byte:02x}"))?;
                }
                Piece::Beginning(beginning) => {
                    self.settle()?;
                    self.held.extend_from_slice(beginning);
                }
            }
        }
        Ok(data.len())
    }

    /// What is held back is not waited for any longer.
    fn flush(&mut self) -> io::Result<()> {
        self.settle()?;
        self.out.flush()
    }
}

impl<W: Write> PrintableStream<W> {
    fn settle(&mut self) -> io::Result<()> {
        for byte in std::mem::take(&mut self.held) {
            match byte {
                b'\r' => self.name('\r'.escape_unicode())?,
                byte => self.name(format_args!("\\x{byte:02x}"))?,
            }
        }
        Ok(())
    }
}

enum Piece<'a> {
    Text(&'a str),
    NoText(u8),
    /// Of a character, at the end.
    Beginning(&'a [u8]),
}

struct Pieces<'a>(&'a [u8]);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let (valid, is_incomplete) = match std::str::from_utf8(self.0) {
            Ok("") => return None,
            Ok(text) => {
                self.0 = &[];
                return Some(Piece::Text(text));
            }
            Err(error) => (error.valid_up_to(), error.error_len().is_none()),
        };
        let (text, rest) = self.0.split_at(valid);
        if !text.is_empty() {
            self.0 = rest;
            return std::str::from_utf8(text).ok().map(Piece::Text);
        }
        if is_incomplete {
            self.0 = &[];
            return Some(Piece::Beginning(rest));
        }
        let (first, rest) = rest.split_first()?;
        self.0 = rest;
        Some(Piece::NoText(*first))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    /// In pieces of so many bytes.
    fn shown(bytes: &[u8], size: usize) -> (String, u64) {
        let mut out = Vec::new();
        let mut stream = PrintableStream::new(&mut out);
        let named = stream.named();
        bytes.chunks(size).for_each(|piece| stream.write_all(piece).unwrap());
        stream.flush().unwrap();
        (String::from_utf8(out).unwrap(), named.load(Ordering::Relaxed))
    }

    #[test]
    fn text_stays_and_what_steers_is_named_however_it_is_cut() {
        for (bytes, expected, count) in [
            ("plain, grüße 日本語\n\ttab\n".as_bytes(), "plain, grüße 日本語\n\ttab\n", 0),
            (b"dos\r\nlines\r\n", "dos\r\nlines\r\n", 0),
            (b"over\rwritten\r", "over\\u{d}written\\u{d}", 2),
            (b"\r\r\n", "\\u{d}\r\n", 1),
            (b"a\x1b]0;title\x07b", "a\\u{1b}]0;title\\u{7}b", 2),
            ("\u{9b}2J\u{7f}".as_bytes(), "\\u{9b}2J\\u{7f}", 2),
            ("\u{202e}txt".as_bytes(), "\\u{202e}txt", 1),
            (b"\x9b2J\xff\xc3", "\\x9b2J\\xff\\xc3", 3),
            (b"\r\xff\r\xe6\x97", "\\u{d}\\xff\\u{d}\\xe6\\x97", 5),
            (b"\0", "\\u{0}", 1),
            (b"", "", 0),
        ] {
            for size in 1..=bytes.len().max(1) {
                assert_eq!(shown(bytes, size), (expected.to_owned(), count), "{expected:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn nothing_that_steers_comes_through() {
        let all: Vec<u8> = (0..=255).flat_map(|one: u8| [one, 0x80, 0x9b, one, 0xc2, one]).collect();
        for size in [1, 2, 3, 7, 4096] {
            let (text, _) = shown(&all, size);
            let ends = text.replace("\r\n", "\n");
            assert!(
                !ends.chars().any(|character| is_steering(character) && !matches!(character, '\n' | '\t')),
                "{size}"
            );
        }
    }
}
