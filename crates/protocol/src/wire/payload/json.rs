//! How JSON payloads are read and written. Bounded before parsing, tolerant in AWS's way, and
//! silent about content: an error names the key, never the value.

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::wire::Fault;

/// Why a payload cannot be read. Always the peer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// More bytes than a payload of this kind may have.
    #[error("{payload} has {len} bytes, more than the allowed {max}")]
    TooLarge {
        /// What was expected.
        payload: &'static str,
        /// Size of the payload in bytes.
        len: usize,
        /// The bound in bytes.
        max: usize,
    },
    /// Not JSON, or JSON of another shape.
    #[error("{payload} is {problem}")]
    Json {
        /// What was expected.
        payload: &'static str,
        /// What is wrong and where.
        problem: JsonProblem,
    },
    /// Not the binary or text form it should have.
    #[error("{payload} is not {expected}")]
    Form {
        /// What was expected.
        payload: &'static str,
        /// How it should look.
        expected: &'static str,
    },
}

impl PayloadError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::TooLarge { .. } => Fault::PeerMisbehaved,
            Self::Json { .. } | Self::Form { .. } => Fault::PeerMalformed,
        }
    }
}

/// What is wrong with some JSON, without a word of what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonProblem {
    /// Whether it is JSON at all; if so, a value has the wrong type.
    pub is_json: bool,
    /// The nearest key in front of the problem.
    pub key: Option<String>,
    /// Where, in bytes from the beginning.
    pub offset: usize,
}

impl fmt::Display for JsonProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_json { "JSON of the wrong type" } else { "not valid JSON" })?;
        write!(f, " at byte {}", self.offset)?;
        match &self.key {
            Some(key) => write!(f, " (key {key})"),
            None => Ok(()),
        }
    }
}

/// A payload that is one JSON object.
pub trait JsonPayload: Serialize + DeserializeOwned {
    /// What errors call it.
    const NAME: &'static str;

    /// The most bytes that are parsed. Parsed JSON takes a multiple of its text in memory, so the
    /// bound is far below [`crate::wire::MAX_PAYLOAD_BYTES`].
    const MAX_BYTES: usize = 16 * 1024;

    /// Reads the payload.
    ///
    /// # Errors
    /// [`PayloadError`], which never quotes content.
    fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        parse_json(Self::NAME, Self::MAX_BYTES, payload)
    }

    /// Writes the payload.
    fn encode(&self) -> Bytes {
        let json = serde_json::to_vec(self).expect("payload types have string keys only");
        Bytes::from(json)
    }
}

/// Parses at most `max` bytes of JSON.
pub(crate) fn parse_json<T: DeserializeOwned>(
    payload: &'static str,
    max: usize,
    json: &[u8],
) -> Result<T, PayloadError> {
    let len = json.len();
    if len > max {
        return Err(PayloadError::TooLarge { payload, len, max });
    }
    // The parser would take an array for the fields in order, which no Go decoder does.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(PayloadError::Form { payload, expected: "a JSON object" });
    }
    serde_json::from_slice(json).map_err(|error| PayloadError::Json { payload, problem: problem(json, &error) })
}

fn problem(json: &[u8], error: &serde_json::Error) -> JsonProblem {
    let lines_before = json.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let offset = lines_before.map(<[u8]>::len).sum::<usize>() + error.column();
    let offset = offset.min(json.len());
    JsonProblem {
        is_json: error.classify() == serde_json::error::Category::Data,
        key: last_key(&json[..offset]),
        offset,
    }
}

/// The last object key in some valid beginning of JSON, if it looks like a key of this protocol.
fn last_key(json: &[u8]) -> Option<String> {
    let mut rest = json;
    let mut key = None;
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        let string = &rest[start + 1..];
        let Some(end) = end_of_string(string) else { break };
        rest = &string[end + 1..];
        if rest.trim_ascii_start().first() == Some(&b':') {
            key = Some(&string[..end]);
        }
    }
    let key = std::str::from_utf8(key?).ok()?;
    let plain = key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| key.to_owned())
}

fn end_of_string(string: &[u8]) -> Option<usize> {
    let mut escaped = false;
    string.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })
}

/// `null` is the empty value, as for a Go decoder. Goes with `#[serde(default)]` on the type,
/// which does the same for missing keys.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Goes with `skip_serializing_if`, for what AWS's bytes do not have.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::wire::payload::{Acknowledge, Size};

    #[test]
    fn errors_name_the_key_and_never_the_value() {
        let error = Size::decode(br#"{"cols": 80, "rows": "hunter2"}"#).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("rows") && text.contains("wrong type"), "{text}");
        assert!(!format!("{text}{error:?}").contains("hunter2"), "{error:?}");

        let error = Acknowledge::decode(b"{\"AcknowledgedMessageId\":\n \"\\\"a\", nonsense").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("not valid JSON at byte") && text.contains("AcknowledgedMessageId"), "{text}");
    }

    #[test]
    fn size_is_checked_before_parsing() {
        let rubbish = br#"{"a":"#.repeat(Size::MAX_BYTES / 5 + 1);
        assert!(matches!(Size::decode(&rubbish), Err(PayloadError::TooLarge { .. })));
        // Depth is bounded by the parser: an error, not an exhausted stack.
        assert!(matches!(Size::decode(&rubbish[..Size::MAX_BYTES]), Err(PayloadError::Json { .. })));
    }

    #[test]
    fn a_payload_is_an_object() {
        for payload in ["", "[80,24]", "null", "80"] {
            assert!(matches!(Size::decode(payload.as_bytes()), Err(PayloadError::Form { .. })), "{payload}");
        }
    }

    #[test]
    fn keys_are_found_wherever_the_text_ends() {
        assert_eq!(last_key(br#"{"a":1,"b" : "c"#), Some("b".into()));
        assert_eq!(last_key(br#"{"a":"b\":"}"#), Some("a".into()));
        assert_eq!(last_key(br#"["a""#), None);
        assert_eq!(last_key(br#"{"terminal \u001b":"#), None);
    }
}
