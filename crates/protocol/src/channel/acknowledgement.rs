//! The acknowledgement on its hot path: toward stock ends one is written and one is read for every stream message.
//!
//! [`Acknowledge`](crate::wire::payload::Acknowledge) is the general form; a test holds both to
//! the same bytes.

mod usual;

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

/// What an acknowledgement says was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// The message of this number.
    One(i64),
    /// Every message up to the one of this number. Between our own ends only.
    UpTo(i64),
}

impl Accepted {
    const fn of(number: i64, cumulative: bool) -> Self {
        if cumulative { Self::UpTo(number) } else { Self::One(number) }
    }

    /// The highest number that it speaks of.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::One(number) | Self::UpTo(number) => number,
        }
    }

    /// Whether it speaks of the message of this number.
    pub(super) const fn covers(self, number: i64) -> bool {
        match self {
            Self::One(accepted) => number == accepted,
            Self::UpTo(accepted) => number <= accepted,
        }
    }
}

/// AWS's text is 176 bytes with the shortest numbers.
const TYPICAL_PAYLOAD_BYTES: usize = 200;

impl Owed {
    /// Writes the acknowledgement of a message of this type.
    pub(super) fn encode(self, of: MessageType, ids: &mut MessageIds, now: Now) -> Bytes {
        self.write(of, "", ids, now)
    }

    /// Writes the acknowledgement of all messages of this type up to this one.
    pub(super) fn encode_cumulative(self, of: MessageType, ids: &mut MessageIds, now: Now) -> Bytes {
        self.write(of, r#","Cumulative":true"#, ids, now)
    }

    fn write(self, of: MessageType, more: &str, ids: &mut MessageIds, now: Now) -> Bytes {
        let mut payload = Vec::with_capacity(TYPICAL_PAYLOAD_BYTES + more.len());
        write!(
            payload,
            r#"{{"AcknowledgedMessageType":"{of}","AcknowledgedMessageId":"{id}","AcknowledgedMessageSequenceNumber":{number},"IsSequentialMessage":true{more}}}"#,
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

/// The only keys that any receiver looks at (spec messages 5.1).
#[derive(Deserialize)]
struct Essence {
    #[serde(rename = "AcknowledgedMessageSequenceNumber")]
    sequence_number: i64,
    #[serde(rename = "Cumulative", default)]
    cumulative: bool,
}

/// Which messages an acknowledgement is for.
///
/// # Errors
/// If the payload is not an acknowledgement.
pub(super) fn accepted(payload: &[u8]) -> Result<Accepted, PeerError> {
    if let Some(accepted) = usual::parse(payload) {
        return Ok(accepted);
    }
    if payload.len() <= Acknowledge::MAX_BYTES
        && let Ok(Essence { sequence_number, cumulative }) = serde_json::from_slice(payload)
    {
        return Ok(Accepted::of(sequence_number, cumulative));
    }
    // The general decoder says what is wrong, or makes sense of a null.
    let general = Acknowledge::decode(payload)?;
    Ok(Accepted::of(general.acknowledged_message_sequence_number, general.cumulative))
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
                let general = Acknowledge::new(of, owed.message_id, sequence_number);
                assert_eq!(frame.payload, general.encode());
                assert_eq!(accepted(&frame.payload).unwrap(), Accepted::One(sequence_number));

                let frame = Frame::decode(owed.encode_cumulative(of, &mut ids, now)).unwrap();
                assert_eq!(frame.payload, general.cumulative().encode());
                assert_eq!(accepted(&frame.payload).unwrap(), Accepted::UpTo(sequence_number));
            }
        }
    }

    #[test]
    fn odd_acknowledgements_are_read_as_the_stock_ends_read_them() {
        use Accepted::{One, UpTo};
        for (text, expected) in [
            (r#"{"AcknowledgedMessageSequenceNumber":5}"#, Some(One(5))),
            (r#"{"Extra":{"a":[1]},"AcknowledgedMessageSequenceNumber":5}"#, Some(One(5))),
            (r#"{"AcknowledgedMessageSequenceNumber":null}"#, Some(One(0))),
            ("{}", Some(One(0))),
            (r#"{"Cumulative":true,"AcknowledgedMessageSequenceNumber":5}"#, Some(UpTo(5))),
            (r#"{"Cumulative":false,"AcknowledgedMessageSequenceNumber":5}"#, Some(One(5))),
            (r#"{"Cumulative":null,"AcknowledgedMessageSequenceNumber":5}"#, Some(One(5))),
            (r#"{"Cumulative":1,"AcknowledgedMessageSequenceNumber":5}"#, None),
            (r#"{"AcknowledgedMessageSequenceNumber":"5"}"#, None),
            (r#"{"AcknowledgedMessageSequenceNumber":1e3}"#, None),
            ("", None),
        ] {
            assert_eq!(accepted(text.as_bytes()).ok(), expected, "{text}");
        }
    }
}
