//! Which sessions are recorded, and how: what the account and the document say comes together.

use postern_model::document::{
    EncryptedSessions, Preferences, RecordingMode, RecordingRules, ResolvedDocument, SessionType,
};
use postern_model::{ApiError, ErrorCode};
use postern_protocol::wire::payload::SessionStart;
use postern_recording::Mode;
use postern_store::SessionRecord;
use serde::{Deserialize, Serialize};

use crate::session::SessionSnapshot;

/// How a session is recorded, as its record in the store says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Terms {
    pub(crate) mode: Mode,
    pub(crate) records_input: bool,
}

impl Terms {
    /// How a session of this document is recorded. `account` are the account's preferences, if the document has others.
    /// None if it is not recorded.
    ///
    /// # Errors
    /// `InvalidDocument`: it must be recorded, and its ends would encrypt it.
    pub(crate) fn for_session(
        default: RecordingMode,
        account: Option<&Preferences>,
        document: &ResolvedDocument<'_>,
    ) -> Result<Option<Self>, ApiError> {
        let preferences = document.preferences();
        let said = account.unwrap_or(preferences).postern.recording;
        let rules = said.rules(default).and(preferences.postern.recording);
        if !has_terminal(document.session_type()) {
            return Ok(None);
        }
        if !preferences.kms_key_id.is_empty() {
            return check_encrypted(rules, account, preferences).map(|()| None);
        }
        let mode = match rules.mode {
            RecordingMode::Required => Mode::Required,
            RecordingMode::BestEffort => Mode::BestEffort,
            RecordingMode::Off => return Ok(None),
        };
        // Without a terminal nothing echoes, and all of it would be stars.
        let records_input = rules.input && document.session_type() != SessionType::NonInteractiveCommands;
        Ok(Some(Self { mode, records_input }))
    }

    pub(crate) fn to_text(self) -> String {
        serde_json::to_string(&self).expect("two words are JSON")
    }

    pub(super) fn of(record: &SessionRecord) -> Result<Option<Self>, ApiError> {
        let text = record.recording.as_deref();
        text.map(|text| serde_json::from_str(text).map_err(|_| ApiError::internal())).transpose()
    }
}

/// What audit events say about a session's recording: its mode, `agent-logged`, or `off`. Nothing about tunnels and
/// copies.
pub(crate) fn recorded_as(record: &SessionRecord) -> Option<&'static str> {
    if let Ok(Some(terms)) = Terms::of(record) {
        return Some(terms.mode.as_str());
    }
    let SessionSnapshot { session_type, encrypted, .. } = SessionSnapshot::from(record);
    let start: SessionStart = serde_json::from_str(&record.start_content).unwrap_or_default();
    let has_log = start
        .document_content
        .inputs()
        .is_ok_and(|inputs| !inputs.s3_bucket_name.is_empty() || !inputs.cloud_watch_log_group_name.is_empty());
    has_terminal(session_type).then_some(if encrypted && has_log { "agent-logged" } else { "off" })
}

/// What passes a tunnel, and files, are not for people to read.
fn has_terminal(session_type: SessionType) -> bool {
    match session_type {
        SessionType::StandardStream | SessionType::InteractiveCommands | SessionType::NonInteractiveCommands => true,
        SessionType::Port | SessionType::FileTransfer => false,
    }
}

/// A document of somebody's own must not be a way around the recording: with it, agents log where the account has them
/// log.
fn check_encrypted(
    rules: RecordingRules,
    account: Option<&Preferences>,
    document: &Preferences,
) -> Result<(), ApiError> {
    if rules.mode != RecordingMode::Required {
        return Ok(());
    }
    if rules.encrypted == EncryptedSessions::Refused {
        return Err(refused(
            "The session must be recorded, and cannot be: its preferences have a kmsKeyId, so its ends would encrypt it. \
             Start it without, or set inputs.postern.recording.encrypted to agent-logged in the session preferences.",
        ));
    }
    let place = |preferences: &Preferences| {
        let Preferences { s3_bucket_name, s3_key_prefix, cloud_watch_log_group_name, .. } = preferences;
        [s3_bucket_name, s3_key_prefix, cloud_watch_log_group_name].map(String::clone)
    };
    if account.is_some_and(|account| place(account) != place(document)) {
        return Err(refused(
            "The session must be recorded, and would be encrypted, so that only the node's agent can log it. Its \
             document must then name the same s3BucketName, s3KeyPrefix and cloudWatchLogGroupName as the session \
             preferences.",
        ));
    }
    Ok(())
}

fn refused(message: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidDocument, message)
}
