//! Captured traffic of the real agent and the real client goes through the relay as it did through
//! the service that it was captured at: every message once, in order, byte for byte.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use postern_protocol::channel::relay::{Leg, Relay, RelayConfig, Side};
use postern_protocol::wire::payload::{Acknowledge, JsonPayload};
use postern_protocol::wire::{Frame, MessageType};
use serde_json::Value;

use crate::support::{MILLIS, SECONDS, at};

/// One captured line of one session.
enum Line {
    Opened(Side),
    Message(Side, Bytes),
}

/// The sessions of a capture, each line with its time in microseconds.
fn sessions(path: &Path) -> BTreeMap<u64, Vec<(u64, Line)>> {
    let mut sessions: BTreeMap<u64, Vec<(u64, Line)>> = BTreeMap::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let side = if line["from"] == "client" { Side::Client } else { Side::Agent };
        let parsed = if line["opened"] == true { Line::Opened(side) } else { Line::Message(side, message(&line)) };
        let micros = line["millis"].as_u64().unwrap() * MILLIS;
        sessions.entry(line["session"].as_u64().unwrap()).or_default().push((micros, parsed));
    }
    sessions
}

fn message(line: &Value) -> Bytes {
    let mut message = hex::decode(line["header"].as_str().unwrap()).unwrap();
    match line["payload"].as_str() {
        Some(text) => message.extend(text.as_bytes()),
        None => message.extend(BASE64_STANDARD.decode(line["payload_base64"].as_str().unwrap()).unwrap()),
    }
    message.into()
}

/// What came out at one side.
#[derive(Default)]
struct Seen {
    stream: Vec<Bytes>,
    acknowledgements: Vec<Bytes>,
}

fn collect(relay: &mut Relay, seen: &mut BTreeMap<&'static str, Seen>, micros: u64) {
    for (side, name) in [(Side::Client, "client"), (Side::Agent, "agent")] {
        let seen = seen.entry(name).or_default();
        while let Some(message) = relay.poll_transmit(side, at(micros)) {
            match Frame::decode(message.clone()).unwrap().message_type {
                MessageType::Acknowledge => seen.acknowledgements.push(message),
                MessageType::InputStreamData | MessageType::OutputStreamData => seen.stream.push(message),
                other => assert!(other.is_publication(), "{other}"),
            }
        }
    }
}

fn number(message: &Bytes) -> i64 {
    Frame::decode(message.clone()).unwrap().sequence_number
}

fn acknowledged(message: &Bytes) -> i64 {
    let frame = Frame::decode(message.clone()).unwrap();
    Acknowledge::decode(&frame.payload).unwrap().acknowledged_message_sequence_number
}

fn replay(name: &str, lines: &[(u64, Line)]) -> usize {
    // A session that was open before the capture began has a relay without memory.
    let begins = lines.iter().any(|(_, line)| {
        matches!(line, Line::Message(Side::Agent, message)
        if Frame::decode(message.clone()).unwrap().message_type == MessageType::AgentSessionState)
    });
    let mut relay = Relay::new(RelayConfig { resumed: !begins, ..RelayConfig::new(1) });
    let mut came: BTreeMap<&'static str, Seen> = BTreeMap::new();
    let mut seen = BTreeMap::new();
    let mut end = 0;
    for (micros, line) in lines {
        relay.handle_timeout(at(*micros));
        match line {
            // As ours, for a stock client is made to wait here and there, and the captured one has
            // acknowledged at its own time.
            Line::Opened(side) => {
                relay.attach(*side, Leg { ours: true, version: None, takes_warnings: false }, at(*micros))
            }
            Line::Message(side, message) => {
                let to = if *side == Side::Client { "agent" } else { "client" };
                let came = came.entry(to).or_default();
                match Frame::decode(message.clone()).unwrap().message_type {
                    MessageType::Acknowledge => came.acknowledgements.push(message.clone()),
                    MessageType::AgentSessionState => {}
                    _ => came.stream.push(message.clone()),
                }
                relay.handle_message(*side, message.clone(), at(*micros)).unwrap();
            }
        }
        collect(&mut relay, &mut seen, *micros);
        end = *micros;
    }
    relay.handle_timeout(at(end + SECONDS));
    collect(&mut relay, &mut seen, end + SECONDS);

    let opened = |side| lines.iter().any(|(_, line)| matches!(line, Line::Opened(other) if *other == side));
    for (to, side) in [("client", Side::Client), ("agent", Side::Agent)] {
        if !opened(side) || !opened(side.other()) {
            continue;
        }
        let (came, seen) = (came.remove(to).unwrap_or_default(), seen.remove(to).unwrap_or_default());
        // Stream messages: each, once on each leg, in order. Repetitions of the agent are left out.
        let mut distinct: BTreeMap<i64, Bytes> = BTreeMap::new();
        for message in came.stream {
            distinct.entry(number(&message)).or_insert(message);
        }
        let mut passed: BTreeMap<i64, Bytes> = BTreeMap::new();
        let mut highest = -1;
        for message in seen.stream {
            let number = number(&message);
            assert!(number <= highest + 1, "{name}: {number} after {highest} to the {to}");
            highest = highest.max(number);
            passed.entry(number).or_insert(message);
        }
        assert!(passed == distinct, "{name}: to the {to}");
        // Acknowledgements: every one that came, byte for byte, before any of the relay's own.
        for message in came.acknowledgements {
            let same = seen.acknowledgements.iter().find(|other| acknowledged(other) == acknowledged(&message));
            assert!(same == Some(&message), "{name}: acknowledgement {} to the {to}", acknowledged(&message));
        }
    }
    lines.len()
}

#[test]
fn captured_sessions_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/channel_captures");
    let (mut files, mut messages) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        files += 1;
        for (session, lines) in sessions(&path) {
            messages += replay(&format!("{} {session}", path.display()), &lines);
        }
    }
    assert!(files >= 9 && messages >= 300, "{files} files, {messages} messages");
}
