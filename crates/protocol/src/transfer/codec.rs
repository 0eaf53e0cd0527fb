//! Messages as bytes: `length of the body (u32) | kind (u8) | body`, all numbers big-endian. Texts and names inside a
//! body have their length (u16) before them, but for the last member of data and sentences, which is the rest.

use super::message::{Attributes, Message, Options, Total, Writing};
use super::{MAX_BODY_BYTES, MAX_DATA_BYTES, MAX_NAME_BYTES, MAX_PATH_BYTES, MAX_SOURCES, MAX_TEXT_BYTES};
use crate::wire::Fault;
use crate::wire::reader::Reader;

/// Opens a conversation, so that what is not one is told apart at once.
const MAGIC: [u8; 8] = *b"PSTNCOPY";

const MODE_BITS: u16 = 0o777;
const NANOS_PER_SECOND: u32 = 1_000_000_000;

mod kind {
    pub(super) const HELLO: u8 = 0x01;
    pub(super) const GET: u8 = 0x02;
    pub(super) const PUT: u8 = 0x03;
    pub(super) const TOTAL: u8 = 0x10;
    pub(super) const DIRECTORY: u8 = 0x11;
    pub(super) const LEAVE: u8 = 0x12;
    pub(super) const FILE: u8 = 0x13;
    pub(super) const LINK: u8 = 0x14;
    pub(super) const BEGIN: u8 = 0x15;
    pub(super) const DATA: u8 = 0x16;
    pub(super) const END: u8 = 0x17;
    pub(super) const ABANDON: u8 = 0x18;
    pub(super) const FINISH: u8 = 0x19;
    pub(super) const STREAM: u8 = 0x1a;
    pub(super) const HAVE: u8 = 0x20;
    pub(super) const WANT: u8 = 0x21;
    pub(super) const SKIP: u8 = 0x22;
    pub(super) const FINISHED: u8 = 0x23;
    pub(super) const PROBLEM: u8 = 0x30;
    pub(super) const FAILED: u8 = 0x31;
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// A body longer than any message has.
    #[error("a message of {0} bytes is longer than the longest")]
    TooLong(u32),
    /// A kind that this version does not know.
    #[error("a message is of the unknown kind {0:#04x}")]
    Kind(u8),
    /// A member that is missing, cut, too long or out of its range.
    #[error("{0} cannot be read")]
    Member(&'static str),
    /// Bytes behind the last member.
    #[error("a message has {0} bytes too many")]
    Trailing(usize),
    /// The first message is not the one that opens a conversation.
    #[error("the other side does not speak the protocol for copying files")]
    NoHello,
}

impl TransferError {
    /// Whose fault it is: always the peer's.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        Fault::PeerMalformed
    }
}

/// What comes before each body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    kind: u8,
    /// Bytes of the body, [`MAX_BODY_BYTES`] at most.
    pub length: usize,
}

impl Header {
    /// Bytes of a header.
    pub const BYTES: usize = 5;

    /// Reads a header. A length that no message has is refused here, before anybody makes room for it.
    ///
    /// # Errors
    /// [`TransferError::TooLong`].
    pub fn parse(bytes: [u8; Self::BYTES]) -> Result<Self, TransferError> {
        let [a, b, c, d, kind] = bytes;
        let announced = u32::from_be_bytes([a, b, c, d]);
        match usize::try_from(announced) {
            Ok(length) if length <= MAX_BODY_BYTES => Ok(Self { kind, length }),
            _ => Err(TransferError::TooLong(announced)),
        }
    }
}

