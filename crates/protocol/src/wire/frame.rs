//! The binary frame that every message of data and control channels travels in.
//!
//! Layout and reader tolerance are those of spec `messages.md` section 2. This module knows the
//! header and the digest; it refuses to look into payloads.
//!
//! Readers differ in how much they need, so there are three ways in: [`Header::parse`] for the
//! broker, which relays bytes it does not understand; [`Frame::decode_unverified`] for the agent,
//! because the stock agent checks no digest and a client in the field sends its digest as hex;
//! and [`Frame::decode`] for the client. Our own ends agree to leave the digest out, which
//! [`Frame::decode_digest_optional`] takes: each leg is TLS, and hashing was a quarter of a tunnel's cost.

use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::reader::Reader;
use super::{Fault, Flags, MessageId, MessageType, MessageTypeError, PayloadType};

/// What the HeaderLength field holds: the offset of PayloadLength.
pub const HEADER_LENGTH: u32 = 116;

/// What a frame adds to its payload, in bytes.
pub const FRAME_OVERHEAD: usize = HEADER_LENGTH as usize + PAYLOAD_LENGTH_BYTES;

/// The largest frame that any decoder here accepts, in bytes.
///
/// Neither AWS end has a limit. Stock senders stay below 1.2 KiB, ours below 33 KiB, and the
/// service promises to relay at least 1 MiB (spec data-channel 10).
pub const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

/// The largest payload that our ends make, in bytes. Two messages of that size, an acknowledgement and what websocket and
/// TLS put around them are less than 64 KiB: one write at one end, one read at the other.
pub const SENT_PAYLOAD_BYTES: usize = 32 * 1024 - 512;

/// The largest payload that fits such a frame, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = MAX_FRAME_BYTES - FRAME_OVERHEAD;

const SCHEMA_VERSION: u32 = 1;
const PAYLOAD_LENGTH_BYTES: usize = 4;
const DIGEST_BYTES: usize = 32;
/// What stands in the place of a digest that was left out.
const NO_DIGEST: [u8; DIGEST_BYTES] = [0; DIGEST_BYTES];

/// Why some bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Fewer bytes than the fixed part has.
    #[error("a frame of {len} bytes is shorter than its fixed part of {FRAME_OVERHEAD} bytes")]
    TooShort {
        /// Size of the whole frame in bytes.
        len: usize,
    },
    /// More bytes than [`MAX_FRAME_BYTES`].
    #[error("a frame of {len} bytes is larger than the allowed {MAX_FRAME_BYTES} bytes")]
    TooLarge {
        /// Size of the whole frame in bytes.
        len: usize,
    },
    /// HeaderLength points into the header or behind the frame.
    #[error("HeaderLength is {header_length} in a frame of {len} bytes")]
    HeaderLength {
        /// What the field says.
        header_length: u32,
        /// Size of the whole frame in bytes.
        len: usize,
    },
    /// MessageType is not a name.
    #[error("MessageType cannot be read")]
    MessageType(#[source] MessageTypeError),
    /// CreatedDate is zero, which both stock readers refuse.
    #[error("CreatedDate is zero")]
    CreatedDate,
    /// PayloadDigest is not the SHA-256 of the payload.
    #[error("PayloadDigest does not match the payload")]
    Digest,
}

impl FrameError {
    /// The header field to blame, in the specification's spelling; `None` if it is the size.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::TooShort { .. } | Self::TooLarge { .. } => None,
            Self::HeaderLength { .. } => Some("HeaderLength"),
            Self::MessageType(_) => Some("MessageType"),
            Self::CreatedDate => Some("CreatedDate"),
            Self::Digest => Some("PayloadDigest"),
        }
    }

    /// Whose fault it is: always the peer's, for the bytes are.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::TooShort { .. } | Self::TooLarge { .. } | Self::HeaderLength { .. } | Self::MessageType(_) => {
                Fault::PeerMalformed
            }
            Self::CreatedDate | Self::Digest => Fault::PeerMisbehaved,
        }
    }
}

