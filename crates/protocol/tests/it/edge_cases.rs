//! Odd frames: what AWS's two decoders do with them, and what ours does.
//!
//! Where ours differs, the reason is in the table. The rules are those that spec `messages.md`
//! section 2.3 recommends.

use bytes::Bytes;
use postern_protocol::wire::{Frame, FrameError, Header, MessageTypeError};
use serde_json::Value;

use crate::{bytes, text, vector_file};

/// What we make of a case. The payload is in hex.
enum Ours {
    /// Accepted by both of our decoders, with this payload.
    Accepted(&'static str),
    /// Refused where the digest counts; elsewhere accepted with this payload.
    DigestOnly(&'static str),
    /// Refused by both.
    Refused(FrameError),
}

/// The case, ours, and why ours is not the stock client's (left out when it is the same).
const CASES: &[(&str, Ours, Option<&str>)] = &[
    ("empty_payload_120_bytes", Ours::Accepted(""), None),
    ("message_type_nul_padded", Ours::Accepted("616263"), None),
    ("message_type_space_prefixed", Ours::Accepted("7b7d"), None),
    ("wrong_digest", Ours::DigestOnly("616263"), None),
    ("wrong_digest_start_publication", Ours::Accepted("7b7d"), None),
    ("created_date_zero", Ours::Refused(FrameError::CreatedDate), None),
    ("created_date_zero_start_publication", Ours::Accepted("7b7d"), None),
    (
        "payload_length_too_small_trailing_bytes",
        Ours::DigestOnly("616263"),
        Some("PayloadLength is believed; the digest covers the trailing bytes too, so it does not match"),
    ),
    ("payload_length_too_large", Ours::Accepted("616263"), None),
    (
        "payload_length_zero_but_bytes_present_bad_digest",
        Ours::DigestOnly(""),
        Some("PayloadLength is believed, and zero does not switch the digest check off"),
    ),
    ("header_length_zero", Ours::Refused(FrameError::HeaderLength { header_length: 0, len: 123 }), None),
    ("header_length_larger_within_frame", Ours::DigestOnly("65666768696a"), None),
    (
        "short_119_bytes",
        Ours::Refused(FrameError::TooShort { len: 119 }),
        Some("an error instead of a panic that ends the receive loop"),
    ),
    ("empty_message_type", Ours::Refused(FrameError::MessageType(MessageTypeError::Empty)), None),
];

#[test]
fn every_case_is_in_the_table_and_does_what_it_says() {
    let file = vector_file("decode_edge_cases.json");
    let vectors = file["vectors"].as_array().unwrap();
    let names: Vec<&str> = vectors.iter().map(|vector| text(vector, "name")).collect();
    let table: Vec<&str> = CASES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(table, names);

    for (vector, (name, ours, reason)) in vectors.iter().zip(CASES) {
        let frame = Bytes::from(bytes(vector, "hex"));
        let verified = Frame::decode(frame.clone());
        let unverified = Frame::decode_unverified(frame.clone());
        match ours {
            Ours::Accepted(payload) => {
                assert_eq!(hex::encode(&verified.as_ref().unwrap().payload), *payload, "{name}");
                assert_eq!(verified, unverified, "{name}");
            }
            Ours::DigestOnly(payload) => {
                assert_eq!(verified, Err(FrameError::Digest), "{name}");
                assert_eq!(hex::encode(&unverified.unwrap().payload), *payload, "{name}");
            }
            Ours::Refused(error) => {
                assert_eq!(verified, Err(*error), "{name}");
                assert_eq!(unverified, Err(*error), "{name}");
                assert_eq!(Header::parse(&frame), Err(*error), "{name}");
            }
        }
        let same = is_like_the_stock_client(ours, &vector["plugin"]);
        assert_eq!(same, reason.is_none(), "{name}: like the stock client is {same}, given reason {reason:?}");
    }
}

fn is_like_the_stock_client(ours: &Ours, plugin: &Value) -> bool {
    match (ours, text(plugin, "result")) {
        (Ours::Accepted(payload), "accepted") => *payload == text(plugin, "payload_hex"),
        (Ours::DigestOnly(_) | Ours::Refused(_), "rejected_by_validate") => true,
        _ => false,
    }
}

#[test]
fn header_length_must_stay_inside_the_frame() {
    let file = vector_file("decode_edge_cases.json");
    let mut frame = bytes(&file["vectors"][1], "hex");
    let len = frame.len();
    for header_length in [1, 115, 120, 124, u32::MAX - 3, u32::MAX] {
        frame[..4].copy_from_slice(&header_length.to_be_bytes());
        let error = Err(FrameError::HeaderLength { header_length, len });
        assert_eq!(Header::parse(&frame), error, "{header_length}");
    }
    // Exactly at the end there is an empty payload.
    frame[..4].copy_from_slice(&119_u32.to_be_bytes());
    assert_eq!(Header::parse(&frame).unwrap().payload, 123..123);
}

#[test]
fn a_frame_that_is_too_large_is_refused() {
    let frame = Bytes::from(vec![0; postern_protocol::wire::MAX_FRAME_BYTES + 1]);
    let len = frame.len();
    assert_eq!(Frame::decode(frame), Err(FrameError::TooLarge { len }));
}

#[test]
fn a_frame_never_prints_its_payload() {
    let file = vector_file("decode_edge_cases.json");
    let frame = Frame::decode(Bytes::from(bytes(&file["vectors"][1], "hex"))).unwrap();
    assert_eq!(frame.payload, &b"abc"[..]);
    let shown = format!("{frame:?}");
    assert!(shown.contains("payload_bytes: 3") && !shown.contains("abc"), "{shown}");
}
