//! The part of CloudWatch Logs that the logs of sessions need: groups, streams, events, retention.
//!
//! A member that would change the answer and is not offered here is refused as `InvalidParameterException`, never
//! ignored. What sessions print is in these messages, so the text of an event cannot print itself and is never repeated
//! in an error.

mod event;
mod group;
mod pattern;
mod stream;

pub use event::{
    FilterLogEventsRequest, FilterLogEventsResponse, FilteredLogEvent, GetLogEventsRequest, GetLogEventsResponse,
    InputLogEvent, OutputLogEvent, PutLogEventsRequest, PutLogEventsResponse, RejectedLogEventsInfo, SearchedLogStream,
};
pub use group::{
    CreateLogGroupRequest, DeleteLogGroupRequest, DeleteRetentionPolicyRequest, DescribeLogGroupsRequest,
    DescribeLogGroupsResponse, GroupReference, LogGroup, PutRetentionPolicyRequest, STANDARD_CLASS,
};
pub use pattern::FilterPattern;
pub use stream::{
    CreateLogStreamRequest, DeleteLogStreamRequest, DescribeLogStreamsRequest, DescribeLogStreamsResponse, LogStream,
    OrderBy,
};

use crate::constraint::{Pattern, Text};
use crate::decode::Input;
use crate::error::{ApiError, ErrorCode};

const GROUP_NAME: Text = Text::length(1, 512).matching(Pattern {
    text: r"[\.\-_/#A-Za-z0-9]+",
    matches: |text| !text.is_empty() && text.bytes().all(is_group_byte),
});
const STREAM_NAME: Text =
    Text::length(1, 512).matching(Pattern { text: "[^:*]*", matches: |text| !text.contains([':', '*']) });
const TOKEN: Text = Text::length(1, usize::MAX);

fn is_group_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidParameterException, message)
}

/// A member that asks for something that is not here.
fn refuse(input: &Input<'_>, member: &str, why: &str) -> Result<(), ApiError> {
    if input.has(member) { Err(invalid(format!("{member} is not supported: {why}."))) } else { Ok(()) }
}

/// The page of a listing: its size and where it goes on.
fn page(input: &mut Input<'_>, max: i64) -> Result<(Option<u32>, Option<String>), ApiError> {
    let limit = input.integer("limit", 1, max)?.and_then(|limit| u32::try_from(limit).ok());
    Ok((limit, input.text("nextToken", TOKEN)?))
}

/// A moment in milliseconds since the epoch.
fn moment(input: &mut Input<'_>, member: &str) -> Result<Option<u64>, ApiError> {
    Ok(input.integer(member, 0, i64::MAX)?.and_then(|moment| u64::try_from(moment).ok()))
}
