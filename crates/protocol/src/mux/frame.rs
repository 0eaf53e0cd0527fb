//! Frames: eight bytes of header, little endian, and what follows them.
//!
//! ```text
//! version (1) | command (1) | length (2) | stream (4) | length bytes
//! ```
//!
//! | command | | length | dialect |
//! | --- | --- | --- | --- |
//! | 0 | open the stream; in the second dialect with the opener's first window | 0; 4 | both |
//! | 1 | this direction has ended; in the first dialect, the stream has | 0 | both |
//! | 2 | data | any | both |
//! | 3 | nothing: a keep-alive, which newer stock ends do not send | 0 | both |
//! | 4 | the window has this much more room | 4 | second |
//! | 5 | the connection is made, and the window has this much more room | 4 | second |
//! | 6 | the stream is dropped: reason (2), sentence | 2 to 514 | second |
//! | 7 | the window is full and there is more to send | 0 | second |

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use super::reset::Reset;
use super::{Dialect, MuxError, StreamId};

pub(super) const HEADER_BYTES: usize = 8;
/// The most data of one frame: with its header one payload.
pub(super) const MAX_SLICE_BYTES: usize = super::MAX_TRANSMIT_BYTES - HEADER_BYTES;

pub(super) const OPEN: u8 = 0;
pub(super) const FINISH: u8 = 1;
pub(super) const DATA: u8 = 2;
const NOTHING: u8 = 3;
pub(super) const GRANT: u8 = 4;
pub(super) const CONNECTED: u8 = 5;
pub(super) const RESET: u8 = 6;
pub(super) const STARVED: u8 = 7;

/// A frame of this end, but for data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Open { window: u32 },
    Finish,
    Grant(u32),
    Connected { window: u32 },
    Reset(Reset),
    Starved,
}

/// What the peer's next bytes say. Data comes in the pieces that it arrives in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Control(StreamId, Control),
    Data(StreamId, Bytes),
}

/// The header of a data frame.
pub(super) fn put_data_header(out: &mut BytesMut, dialect: Dialect, stream: StreamId, len: usize) {
    let length = u16::try_from(len).expect("a slice is shorter than 64 KiB");
    put_header(out, dialect, DATA, length, stream);
}

/// A frame that means nothing.
pub(super) fn put_keep_alive(out: &mut BytesMut, dialect: Dialect) {
    put_header(out, dialect, NOTHING, 0, StreamId(0));
}

fn put_header(out: &mut BytesMut, dialect: Dialect, command: u8, length: u16, stream: StreamId) {
    out.put_u8(dialect.version());
    out.put_u8(command);
    out.put_u16_le(length);
    out.put_u32_le(stream.0);
}

impl Control {
    const fn command(&self) -> u8 {
        match self {
            Self::Open { .. } => OPEN,
            Self::Finish => FINISH,
            Self::Grant(_) => GRANT,
            Self::Connected { .. } => CONNECTED,
            Self::Reset(_) => RESET,
            Self::Starved => STARVED,
        }
    }

    pub(super) fn put(&self, out: &mut BytesMut, dialect: Dialect, stream: StreamId) {
        let mut body = BytesMut::new();
        match self {
            Self::Open { .. } if dialect == Dialect::Smux1 => {}
            Self::Open { window } | Self::Connected { window } | Self::Grant(window) => body.put_u32_le(*window),
            Self::Reset(reset) => body = reset.encode(),
            Self::Finish | Self::Starved => {}
        }
        let length = u16::try_from(body.len()).expect("no control frame is longer than 64 KiB");
        put_header(out, dialect, self.command(), length, stream);
        out.put_slice(&body);
    }

    /// The most room that one needs.
    pub(super) fn encoded_len(&self) -> usize {
        HEADER_BYTES
            + match self {
                Self::Open { .. } | Self::Connected { .. } | Self::Grant(_) => 4,
                Self::Reset(_) => Reset::MAX_BYTES,
                Self::Finish | Self::Starved => 0,
            }
    }
}

/// Reads the peer's frames, however they are cut. It holds at most one frame's header and, but for data, its body.
#[derive(Debug)]
pub(super) struct Parser {
    dialect: Dialect,
    header: Option<Header>,
    /// The beginning of a header, or of a control frame's body.
    held: BytesMut,
}

#[derive(Clone, Copy, Debug)]
struct Header {
    command: u8,
    stream: StreamId,
    /// Bytes of the body that have not been given out.
    left: usize,
}

impl Parser {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, header: None, held: BytesMut::new() }
    }

    /// Takes the next part off the front of the input; none when the input is used up.
    pub(super) fn next(&mut self, input: &mut Bytes) -> Result<Option<Part>, MuxError> {
        loop {
            let header = match self.header {
                Some(header) => header,
                None => {
                    if !self.hold(input, HEADER_BYTES) {
                        return Ok(None);
                    }
                    let header = self.read_header()?;
                    self.held.clear();
                    self.header = Some(header);
                    header
                }
            };
            let Header { command, stream, left } = header;
            if command == DATA {
                let data = input.split_to(left.min(input.len()));
                let left = left - data.len();
                self.header = (left > 0).then_some(Header { left, ..header });
                if !data.is_empty() {
                    return Ok(Some(Part::Data(stream, data)));
                }
                if left > 0 {
                    return Ok(None);
                }
                continue;
            }
            if !self.hold(input, left) {
                return Ok(None);
            }
            self.header = None;
            let control = read_control(command, &self.held);
            self.held.clear();
            if let Some(control) = control {
                return Ok(Some(Part::Control(stream, control)));
            }
        }
    }

    /// Moves bytes over until `len` are held.
    fn hold(&mut self, input: &mut Bytes, len: usize) -> bool {
        let moved = input.split_to((len - self.held.len()).min(input.len()));
        self.held.extend_from_slice(&moved);
        self.held.len() == len
    }

    fn read_header(&self) -> Result<Header, MuxError> {
        let mut held = &self.held[..];
        let (version, command) = (held.get_u8(), held.get_u8());
        let (length, stream) = (held.get_u16_le(), StreamId(held.get_u32_le()));
        if version != self.dialect.version() {
            return Err(MuxError::Version { found: version, expected: self.dialect.version() });
        }
        let left = usize::from(length);
        let is_fine = match (command, self.dialect) {
            (DATA, _) => true,
            (OPEN, Dialect::Postern2) | (GRANT | CONNECTED, Dialect::Postern2) => left == 4,
            (OPEN | FINISH | NOTHING, _) | (STARVED, Dialect::Postern2) => left == 0,
            (RESET, Dialect::Postern2) => (2..=Reset::MAX_BYTES).contains(&left),
            _ => return Err(MuxError::Command(command)),
        };
        if is_fine { Ok(Header { command, stream, left }) } else { Err(MuxError::Length { command, length }) }
    }
}

/// The body has the length that its command has.
fn read_control(command: u8, body: &[u8]) -> Option<Control> {
    let number = || body.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    Some(match command {
        OPEN => Control::Open { window: number() },
        FINISH => Control::Finish,
        GRANT => Control::Grant(number()),
        CONNECTED => Control::Connected { window: number() },
        RESET => Control::Reset(Reset::decode(body)),
        STARVED => Control::Starved,
        _ => return None,
    })
}
