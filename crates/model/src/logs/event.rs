//! Log events: put into streams, read back, searched.

use postern_iam::SecretString;
use postern_iam::secret::serialize_exposed;
use serde::{Deserialize, Serialize};

use super::group::GroupReference;
use super::{GROUP_NAME, STREAM_NAME, TOKEN, invalid, moment, page};
use crate::constraint::Text;
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::operation::Operation;

/// Events of one request.
const MAX_EVENTS: usize = 10_000;

/// One event. Its text is what somebody's session printed, so it does not print itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputLogEvent {
    /// When it happened, in milliseconds since the epoch.
    pub timestamp: u64,
    /// What.
    #[serde(serialize_with = "serialize_exposed")]
    pub message: SecretString,
}

impl InputLogEvent {
    fn read(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let timestamp = moment(input, "timestamp")?;
        if timestamp.is_none() {
            input.report_missing("timestamp");
        }
        let message = input.required_text("message", Text::length(1, usize::MAX).sensitive())?;
        Ok(Some(Self { timestamp: timestamp.unwrap_or_default(), message: message.into() }))
    }
}

/// `PutLogEvents`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutLogEventsRequest {
    /// The group.
    pub log_group_name: String,
    /// The stream.
    pub log_stream_name: String,
    /// 1 to 10,000 events in the order of their times.
    pub log_events: Vec<InputLogEvent>,
    /// From the previous answer, by older programs. AWS has not looked at it since 2023, and neither do we.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_token: Option<String>,
}

impl ApiRequest for PutLogEventsRequest {
    const OPERATION: Operation = Operation::PutLogEvents;
    type Response = PutLogEventsResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let log_group_name = input.required_text("logGroupName", GROUP_NAME)?;
        let log_stream_name = input.required_text("logStreamName", STREAM_NAME)?;
        let sequence_token = input.text("sequenceToken", TOKEN)?;
        // Counted here, because a list of the wrong length would be repeated in the error, texts and all.
        let log_events = match input.list_length("logEvents") {
            Some(0) => {
                input.report_unshown("logEvents", "Member must have length greater than or equal to 1");
                Vec::new()
            }
            Some(MAX_EVENTS_AND_ONE..) => {
                input.report_unshown("logEvents", "Member must have length less than or equal to 10000");
                Vec::new()
            }
            _ => input.objects("logEvents", 1..=MAX_EVENTS, InputLogEvent::read)?,
        };
        if !input.has("logEvents") {
            input.report_missing("logEvents");
        }
        Ok(Self { log_group_name, log_stream_name, log_events, sequence_token })
    }
}

const MAX_EVENTS_AND_ONE: usize = MAX_EVENTS + 1;

/// What became of the events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutLogEventsResponse {
    /// For older programs, which send it with the next events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_sequence_token: Option<String>,
    /// Which ones were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_log_events_info: Option<RejectedLogEventsInfo>,
}

/// Which events were left out, by their places in the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedLogEventsInfo {
    /// This one and those behind it are more than two hours ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_new_log_event_start_index: Option<u32>,
    /// Those before this one are more than 14 days old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_old_log_event_end_index: Option<u32>,
    /// Those before this one are older than the group keeps events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired_log_event_end_index: Option<u32>,
}

/// `GetLogEvents`: a stream, forwards or backwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetLogEventsRequest {
    /// The group.
    #[serde(flatten)]
    pub log_group: GroupReference,
    /// The stream.
    pub log_stream_name: String,
    /// From this moment on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<u64>,
    /// Before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<u64>,
    /// Where to go on, and in which direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// 1 to 10,000; absent is as many as fit 1 MB, at most 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Without a token: the oldest first, instead of the newest.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub start_from_head: bool,
}

impl ApiRequest for GetLogEventsRequest {
    const OPERATION: Operation = Operation::GetLogEvents;
    type Response = GetLogEventsResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let log_group = GroupReference::read(input)?;
        let log_stream_name = input.required_text("logStreamName", STREAM_NAME)?;
        let (start_time, end_time) = (moment(input, "startTime")?, moment(input, "endTime")?);
        let start_from_head = input.boolean("startFromHead")?.unwrap_or(false);
        // Nothing is masked here.
        input.boolean("unmask")?;
        let (limit, next_token) = page(input, 10_000)?;
        Ok(Self { log_group, log_stream_name, start_time, end_time, next_token, limit, start_from_head })
    }
}

/// One page of a stream, oldest first. Both tokens are always there; at an end, the one that leads beyond it is the one
/// that led there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetLogEventsResponse {
    /// The events.
    pub events: Vec<OutputLogEvent>,
    /// To newer ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_forward_token: Option<String>,
    /// To older ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_backward_token: Option<String>,
}

/// An event as it is read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputLogEvent {
    /// When it happened.
    pub timestamp: u64,
    /// What.
    #[serde(serialize_with = "serialize_exposed")]
    pub message: SecretString,
    /// When it arrived.
    pub ingestion_time: u64,
}

/// `FilterLogEvents`: the events of many streams together, searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterLogEventsRequest {
    /// The group.
    #[serde(flatten)]
    pub log_group: GroupReference,
    /// Only these streams, up to 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log_stream_names: Vec<String>,
    /// Only streams whose names begin so; not together with names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_stream_name_prefix: Option<String>,
    /// From this moment on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<u64>,
    /// Up to this moment, itself included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<u64>,
    /// What to find; see [`super::FilterPattern`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter_pattern: String,
    /// From the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// 1 to 10,000; absent is as many as fit 1 MB, at most 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl ApiRequest for FilterLogEventsRequest {
    const OPERATION: Operation = Operation::FilterLogEvents;
    type Response = FilterLogEventsResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let log_group = GroupReference::read(input)?;
        let names = input.texts("logStreamNames", 1..=100, STREAM_NAME)?.unwrap_or_default();
        let prefix = input.text("logStreamNamePrefix", STREAM_NAME)?;
        if !names.is_empty() && prefix.is_some() {
            return Err(invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters."));
        }
        let (start_time, end_time) = (moment(input, "startTime")?, moment(input, "endTime")?);
        let pattern = input.text("filterPattern", Text::length(0, 1024))?.unwrap_or_default();
        if input.boolean("startFromHead")? == Some(false) {
            return Err(invalid("startFromHead must be true: the oldest events come first."));
        }
        // Events of several streams always come in the order of their times, and nothing is masked.
        input.boolean("interleaved")?;
        input.boolean("unmask")?;
        let (limit, next_token) = page(input, 10_000)?;
        Ok(Self {
            log_group,
            log_stream_names: names,
            log_stream_name_prefix: prefix,
            start_time,
            end_time,
            filter_pattern: pattern,
            next_token,
            limit,
        })
    }
}

/// One page of what was found, oldest first. It may be empty while more remains to be searched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterLogEventsResponse {
    /// The events.
    pub events: Vec<FilteredLogEvent>,
    /// Always empty here, as at AWS today.
    #[serde(default)]
    pub searched_log_streams: Vec<SearchedLogStream>,
    /// While more remains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An event that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilteredLogEvent {
    /// In which stream.
    pub log_stream_name: String,
    /// When it happened.
    pub timestamp: u64,
    /// What.
    #[serde(serialize_with = "serialize_exposed")]
    pub message: SecretString,
    /// When it arrived.
    pub ingestion_time: u64,
    /// Unique in the group.
    pub event_id: String,
}

/// A stream that was searched. AWS does not fill these any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchedLogStream {
    /// Which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_stream_name: Option<String>,
    /// Whether all of it.
    #[serde(default)]
    pub searched_completely: bool,
}
