//! One event, with the members that CloudTrail gives its records.

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The version of CloudTrail's form that this is.
const VERSION: &str = "1.11";

/// Something that was asked for, or that the service did by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Who.
    pub user_identity: UserIdentity,
    /// When, as [`moment`] writes it.
    pub event_time: String,
    /// Of which service, as `ssm.amazonaws.com`.
    pub event_source: String,
    /// What.
    pub event_name: String,
    /// Where.
    pub aws_region: String,
    /// From which address, as far as that is known.
    #[serde(rename = "sourceIPAddress", skip_serializing_if = "Option::is_none")]
    pub source_ip_address: Option<String>,
    /// What the client calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Why it was not done, as the client's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The same in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// What was asked for; nothing if it was not understood, or if nobody knows who asked.
    pub request_parameters: Option<Value>,
    /// What has changed.
    pub response_elements: Option<Value>,
    /// What CloudTrail has no member for.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub additional_event_data: Map<String, Value>,
    /// The id that the client's answer and the service's log show.
    #[serde(rename = "requestID", skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Of this event alone.
    #[serde(rename = "eventID")]
    pub event_id: String,
    /// Whether it changes nothing.
    pub read_only: bool,
    /// Whose doing it is.
    pub event_type: EventType,
    /// What the service did by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_event_details: Option<Value>,
    /// Of the account whose log this is.
    pub recipient_account_id: String,
}

/// Whose doing an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum EventType {
    /// Somebody called the API.
    AwsApiCall,
    /// The service did it by itself.
    AwsServiceEvent,
}

/// Who asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserIdentity {
    /// `IAMUser`, `AssumedRole`, `AWSAccount`, `AWSService`, or `Unknown` where nothing is proved.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// For good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// At that moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Whose identity it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// What the request was signed with, or says it was where the type is `Unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// The user's name, or a managed node's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// About temporary credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_context: Option<SessionContext>,
    /// The service that did it by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoked_by: Option<&'static str>,
}

/// What is known about temporary credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionContext {
    /// The role that somebody acts as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_issuer: Option<Issuer>,
    /// When they were issued and whether a second factor was shown, in CloudTrail's form.
    pub attributes: Map<String, Value>,
    /// Who is behind them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// The provider that vouched for somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_id_federation_data: Option<Value>,
}

/// The role that somebody acts as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// `Role`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// For good.
    pub principal_id: String,
    /// At that moment.
    pub arn: String,
    /// Whose role it is.
    pub account_id: String,
    /// Its name.
    pub user_name: String,
}

/// An event as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Versioned<'a> {
    event_version: &'static str,
    #[serde(flatten)]
    event: &'a Event,
    event_category: &'static str,
    management_event: bool,
}

impl Event {
    pub(crate) fn versioned(&self) -> Versioned<'_> {
        Versioned { event_version: VERSION, event: self, event_category: "Management", management_event: true }
    }

    /// About how many bytes it takes, for bounding what waits.
    #[must_use]
    pub fn weight(&self) -> usize {
        let values = [&self.request_parameters, &self.response_elements, &self.service_event_details];
        let values: usize = values.into_iter().flatten().map(weight).sum();
        let texts = [&self.user_agent, &self.error_message].into_iter().flatten().map(String::len).sum::<usize>();
        1024 + values + texts
    }
}

fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 16,
        Value::String(text) => 16 + text.len(),
        Value::Array(items) => 16 + items.iter().map(weight).sum::<usize>(),
        Value::Object(members) => 16 + members.iter().map(|(name, value)| name.len() + weight(value)).sum::<usize>(),
    }
}

/// A moment as CloudTrail writes it: to the second, in UTC.
#[must_use]
pub fn moment(unix_millis: u64) -> String {
    let seconds = i64::try_from(unix_millis / 1000).unwrap_or(i64::MAX);
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn moments_are_whole_seconds_in_utc() {
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(1_795_384_779_999), "2026-11-22T21:59:39Z");
    }
}
