//! The acknowledgement on its hot path: one is written and one is read for every stream message.
//!
//! [`Acknowledge`](crate::wire::payload::Acknowledge) is the general form; a test holds both to
//! the same bytes.

use std::io::Write;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;

use super::PeerError;
use crate::Now;
use crate::wire::payload::{Acknowledge, JsonPayload};
use crate::wire::{FRAME_OVERHEAD, Flags, Frame, MessageId, MessageIds, MessageType, PayloadType};

/// What is left to say about a message that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owed {
    pub(super) message_id: MessageId,
    pub(super) sequence_number: i64,
}

/// AWS's text is 176 bytes with the shortest numbers.
const TYPICAL_PAYLOAD_BYTES: usize = 200;

impl Owed {
    /// Writes the acknowledgement of a message of this type.
    pub(super) fn encode(self, of: MessageType, ids: &mut MessageIds, now: Now) -> Bytes {
        let mut payload = Vec::with_capacity(TYPICAL_PAYLOAD_BYTES);
        write!(
            payload,
            r#"{{"AcknowledgedMessageType":"{of}","AcknowledgedMessageId":"{id}","AcknowledgedMessageSequenceNumber":{number},"IsSequentialMessage":true}}"#,
            id = self.message_id,
            number = self.sequence_number,
        )
        .expect("writing to memory does not fail");
        unsequenced(MessageType::Acknowledge, payload.into(), ids, now)
    }
}

/// A message outside the stream: sequence number 0, SYN and FIN set (spec messages 2.2).
pub(super) fn unsequenced(message_type: MessageType, payload: Bytes, ids: &mut MessageIds, now: Now) -> Bytes {
    let frame = Frame {
        message_type,
        created_millis: now.unix_millis,
        sequence_number: 0,
        flags: Flags::SYN_FIN,
        message_id: ids.next(),
        payload_type: PayloadType::NONE,
        payload,
    };
    let mut out = BytesMut::with_capacity(FRAME_OVERHEAD + frame.payload.len());
    frame.encode_into(&mut out);
    out.freeze()
}

/// The only key that any receiver looks at (spec messages 5.1).
#[derive(Deserialize)]
struct AcknowledgedNumber {
    #[serde(rename = "AcknowledgedMessageSequenceNumber")]
    sequence_number: i64,
}

/// Which message an acknowledgement is for.
///
/// # Errors
/// If the payload is not an acknowledgement.
pub(super) fn acknowledged_number(payload: &[u8]) -> Result<i64, PeerError> {
    if payload.len() <= Acknowledge::MAX_BYTES
        && let Ok(AcknowledgedNumber { sequence_number }) = serde_json::from_slice(payload)
    {
        return Ok(sequence_number);
    }
    // The general decoder says what is wrong, or makes sense of a null.
    Ok(Acknowledge::decode(payload)?.acknowledged_message_sequence_number)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Instant;

    use super::*;

    #[test]
    fn the_text_is_that_of_the_general_form() {
        let now = Now { instant: Instant::now(), unix_millis: 1_795_384_961_146 };
        let mut ids = MessageIds::new(1);
        for sequence_number in [0, 7, i64::MAX] {
            for of in [MessageType::InputStreamData, MessageType::OutputStreamData] {
                let owed = Owed { message_id: ids.next(), sequence_number };
                let frame = Frame::decode(owed.encode(of, &mut ids, now)).unwrap();
                assert_eq!(frame.message_type, MessageType::Acknowledge);
                assert_eq!((frame.sequence_number, frame.flags), (0, Flags::SYN_FIN));
                assert_eq!(frame.payload, Acknowledge::new(of, owed.message_id, sequence_number).encode());
                assert_eq!(acknowledged_number(&frame.payload).unwrap(), sequence_number);
            }
        }
    }

    #[test]
    fn odd_acknowledgements_are_read_as_the_stock_ends_read_them() {
        for (text, number) in [
            (r#"{"AcknowledgedMessageSequenceNumber":5}"#, Some(5)),
            (r#"{"Extra":{"a":[1]},"AcknowledgedMessageSequenceNumber":5}"#, Some(5)),
            (r#"{"AcknowledgedMessageSequenceNumber":null}"#, Some(0)),
            ("{}", Some(0)),
            (r#"{"AcknowledgedMessageSequenceNumber":"5"}"#, None),
            (r#"{"AcknowledgedMessageSequenceNumber":1e3}"#, None),
            ("", None),
        ] {
            assert_eq!(acknowledged_number(text.as_bytes()).ok(), number, "{text}");
        }
    }
}
