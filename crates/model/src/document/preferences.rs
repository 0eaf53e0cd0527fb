//! A document's `inputs`: where sessions are logged, as whom they run, how long they may last (session-types §7.2).
//!
//! People write booleans as texts, so both are read; what is given to the node is always the JSON type it can decode,
//! because a text in `cloudWatchStreamingEnabled` makes a stock agent drop the whole start message.

mod own;
mod recording;
mod sudo_rule;

use std::fmt;

use postern_iam::OsUserName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::DocumentError;

pub use own::{OwnPreferences, RunAsPreferences};
pub use recording::{EncryptedSessions, RecordingMode, RecordingPreferences, RecordingRules};
pub use sudo_rule::{NoSudoRule, SudoRule};

/// The idle timeout where a document says nothing, in minutes: AWS's default.
const DEFAULT_IDLE_MINUTES: u32 = 20;

/// A document's `inputs`, typed. Serializes to what a node is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preferences {
    /// Where the transcript goes afterwards; empty is nowhere.
    pub s3_bucket_name: String,
    /// The transcript's folder in the bucket.
    pub s3_key_prefix: String,
    /// Refuse sessions when the bucket is not encrypted.
    pub s3_encryption_enabled: bool,
    /// The log group for output; empty is none.
    pub cloud_watch_log_group_name: String,
    /// Refuse sessions when the log group is not encrypted.
    pub cloud_watch_encryption_enabled: bool,
    /// Log while the session runs rather than afterwards.
    pub cloud_watch_streaming_enabled: bool,
    /// The key for encryption end to end; empty is none.
    pub kms_key_id: String,
    /// Whether sessions run as a user that is named here or by the caller's tag.
    pub run_as_enabled: bool,
    /// That user, where the caller has none of its own.
    #[serde(serialize_with = "optional_as_text")]
    pub run_as_default_user: Option<OsUserName>,
    /// Minutes without traffic after which the service ends a session, 1 to 60.
    #[serde(serialize_with = "minutes_as_text")]
    pub idle_session_timeout: u32,
    /// Minutes after which the service ends a session whatever happens, 1 to 1440.
    #[serde(serialize_with = "optional_as_text")]
    pub max_session_duration: Option<u32>,
    /// Typed into every new shell.
    pub shell_profile: ShellProfile,
    /// What only our own agents understand. Stock agents are sent nothing of it until somebody uses it.
    #[serde(skip_serializing_if = "OwnPreferences::is_nothing_for_nodes")]
    pub postern: OwnPreferences,
}

/// What is typed into a new shell, by operating system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellProfile {
    /// On Linux and macOS.
    pub linux: String,
    /// On Windows.
    pub windows: String,
}

impl Default for Preferences {
    fn default() -> Self {
        Self::parse(&Map::new()).expect("no preferences at all are valid")
    }
}

/// The members of `inputs`. A mistyped one would be a log that nobody writes, so others are refused.
const NAMES: [&str; 13] = [
    "s3BucketName",
    "s3KeyPrefix",
    "s3EncryptionEnabled",
    "cloudWatchLogGroupName",
    "cloudWatchEncryptionEnabled",
    "cloudWatchStreamingEnabled",
    "kmsKeyId",
    "runAsEnabled",
    "runAsDefaultUser",
    "idleSessionTimeout",
    "maxSessionDuration",
    "shellProfile",
    own::MEMBER,
];

/// The longest shell profile, in characters: AWS's limit.
const MAX_PROFILE_CHARS: usize = 512;

pub(super) fn check_names(inputs: &Map<String, Value>) -> Result<(), DocumentError> {
    let unknown = |path: &str, name: &String| Err(DocumentError::UnknownMember(format!("{path}.{name}")));
    if let Some(name) = inputs.keys().find(|name| !NAMES.contains(&name.as_str())) {
        return unknown("inputs", name);
    }
    own::check_names(inputs)?;
    let profile = inputs.get("shellProfile").and_then(Value::as_object);
    match profile.and_then(|profile| profile.keys().find(|name| !["linux", "windows"].contains(&name.as_str()))) {
        Some(name) => unknown("inputs.shellProfile", name),
        None => Ok(()),
    }
}

