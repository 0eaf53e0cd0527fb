//! Taking a stream apart, and checking it on the way.

use crate::FORMAT;
use crate::chain::{Head, Link};
use crate::opening::Opening;
use crate::record::{Kind, Record, RecordError};
use crate::signing::{KeyChain, KeyChainError, KnownKeys};
use crate::writer::Position;

/// Reads a stream that comes in pieces of any size. What it gives out is linked; what is signed, heads say.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    buffer: Vec<u8>,
    /// Where the next record begins in the buffer.
    at: usize,
    /// Bytes that were taken out of the buffer before.
    before: u64,
    state: Option<State>,
}

#[derive(Clone, Debug)]
struct State {
    position: Position,
    opening: Option<Opening>,
    keys: KnownKeys,
    closed: bool,
    /// The latest head, and whether it stands at the very end.
    head: Option<Head>,
    is_finished: bool,
}

/// Why a stream is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It does not begin with [`FORMAT`].
    #[error("this is no recording: it does not begin with \"postern-recording 1\"")]
    Format,
    /// A record is none.
    #[error("record {index}, at byte {offset}: {error}")]
    Record {
        /// Which one; the first is 0.
        index: u64,
        /// Where it begins.
        offset: u64,
        /// What is wrong with it.
        error: RecordError,
    },
    /// A record is not where it may be, or its data are not what its kind says.
    #[error("record {index}: {problem}")]
    Content {
        /// Which one; the first is 0.
        index: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Its keys are not certified.
    #[error("record {index}: {error}")]
    Keys {
        /// Which one; the first is 0.
        index: u64,
        /// What is wrong with them.
        error: KeyChainError,
    },
    /// A head is not what its key signed: something before it is not as it was.
    #[error("the signature in record {index} does not fit what comes before it: the recording was changed")]
    Signature {
        /// The head's record; the first is 0.
        index: u64,
    },
}

impl Reader {
    /// One that has read nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes. To be called when [`Reader::next_record`] has no more records, so that the buffer never holds
    /// much more than one.
    pub fn push(&mut self, bytes: &[u8]) {
        self.before += u64::try_from(self.at).unwrap_or(u64::MAX);
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole record. Nothing if more bytes are needed.
    ///
    /// # Errors
    /// [`ReadError`]. There is no way to go on behind one.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        if self.state.is_none() {
            let Some(start) = self.buffer.get(..FORMAT.len()) else {
                return if FORMAT.starts_with(&self.buffer) { Ok(None) } else { Err(ReadError::Format) };
            };
            if start != FORMAT {
                return Err(ReadError::Format);
            }
            self.at = FORMAT.len();
        }
        let state = self.state.get_or_insert_with(State::new);
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let (index, offset) = (state.position.link.count, self.before + u64::try_from(self.at).unwrap_or(u64::MAX));
        let (record, len) = match Record::decode(rest) {
            Ok(read) => read,
            Err(RecordError::Incomplete) => return Ok(None),
            Err(error) => return Err(ReadError::Record { index, offset, error }),
        };
        state.take(&record, rest.get(..len).unwrap_or_default())?;
        self.at += len;
        Ok(Some(record))
    }

    /// Bytes behind the last whole record.
    #[must_use]
    pub fn left_over(&self) -> usize {
        self.buffer.len() - self.at
    }

    /// Where the last whole record ends, in bytes from the beginning.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.before + u64::try_from(self.at).unwrap_or(u64::MAX)
    }

    /// How far it has come. Nothing before the first record.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.state.as_ref().map(|state| state.position).filter(|position| position.link.count > 0)
    }

    /// What is recorded.
    #[must_use]
    pub fn opening(&self) -> Option<&Opening> {
        self.state.as_ref()?.opening.as_ref()
    }

    /// The keys that it names.
    #[must_use]
    pub fn keys(&self) -> Option<&KnownKeys> {
        self.state.as_ref().map(|state| &state.keys)
    }

    /// The latest head; its signature is good.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.state.as_ref()?.head.as_ref()
    }

    /// Whether the recording says that it is whole: it was closed and signed behind that.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.is_finished)
    }
}

impl State {
    fn new() -> Self {
        Self {
            position: Position { link: Link::start(), time: 0, unsigned: 0 },
            opening: None,
            keys: KnownKeys::default(),
            closed: false,
            head: None,
            is_finished: false,
        }
    }

    fn take(&mut self, record: &Record<'_>, encoded: &[u8]) -> Result<(), ReadError> {
        let index = self.position.link.count;
        let wrong = |problem| Err(ReadError::Content { index, problem });
        if self.is_finished {
            return wrong("it lies behind the end of the recording");
        }
        if self.closed && record.kind != Kind::Head {
            return wrong("only a signature may follow when the session is over");
        }
        if (index == 0) != (record.kind == Kind::Opening) {
            return wrong("a recording begins with what is recorded, once");
        }
        if record.time < self.position.time {
            return wrong("time runs backwards");
        }
        match record.kind {
            Kind::Opening => match serde_json::from_slice(record.data) {
                Ok(opening) => self.opening = Some(opening),
                Err(_) => return wrong("it does not say what is recorded"),
            },
            Kind::Keys => self.take_keys(index, record.data)?,
            Kind::Head => {
                let Some(head) = Head::read(self.position.link, record) else {
                    return wrong("it is no signature");
                };
                if !self.keys.verifies(&head) {
                    return Err(ReadError::Signature { index });
                }
                self.head = Some(head);
                self.is_finished = self.closed;
            }
            Kind::Closing => self.closed = true,
            Kind::InputCount if record.data.len() != 4 => return wrong("it does not say how many bytes came"),
            Kind::Resize if record.data.len() != 4 => return wrong("it does not say how large the terminal is"),
            _ => {}
        }
        let unsigned = if record.kind == Kind::Head { 0 } else { self.position.unsigned + 1 };
        self.position = Position { link: self.position.link.after(encoded), time: record.time, unsigned };
        Ok(())
    }

    /// A later chain may be longer, and begins as the one before.
    fn take_keys(&mut self, index: u64, data: &[u8]) -> Result<(), ReadError> {
        let problem = "it names no keys";
        let chain: KeyChain = serde_json::from_slice(data).map_err(|_| ReadError::Content { index, problem })?;
        let keys = chain.check().map_err(|error| ReadError::Keys { index, error })?;
        if !keys.agrees_with(&self.keys) {
            return Err(ReadError::Content { index, problem: "its keys come from another chain than those before" });
        }
        self.keys = keys;
        Ok(())
    }
}