impl<'a> Message<'a> {
    /// Reads the body that belongs to `header`.
    ///
    /// # Errors
    /// [`TransferError`] for anything but exactly one message.
    pub fn decode(header: Header, body: &'a [u8]) -> Result<Self, TransferError> {
        let mut read = Body { reader: Reader::new(body) };
        let message = match header.kind {
            kind::HELLO => {
                if read.reader.array() != Some(MAGIC) {
                    return Err(TransferError::NoHello);
                }
                Self::Hello { version: read.u16("the version")? }
            }
            kind::GET => Self::Get { options: read.options()?, sources: read.sources()? },
            kind::PUT => {
                Self::Put { writing: read.writing()?, destination: read.bytes("the destination", MAX_PATH_BYTES)? }
            }
            kind::TOTAL => Self::Total(Total {
                roots: read.u32("the number of roots")?,
                entries: read.u64("the number of entries")?,
                bytes: read.u64("the number of bytes")?,
            }),
            kind::DIRECTORY => Self::Directory { name: read.name()?, attributes: read.attributes()? },
            kind::LEAVE => Self::Leave,
            kind::FILE => {
                Self::File { name: read.name()?, size: read.u64("the size")?, attributes: read.attributes()? }
            }
            kind::STREAM => Self::Stream { name: read.name()? },
            kind::LINK => {
                Self::Link { name: read.name()?, target: read.bytes("the target of a link", MAX_PATH_BYTES)? }
            }
            kind::BEGIN => Self::Begin { offset: read.u64("an offset")? },
            kind::DATA => Self::Data(read.rest("data", MAX_DATA_BYTES)?),
            kind::END => Self::End { digest: read.digest()? },
            kind::ABANDON => Self::Abandon,
            kind::FINISH => Self::Finish,
            kind::HAVE => Self::Have,
            kind::WANT => Self::Want { offset: read.u64("an offset")?, digest: read.digest()? },
            kind::SKIP => Self::Skip,
            kind::FINISHED => Self::Finished,
            kind::PROBLEM => Self::Problem(read.text()?),
            kind::FAILED => Self::Failed(read.text()?),
            unknown => return Err(TransferError::Kind(unknown)),
        };
        match read.reader.remaining() {
            0 => Ok(message),
            left => Err(TransferError::Trailing(left)),
        }
    }

    /// Appends the message, header included. Members are cut to their bounds where that is harmless (sentences) and are
    /// the caller's to bound where it is not.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; Header::BYTES]);
        let kind = self.encode_body(out);
        let length = u32::try_from(out.len() - start - Header::BYTES).expect("callers bound what they put in");
        if let Some(header) = out.get_mut(start..start + Header::BYTES) {
            header[..4].copy_from_slice(&length.to_be_bytes());
            header[4] = kind;
        }
    }

    fn encode_body(&self, out: &mut Vec<u8>) -> u8 {
        match self {
            Self::Hello { version } => {
                out.extend_from_slice(&MAGIC);
                out.extend_from_slice(&version.to_be_bytes());
                kind::HELLO
            }
            Self::Get { options, sources } => {
                out.push(flags(options.recursive, options.links));
                put_length(out, sources.len());
                for source in sources {
                    put_bytes(out, source);
                }
                kind::GET
            }
            Self::Put { writing, destination } => {
                out.push(flags(writing.compares_content, writing.forgets_attributes));
                put_bytes(out, destination);
                kind::PUT
            }
            Self::Total(Total { roots, entries, bytes }) => {
                out.extend_from_slice(&roots.to_be_bytes());
                out.extend_from_slice(&entries.to_be_bytes());
                out.extend_from_slice(&bytes.to_be_bytes());
                kind::TOTAL
            }
            Self::Directory { name, attributes } => {
                put_bytes(out, name);
                put_attributes(out, attributes);
                kind::DIRECTORY
            }
            Self::Leave => kind::LEAVE,
            Self::File { name, size, attributes } => {
                put_bytes(out, name);
                out.extend_from_slice(&size.to_be_bytes());
                put_attributes(out, attributes);
                kind::FILE
            }
            Self::Stream { name } => {
                put_bytes(out, name);
                kind::STREAM
            }
            Self::Link { name, target } => {
                put_bytes(out, name);
                put_bytes(out, target);
                kind::LINK
            }
            Self::Begin { offset } => {
                out.extend_from_slice(&offset.to_be_bytes());
                kind::BEGIN
            }
            Self::Data(data) => {
                out.extend_from_slice(data);
                kind::DATA
            }
            Self::End { digest } => {
                out.extend_from_slice(digest);
                kind::END
            }
            Self::Abandon => kind::ABANDON,
            Self::Finish => kind::FINISH,
            Self::Have => kind::HAVE,
            Self::Want { offset, digest } => {
                out.extend_from_slice(&offset.to_be_bytes());
                out.extend_from_slice(digest);
                kind::WANT
            }
            Self::Skip => kind::SKIP,
            Self::Finished => kind::FINISHED,
            Self::Problem(text) => {
                out.extend_from_slice(cut(text).as_bytes());
                kind::PROBLEM
            }
            Self::Failed(text) => {
                out.extend_from_slice(cut(text).as_bytes());
                kind::FAILED
            }
        }
    }
}