/// The fields of a frame in front of its payload, read without touching the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the message is for.
    pub message_type: MessageType,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_millis: u64,
    /// Its number in the stream; 0 outside it.
    pub sequence_number: i64,
    /// Written by senders, read by nobody.
    pub flags: Flags,
    /// Its id, which acknowledgements repeat.
    pub message_id: MessageId,
    /// What the payload is.
    pub payload_type: PayloadType,
    /// SHA-256 of the payload as the sender computed it, not checked yet.
    pub digest: [u8; DIGEST_BYTES],
    /// Where the payload is in the frame; always inside the parsed bytes.
    pub payload: Range<usize>,
}

impl Header {
    /// Reads the header of a complete frame. The digest is not checked.
    ///
    /// The payload begins behind HeaderLength + 4 and has PayloadLength bytes, or all that are
    /// left if there are fewer. SchemaVersion is ignored, as both stock readers ignore it.
    ///
    /// # Errors
    /// Everything but [`FrameError::Digest`].
    pub fn parse(frame: &[u8]) -> Result<Self, FrameError> {
        let len = frame.len();
        if len > MAX_FRAME_BYTES {
            return Err(FrameError::TooLarge { len });
        }
        let fixed = Fixed::read(&mut Reader::new(frame)).ok_or(FrameError::TooShort { len })?;
        let payload = fixed.payload(len).ok_or(FrameError::HeaderLength { header_length: fixed.header_length, len })?;
        let message_type = MessageType::from_wire(&fixed.message_type).map_err(FrameError::MessageType)?;
        // The stock client takes publications with any date, so they may well come without one.
        if fixed.created_millis == 0 && !message_type.is_publication() {
            return Err(FrameError::CreatedDate);
        }
        Ok(Self {
            message_type,
            created_millis: fixed.created_millis,
            sequence_number: fixed.sequence_number,
            flags: Flags(fixed.flags),
            message_id: MessageId::from_wire(fixed.message_id),
            payload_type: PayloadType(fixed.payload_type),
            digest: fixed.digest,
            payload,
        })
    }

    /// Whether the digest is that of the payload. `frame` is what the header was parsed from.
    pub fn digest_matches(&self, frame: &[u8]) -> bool {
        frame.get(self.payload.clone()).is_some_and(|payload| sha256(payload) == self.digest)
    }
}

/// The fixed part, field by field, nothing judged yet.
struct Fixed {
    header_length: u32,
    message_type: [u8; MessageType::WIRE_BYTES],
    created_millis: u64,
    sequence_number: i64,
    flags: u64,
    message_id: [u8; 16],
    digest: [u8; DIGEST_BYTES],
    payload_type: u32,
    payload_length: u32,
}

impl Fixed {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let header_length = reader.u32()?;
        let message_type = reader.array()?;
        let _schema_version = reader.u32()?;
        Some(Self {
            header_length,
            message_type,
            created_millis: reader.u64()?,
            sequence_number: reader.i64()?,
            flags: reader.u64()?,
            message_id: reader.array()?,
            digest: reader.array()?,
            payload_type: reader.u32()?,
            payload_length: reader.u32()?,
        })
    }

    fn payload(&self, frame_len: usize) -> Option<Range<usize>> {
        if self.header_length < HEADER_LENGTH {
            return None;
        }
        let start = usize::try_from(self.header_length).ok()?.checked_add(PAYLOAD_LENGTH_BYTES)?;
        let available = frame_len.checked_sub(start)?;
        let length = usize::try_from(self.payload_length).unwrap_or(usize::MAX);
        Some(start..start + length.min(available))
    }
}

/// One message with its payload. Decoding shares the payload with the bytes it came from.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the message is for.
    pub message_type: MessageType,
    /// When it was made, in milliseconds since the Unix epoch. Never 0 but in publications.
    pub created_millis: u64,
    /// Its number in the stream; 0 outside it.
    pub sequence_number: i64,
    /// Written by senders, read by nobody.
    pub flags: Flags,
    /// Its id, which acknowledgements repeat.
    pub message_id: MessageId,
    /// What the payload is.
    pub payload_type: PayloadType,
    /// The payload, as sent.
    pub payload: Bytes,
}

