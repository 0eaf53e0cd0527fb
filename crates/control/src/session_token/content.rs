//! The form of what a token seals: numbers of eight bytes, texts with their length before them, marks for what may be
//! absent. Each thing has one form only, so that what is read is what would be written.

use std::str::FromStr;

#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn number(&mut self, number: u64) {
        self.0.extend(number.to_be_bytes());
    }

    /// Whoever writes has bounded it; one that is too long cannot be read again, and the bound on the whole refuses it.
    pub(super) fn text(&mut self, text: &str) {
        self.0.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
        self.0.extend(text.as_bytes());
    }

    pub(super) fn optional<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn list<T>(&mut self, values: &[T], write: impl Fn(&mut Self, &T)) {
        self.byte(u8::try_from(values.len()).unwrap_or(u8::MAX));
        for value in values {
            write(self, value);
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    pub(super) fn truth(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*number))
    }

    pub(super) fn text(&mut self) -> Option<String> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }

    pub(super) fn parsed<T: FromStr>(&mut self) -> Option<T> {
        self.text()?.parse().ok()
    }

    pub(super) fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.truth()? {
            false => Some(None),
            true => read(self).map(Some),
        }
    }

    /// Nothing is reserved for as many as it says there are: each takes bytes that must be there.
    pub(super) fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.byte()?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(read(self)?);
        }
        Some(values)
    }

    /// Whether all was read.
    pub(super) fn ended(&self) -> bool {
        self.0.is_empty()
    }
}
