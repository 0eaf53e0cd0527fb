//! Messages to bytes. Every message is one frame: stock ends fragment nothing, and neither do we.

use bytes::{BufMut, BytesMut};

use super::{MAX_CONTROL_BYTES, Message, Opcode, Role, close_code, mask};

/// The most bytes that a header has: two, a 64-bit length, a mask.
pub const MAX_HEADER_BYTES: usize = 14;

/// Appends one message to `out`. `mask` should be unpredictable for the client role; for the
/// server role it is ignored.
///
/// What the protocol has no room for is left out: the end of a control payload above 125 bytes,
/// and a close code that may not be sent, together with its reason.
pub fn encode(message: &Message, role: Role, mask: [u8; 4], out: &mut BytesMut) {
    match message {
        Message::Text(text) => frame(Opcode::Text, &[text.as_bytes()], role, mask, out),
        Message::Binary(bytes) => frame(Opcode::Binary, &[bytes], role, mask, out),
        Message::Ping(bytes) => frame(Opcode::Ping, &[control(bytes)], role, mask, out),
        Message::Pong(bytes) => frame(Opcode::Pong, &[control(bytes)], role, mask, out),
        Message::Close(Some((code, reason))) if close_code::is_sendable(*code) => {
            let code = code.to_be_bytes();
            let reason = &reason[..reason.floor_char_boundary(MAX_CONTROL_BYTES - code.len())];
            frame(Opcode::Close, &[&code, reason.as_bytes()], role, mask, out);
        }
        Message::Close(_) => frame(Opcode::Close, &[], role, mask, out),
    }
}

/// Appends the header of a whole, unfragmented frame. The caller brings the payload: for the
/// server role as it is, so that it can be forwarded without copying; for the client role masked.
pub fn encode_header(opcode: Opcode, payload_len: usize, role: Role, mask: [u8; 4], out: &mut BytesMut) {
    const FIN: u8 = 0x80;
    out.reserve(MAX_HEADER_BYTES);
    out.put_u8(FIN | opcode as u8);
    let masked = match role {
        Role::Client => 0x80,
        Role::Server => 0,
    };
    match payload_len {
        0..=125 => out.put_u8(masked | payload_len as u8),
        126..=0xFFFF => {
            out.put_u8(masked | 126);
            out.put_u16(payload_len as u16);
        }
        _ => {
            out.put_u8(masked | 127);
            out.put_u64(payload_len as u64);
        }
    }
    if role == Role::Client {
        out.put_slice(&mask);
    }
}

fn frame(opcode: Opcode, parts: &[&[u8]], role: Role, mask: [u8; 4], out: &mut BytesMut) {
    let payload_len = parts.iter().map(|part| part.len()).sum();
    out.reserve(MAX_HEADER_BYTES + payload_len);
    encode_header(opcode, payload_len, role, mask, out);
    let start = out.len();
    for part in parts {
        out.put_slice(part);
    }
    if role == Role::Client {
        mask::apply(&mut out[start..], mask);
    }
}

fn control(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(MAX_CONTROL_BYTES)]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn encoded(message: &Message, role: Role) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(message, role, [0x37, 0xfa, 0x21, 0x3d], &mut out);
        out.to_vec()
    }

    #[test]
    fn the_rfcs_examples() {
        let hello = Message::Text("Hello".to_owned());
        assert_eq!(encoded(&hello, Role::Server), b"\x81\x05Hello");
        assert_eq!(encoded(&hello, Role::Client), [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        let ping = Message::Ping(Bytes::from_static(b"Hello"));
        assert_eq!(encoded(&ping, Role::Server), b"\x89\x05Hello");
        for (len, header) in [
            (125, &[0x82, 125][..]),
            (126, &[0x82, 126, 0, 126]),
            (256, &[0x82, 126, 1, 0]),
            (65_535, &[0x82, 126, 0xFF, 0xFF]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let message = Message::Binary(Bytes::from(vec![0; len]));
            let bytes = encoded(&message, Role::Server);
            assert_eq!(&bytes[..header.len()], header, "{len} bytes");
            assert_eq!(bytes.len(), header.len() + len);
        }
    }

    #[test]
    fn control_frames_never_outgrow_their_room() {
        let long = Message::Ping(Bytes::from(vec![7; 200]));
        assert_eq!(encoded(&long, Role::Server).len(), 2 + MAX_CONTROL_BYTES);
        let close = Message::Close(Some((1000, "ü".repeat(100))));
        let bytes = encoded(&close, Role::Server);
        assert_eq!(bytes[..4], [0x88, 124, 0x03, 0xE8]);
        assert_eq!(std::str::from_utf8(&bytes[4..]), Ok("ü".repeat(61).as_str()));
        for code in [1005, 1006, 0] {
            let close = Message::Close(Some((code, "x".to_owned())));
            assert_eq!(encoded(&close, Role::Server), [0x88, 0]);
        }
    }
}
