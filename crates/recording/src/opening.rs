//! The records that are about the recording itself, as JSON.

use serde::{Deserialize, Serialize};

/// What a session may do that cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It stops, and ends: no record, no session.
    Required,
    /// It goes on, and the recording says what is missing.
    BestEffort,
    /// It is not recorded at all.
    Off,
}

impl Mode {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::BestEffort => "best-effort",
            Self::Off => "off",
        }
    }
}

/// What is recorded: the first record of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// The session.
    pub session_id: String,
    /// The node it runs on.
    pub node_id: String,
    /// The ARN of whoever started it.
    pub owner: String,
    /// The document it was started from.
    pub document_name: String,
    /// AWS's name for what happens in it.
    pub session_type: String,
    /// What the user gave as the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The account and the region of the service.
    pub account: String,
    /// See [`Opening::account`].
    pub region: String,
    /// When the recording began, in milliseconds since the Unix epoch. Times of records count from here.
    pub started_at: u64,
    /// What happens when it cannot go on.
    pub mode: Mode,
    /// Whether what was typed is recorded, too.
    pub records_input: bool,
}

/// One of the two ends came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leg {
    /// `client` or `agent`.
    pub side: String,
    /// It came; otherwise it went.
    pub attached: bool,
}

/// Something is missing: it passed, and could not be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// Bytes of output and standard error.
    pub output_bytes: u64,
    /// Bytes of input.
    pub input_bytes: u64,
    /// Messages, of both.
    pub messages: u64,
    /// When it began, in microseconds since the recording began; it ends with this record.
    pub since: u64,
    /// What was in the way.
    pub reason: String,
}

/// The service stopped in the middle and goes on recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resumption {
    /// Bytes at the end that were no whole record and were taken away: what was being written when the machine stopped.
    pub cut_bytes: u64,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Closing {
    /// The cause, a sentence.
    pub cause: String,
    /// Bytes of output and standard error that are recorded.
    pub output_bytes: u64,
    /// Bytes of input that passed.
    pub input_bytes: u64,
}
