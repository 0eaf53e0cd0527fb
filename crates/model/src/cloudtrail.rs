//! CloudTrail: what was done, looked up.

use serde::{Deserialize, Serialize};

use crate::constraint::Text;
use crate::decode::{ApiRequest, Input};
use crate::error::{ApiError, ErrorCode};
use crate::operation::Operation;
use crate::timestamp::Timestamp;

/// The longest value of an attribute, in characters.
const MAX_VALUE: usize = 2000;
/// Events of a page.
const MAX_RESULTS: i64 = 50;

/// `LookupEvents`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LookupEventsRequest {
    /// One at most, as at AWS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lookup_attributes: Vec<LookupAttribute>,
    /// Not earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// Not later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Timestamp>,
    /// 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the previous page, as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// By what events are looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LookupAttribute {
    /// Which attribute.
    pub attribute_key: LookupAttributeKey,
    /// And its value, the same in every letter.
    pub attribute_value: String,
}

/// An attribute of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are AWS's and say it")]
pub enum LookupAttributeKey {
    EventId,
    EventName,
    ReadOnly,
    Username,
    ResourceType,
    ResourceName,
    EventSource,
    AccessKeyId,
}

impl LookupAttributeKey {
    /// Every one, by its name.
    pub const ALL: &[(&str, Self)] = &[
        ("EventId", Self::EventId),
        ("EventName", Self::EventName),
        ("ReadOnly", Self::ReadOnly),
        ("Username", Self::Username),
        ("ResourceType", Self::ResourceType),
        ("ResourceName", Self::ResourceName),
        ("EventSource", Self::EventSource),
        ("AccessKeyId", Self::AccessKeyId),
    ];
}

impl ApiRequest for LookupEventsRequest {
    const OPERATION: Operation = Operation::LookupEvents;
    type Response = LookupEventsResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        if input.list_length("LookupAttributes").is_some_and(|count| count > 1) {
            return Err(bad_attributes("One attribute can be looked up by at a time; send one in LookupAttributes."));
        }
        let lookup_attributes = input.objects("LookupAttributes", 0..=1, read_attribute)?;
        let (start_time, end_time) = (input.timestamp("StartTime")?, input.timestamp("EndTime")?);
        if let (Some(start), Some(end)) = (start_time, end_time)
            && start > end
        {
            let message = "StartTime is after EndTime; give the earlier one first.";
            return Err(ApiError::new(ErrorCode::InvalidTimeRangeException, message));
        }
        if input.text("EventCategory", Text::ANY)?.is_some() {
            let message = "There are management events only, no insights; leave EventCategory out.";
            return Err(ApiError::new(ErrorCode::InvalidEventCategoryException, message));
        }
        let max_results = match input.integer("MaxResults", i64::MIN, i64::MAX)? {
            Some(count @ 1..=MAX_RESULTS) => u32::try_from(count).ok(),
            None => None,
            Some(_) => {
                let message = format!("MaxResults must be between 1 and {MAX_RESULTS}.");
                return Err(ApiError::new(ErrorCode::InvalidMaxResultsException, message));
            }
        };
        let next_token = input.text("NextToken", Text::ANY)?;
        Ok(Self { lookup_attributes, start_time, end_time, max_results, next_token })
    }
}

fn read_attribute(input: &mut Input<'_>) -> Result<Option<LookupAttribute>, ApiError> {
    let key = input.required_text("AttributeKey", Text::ANY)?;
    let attribute_value = input.required_text("AttributeValue", Text::length(1, MAX_VALUE))?;
    if key.is_empty() {
        return match input.has("AttributeKey") {
            true => Err(unknown_key()),
            // It is reported as missing.
            false => Ok(None),
        };
    }
    let found = LookupAttributeKey::ALL.iter().find(|(name, _)| *name == key);
    let (_, attribute_key) = found.ok_or_else(unknown_key)?;
    Ok(Some(LookupAttribute { attribute_key: *attribute_key, attribute_value }))
}

fn unknown_key() -> ApiError {
    let names: Vec<&str> = LookupAttributeKey::ALL.iter().map(|(name, _)| *name).collect();
    bad_attributes(format!("AttributeKey must be one of {}.", names.join(", ")))
}

fn bad_attributes(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidLookupAttributesException, message)
}

/// A page of events, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LookupEventsResponse {
    /// The events.
    pub events: Vec<FoundEvent>,
    /// For the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FoundEvent {
    /// Its id.
    pub event_id: String,
    /// What was asked for.
    pub event_name: String,
    /// `true` if it changes nothing, `false` otherwise: a text, as at AWS.
    pub read_only: String,
    /// What it was signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// When.
    pub event_time: Timestamp,
    /// Of which service.
    pub event_source: String,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// About what.
    pub resources: Vec<EventResource>,
    /// All of it, as JSON.
    pub cloud_trail_event: String,
}

/// A thing that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventResource {
    /// What it is.
    pub resource_type: String,
    /// Which.
    pub resource_name: String,
}
