//! How a session's end is reported on the control channel, and that the report was heard.

use serde::{Deserialize, Serialize};

use super::JsonPayload;
use super::json::null_is_default;

/// `agent_task_complete`: a session has ended on the node (spec agent-control-channel 5).
///
/// A failed session sends two; they are told apart by nothing but their message ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskComplete {
    /// Always 1.
    #[serde(deserialize_with = "null_is_default")]
    pub schema_version: i64,
    /// The session.
    #[serde(deserialize_with = "null_is_default")]
    pub task_id: String,
    /// Always [`TaskComplete::TOPIC`].
    #[serde(deserialize_with = "null_is_default")]
    pub topic: String,
    /// How it went.
    #[serde(deserialize_with = "null_is_default")]
    pub final_task_status: TaskStatus,
    /// False in every capture.
    #[serde(deserialize_with = "null_is_default")]
    pub is_routing_failure: bool,
    /// Empty in every capture.
    #[serde(deserialize_with = "null_is_default")]
    pub aws_account_id: String,
    /// The managed node.
    #[serde(deserialize_with = "null_is_default")]
    pub instance_id: String,
    /// Error text on failure, for the user's eyes.
    #[serde(deserialize_with = "null_is_default")]
    pub output: String,
    /// Where the agent put its log.
    #[serde(rename = "S3Bucket", deserialize_with = "null_is_default")]
    pub s3_bucket: String,
    /// The log's key in that bucket.
    #[serde(rename = "S3UrlSuffix", deserialize_with = "null_is_default")]
    pub s3_url_suffix: String,
    /// CloudWatch log group.
    #[serde(deserialize_with = "null_is_default")]
    pub cwl_group: String,
    /// CloudWatch log stream.
    #[serde(deserialize_with = "null_is_default")]
    pub cwl_stream: String,
    /// 1 for the first sending, then counting.
    #[serde(deserialize_with = "null_is_default")]
    pub retry_number: i64,
}

impl TaskComplete {
    /// What the topic always is.
    pub const TOPIC: &'static str = "agent_task_complete";
}

impl JsonPayload for TaskComplete {
    const NAME: &'static str = "agent_task_complete";
    const MAX_BYTES: usize = 256 * 1024;
}

/// How a session ended, as its agent sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// Any normal end: exit, terminate, ^C; also a shell with a non-zero exit code.
    Success,
    /// It could not run.
    Failed,
    /// It was stopped.
    Cancelled,
    /// It took too long.
    TimedOut,
    /// Unknown here.
    Other(String),
}

impl TaskStatus {
    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::TimedOut => "TimedOut",
            Self::Other(name) => name,
        }
    }
}

/// An absent status is an unknown one.
impl Default for TaskStatus {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl Serialize for TaskStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TaskStatus {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(match name.as_str() {
            "Success" => Self::Success,
            "Failed" => Self::Failed,
            "Cancelled" => Self::Cancelled,
            "TimedOut" => Self::TimedOut,
            _ => Self::Other(name),
        })
    }
}

/// `agent_task_acknowledge`: without it the agent sends its report three times and forgets it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskAcknowledge {
    /// Always 1.
    #[serde(deserialize_with = "null_is_default")]
    pub schema_version: i64,
    /// Id of the message that is acknowledged, as text.
    #[serde(deserialize_with = "null_is_default")]
    pub message_id: String,
    /// The session.
    #[serde(deserialize_with = "null_is_default")]
    pub task_id: String,
    /// Topic of what is acknowledged: [`TaskComplete::TOPIC`].
    #[serde(deserialize_with = "null_is_default")]
    pub topic: String,
}

impl JsonPayload for TaskAcknowledge {
    const NAME: &'static str = "agent_task_acknowledge";
    const MAX_BYTES: usize = 4 * 1024;
}
