//! Log streams: one for each session, named like it.

use serde::{Deserialize, Serialize};

use super::group::GroupReference;
use super::{GROUP_NAME, STREAM_NAME, invalid, page};
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::operation::Operation;

macro_rules! on_stream {
    ($(#[$doc:meta])* $request:ident, $operation:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $request {
            /// The group.
            pub log_group_name: String,
            /// The stream.
            pub log_stream_name: String,
        }

        impl ApiRequest for $request {
            const OPERATION: Operation = Operation::$operation;
            type Response = crate::Empty;

            fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
                Ok(Self {
                    log_group_name: input.required_text("logGroupName", GROUP_NAME)?,
                    log_stream_name: input.required_text("logStreamName", STREAM_NAME)?,
                })
            }
        }
    };
}

on_stream! {
    /// `CreateLogStream`.
    CreateLogStreamRequest, CreateLogStream
}
on_stream! {
    /// `DeleteLogStream`: with all that is in it.
    DeleteLogStreamRequest, DeleteLogStream
}

/// What streams are listed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum OrderBy {
    /// Their names.
    LogStreamName,
    /// Their last event.
    LastEventTime,
}

/// `DescribeLogStreams`. Agents ask for a sequence token with it (spec agent-sessions §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeLogStreamsRequest {
    /// The group.
    #[serde(flatten)]
    pub log_group: GroupReference,
    /// How names begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_stream_name_prefix: Option<String>,
    /// In which order; absent is by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_by: Option<OrderBy>,
    /// Backwards.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub descending: bool,
    /// 1 to 50; absent is 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// From the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl ApiRequest for DescribeLogStreamsRequest {
    const OPERATION: Operation = Operation::DescribeLogStreams;
    type Response = DescribeLogStreamsResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let log_group = GroupReference::read(input)?;
        let prefix = input.text("logStreamNamePrefix", STREAM_NAME)?;
        let orders = [("LogStreamName", OrderBy::LogStreamName), ("LastEventTime", OrderBy::LastEventTime)];
        let order_by = input.choice("orderBy", &orders)?;
        if prefix.is_some() && order_by == Some(OrderBy::LastEventTime) {
            return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        let descending = input.boolean("descending")?.unwrap_or(false);
        let (limit, next_token) = page(input, 50)?;
        Ok(Self { log_group, log_stream_name_prefix: prefix, order_by, descending, limit, next_token })
    }
}

/// One page of streams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeLogStreamsResponse {
    /// The streams.
    pub log_streams: Vec<LogStream>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A stream as it is listed. Times are milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogStream {
    /// Its name.
    pub log_stream_name: String,
    /// When it was made.
    pub creation_time: u64,
    /// The time of the first event that is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event_timestamp: Option<u64>,
    /// The time of the last event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_timestamp: Option<u64>,
    /// When events were last put into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ingestion_time: Option<u64>,
    /// What older programs send with the next events. It is not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_sequence_token: Option<String>,
    /// Its ARN.
    pub arn: String,
    /// Always 0, as at AWS since 2019.
    #[serde(default)]
    pub stored_bytes: u64,
}
