//! Laws of the codecs, on generated values and on any bytes.

use bytes::{Bytes, BytesMut};
use postern_protocol::wire::payload::{
    Acknowledge, ActionStatus, AgentOffer, AgentSessionState, ChannelClosed, ChannelOffer, ClientOffer, ExitCode,
    HandshakeComplete, HandshakeRequest, HandshakeResponse, InteractiveShell, JsonPayload, ProcessedAction,
    RequestedAction, SessionStart, SessionState, Size, StreamFlag, TaskComplete, TaskStatus,
};
use postern_protocol::wire::{Flags, Frame, FrameError, Header, MessageId, MessageType, PayloadType};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

use crate::targets::TARGETS;

fn message_type() -> impl Strategy<Value = MessageType> {
    let known = prop::sample::select(vec![
        "input_stream_data",
        "output_stream_data",
        "acknowledge",
        "channel_closed",
        "start_publication",
        "pause_publication",
        "agent_session_state",
        "interactive_shell",
        "agent_task_complete",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "[!-~]([ -~]{0,30}[!-~])?"].prop_map(|name| name.parse().unwrap())
}

prop_compose! {
    fn frame()(
        message_type in message_type(),
        created_millis in 1_u64..,
        sequence_number: i64,
        flags: u64,
        message_id: [u8; 16],
        payload_type: u32,
        payload in vec(any::<u8>(), 0..2048),
    ) -> Frame {
        Frame {
            message_type,
            created_millis,
            sequence_number,
            flags: Flags(flags),
            message_id: MessageId(message_id),
            payload_type: PayloadType(payload_type),
            payload: Bytes::from(payload),
        }
    }
}

proptest! {
    #[test]
    fn a_frame_is_what_it_was(frame in frame()) {
        let bytes = frame.encode();
        prop_assert_eq!(bytes.len(), frame.encoded_len());
        let mut appended = BytesMut::from(&b"before"[..]);
        frame.encode_into(&mut appended);
        prop_assert_eq!(&appended[6..], &bytes[..]);
        prop_assert_eq!(Frame::decode(bytes.clone()), Ok(frame.clone()));
        prop_assert_eq!(Frame::decode_unverified(bytes.clone()), Ok(frame.clone()));
        let header = Header::parse(&bytes).unwrap();
        prop_assert_eq!(&bytes[header.payload], &frame.payload[..]);
    }

    #[test]
    fn any_changed_bit_of_the_payload_is_found(
        frame in frame().prop_filter("publications are exempt", |frame| !frame.message_type.is_publication()),
        at: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        prop_assume!(!frame.payload.is_empty());
        let mut bytes = frame.encode().to_vec();
        let start = bytes.len() - frame.payload.len();
        bytes[start + at.index(frame.payload.len())] ^= 1 << bit;
        prop_assert_eq!(Frame::decode(Bytes::from(bytes)), Err(FrameError::Digest));
    }

    #[test]
    fn a_frame_cut_short_is_an_error_and_never_a_panic(frame in frame(), at: prop::sample::Index) {
        let bytes = frame.encode();
        let cut = bytes.slice(..at.index(bytes.len()));
        let decoded = Frame::decode(cut.clone());
        if cut.len() < 120 {
            prop_assert_eq!(decoded, Err(FrameError::TooShort { len: cut.len() }));
        } else if !frame.message_type.is_publication() {
            prop_assert_eq!(decoded, Err(FrameError::Digest));
        }
    }

    #[test]
    fn message_ids_are_text_and_back(id: [u8; 16]) {
        let id = MessageId(id);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(MessageId::from_wire(id.to_wire()), id);
    }

    #[test]
    fn every_decoder_is_total(data in vec(any::<u8>(), 0..512)) {
        for (_, target) in TARGETS {
            target(&data);
        }
    }

    #[test]
    fn every_decoder_is_total_on_json(value in json()) {
        let text = serde_json::to_vec(&value).unwrap();
        for (_, target) in TARGETS {
            target(&text);
        }
    }

    #[test]
    fn handshakes_are_what_they_were(request in handshake_request(), response in handshake_response()) {
        prop_assert_eq!(HandshakeRequest::decode(&request.encode()), Ok(request));
        prop_assert_eq!(HandshakeResponse::decode(&response.encode()), Ok(response));
    }

    #[test]
    fn session_starts_are_what_they_were(
        names in vec(any::<String>(), 4),
        document in json(),
        parameters in prop::collection::btree_map(any::<String>(), json(), 0..4),
    ) {
        let mut start = SessionStart {
            document_name: names[0].clone(),
            session_id: names[1].clone(),
            run_as_user: names[2].clone(),
            session_owner: names[3].clone(),
            parameters: parameters.into_iter().collect(),
            ..SessionStart::default()
        };
        start.document_content.properties = document;
        let message = InteractiveShell::new(&start);
        prop_assert_eq!(InteractiveShell::decode(&message.encode()).unwrap().session_start(), Ok(start));
    }

    #[test]
    fn small_payloads_are_what_they_were(text: String, number: i64, flag: u32, cols: u32, rows: u32) {
        let id = MessageId([7; 16]);
        let acknowledge = Acknowledge::new(MessageType::OutputStreamData, id, number);
        prop_assert_eq!(Acknowledge::decode(&acknowledge.encode()), Ok(acknowledge));
        let closed = ChannelClosed { output: text.clone(), ..ChannelClosed::default() };
        prop_assert_eq!(ChannelClosed::decode(&closed.encode()), Ok(closed));
        let state = SessionState::from(text.clone());
        let state = AgentSessionState { session_state: state, ..AgentSessionState::default() };
        prop_assert_eq!(AgentSessionState::decode(&state.encode()), Ok(state));
        let complete = HandshakeComplete { handshake_time_to_complete: number, customer_message: text.clone() };
        prop_assert_eq!(HandshakeComplete::decode(&complete.encode()), Ok(complete));
        let task = TaskComplete { final_task_status: TaskStatus::Failed, output: text, ..TaskComplete::default() };
        prop_assert_eq!(TaskComplete::decode(&task.encode()), Ok(task));
        let size = Size { cols, rows };
        prop_assert_eq!(Size::decode(&size.encode()), Ok(size));
        prop_assert_eq!(ExitCode::decode(&ExitCode(number).encode()), Ok(ExitCode(number)));
        let known = StreamFlag::decode(&flag.to_be_bytes()).unwrap();
        prop_assert_eq!(known.encode(), &flag.to_be_bytes()[..]);
    }
}

/// JSON that has this protocol's keys more often than chance would have it.
fn json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        any::<String>(),
        prop::sample::select(vec![
            "AgentVersion",
            "RequestedClientActions",
            "ActionType",
            "ActionParameters",
            "ClientVersion",
            "ProcessedClientActions",
            "ActionStatus",
            "ActionResult",
            "Errors",
            "Postern",
            "Version",
            "SessionId",
            "Content",
            "TokenValue",
            "ClientInstanceId",
            "cols",
            "rows",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((key.clone(), inner), 0..6).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn handshake_request() -> impl Strategy<Value = HandshakeRequest> {
    let action = prop_oneof![
        (any::<String>(), json())
            .prop_map(|(session_type, properties)| RequestedAction::SessionType { session_type, properties }),
        (any::<String>(), option::of(any::<String>()))
            .prop_map(|(kms_key_id, challenge)| RequestedAction::KmsEncryption { kms_key_id, challenge }),
        ("[a-z]{1,8}", json()).prop_map(|(action_type, parameters)| RequestedAction::Other { action_type, parameters }),
    ];
    let offer = (1_u32.., any::<[bool; 4]>(), 0..4_u32).prop_map(
        |(version, [exit_status, standard_input, cumulative_acknowledgements, digest_optional], multiplexer)| {
            AgentOffer {
                version,
                exit_status,
                multiplexer,
                standard_input,
                channel: ChannelOffer { cumulative_acknowledgements, digest_optional },
            }
        },
    );
    (any::<String>(), vec(action, 0..3), option::of(offer)).prop_map(
        |(agent_version, requested_client_actions, postern)| HandshakeRequest {
            agent_version,
            requested_client_actions,
            postern,
        },
    )
}

fn handshake_response() -> impl Strategy<Value = HandshakeResponse> {
    let action = (any::<String>(), any::<i64>(), json(), any::<String>()).prop_map(
        |(action_type, status, action_result, error)| ProcessedAction {
            action_type,
            action_status: ActionStatus(status),
            action_result,
            error,
        },
    );
    let size = (any::<u32>(), any::<u32>()).prop_map(|(cols, rows)| Size { cols, rows });
    let offer = (1_u32.., any::<[bool; 4]>(), 0..4_u32, option::of(size), option::of(any::<String>())).prop_map(
        |(
            version,
            [exit_status, standard_input, cumulative_acknowledgements, digest_optional],
            multiplexer,
            terminal_size,
            term,
        )| {
            ClientOffer {
                version,
                exit_status,
                standard_input,
                multiplexer,
                channel: ChannelOffer { cumulative_acknowledgements, digest_optional },
                terminal_size,
                term,
            }
        },
    );
    (any::<String>(), vec(action, 0..3), vec(any::<String>(), 0..3), option::of(offer)).prop_map(
        |(client_version, processed_client_actions, errors, postern)| HandshakeResponse {
            client_version,
            processed_client_actions,
            errors,
            postern,
        },
    )
}
