//! Bytes to messages. Nothing is allocated for a frame before all of it is here, and nothing
//! larger than allowed is waited for.

use bytes::{Buf as _, Bytes, BytesMut};

use super::{MAX_CONTROL_BYTES, Message, Opcode, Role, WebSocketError, close_code, mask};
use crate::wire::reader::Reader;

/// Finds messages in the bytes of one connection.
///
/// The caller appends what it has read to one buffer and calls [`Decoder::decode`] until it gives
/// `None`. Payloads are cut out of that buffer, not copied; only the fragments of a fragmented
/// message are put together in a second one. A payload therefore keeps the whole buffer alive that
/// it was read into: who keeps a small one for long, copies it.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    max_message_bytes: usize,
    state: State,
    /// The beginning of a fragmented message.
    fragments: Option<Fragments>,
}

#[derive(Debug)]
enum State {
    Header,
    /// The header is read and taken off the buffer.
    Payload(Header),
    /// The peer has closed; what follows is not looked at.
    Closed,
    Failed(WebSocketError),
}

struct Fragments {
    is_text: bool,
    bytes: BytesMut,
    /// How far a text is known to be valid.
    valid_bytes: usize,
}

impl Fragments {
    /// Fragments are copied: a first fragment kept as it is would hold on to the whole read
    /// buffer for as long as the peer likes.
    fn append(&mut self, fragment: &[u8]) -> Result<(), WebSocketError> {
        self.bytes.extend_from_slice(fragment);
        if self.is_text {
            self.valid_bytes += match std::str::from_utf8(&self.bytes[self.valid_bytes..]) {
                Ok(text) => text.len(),
                // A character may be cut by the end of a fragment, but not be wrong.
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                Err(_) => return Err(WebSocketError::Utf8),
            };
        }
        Ok(())
    }
}

impl std::fmt::Debug for Fragments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fragments({} bytes)", self.bytes.len())
    }
}

#[derive(Clone, Copy, Debug)]
struct Header {
    is_final: bool,
    opcode: Opcode,
    mask: Option<[u8; 4]>,
    payload_len: usize,
}

impl Decoder {
    /// A decoder for the end that plays `role`. No message above `max_message_bytes` is accepted,
    /// fragmented or not.
    pub const fn new(role: Role, max_message_bytes: usize) -> Self {
        Self { role, max_message_bytes, state: State::Header, fragments: None }
    }

    /// Changes the bound for messages whose header is yet to come: a stranger may send less than a
    /// peer that has opened its channel.
    pub const fn set_max_message_bytes(&mut self, max_message_bytes: usize) {
        self.max_message_bytes = max_message_bytes;
    }

    /// The next message in `buf`, or `None` when more bytes are needed. Control frames come out
    /// as they arrive, also between the fragments of a message. After a close there is nothing
    /// more, and what arrives is thrown away.
    ///
    /// # Errors
    /// When the peer breaks the framing rules. The connection cannot go on; asking again gives
    /// the same error.
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<Message>, WebSocketError> {
        let decoded = self.next(buf);
        match &decoded {
            Err(error) => self.state = State::Failed(*error),
            Ok(Some(Message::Close(_))) => self.state = State::Closed,
            Ok(_) => {}
        }
        if matches!(self.state, State::Failed(_) | State::Closed) {
            buf.clear();
        }
        decoded
    }

    /// How many bytes of the frame that has begun are missing in `buf`; 0 between frames. A hint
    /// for how much to read, bounded by the largest message.
    pub fn missing_bytes(&self, buf: &BytesMut) -> usize {
        match &self.state {
            State::Payload(header) => header.payload_len.saturating_sub(buf.len()),
            _ => 0,
        }
    }

    fn next(&mut self, buf: &mut BytesMut) -> Result<Option<Message>, WebSocketError> {
        loop {
            let header = match &self.state {
                State::Closed => return Ok(None),
                State::Failed(error) => return Err(*error),
                State::Payload(header) => *header,
                State::Header => match self.read_header(buf)? {
                    Some(header) => header,
                    None => return Ok(None),
                },
            };
            if buf.len() < header.payload_len {
                self.state = State::Payload(header);
                return Ok(None);
            }
            self.state = State::Header;
            let mut payload = buf.split_to(header.payload_len);
            if let Some(key) = header.mask {
                mask::apply(&mut payload, key);
            }
            if let Some(message) = self.handle_frame(header, payload)? {
                return Ok(Some(message));
            }
        }
    }

