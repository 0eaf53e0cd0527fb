//! Our bytes are AWS's bytes, and we read from AWS's bytes what AWS wrote.

use bytes::Bytes;
use postern_protocol::wire::open::{DataOpen, Token};
use postern_protocol::wire::payload::{ExitCode, StreamFlag};
use postern_protocol::wire::{Flags, Frame, Header, MessageType, PayloadType};
use serde_json::Value;

use crate::targets::recode;
use crate::{bytes, text, vector_file};

const FILES: [&str; 2] = ["messages_client.json", "messages_agent.json"];

fn for_each_vector(mut check: impl FnMut(&str, &Value)) {
    for file in FILES {
        let vectors = vector_file(file);
        let vectors = vectors["vectors"].as_array().unwrap();
        assert!(vectors.len() >= 16, "{file} has {} vectors only", vectors.len());
        for vector in vectors {
            check(&format!("{file}: {}", text(vector, "name")), vector);
        }
    }
}

/// The frame that a vector describes, built from its description and not from its bytes.
fn described(vector: &Value) -> Frame {
    Frame {
        message_type: text(vector, "message_type").parse().unwrap(),
        created_millis: vector["created_date"].as_u64().unwrap(),
        sequence_number: vector["sequence_number"].as_i64().unwrap(),
        flags: Flags(vector["flags"].as_u64().unwrap()),
        message_id: text(vector, "message_id").parse().unwrap(),
        payload_type: PayloadType(vector["payload_type"].as_u64().unwrap().try_into().unwrap()),
        payload: Bytes::from(bytes(vector, "payload_hex")),
    }
}

#[test]
fn our_encoder_makes_awss_bytes() {
    for_each_vector(|name, vector| {
        assert_eq!(hex::encode(described(vector).encode()), text(vector, "hex"), "{name}");
    });
}

#[test]
fn our_decoder_reads_awss_bytes() {
    for_each_vector(|name, vector| {
        let frame = Bytes::from(bytes(vector, "hex"));
        let expected = described(vector);
        assert_eq!(Frame::decode(frame.clone()).as_ref(), Ok(&expected), "{name}");
        assert_eq!(Frame::decode_unverified(frame.clone()), Ok(expected), "{name}");

        let header = Header::parse(&frame).unwrap();
        assert_eq!(hex::encode(header.digest), text(vector, "payload_digest_hex"), "{name}");
        assert_eq!(header.payload.len() as u64, vector["payload_length"].as_u64().unwrap(), "{name}");
        assert!(header.digest_matches(&frame), "{name}");
    });
}

#[test]
fn payloads_are_shared_not_copied() {
    for_each_vector(|name, vector| {
        let frame = Bytes::from(bytes(vector, "hex"));
        let decoded = Frame::decode(frame.clone()).unwrap();
        assert_eq!(decoded.payload.as_ptr(), frame[Header::parse(&frame).unwrap().payload].as_ptr(), "{name}");
    });
}

#[test]
fn structured_payloads_survive_our_types() {
    let mut structured = 0;
    for_each_vector(|name, vector| {
        let frame = described(vector);
        let Some(recoded) = recode(frame.message_type, frame.payload_type, &frame.payload) else { return };
        let recoded = recoded.unwrap_or_else(|| panic!("{name} does not decode"));
        structured += 1;
        if matches!(frame.payload_type, PayloadType::FLAG | PayloadType::EXIT_CODE) {
            assert_eq!(recoded, frame.payload, "{name}");
            return;
        }
        let ours: Value = serde_json::from_slice(&recoded).unwrap();
        let mut awss: Value = serde_json::from_slice(&frame.payload).unwrap();
        if frame.message_type == MessageType::ChannelClosed && awss.get("Output").is_none() {
            // The agent's type has no such key; we write one type for both ends.
            awss["Output"] = "".into();
        }
        assert_eq!(ours, awss, "{name}");
    });
    assert!(structured >= 22, "{structured} vectors had a structured payload");
}

#[test]
fn what_the_vectors_say_is_what_we_see() {
    let mut seen = Vec::new();
    for_each_vector(|name, vector| {
        let frame = described(vector);
        match frame.payload_type {
            PayloadType::FLAG => seen.push(format!("{:?}", StreamFlag::decode(&frame.payload).unwrap())),
            PayloadType::EXIT_CODE => seen.push(format!("{:?}", ExitCode::decode(&frame.payload).unwrap())),
            PayloadType(4_294_967_294) => {
                assert_eq!((frame.sequence_number, frame.flags), (-1, Flags(u64::MAX)), "{name}");
            }
            _ => {}
        }
    });
    let expected = ["DisconnectToPort", "TerminateSession", "ConnectToPortError", "ExitCode(17)", "ConnectToPortError"];
    assert_eq!(seen, expected);
}

#[test]
fn the_clients_opening_message() {
    let samples = vector_file("text_samples.json");
    let json = text(&samples["samples"]["open_data_channel_client"], "json");
    let Ok(DataOpen::Client(open)) = DataOpen::parse(json) else { panic!("{json} is not a client's") };
    assert_eq!(open.token_value, Token::from("TOKEN"));
    assert_eq!(open.client_version.as_deref(), Some("1.2.677.0"));
    assert_eq!(open.to_json(), json);
}