fn flags(first: bool, second: bool) -> u8 {
    u8::from(first) | u8::from(second) << 1
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    let length = u16::try_from(length).expect("callers bound what they put in");
    out.extend_from_slice(&length.to_be_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_attributes(out: &mut Vec<u8>, attributes: &Attributes) {
    out.extend_from_slice(&(attributes.mode & MODE_BITS).to_be_bytes());
    out.extend_from_slice(&attributes.modified_seconds.to_be_bytes());
    out.extend_from_slice(&attributes.modified_nanos.to_be_bytes());
}

/// The beginning of a sentence that fits, in whole characters.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A body being read: the shared cursor, with the name of what is missing.
struct Body<'a> {
    reader: Reader<'a>,
}

impl<'a> Body<'a> {
    fn u16(&mut self, what: &'static str) -> Result<u16, TransferError> {
        self.reader.u16().ok_or(TransferError::Member(what))
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, TransferError> {
        self.reader.u32().ok_or(TransferError::Member(what))
    }

    fn u64(&mut self, what: &'static str) -> Result<u64, TransferError> {
        self.reader.u64().ok_or(TransferError::Member(what))
    }

    fn bytes(&mut self, what: &'static str, max: usize) -> Result<&'a [u8], TransferError> {
        let length = usize::from(self.u16(what)?);
        let bytes = if length <= max { self.reader.slice(length) } else { None };
        bytes.ok_or(TransferError::Member(what))
    }

    fn rest(&mut self, what: &'static str, max: usize) -> Result<&'a [u8], TransferError> {
        let length = self.reader.remaining();
        let bytes = if length <= max { self.reader.slice(length) } else { None };
        bytes.ok_or(TransferError::Member(what))
    }

    fn text(&mut self) -> Result<&'a str, TransferError> {
        let bytes = self.rest("a sentence", MAX_TEXT_BYTES)?;
        std::str::from_utf8(bytes).map_err(|_| TransferError::Member("a sentence"))
    }

    fn name(&mut self) -> Result<&'a [u8], TransferError> {
        self.bytes("a name", MAX_NAME_BYTES)
    }

    fn digest(&mut self) -> Result<[u8; 32], TransferError> {
        self.reader.array().ok_or(TransferError::Member("a digest"))
    }

    /// Two flags, and no other.
    fn flags(&mut self) -> Result<(bool, bool), TransferError> {
        match self.reader.array() {
            Some([bits @ 0..=0b11]) => Ok((bits & 1 != 0, bits & 2 != 0)),
            _ => Err(TransferError::Member("the options")),
        }
    }

    fn options(&mut self) -> Result<Options, TransferError> {
        self.flags().map(|(recursive, links)| Options { recursive, links })
    }

    fn writing(&mut self) -> Result<Writing, TransferError> {
        self.flags().map(|(compares_content, forgets_attributes)| Writing { compares_content, forgets_attributes })
    }

    fn attributes(&mut self) -> Result<Attributes, TransferError> {
        const WHAT: TransferError = TransferError::Member("the attributes");
        let mode = self.reader.u16().filter(|mode| mode & !MODE_BITS == 0).ok_or(WHAT)?;
        let modified_seconds = self.reader.i64().ok_or(WHAT)?;
        let modified_nanos = self.reader.u32().filter(|nanos| *nanos < NANOS_PER_SECOND).ok_or(WHAT)?;
        Ok(Attributes { mode, modified_seconds, modified_nanos })
    }

    fn sources(&mut self) -> Result<Vec<&'a [u8]>, TransferError> {
        const WHAT: &str = "the sources";
        let count = usize::from(self.u16(WHAT)?);
        if !(1..=MAX_SOURCES).contains(&count) {
            return Err(TransferError::Member(WHAT));
        }
        (0..count).map(|_| self.bytes(WHAT, MAX_PATH_BYTES)).collect()
    }
}
