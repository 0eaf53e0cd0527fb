//! What fuzzing asks of each decoder. Shared by the libFuzzer programs in `fuzz/` and by the
//! seeded mutator in `tests/fuzz_seeds.rs`; it needs nothing but this crate and `bytes`.
//!
//! Every target takes any bytes and must neither panic nor break the property it states.

#![allow(dead_code, reason = "every includer uses its own part")]

use std::sync::OnceLock;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use postern_protocol::transfer::{self, Answer, Intake, NameRules, Offers, Step};
use postern_protocol::wire::open::{AgentOpen, ControlOpen, DataOpen};
use postern_protocol::wire::payload::{self, ExitCode, InteractiveShell, JsonPayload, SessionStart, StreamFlag};
use postern_protocol::wire::websocket::{Decoder, Message, Role, WebSocketError, encode};
use postern_protocol::wire::{Frame, FrameError, Header, MessageType, PayloadType};
use postern_protocol::{Now, channel, mux};

/// A decoder under test.
pub(crate) type Target = fn(&[u8]);

/// All targets by name. The name is that of the program in `fuzz/` and of the corpus folder.
pub(crate) const TARGETS: &[(&str, Target)] = &[
    ("data_channel", data_channel),
    ("frame", frame),
    ("header", header),
    ("multiplexer", multiplexer),
    ("open", open),
    ("relay", relay),
    ("transfer", transfer),
    ("websocket_client", websocket_client),
    ("websocket_server", websocket_server),
    ("payload_acknowledge", json::<payload::Acknowledge>),
    ("payload_agent_job", json::<payload::AgentJob>),
    ("payload_agent_job_ack", json::<payload::AgentJobAck>),
    ("payload_agent_job_reply", json::<payload::AgentJobReply>),
    ("payload_agent_job_reply_ack", json::<payload::AgentJobReplyAck>),
    ("payload_agent_session_state", json::<payload::AgentSessionState>),
    ("payload_channel_closed", json::<payload::ChannelClosed>),
    ("payload_enc_challenge", json::<payload::EncChallenge>),
    ("payload_exit_code", exit_code),
    ("payload_flag", flag),
    ("payload_handshake_complete", json::<payload::HandshakeComplete>),
    ("payload_handshake_request", json::<payload::HandshakeRequest>),
    ("payload_handshake_response", handshake_response),
    ("payload_interactive_shell", interactive_shell),
    ("payload_size", json::<payload::Size>),
    ("payload_task_acknowledge", json::<payload::TaskAcknowledge>),
    ("payload_task_complete", json::<payload::TaskComplete>),
];

/// Runs the target of this name.
pub(crate) fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("the target is in the table");
    target(data);
}

/// What decodes, encodes to the same again; both decoders agree but for the digest.
pub(crate) fn frame(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let unverified = Frame::decode_unverified(bytes.clone());
    match Frame::decode(bytes) {
        Ok(frame) => assert_eq!(unverified.as_ref(), Ok(&frame)),
        Err(FrameError::Digest) => assert!(unverified.is_ok()),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(unverified, Err(error));
        }
    }
    if let Ok(frame) = unverified {
        let encoded = frame.encode();
        assert_eq!(encoded.len(), frame.encoded_len());
        assert_eq!(Frame::decode(encoded), Ok(frame.clone()));
        let _ = recode(frame.message_type, frame.payload_type, &frame.payload);
    }
}

/// The payload is inside the bytes it was found in.
pub(crate) fn header(data: &[u8]) {
    match Header::parse(data) {
        Ok(header) => {
            assert!(data.get(header.payload.clone()).is_some());
            assert_eq!(MessageType::from_wire(&header.message_type.to_wire()), Ok(header.message_type));
            let _ = header.digest_matches(data);
        }
        Err(error) => assert_ne!(error, FrameError::Digest),
    }
}

