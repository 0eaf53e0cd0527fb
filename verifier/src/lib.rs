//! A check of exported recordings, written from `docs/recordings.md` alone. It shares no code with the service, so that
//! whoever checks what the service says need not trust the service.
//!
//! A recording is read record by record. Each is linked to all before it by a SHA-256; signatures (Ed25519) over these
//! links stand in the recording, and its keys each certify the next one.

mod keys;

use std::fmt;
use std::io::{self, Read};

use ring::digest::{Context, SHA256};

use keys::Keys;

const FORMAT: &[u8] = b"postern-recording 1\n";
const HEADER_BYTES: usize = 1 + 8 + 8 + 4;
/// A record's data are never longer.
const MAX_DATA_BYTES: u32 = 1024 * 1024 + 1024;
const KINDS: &[u8] = b"OKHoeinrxpqlgsz";

/// What was found in a recording that is whole and unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Its records.
    pub records: u64,
    /// Signatures among them, all of them good.
    pub signatures: u64,
    /// The fingerprint of the first of its keys.
    pub fingerprint: String,
    /// Its last hash: what to keep elsewhere.
    pub hash: [u8; 32],
    /// Places where the recording itself says that something is missing.
    pub gaps: u64,
}

/// What is wrong with a recording: a sentence.
#[derive(Debug)]
pub enum Fault {
    /// It is not as it was written, or not whole.
    Recording(String),
    /// It cannot be read.
    Unreadable(io::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recording(sentence) => f.write_str(sentence),
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

impl std::error::Error for Fault {}

fn wrong<T>(sentence: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Recording(sentence.into()))
}

/// Reads a recording to its end.
///
/// # Errors
/// [`Fault`], the first that is found.
pub fn check(recording: &mut impl Read) -> Result<Found, Fault> {
    let mut format = [0; FORMAT.len()];
    if !fill(recording, &mut format)? || format != FORMAT {
        return wrong("it does not begin as a recording does");
    }
    let mut state =
        State { found: Found::default(), keys: Keys::default(), hash: sha256(&[FORMAT]), time: 0, end: End::Open };
    while let Some(record) = next(recording, state.found.records)? {
        state.take(&record)?;
    }
    match state.end {
        End::Signed => Ok(Found { fingerprint: state.keys.fingerprint(), hash: state.hash, ..state.found }),
        End::Open | End::Closed => wrong("it does not come to its end: the session goes on, or the end was cut off"),
    }
}

/// How far the end has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// The session is over; only a signature may follow.
    Closed,
    /// And it is signed; nothing may follow.
    Signed,
}

struct State {
    found: Found,
    keys: Keys,
    hash: [u8; 32],
    time: u64,
    end: End,
}

struct Record {
    /// As it is in the recording.
    bytes: Vec<u8>,
}

impl Record {
    fn kind(&self) -> u8 {
        self.bytes[0]
    }

    fn time(&self) -> u64 {
        number(&self.bytes[1..9])
    }

    /// The number of its message; all ones where there is none.
    fn message(&self) -> u64 {
        number(&self.bytes[9..17])
    }

    fn data(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..]
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The next record; nothing at the end.
fn next(recording: &mut impl Read, index: u64) -> Result<Option<Record>, Fault> {
    let mut bytes = vec![0; HEADER_BYTES];
    if !fill(recording, &mut bytes[..1])? {
        return Ok(None);
    }
    let cut_off = || Fault::Recording(format!("record {index} is cut off"));
    if !KINDS.contains(&bytes[0]) {
        return wrong(format!("record {index} is of no known kind"));
    }
    if !fill(recording, &mut bytes[1..])? {
        return Err(cut_off());
    }
    let len = u32::try_from(number(&bytes[17..21])).unwrap_or(u32::MAX);
    if len > MAX_DATA_BYTES {
        return wrong(format!("record {index} claims to have {len} bytes"));
    }
    bytes.resize(HEADER_BYTES + len as usize, 0);
    if len > 0 && !fill(recording, &mut bytes[HEADER_BYTES..])? {
        return Err(cut_off());
    }
    Ok(Some(Record { bytes }))
}

/// False if there is nothing at all, or not enough.
fn fill(recording: &mut impl Read, bytes: &mut [u8]) -> Result<bool, Fault> {
    match recording.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Fault::Unreadable(error)),
    }
}

impl State {
    fn take(&mut self, record: &Record) -> Result<(), Fault> {
        let index = self.found.records;
        match (self.end, record.kind()) {
            (End::Signed, _) => return wrong(format!("record {index} lies behind the end")),
            (End::Closed, kind) if kind != b'H' => {
                return wrong(format!("record {index} is no signature, and the session is over"));
            }
            _ => {}
        }
        if (index == 0) != (record.kind() == b'O') {
            return wrong(format!("record {index}: a recording begins with what is recorded, once"));
        }
        if record.time() < self.time {
            return wrong(format!("record {index}: time runs backwards"));
        }
        match record.kind() {
            b'O' if serde_json::from_slice::<serde_json::Map<_, _>>(record.data()).is_err() => {
                return wrong("record 0 does not say what is recorded");
            }
            b'K' => {
                self.keys = self
                    .keys
                    .followed_by(record.data())
                    .map_err(|why| Fault::Recording(format!("record {index}: {why}")))?
            }
            b'H' => {
                self.signature(record)?;
                self.found.signatures += 1;
                if self.end == End::Closed {
                    self.end = End::Signed;
                }
            }
            b'n' | b'r' if record.data().len() != 4 => return wrong(format!("record {index} has not four bytes")),
            b'g' => self.found.gaps += 1,
            b'z' => self.end = End::Closed,
            _ => {}
        }
        self.hash = sha256(&[&self.hash, &index.to_be_bytes(), &record.bytes]);
        (self.time, self.found.records) = (record.time(), index + 1);
        Ok(())
    }

    fn signature(&self, record: &Record) -> Result<(), Fault> {
        let index = self.found.records;
        let Some((key, signature)) =
            record.data().split_first_chunk::<16>().filter(|(_, signature)| signature.len() == 64)
        else {
            return wrong(format!("record {index} is no signature"));
        };
        if record.message() != u64::MAX {
            return wrong(format!("record {index} is no signature"));
        }
        let signed =
            [&b"postern recording head 1\0"[..], &index.to_be_bytes(), &self.hash, &record.time().to_be_bytes()]
                .concat();
        match self.keys.verify(key, &signed, signature) {
            true => Ok(()),
            false => wrong(format!(
                "the signature in record {index} does not fit what comes before it: the recording was changed"
            )),
        }
    }
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// `SHA256:` and so on, as people write a hash down.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