impl Frame {
    /// Reads a frame and checks its digest. The payload is a slice of `frame`, not a copy.
    ///
    /// Publications are exempt from the check, as in the stock client: nobody reads their payload.
    ///
    /// # Errors
    /// See [`FrameError`]; every variant is possible.
    pub fn decode(frame: Bytes) -> Result<Self, FrameError> {
        let header = Header::parse(&frame)?;
        if !header.message_type.is_publication() && !header.digest_matches(&frame) {
            return Err(FrameError::Digest);
        }
        Ok(Self::new(header, &frame))
    }

    /// Reads a frame from a peer that may leave the digest out. One that is there is checked.
    ///
    /// # Errors
    /// See [`FrameError`]; every variant is possible.
    pub fn decode_digest_optional(frame: Bytes) -> Result<Self, FrameError> {
        let header = Header::parse(&frame)?;
        if header.digest != NO_DIGEST && !header.message_type.is_publication() && !header.digest_matches(&frame) {
            return Err(FrameError::Digest);
        }
        Ok(Self::new(header, &frame))
    }

    /// Reads a frame whatever its digest says, as the stock agent does.
    ///
    /// # Errors
    /// Everything but [`FrameError::Digest`].
    pub fn decode_unverified(frame: Bytes) -> Result<Self, FrameError> {
        let header = Header::parse(&frame)?;
        Ok(Self::new(header, &frame))
    }

    fn new(header: Header, frame: &Bytes) -> Self {
        Self {
            message_type: header.message_type,
            created_millis: header.created_millis,
            sequence_number: header.sequence_number,
            flags: header.flags,
            message_id: header.message_id,
            payload_type: header.payload_type,
            payload: frame.slice(header.payload),
        }
    }

    /// The size that [`Frame::encode`] will produce, in bytes.
    pub fn encoded_len(&self) -> usize {
        FRAME_OVERHEAD + self.payload.len()
    }

    /// Writes the frame, in one allocation.
    ///
    /// Payloads above [`MAX_PAYLOAD_BYTES`] are written but no decoder here takes them back; who
    /// makes payloads bounds them. Stock decoders accept an empty payload, stock encoders never
    /// produce one (spec messages 2.3).
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.encoded_len());
        self.encode_into(&mut out);
        out.freeze()
    }

    /// Appends the frame to `out`.
    ///
    /// # Panics
    /// If the payload has 4 GiB or more, which its length field cannot say.
    pub fn encode_into(&self, out: &mut BytesMut) {
        self.write(sha256(&self.payload), out);
    }

    /// Writes the frame without a digest, for a peer that has said that it needs none; see
    /// [`Frame::decode_digest_optional`].
    ///
    /// # Panics
    /// As [`Frame::encode_into`].
    pub fn encode_without_digest(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.encoded_len());
        self.write(NO_DIGEST, &mut out);
        out.freeze()
    }

    fn write(&self, digest: [u8; DIGEST_BYTES], out: &mut BytesMut) {
        let payload_length = u32::try_from(self.payload.len()).expect("payloads are bounded far below 4 GiB");
        out.reserve(self.encoded_len());
        out.extend_from_slice(&HEADER_LENGTH.to_be_bytes());
        out.extend_from_slice(&self.message_type.to_wire());
        out.extend_from_slice(&SCHEMA_VERSION.to_be_bytes());
        out.extend_from_slice(&self.created_millis.to_be_bytes());
        out.extend_from_slice(&self.sequence_number.to_be_bytes());
        out.extend_from_slice(&self.flags.0.to_be_bytes());
        out.extend_from_slice(&self.message_id.to_wire());
        out.extend_from_slice(&digest);
        out.extend_from_slice(&self.payload_type.0.to_be_bytes());
        out.extend_from_slice(&payload_length.to_be_bytes());
        out.extend_from_slice(&self.payload);
    }
}

/// Shows the header and the size of the payload: terminal content never reaches a log.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("message_type", &self.message_type)
            .field("created_millis", &self.created_millis)
            .field("sequence_number", &self.sequence_number)
            .field("flags", &self.flags)
            .field("message_id", &self.message_id)
            .field("payload_type", &self.payload_type)
            .field("payload_bytes", &self.payload.len())
            .finish()
    }
}

fn sha256(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    Sha256::digest(bytes).into()
}
