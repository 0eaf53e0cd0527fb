//! DescribeSessions.

use postern_model::session::{DescribeSessionsRequest, DescribeSessionsResponse, Session, SessionFilter, SessionState};
use postern_model::{ApiError, Timestamp};
use postern_store::{SessionCursor, SessionFilter as Stored, SessionRecord};

use crate::authz::{Authorized, act, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

/// Sessions a page if the caller does not say.
const DEFAULT_RESULTS: u32 = 50;
/// The only kind of access there is.
const ACCESS_TYPE: &str = "Standard";

impl Control {
    /// `DescribeSessions`: a page of live or past sessions, newest first.
    ///
    /// # Errors
    /// `InvalidNextToken`; `AccessDeniedException`.
    pub async fn describe_sessions(
        &self,
        caller: &Caller,
        request: DescribeSessionsRequest,
    ) -> Result<DescribeSessionsResponse, ApiError> {
        self.list_sessions(authorize::<act::DescribeSessions>(caller, ())?, request).await
    }

    async fn list_sessions(
        &self,
        _allowed: Authorized<act::DescribeSessions>,
        request: DescribeSessionsRequest,
    ) -> Result<DescribeSessionsResponse, ApiError> {
        let listing = self.listing(&request);
        let after = listing.moment_and_id(request.next_token.as_deref())?;
        let after = after.map(|(started_at, session_id)| SessionCursor { started_at, session_id });
        let Some(filters) = filters(request.filters) else { return Ok(DescribeSessionsResponse::default()) };
        let limit = request.max_results.unwrap_or(DEFAULT_RESULTS);
        let ended = request.state == SessionState::History;
        let mut records = self
            .store
            .sessions_page(self.scope(), ended, &filters, after.as_ref(), limit + 1)
            .await
            .map_err(failure::store)?;
        let next_token =
            listing.cut(&mut records, limit, |record| format!("{}/{}", record.started_at, record.session_id));
        Ok(DescribeSessionsResponse { sessions: records.into_iter().map(listed).collect(), next_token })
    }
}

/// The filters as the store knows them; nothing if no session can meet them.
fn filters(filters: Vec<SessionFilter>) -> Option<Vec<Stored>> {
    let stored = filters.into_iter().filter_map(|filter| {
        Some(Some(match filter {
            SessionFilter::InvokedAfter(moment) => Stored::StartedAfter(moment.millis()),
            SessionFilter::InvokedBefore(moment) => Stored::StartedBefore(moment.millis()),
            SessionFilter::Target(target) => Stored::Node(target),
            SessionFilter::Owner(owner) => Stored::Owner(owner),
            SessionFilter::Status(status) => Stored::Status(status),
            SessionFilter::SessionId(id) => Stored::Id(id),
            SessionFilter::AccessType(access) if access == ACCESS_TYPE => return None,
            SessionFilter::AccessType(_) => return Some(None),
        }))
    });
    stored.collect()
}

fn listed(record: SessionRecord) -> Session {
    let minutes = record.limits.max_duration.map(|max| max.as_secs() / 60);
    Session {
        session_id: record.session_id.to_string(),
        target: record.node_id.to_string(),
        status: record.status,
        start_date: Timestamp::from_millis(record.started_at),
        end_date: record.ended_at.map(Timestamp::from_millis),
        document_name: record.document_name.short_name().to_owned(),
        owner: record.owner.to_string(),
        reason: record.reason,
        details: Some(record.details).filter(|details| !details.is_empty()),
        max_session_duration: minutes.filter(|minutes| is_shown(*minutes)).map(|minutes| minutes.to_string()),
        access_type: Some(ACCESS_TYPE.to_owned()),
    }
}

/// AWS's pattern has a gap: of 1000 to 1439 it admits those whose tens digit is 0 to 3 (spec public-api,
/// DescribeSessions). Strict clients would refuse the whole answer.
fn is_shown(minutes: u64) -> bool {
    match minutes {
        1..1000 | 1440 => true,
        1000..1440 => minutes / 10 % 10 <= 3,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_durations_inside_the_pattern_are_shown() {
        for (minutes, shown) in
            [(0, false), (1, true), (999, true), (1000, true), (1039, true), (1040, false), (1439, true), (1440, true)]
        {
            assert_eq!(is_shown(minutes), shown, "{minutes}");
        }
    }
}
