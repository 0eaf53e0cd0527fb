//! Recordings of sessions: operations of the service's own, which AWS has none for.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Timestamp;
use crate::bytes::plain;
use crate::constraint::Text;
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::operation::Operation;

/// The longest token with which reading goes on.
const MAX_TOKEN_CHARS: usize = 4096;

fn read_session_id(input: &mut Input<'_>) -> Result<String, ApiError> {
    input.required_text("SessionId", Text::length(1, 96))
}

/// `Postern.DescribeRecording`: what is known of a session's recording, and how to check it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeRecordingRequest {
    /// The session.
    pub session_id: String,
}

impl ApiRequest for DescribeRecordingRequest {
    const OPERATION: Operation = Operation::DescribeRecording;
    type Response = DescribeRecordingResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { session_id: read_session_id(input)? })
    }
}

/// What is known of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeRecordingResponse {
    /// The session.
    pub session_id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; absent while the session goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The latest signature that the database remembers; absent in the first seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// Bytes of output and standard error; absent while the session goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// Bytes of input that passed; absent while the session goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_bytes: Option<u64>,
    /// Places where something is missing; absent while the session goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaps: Option<u64>,
    /// The fingerprint of the first of the keys that sign recordings.
    pub fingerprint: String,
    /// Their certificates, the oldest first.
    pub keys: Value,
}

/// A signature over a recording's records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Head {
    /// How many records it covers.
    pub count: u64,
    /// The hash of them, hex.
    pub hash: String,
}

/// `Postern.GetRecording`: a piece of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRecordingRequest {
    /// The session.
    pub session_id: String,
    /// From the answer before; the recording's beginning without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl ApiRequest for GetRecordingRequest {
    const OPERATION: Operation = Operation::GetRecording;
    type Response = GetRecordingResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let session_id = read_session_id(input)?;
        Ok(Self { session_id, next_token: input.text("NextToken", Text::length(1, MAX_TOKEN_CHARS))? })
    }
}

/// A piece of a recording, as `docs/recordings.md` describes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRecordingResponse {
    /// Bytes of the recording's stream, base64.
    #[serde(with = "plain")]
    pub data: Vec<u8>,
    /// With which reading goes on; absent at the end. The recording of a session that goes on has more later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Shows the size: what sessions show never reaches a log.
impl std::fmt::Debug for GetRecordingResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GetRecordingResponse({} bytes)", self.data.len())
    }
}
