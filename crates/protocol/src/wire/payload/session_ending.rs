//! `session_ending`: the service's word, to clients of ours that asked for it, that a session is about to be ended.

use serde::{Deserialize, Serialize};

use super::JsonPayload;

/// A limit of the session is near.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SessionEnding {
    /// Which limit.
    pub cause: EndingCause,
    /// The limit, in seconds.
    pub limit_seconds: u64,
    /// What is left of it when this is sent, in seconds.
    pub left_seconds: u64,
}

/// A limit of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndingCause {
    /// The time without any stream data. Stream data takes the warning back.
    Idle,
    /// The time that it may last.
    MaxDuration,
    /// One that a later service has.
    #[default]
    #[serde(other)]
    Other,
}

impl JsonPayload for SessionEnding {
    const NAME: &'static str = "session_ending";
    const MAX_BYTES: usize = 4 * 1024;
}