impl Preferences {
    pub(super) fn parse(inputs: &Map<String, Value>) -> Result<Self, DocumentError> {
        let profile = match inputs.get("shellProfile") {
            None | Some(Value::Null) => &Map::new(),
            Some(Value::Object(profile)) => profile,
            Some(_) => return Err(DocumentError::member("inputs.shellProfile", "an object")),
        };
        Ok(Self {
            s3_bucket_name: text(inputs, "s3BucketName")?,
            s3_key_prefix: text(inputs, "s3KeyPrefix")?,
            s3_encryption_enabled: boolean(inputs, "s3EncryptionEnabled")?,
            cloud_watch_log_group_name: text(inputs, "cloudWatchLogGroupName")?,
            cloud_watch_encryption_enabled: boolean(inputs, "cloudWatchEncryptionEnabled")?,
            cloud_watch_streaming_enabled: boolean(inputs, "cloudWatchStreamingEnabled")?,
            kms_key_id: text(inputs, "kmsKeyId")?,
            run_as_enabled: boolean(inputs, "runAsEnabled")?,
            run_as_default_user: user_name(inputs, "runAsDefaultUser")?,
            idle_session_timeout: minutes(inputs, "idleSessionTimeout", 60, "a number of minutes from 1 to 60")?
                .unwrap_or(DEFAULT_IDLE_MINUTES),
            max_session_duration: minutes(inputs, "maxSessionDuration", 1440, "a number of minutes from 1 to 1440")?,
            shell_profile: ShellProfile { linux: commands(profile, "linux")?, windows: commands(profile, "windows")? },
            postern: OwnPreferences::parse(inputs)?,
        })
    }
}

fn text(inputs: &Map<String, Value>, name: &str) -> Result<String, DocumentError> {
    match inputs.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(DocumentError::member(format!("inputs.{name}"), "a text")),
    }
}

fn user_name(inputs: &Map<String, Value>, name: &str) -> Result<Option<OsUserName>, DocumentError> {
    let user = text(inputs, name)?;
    let parsed = (!user.is_empty()).then(|| user.parse()).transpose();
    parsed.map_err(|_| DocumentError::member(format!("inputs.{name}"), "the name of a user"))
}

fn commands(profile: &Map<String, Value>, system: &str) -> Result<String, DocumentError> {
    match profile.get(system) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) if text.chars().count() <= MAX_PROFILE_CHARS => Ok(text.clone()),
        Some(_) => {
            Err(DocumentError::member(format!("inputs.shellProfile.{system}"), "a text of at most 512 characters"))
        }
    }
}

fn boolean(inputs: &Map<String, Value>, name: &str) -> Result<bool, DocumentError> {
    let value = inputs.get(name).unwrap_or(&Value::Null);
    truth(value).ok_or_else(|| DocumentError::member(format!("inputs.{name}"), "true or false"))
}

/// A JSON boolean, or a text that Go's `strconv.ParseBool` takes, as agents read it; nothing and empty are false.
pub(super) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(value) => Some(*value),
        Value::String(text) => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" | "" => Some(false),
            _ => None,
        },
        Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Minutes as a text or a number; empty is absent.
fn minutes(
    inputs: &Map<String, Value>,
    name: &str,
    max: u32,
    expected: &'static str,
) -> Result<Option<u32>, DocumentError> {
    let number = match inputs.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(value) => value.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    let number = number.filter(|number| (1..=max).contains(number));
    number.map(Some).ok_or_else(|| DocumentError::member(format!("inputs.{name}"), expected))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn minutes_as_text<S: serde::Serializer>(minutes: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(minutes)
}

#[expect(clippy::ref_option, reason = "the signature serde asks for")]
fn optional_as_text<T: fmt::Display, S: serde::Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_str(""),
    }
}