/// What can be read can be written and read again; no reader takes what the token check refuses.
pub(crate) fn open(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(open) = ControlOpen::parse(text) {
        assert_eq!(ControlOpen::parse(&open.to_json()), Ok(open));
    }
    match DataOpen::parse(text) {
        Ok(DataOpen::Agent(open)) => {
            assert!(!open.token_value.expose().is_empty());
            assert_eq!(AgentOpen::parse(&open.to_json()), Ok(open.clone()));
            assert_eq!(DataOpen::parse(&open.to_json()), Ok(DataOpen::Agent(open)));
        }
        Ok(DataOpen::Client(open)) => {
            assert!(!open.token_value.expose().is_empty());
            assert_eq!(DataOpen::parse(&open.to_json()), Ok(DataOpen::Client(open)));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What can be read can be written and read again.
pub(crate) fn json<T: JsonPayload + PartialEq + std::fmt::Debug>(data: &[u8]) {
    match T::decode(data) {
        Ok(payload) => assert_eq!(T::decode(&payload.encode()).as_ref(), Ok(&payload)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

pub(crate) fn exit_code(data: &[u8]) {
    if let Ok(code) = ExitCode::decode(data) {
        assert_eq!(ExitCode::decode(&code.encode()), Ok(code));
    }
}

pub(crate) fn flag(data: &[u8]) {
    if let Ok(flag) = StreamFlag::decode(data) {
        assert_eq!(StreamFlag::decode(&flag.encode()), Ok(flag));
    }
}

/// Like every payload, and the typed view of a result is total, too.
pub(crate) fn handshake_response(data: &[u8]) {
    json::<payload::HandshakeResponse>(data);
    if let Ok(response) = payload::HandshakeResponse::decode(data) {
        for action in &response.processed_client_actions {
            let _ = action.kms_encryption();
        }
    }
}

/// Like every payload, and so is the JSON inside, with its typed views.
pub(crate) fn interactive_shell(data: &[u8]) {
    json::<InteractiveShell>(data);
    let Ok(message) = InteractiveShell::decode(data) else { return };
    let Ok(start) = message.session_start() else { return };
    let _ = start.document_content.inputs();
    let _ = start.document_content.command();
    let _ = start.document_content.port();
    let again: Result<SessionStart, _> = InteractiveShell::new(&start).session_start();
    assert_eq!(again, Ok(start));
}

/// The input is a script of what happens to one end of a data channel.
pub(crate) fn data_channel(data: &[u8]) {
    channel::fuzz::data_channel(start(), data);
}

/// The input is a script of what happens to a relay between two ends.
pub(crate) fn relay(data: &[u8]) {
    channel::fuzz::relay(start(), data);
}

/// The input is a script of what happens to one end of a multiplexer.
pub(crate) fn multiplexer(data: &[u8]) {
    mux::fuzz::multiplexer(data);
}

/// The same moment for every run: the machines measure differences only.
fn start() -> Now {
    static START: OnceLock<Now> = OnceLock::new();
    *START.get_or_init(|| Now { instant: Instant::now(), unix_millis: 1_700_000_000_000 })
}

pub(crate) fn websocket_client(data: &[u8]) {
    websocket(Role::Client, data);
}

pub(crate) fn websocket_server(data: &[u8]) {
    websocket(Role::Server, data);
}

/// The first byte says how the rest is cut into reads. However it is cut, the same messages come
/// out, none above the bound; and each survives being sent on.
fn websocket(role: Role, data: &[u8]) {
    const MAX_MESSAGE_BYTES: usize = 1024;
    let Some((chunk, stream)) = data.split_first() else { return };
    let chunk = usize::from(*chunk).max(1);
    let at_once = decode_all(role, MAX_MESSAGE_BYTES, stream, stream.len().max(1));
    assert_eq!(decode_all(role, MAX_MESSAGE_BYTES, stream, chunk), at_once);

    let (peer, sent_on_by) = match role {
        Role::Client => (Role::Server, Role::Client),
        Role::Server => (Role::Client, Role::Server),
    };
    let mut again = BytesMut::new();
    for message in &at_once.0 {
        assert!(message.payload_len() <= MAX_MESSAGE_BYTES);
        encode(message, sent_on_by, [1, 2, 3, 4], &mut again);
    }
    assert_eq!(decode_all(peer, MAX_MESSAGE_BYTES, &again, chunk), (at_once.0, None));
}

/// All messages of a stream that arrives in reads of `chunk` bytes, and the error that ended it.
pub(crate) fn decode_all(
    role: Role,
    max_message_bytes: usize,
    stream: &[u8],
    chunk: usize,
) -> (Vec<Message>, Option<WebSocketError>) {
    let mut decoder = Decoder::new(role, max_message_bytes);
    let mut buf = BytesMut::new();
    let mut messages = Vec::new();
    for read in stream.chunks(chunk) {
        buf.extend_from_slice(read);
        loop {
            match decoder.decode(&mut buf) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut BytesMut::from(&b"\x81\x00"[..])), Err(error));
                    return (messages, Some(error));
                }
            }
        }
        assert!(decoder.missing_bytes(&buf) <= max_message_bytes.max(125));
    }
    (messages, None)
}

/// Decodes a payload by its message and payload type and encodes it again. `None` for payloads
/// without a structure; `Some(None)` if it does not decode.
pub(crate) fn recode(message_type: MessageType, payload_type: PayloadType, payload: &[u8]) -> Option<Option<Bytes>> {
    fn json<T: JsonPayload>(payload: &[u8]) -> Option<Bytes> {
        T::decode(payload).ok().map(|payload| payload.encode())
    }
    Some(match (message_type, payload_type) {
        (MessageType::Acknowledge, _) => json::<payload::Acknowledge>(payload),
        (MessageType::ChannelClosed, _) => json::<payload::ChannelClosed>(payload),
        (MessageType::SessionEnding, _) => json::<payload::SessionEnding>(payload),
        (MessageType::AgentSessionState, _) => json::<payload::AgentSessionState>(payload),
        (MessageType::InteractiveShell, _) => json::<InteractiveShell>(payload),
        (MessageType::AgentTaskComplete, _) => json::<payload::TaskComplete>(payload),
        (MessageType::AgentTaskAcknowledge, _) => json::<payload::TaskAcknowledge>(payload),
        (MessageType::AgentJob, _) => json::<payload::AgentJob>(payload),
        (MessageType::AgentJobAck, _) => json::<payload::AgentJobAck>(payload),
        (MessageType::AgentJobReply, _) => json::<payload::AgentJobReply>(payload),
        (MessageType::AgentJobReplyAck, _) => json::<payload::AgentJobReplyAck>(payload),
        (MessageType::InputStreamData | MessageType::OutputStreamData, payload_type) => match payload_type {
            PayloadType::SIZE => json::<payload::Size>(payload),
            PayloadType::HANDSHAKE_REQUEST => json::<payload::HandshakeRequest>(payload),
            PayloadType::HANDSHAKE_RESPONSE => json::<payload::HandshakeResponse>(payload),
            PayloadType::HANDSHAKE_COMPLETE => json::<payload::HandshakeComplete>(payload),
            PayloadType::ENC_CHALLENGE_REQUEST | PayloadType::ENC_CHALLENGE_RESPONSE => {
                json::<payload::EncChallenge>(payload)
            }
            PayloadType::FLAG => StreamFlag::decode(payload).ok().map(StreamFlag::encode),
            PayloadType::EXIT_CODE => ExitCode::decode(payload).ok().map(ExitCode::encode),
            _ => return None,
        },
        _ => return None,
    })
}

/// A conversation of messages, as they would be cut from a stream: each decodes to what encodes to the same bytes, and
/// no order of them brings the receiver's or the sender's rules out of step.
pub(crate) fn transfer(data: &[u8]) {
    let mut intake = Intake::new(if data.len().is_multiple_of(2) { NameRules::Unix } else { NameRules::Windows });
    if data.len() % 4 >= 2 {
        intake = intake.with_stream();
    }
    let mut offers = Offers::new();
    let mut rest = data;
    let (mut bytes, mut total) = (0, transfer::Total::default());
    while let Some((header, behind)) = rest.split_first_chunk() {
        let Ok(header) = transfer::Header::parse(*header) else { return };
        let Some((body, behind)) = behind.split_at_checked(header.length) else { return };
        let read = transfer::Message::decode(header, body);
        let whole = &rest[..transfer::Header::BYTES + header.length];
        rest = behind;
        let message = match read {
            Ok(message) => message,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        let mut again = Vec::new();
        message.encode(&mut again);
        assert_eq!(again, whole);
        if offers.has_room() {
            offers.push_file(header.length as u64, ());
        }
        let _ = offers.answer(&message);
        match intake.handle(message) {
            Ok(Step::Total(announced)) => total = announced,
            Ok(Step::Offer { name, size, .. }) => {
                assert!(!name.as_bytes().contains(&b'/'));
                let answer = match size % 3 {
                    0 => Answer::Have,
                    1 => Answer::Skip,
                    _ => Answer::Want { offset: size / 2, digest: [0; 32] },
                };
                intake.answered(answer);
            }
            Ok(Step::OfferStream { name }) => {
                assert!(!name.as_bytes().contains(&b'/') && total.bytes == 0 && total.entries == 1);
                total.bytes = transfer::MAX_TOTAL_BYTES;
                intake.answered(Answer::Want { offset: 0, digest: [0; 32] });
            }
            Ok(Step::Data(content)) => bytes += content.len() as u64,
            Ok(Step::Enter { name, .. } | Step::Link { name, .. }) => assert!(!name.as_bytes().contains(&b'/')),
            Ok(_) => {}
            // What breaks the rules ends the transfer.
            Err(violation) => {
                assert!(!violation.to_string().is_empty());
                return;
            }
        }
        assert!(bytes <= total.bytes, "no more comes than was announced");
    }
}
