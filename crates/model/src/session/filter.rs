//! Filters of `DescribeSessions`: a key and one value, both lower-case on the wire, combined with AND.

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::SessionStatus;
use crate::constraint::Text;
use crate::decode::Input;
use crate::error::{ApiError, ErrorCode};
use crate::timestamp::Timestamp;

/// One condition on a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionFilter {
    /// Started at or after this time.
    InvokedAfter(Timestamp),
    /// Started before this time.
    InvokedBefore(Timestamp),
    /// On this node.
    Target(String),
    /// By the principal with this ARN.
    Owner(String),
    /// In this status.
    Status(SessionStatus),
    /// This session.
    SessionId(String),
    /// `Standard` or `JustInTime`.
    AccessType(String),
}

impl SessionFilter {
    pub(super) fn read(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let key = input.required_text("key", Text::ANY)?;
        let value = input.required_text("value", Text::length(1, 400))?;
        if !input.has("key") || !input.has("value") {
            return Ok(None);
        }
        let filter = match key.as_str() {
            "InvokedAfter" => parse_time(&value).map(Self::InvokedAfter),
            "InvokedBefore" => parse_time(&value).map(Self::InvokedBefore),
            "Target" => Some(Self::Target(value.clone())),
            "Owner" => Some(Self::Owner(value.clone())),
            "Status" => SessionStatus::from_name(&value).map(Self::Status),
            "SessionId" => Some(Self::SessionId(value.clone())),
            "AccessType" => Some(Self::AccessType(value.clone())).filter(|_| ACCESS_TYPES.contains(&value.as_str())),
            _ => return Err(unknown_key(&key)),
        };
        if filter.is_none() {
            let constraint = match key.as_str() {
                "Status" => {
                    let names = SessionStatus::ALL.map(|(name, _)| name);
                    format!("Member must satisfy enum value set: [{}]", names.join(", "))
                }
                "AccessType" => format!("Member must satisfy enum value set: [{}]", ACCESS_TYPES.join(", ")),
                _ => "Member must be a UTC time such as 2026-11-22T00:00:00Z".to_owned(),
            };
            input.report("value", &value, &constraint);
        }
        Ok(filter)
    }

    fn parts(&self) -> (&'static str, String) {
        match self {
            Self::InvokedAfter(time) => ("InvokedAfter", format_time(*time)),
            Self::InvokedBefore(time) => ("InvokedBefore", format_time(*time)),
            Self::Target(target) => ("Target", target.clone()),
            Self::Owner(arn) => ("Owner", arn.clone()),
            Self::Status(status) => ("Status", status.as_str().to_owned()),
            Self::SessionId(id) => ("SessionId", id.clone()),
            Self::AccessType(kind) => ("AccessType", kind.clone()),
        }
    }
}

const ACCESS_TYPES: [&str; 2] = ["Standard", "JustInTime"];
const KEYS: &str = "InvokedAfter, InvokedBefore, Target, Owner, Status, SessionId, AccessType";

impl Serialize for SessionFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            key: &'a str,
            value: &'a str,
        }
        let (key, value) = self.parts();
        Wire { key, value: &value }.serialize(serializer)
    }
}

fn unknown_key(key: &str) -> ApiError {
    let shown: String = key.chars().take(64).collect();
    ApiError::new(ErrorCode::InvalidFilterKey, format!("There is no session filter '{shown}'; the keys are {KEYS}."))
}

fn parse_time(text: &str) -> Option<Timestamp> {
    let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
    u64::try_from(nanos / 1_000_000).ok().map(Timestamp::from_millis)
}

fn format_time(time: Timestamp) -> String {
    let nanos = i128::from(time.millis()) * 1_000_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).expect("a time up to the year 9999 can be written")
}
