//! Operations on sessions: start, resume, terminate, describe, and whether a node can take one.

mod end;
mod filter;

use std::collections::BTreeMap;

use postern_iam::secret::serialize_exposed;
use postern_iam::{DocumentName, SecretString};
use serde::{Deserialize, Serialize};

use crate::constraint::{Pattern, Text};
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::operation::Operation;
use crate::timestamp::Timestamp;

pub use end::{EndReason, Refused};
pub use filter::SessionFilter;

const TARGET: Text = Text::length(1, 400);
const SESSION_ID: Text = Text::length(1, 96);
const REASON: Text = Text::length(1, 256).matching(Pattern {
    text: "^.{1,256}$",
    matches: |text| !text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) && !text.is_empty(),
});
const DOCUMENT_NAME: Text = Text::ANY
    .matching(Pattern { text: r"^[a-zA-Z0-9_\-.:/]{3,128}$", matches: |text| text.parse::<DocumentName>().is_ok() });

/// `StartSession`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartSessionRequest {
    /// The node, as the caller names it. 1 to 400 characters.
    pub target: String,
    /// The session document; absent means the account's preferences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_name: Option<DocumentName>,
    /// Why, in the caller's words. 1 to 256 characters in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Every parameter is a list of texts, whatever its type in the document.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Vec<String>>,
}

impl ApiRequest for StartSessionRequest {
    const OPERATION: Operation = Operation::StartSession;
    type Response = StartSessionResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            target: input.required_text("Target", TARGET)?,
            document_name: input.text("DocumentName", DOCUMENT_NAME)?.and_then(|name| name.parse().ok()),
            reason: input.text("Reason", REASON)?,
            parameters: input.map_of_texts("Parameters", Text::length(1, 255), Text::length(1, 65_535))?,
        })
    }
}

/// What a client needs to open the data channel. Stock clients crash when a member is missing (client.md §1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartSessionResponse {
    /// The new session.
    pub session_id: String,
    /// Opens the data channel. At most 300 characters.
    #[serde(serialize_with = "serialize_exposed")]
    pub token_value: SecretString,
    /// Where the data channel is; clients take it verbatim.
    pub stream_url: String,
}

/// `ResumeSession`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResumeSessionRequest {
    /// The session. Not necessarily one that exists, or has the form of one.
    pub session_id: String,
}

impl ApiRequest for ResumeSessionRequest {
    const OPERATION: Operation = Operation::ResumeSession;
    type Response = ResumeSessionResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { session_id: input.required_text("SessionId", SESSION_ID)? })
    }
}

/// A new token, or none when the session has ended: a stock plugin takes an error for a reason to wait for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResumeSessionResponse {
    /// The same session.
    pub session_id: String,
    /// Opens the data channel again.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "serialize_token")]
    pub token_value: Option<SecretString>,
    /// Where the data channel is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_url: Option<String>,
}

#[expect(clippy::ref_option, reason = "the signature serde asks for")]
fn serialize_token<S: serde::Serializer>(token: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match token {
        Some(token) => serialize_exposed(token, serializer),
        None => serializer.serialize_none(),
    }
}

/// `TerminateSession`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TerminateSessionRequest {
    /// The session. Not necessarily one that exists, or has the form of one.
    pub session_id: String,
}

impl ApiRequest for TerminateSessionRequest {
    const OPERATION: Operation = Operation::TerminateSession;
    type Response = TerminateSessionResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { session_id: input.required_text("SessionId", SESSION_ID)? })
    }
}

/// The session that was, or already had been, ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TerminateSessionResponse {
    /// The same id.
    pub session_id: String,
}

/// Which sessions `DescribeSessions` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum SessionState {
    /// Connecting, connected, disconnected and terminating ones.
    Active,
    /// Terminated and failed ones of the last 30 days.
    History,
}

/// `DescribeSessions`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeSessionsRequest {
    /// Live or past ones.
    pub state: SessionState,
    /// 1 to 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the previous page, as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// All of them must hold. At most six.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<SessionFilter>,
}

impl ApiRequest for DescribeSessionsRequest {
    const OPERATION: Operation = Operation::DescribeSessions;
    type Response = DescribeSessionsResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let all = [("Active", SessionState::Active), ("History", SessionState::History)];
        let state = input.required_choice("State", &all)?.unwrap_or(SessionState::Active);
        let (max_results, next_token) = input.page(1, 200)?;
        Ok(Self { state, max_results, next_token, filters: input.objects("Filters", 1..=6, SessionFilter::read)? })
    }
}

/// One page of sessions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeSessionsResponse {
    /// The sessions.
    pub sessions: Vec<Session>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A session as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Session {
    /// Its id.
    pub session_id: String,
    /// The node.
    pub target: String,
    /// How far it is.
    pub status: SessionStatus,
    /// When it was started.
    pub start_date: Timestamp,
    /// When it ended, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<Timestamp>,
    /// The document it was started with.
    pub document_name: String,
    /// The ARN of whoever started it.
    pub owner: String,
    /// Why, in the owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it ended, or why it is in the state it is in. At most 1024 characters. Reserved at AWS, used here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// The limit in minutes, if there is one and AWS's pattern admits it (public-api, `DescribeSessions`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_session_duration: Option<String>,
    /// Always `Standard`: there is no just-in-time access yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_type: Option<String>,
}

/// How far a session is (public-api, "Session states").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SessionStatus {
    /// Created; not both ends are attached.
    Connecting,
    /// Both ends are attached.
    Connected,
    /// An end lost its connection; the session can be resumed.
    Disconnected,
    /// Its end was asked for; the node has not confirmed.
    Terminating,
    /// Over.
    Terminated,
    /// It never became usable.
    Failed,
}

impl SessionStatus {
    /// Every status, under its name on the wire.
    pub const ALL: [(&str, Self); 6] = [
        ("Connected", Self::Connected),
        ("Connecting", Self::Connecting),
        ("Disconnected", Self::Disconnected),
        ("Terminated", Self::Terminated),
        ("Terminating", Self::Terminating),
        ("Failed", Self::Failed),
    ];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "Connecting",
            Self::Connected => "Connected",
            Self::Disconnected => "Disconnected",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
            Self::Failed => "Failed",
        }
    }

    /// Reads the name on the wire, exactly.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, status)| *status)
    }

    /// Whether it is listed under `State=Active`; the others are history and never change again.
    #[must_use]
    pub fn is_active(self) -> bool {
        !matches!(self, Self::Terminated | Self::Failed)
    }
}

/// `GetConnectionStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetConnectionStatusRequest {
    /// The node, as the caller names it.
    pub target: String,
}

impl ApiRequest for GetConnectionStatusRequest {
    const OPERATION: Operation = Operation::GetConnectionStatus;
    type Response = GetConnectionStatusResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { target: input.required_text("Target", TARGET)? })
    }
}

/// Whether the node can take a session now. An unknown node is simply not connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetConnectionStatusResponse {
    /// The same target.
    pub target: String,
    /// The answer.
    pub status: ConnectionStatus,
}

/// Whether a node's control channel is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionStatus {
    /// It is.
    Connected,
    /// It is not, or there is no such node.
    NotConnected,
}
