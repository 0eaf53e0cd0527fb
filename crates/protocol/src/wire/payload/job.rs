//! Run Command on the control channel: four messages around two JSON texts inside JSON.
//!
//! Only the envelopes are typed here. `Content` is the business of whoever runs commands.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::JsonPayload;
use super::json::null_is_default;

/// Documents and replies are at most 120,000 bytes from a stock agent, and escaped once more.
const MAX_JOB_BYTES: usize = 512 * 1024;

/// `agent_job`: run or cancel a command (spec agent-control-channel 6.1).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AgentJob {
    /// Always 1.
    #[serde(deserialize_with = "null_is_default")]
    pub schema_version: i64,
    /// `aws.ssm.<command id>.<node id>`.
    #[serde(deserialize_with = "null_is_default")]
    pub job_id: String,
    /// Begins with `aws.ssm.sendCommand` or `aws.ssm.cancelCommand`.
    #[serde(deserialize_with = "null_is_default")]
    pub topic: String,
    /// JSON text.
    #[serde(deserialize_with = "null_is_default")]
    pub content: String,
}

/// Leaves out the content: parameters may hold secrets.
impl fmt::Debug for AgentJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentJob")
            .field("job_id", &self.job_id)
            .field("topic", &self.topic)
            .field("content_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

impl JsonPayload for AgentJob {
    const NAME: &'static str = "agent_job";
    const MAX_BYTES: usize = MAX_JOB_BYTES;
}

/// `agent_job_ack`: taken or refused (spec agent-control-channel 6.2). The only family of
/// payloads whose keys begin in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentJobAck {
    /// The job.
    #[serde(deserialize_with = "null_is_default")]
    pub job_id: String,
    /// Id of the `agent_job` message, as text.
    #[serde(deserialize_with = "null_is_default")]
    pub acknowledged_message_id: String,
    /// When, in RFC 3339.
    #[serde(deserialize_with = "null_is_default")]
    pub created_date: String,
    /// `200`, or five digits for a refusal, as text.
    #[serde(deserialize_with = "null_is_default")]
    pub status_code: String,
    /// The code in words.
    #[serde(deserialize_with = "null_is_default")]
    pub error_message: String,
}

impl JsonPayload for AgentJobAck {
    const NAME: &'static str = "agent_job_ack";
}

/// `agent_job_reply`: progress or result (spec agent-control-channel 6.3).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentJobReply {
    /// Always 1.
    #[serde(deserialize_with = "null_is_default")]
    pub schema_version: i64,
    /// The job.
    #[serde(deserialize_with = "null_is_default")]
    pub job_id: String,
    /// JSON text.
    #[serde(deserialize_with = "null_is_default")]
    pub content: String,
    /// Topic of the job.
    #[serde(deserialize_with = "null_is_default")]
    pub topic: String,
}

/// Leaves out the content: it is what a command printed.
impl fmt::Debug for AgentJobReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentJobReply")
            .field("job_id", &self.job_id)
            .field("topic", &self.topic)
            .field("content_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

impl JsonPayload for AgentJobReply {
    const NAME: &'static str = "agent_job_reply";
    const MAX_BYTES: usize = MAX_JOB_BYTES;
}

/// `agent_job_reply_ack`: without it the agent sends its result for up to two hours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentJobReplyAck {
    /// The job.
    #[serde(deserialize_with = "null_is_default")]
    pub job_id: String,
    /// Id of the reply, as text.
    #[serde(deserialize_with = "null_is_default")]
    pub acknowledged_message_id: String,
}

impl JsonPayload for AgentJobReplyAck {
    const NAME: &'static str = "agent_job_reply_ack";
}
