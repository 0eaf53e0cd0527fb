//! The text that every known end writes, read without a JSON parser. Anything else is none of its business.

use super::Accepted;

/// The text of a message id.
const ID_BYTES: usize = 36;

/// Reads an acknowledgement whose keys stand where the stock ends and ours put them, without spaces.
/// None if this is not one; it may be an acknowledgement all the same.
pub(super) fn parse(payload: &[u8]) -> Option<Accepted> {
    let rest = payload.strip_prefix(br#"{"AcknowledgedMessageType":""#)?;
    let rest = rest.strip_prefix(b"output_stream_data").or_else(|| rest.strip_prefix(b"input_stream_data"))?;
    let rest = rest.strip_prefix(br#"","AcknowledgedMessageId":""#)?;
    let (id, rest) = rest.split_at_checked(ID_BYTES)?;
    // Nothing that ends or escapes a JSON string. All of them are looked at, which is quicker than to stop.
    if !id.iter().fold(true, |plain, byte| plain & (byte.is_ascii_hexdigit() | (*byte == b'-'))) {
        return None;
    }
    let rest = rest.strip_prefix(br#"","AcknowledgedMessageSequenceNumber":"#)?;
    let (number, rest) = number(rest)?;
    match rest.strip_prefix(br#","IsSequentialMessage":true"#)? {
        b"}" => Some(Accepted::One(number)),
        br#","Cumulative":true}"# => Some(Accepted::UpTo(number)),
        _ => None,
    }
}

/// A number as JSON has it: without sign, fraction, exponent or leading zero.
fn number(text: &[u8]) -> Option<(i64, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() || digits.len() > 1 && digits.first() == Some(&b'0') {
        return None;
    }
    let mut number = 0_i64;
    for digit in digits {
        number = number.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
    }
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::payload::{Acknowledge, JsonPayload};
    use crate::wire::{MessageId, MessageType};

    fn general(payload: &[u8]) -> Option<Accepted> {
        let general = Acknowledge::decode(payload).ok()?;
        Some(Accepted::of(general.acknowledged_message_sequence_number, general.cumulative))
    }

    #[test]
    fn what_the_ends_write_is_usual() {
        for number in [0, 7, 10, i64::MAX] {
            let single = Acknowledge::new(MessageType::OutputStreamData, MessageId([9; 16]), number);
            assert_eq!(parse(&single.encode()), Some(Accepted::One(number)));
            assert_eq!(parse(&single.cumulative().encode()), Some(Accepted::UpTo(number)));
        }
    }

    proptest! {
        /// It never reads anything else than the JSON parser does.
        #[test]
        fn it_agrees_with_the_general_decoder(
            number in "-?[0-9]{0,21}(e[0-9])?",
            id in "[a-f0-9-]{35,36}[\"\\\\}g]?",
            cumulative in "(,\"Cumulative\":(true|false|null|1))?",
            cut in 0..200usize,
        ) {
            let text = format!(
                r#"{{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"{id}","AcknowledgedMessageSequenceNumber":{number},"IsSequentialMessage":true{cumulative}}}"#
            );
            for text in [text.as_bytes(), &text.as_bytes()[..cut.min(text.len())]] {
                if let Some(accepted) = parse(text) {
                    prop_assert_eq!(general(text), Some(accepted));
                }
            }
        }
    }
}