    /// Reads a header and takes it off `buf`. Rules are checked as soon as their bytes are here,
    /// so a peer that breaks one is not waited for.
    fn read_header(&self, buf: &mut BytesMut) -> Result<Option<Header>, WebSocketError> {
        let mut reader = Reader::new(buf);
        let Some([first, second]) = reader.array() else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(WebSocketError::ReservedBits);
        }
        let is_final = first & 0x80 != 0;
        let opcode = Opcode::from_bits(first & 0x0F).ok_or(WebSocketError::ReservedOpcode(first & 0x0F))?;
        let is_masked = second & 0x80 != 0;
        match (self.role, is_masked) {
            (Role::Server, false) => return Err(WebSocketError::Unmasked),
            (Role::Client, true) => return Err(WebSocketError::Masked),
            _ => {}
        }
        if opcode.is_control() {
            if !is_final {
                return Err(WebSocketError::FragmentedControl);
            }
            if usize::from(second & 0x7F) > MAX_CONTROL_BYTES {
                return Err(WebSocketError::LongControl);
            }
        }
        // A length written longer than needed is accepted: nothing depends on it.
        let length = match second & 0x7F {
            126 => reader.u16().map(u64::from),
            127 => reader.u64(),
            short => Some(u64::from(short)),
        };
        let Some(length) = length else { return Ok(None) };
        let payload_len = self.check_length(opcode, length)?;
        let mask = if is_masked {
            let Some(mask) = reader.array() else { return Ok(None) };
            Some(mask)
        } else {
            None
        };
        let header_len = buf.len() - reader.remaining();
        buf.advance(header_len);
        Ok(Some(Header { is_final, opcode, mask, payload_len }))
    }

    fn check_length(&self, opcode: Opcode, length: u64) -> Result<usize, WebSocketError> {
        if length > i64::MAX as u64 {
            return Err(WebSocketError::Length);
        }
        let too_large = WebSocketError::TooLarge { max: self.max_message_bytes };
        let payload_len = usize::try_from(length).map_err(|_| too_large)?;
        if opcode.is_control() {
            return Ok(payload_len);
        }
        let before = self.fragments.as_ref().map_or(0, |fragments| fragments.bytes.len());
        match before.checked_add(payload_len) {
            Some(total) if total <= self.max_message_bytes => Ok(payload_len),
            _ => Err(too_large),
        }
    }

    fn handle_frame(&mut self, header: Header, payload: BytesMut) -> Result<Option<Message>, WebSocketError> {
        match header.opcode {
            Opcode::Ping => Ok(Some(Message::Ping(payload.freeze()))),
            Opcode::Pong => Ok(Some(Message::Pong(payload.freeze()))),
            Opcode::Close => close(&payload).map(Some),
            Opcode::Text | Opcode::Binary => {
                if self.fragments.is_some() {
                    return Err(WebSocketError::InterruptedMessage);
                }
                let is_text = header.opcode == Opcode::Text;
                if header.is_final {
                    return whole(is_text, payload.freeze()).map(Some);
                }
                let mut fragments = Fragments { is_text, bytes: BytesMut::new(), valid_bytes: 0 };
                fragments.append(&payload)?;
                self.fragments = Some(fragments);
                Ok(None)
            }
            Opcode::Continuation => {
                let Some(mut fragments) = self.fragments.take() else {
                    return Err(WebSocketError::UnexpectedContinuation);
                };
                fragments.append(&payload)?;
                if header.is_final {
                    return whole(fragments.is_text, fragments.bytes.freeze()).map(Some);
                }
                self.fragments = Some(fragments);
                Ok(None)
            }
        }
    }
}

fn whole(is_text: bool, payload: Bytes) -> Result<Message, WebSocketError> {
    if !is_text {
        return Ok(Message::Binary(payload));
    }
    let text = std::str::from_utf8(&payload).map_err(|_| WebSocketError::Utf8)?;
    Ok(Message::Text(text.to_owned()))
}

fn close(payload: &[u8]) -> Result<Message, WebSocketError> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(Message::Close(None)) } else { Err(WebSocketError::CloseCode) };
    };
    let code = u16::from_be_bytes(*code);
    if !close_code::is_sendable(code) {
        return Err(WebSocketError::CloseCode);
    }
    let reason = std::str::from_utf8(reason).map_err(|_| WebSocketError::Utf8)?;
    Ok(Message::Close(Some((code, reason.to_owned()))))
}
