//! `LookupEvents`.

use postern_audit::{Term, resources, username};
use postern_model::cloudtrail::{
    EventResource, FoundEvent, LookupAttribute, LookupAttributeKey, LookupEventsRequest, LookupEventsResponse,
};
use postern_model::{ApiError, ErrorCode, Timestamp};
use postern_store::{AuditPosition, AuditQuery, AuditRecord, UnixMillis};
use serde_json::Value;

use crate::authz::{Authorized, act, authorize};
use crate::caller::Caller;
use crate::page::split;
use crate::{Control, failure};

/// Events of a page if the caller does not say, AWS's maximum.
const DEFAULT_RESULTS: u32 = 50;

impl Control {
    /// `LookupEvents`: a page of audit events, the latest first.
    ///
    /// # Errors
    /// `InvalidNextTokenException`; `AccessDeniedException`.
    pub async fn lookup_events(
        &self,
        caller: &Caller,
        request: LookupEventsRequest,
    ) -> Result<LookupEventsResponse, ApiError> {
        self.page_of_events(authorize::<act::LookupEvents>(caller, ())?, request).await
    }

    async fn page_of_events(
        &self,
        _allowed: Authorized<act::LookupEvents>,
        request: LookupEventsRequest,
    ) -> Result<LookupEventsResponse, ApiError> {
        // What was done a moment ago is looked for.
        self.flush_audit().await?;
        let listing = self.listing(&request);
        let invalid = |error: ApiError| ApiError::new(ErrorCode::InvalidNextTokenException, error.message());
        let cursor = listing.cursor::<String>(request.next_token.as_deref()).map_err(invalid)?;
        let before = cursor.as_deref().and_then(split::<u64>).map(|(at, number)| AuditPosition { at, number });
        let limit = request.max_results.unwrap_or(DEFAULT_RESULTS);
        let query = AuditQuery {
            term: request.lookup_attributes.into_iter().next().map(term),
            from: request.start_time.map_or(0, Timestamp::millis),
            to: request.end_time.map_or(UnixMillis::MAX, Timestamp::millis),
            before,
            limit: limit + 1,
        };
        let found = self.store.lookup_audit(&self.scope().account, &query).await;
        let mut found = found.map_err(failure::store)?;
        let next_token = listing.cut(&mut found, limit, |record| format!("{}/{}", record.at, record.number));
        Ok(LookupEventsResponse { events: found.into_iter().map(shown).collect(), next_token })
    }
}

fn term(LookupAttribute { attribute_key, attribute_value }: LookupAttribute) -> (Term, String) {
    let term = match attribute_key {
        LookupAttributeKey::EventId => Term::EventId,
        LookupAttributeKey::EventName => Term::EventName,
        LookupAttributeKey::ReadOnly => Term::ReadOnly,
        LookupAttributeKey::Username => Term::Username,
        LookupAttributeKey::ResourceType => Term::ResourceType,
        LookupAttributeKey::ResourceName => Term::ResourceName,
        LookupAttributeKey::EventSource => Term::EventSource,
        LookupAttributeKey::AccessKeyId => Term::AccessKeyId,
    };
    (term, attribute_value)
}

fn shown(AuditRecord { at, record, .. }: AuditRecord) -> FoundEvent {
    let event: Value = serde_json::from_str(&record).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resources = resources(&event).into_iter();
    FoundEvent {
        event_id: text(&event["eventID"]),
        event_name: text(&event["eventName"]),
        read_only: event["readOnly"].as_bool().unwrap_or_default().to_string(),
        access_key_id: event["userIdentity"]["accessKeyId"].as_str().map(str::to_owned),
        event_time: Timestamp::from_millis(at),
        event_source: text(&event["eventSource"]),
        username: username(&event).map(str::to_owned),
        resources: resources
            .map(|resource| EventResource { resource_type: resource.kind.to_owned(), resource_name: resource.name })
            .collect(),
        cloud_trail_event: record,
    }
}
