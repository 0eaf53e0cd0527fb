//! Every message that was recorded between real agents, real clients and a service.

use std::collections::BTreeSet;

use base64::Engine;
use bytes::Bytes;
use postern_protocol::wire::open::{ControlOpen, DataOpen};
use postern_protocol::wire::payload::{InteractiveShell, JsonPayload};
use postern_protocol::wire::{Frame, MessageType};
use serde_json::Value;

use crate::targets::recode;
use crate::{bytes, text, vectors_dir};

/// Calls `check` with the place (for messages of the test), and the line.
fn for_each_message(mut check: impl FnMut(&str, &Value)) {
    let mut files: Vec<_> =
        std::fs::read_dir(vectors_dir().join("captures")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 28, "only {} captures", files.len());
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for (number, line) in std::fs::read_to_string(&file).unwrap().lines().enumerate() {
            check(&format!("{name}:{}", number + 1), &serde_json::from_str(line).unwrap());
        }
    }
}

fn frame_bytes(line: &Value) -> Option<Bytes> {
    line.get("header")?;
    let mut frame = bytes(line, "header");
    match line["payload"].as_str() {
        Some(payload) => frame.extend_from_slice(payload.as_bytes()),
        None => {
            let payload = text(line, "payload_base64");
            frame.extend(base64::engine::general_purpose::STANDARD.decode(payload).unwrap());
        }
    }
    Some(Bytes::from(frame))
}

#[test]
fn every_frame_decodes_as_recorded_and_encodes_to_the_same_bytes() {
    let mut frames = 0;
    for_each_message(|place, line| {
        let Some(recorded) = frame_bytes(line) else { return };
        frames += 1;
        let frame = Frame::decode(recorded.clone()).unwrap_or_else(|error| panic!("{place}: {error}"));
        let decoded = &line["decoded"];
        assert_eq!(frame.message_type.as_str(), text(decoded, "MessageType"), "{place}");
        assert_eq!(Some(frame.created_millis), decoded["CreatedDate"].as_u64(), "{place}");
        assert_eq!(Some(frame.sequence_number), decoded["SequenceNumber"].as_i64(), "{place}");
        assert_eq!(Some(frame.flags.0), decoded["Flags"].as_u64(), "{place}");
        assert_eq!(frame.message_id.to_string(), text(decoded, "MessageId"), "{place}");
        assert_eq!(Some(u64::from(frame.payload_type.0)), decoded["PayloadType"].as_u64(), "{place}");
        assert_eq!(Some(frame.payload.len() as u64), decoded["PayloadLength"].as_u64(), "{place}");
        assert_eq!(frame.encode(), recorded, "{place}");
    });
    assert!(frames >= 600, "only {frames} frames");
}

#[test]
fn every_structured_payload_survives_our_types() {
    let mut kinds = BTreeSet::new();
    for_each_message(|place, line| {
        let Some(recorded) = frame_bytes(line) else { return };
        let frame = Frame::decode(recorded).unwrap();
        let Some(recoded) = recode(frame.message_type, frame.payload_type, &frame.payload) else { return };
        let recoded = recoded.unwrap_or_else(|| panic!("{place} does not decode"));
        kinds.insert((frame.message_type.to_string(), frame.payload_type));
        let Ok(mut recorded) = serde_json::from_slice::<Value>(&frame.payload) else {
            assert_eq!(recoded, frame.payload, "{place}");
            return;
        };
        if frame.message_type == MessageType::ChannelClosed && recorded.get("Output").is_none() {
            recorded["Output"] = "".into();
        }
        assert_eq!(serde_json::from_slice::<Value>(&recoded).unwrap(), recorded, "{place}");
    });
    assert_eq!(kinds.len(), 19, "{kinds:?}");
}

#[test]
fn every_session_start_has_the_document_it_was_recorded_with() {
    let mut types = BTreeSet::new();
    for_each_message(|place, line| {
        let Some(recorded) = frame_bytes(line) else { return };
        let frame = Frame::decode(recorded).unwrap();
        if frame.message_type != MessageType::InteractiveShell {
            return;
        }
        let message = InteractiveShell::decode(&frame.payload).unwrap();
        let start = message.session_start().unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(start.session_id, message.task_id, "{place}");
        let document = &start.document_content;
        assert_eq!(document.schema_version, "1.0", "{place}");
        document.inputs().unwrap_or_else(|error| panic!("{place}: {error}"));
        match document.session_type.as_str() {
            "Port" => drop(document.port().unwrap()),
            "InteractiveCommands" | "NonInteractiveCommands" => drop(document.command().unwrap()),
            _ => {}
        }
        types.insert(document.session_type.clone());
    });
    let expected = ["InteractiveCommands", "NonInteractiveCommands", "Port", "Standard_Stream"];
    assert!(expected.iter().all(|kind| types.contains(*kind)), "{types:?}");
}

#[test]
fn every_opening_message_is_understood_and_repeated() {
    let (mut agents, mut clients, mut controls) = (0, 0, 0);
    for_each_message(|place, line| {
        let Some(opening) = line["text"].as_str() else { return };
        let again = if text(line, "where") == "control" {
            controls += 1;
            ControlOpen::parse(opening).unwrap().to_json()
        } else {
            match DataOpen::parse(opening).unwrap() {
                DataOpen::Agent(open) => {
                    agents += 1;
                    assert_eq!(text(line, "dir"), "agent to service", "{place}");
                    open.to_json()
                }
                DataOpen::Client(open) => {
                    clients += 1;
                    assert_eq!(text(line, "dir"), "client to service", "{place}");
                    open.to_json()
                }
            }
        };
        assert_eq!(again, opening, "{place}");
    });
    assert_eq!((agents, clients, controls), (30, 29, 11));
}
