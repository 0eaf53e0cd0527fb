//! The acts of a session that nobody asks for over the API.

use postern_audit::Term;
use postern_audit::moment;
use postern_iam::{NodeId, SessionId};
use postern_model::ApiError;
use postern_model::session::EndReason;
use postern_store::SessionRecord;
use postern_store::{AuditQuery, SessionCursor, SessionFilter, UnixMillis};
use serde_json::{Value, json};

use crate::recording::recorded_as;
use crate::{Control, failure};

/// An event may say an earlier time than that of its writing: when its request came, or by another clock.
const LATE: UnixMillis = 60_000;
/// Sessions that are looked at together.
const PAGE: u32 = 100;
/// A session has few events that name it; the latest are enough to find its end.
const EVENTS: u32 = 50;

/// The name of the event of a session's end. Each session has one.
pub(crate) const ENDED: &str = "SessionEnded";

impl Control {
    /// How a session that was just started is recorded, for the event of its start.
    ///
    /// # Errors
    /// `DoesNotExistException`; the store does not answer.
    pub async fn recorded_as(&self, session: &SessionId) -> Result<Option<&'static str>, ApiError> {
        self.read_session(session).await.map(|session| recorded_as(&session))
    }

    /// Both ends are there: for the first time, or again.
    pub(crate) fn audit_connected(&self, session: &SessionId, node: &NodeId) {
        self.put_service_event("SessionConnected", json!({"sessionId": session.as_str(), "nodeId": node.as_str()}));
    }

    /// An end is missing.
    pub(crate) fn audit_disconnected(&self, session: &SessionId, node: &NodeId, details: &str) {
        let details = json!({"sessionId": session.as_str(), "nodeId": node.as_str(), "details": details});
        self.put_service_event("SessionDisconnected", details);
    }

    /// It would not be allowed any more, and is told to end.
    pub(crate) fn audit_refused(&self, session: &SessionId, node: &NodeId, owner: &str, reason: &EndReason) {
        let details = json!({
            "sessionId": session.as_str(), "nodeId": node.as_str(), "owner": owner, "details": reason.details(),
        });
        self.put_service_event("SessionRefused", details);
    }

    /// It is over.
    pub(crate) fn audit_ended(&self, session: &SessionRecord) {
        self.put_service_event(ENDED, details_of_end(session));
    }
}

impl Control {
    /// Writes the events of sessions whose end was stored, and the event of it not, before the service was killed.
    pub(crate) async fn recover_audit(&self) -> Result<(), ApiError> {
        let account = &self.scope().account;
        let ends = self.store.audit_log_ends(account).await.map_err(failure::store)?;
        // Without events there is nothing to be behind: what ended before there was a log is not in it.
        let Some(last) = ends.last.count.checked_sub(1) else { return Ok(()) };
        let last = self.store.audit_records(account, last, 1).await.map_err(failure::store)?;
        let Some(last) = last.first() else { return Ok(()) };
        let filters = [SessionFilter::EndedAfter(last.at.saturating_sub(LATE))];
        let mut after = None;
        loop {
            let page = self.store.sessions_page(self.scope(), true, &filters, after.as_ref(), PAGE).await;
            let page = page.map_err(failure::store)?;
            let Some(last) = page.last() else { break };
            after = Some(SessionCursor { started_at: last.started_at, session_id: last.session_id.clone() });
            for session in &page {
                if !self.has_event_of_end(&session.session_id).await? {
                    self.audit_ended(session);
                }
            }
        }
        self.flush_audit().await
    }

    async fn has_event_of_end(&self, session: &SessionId) -> Result<bool, ApiError> {
        let term = Some((Term::ResourceName, session.to_string()));
        let query = AuditQuery { term, from: 0, to: UnixMillis::MAX, before: None, limit: EVENTS };
        let events = self.store.lookup_audit(&self.scope().account, &query).await.map_err(failure::store)?;
        let is_end =
            |record: &str| serde_json::from_str::<Value>(record).is_ok_and(|event| event["eventName"] == ENDED);
        Ok(events.iter().any(|event| is_end(&event.record)))
    }
}

fn details_of_end(session: &SessionRecord) -> Value {
    let cause = session.end_reason.as_ref().and_then(|reason| serde_json::to_value(reason).ok());
    let cause = cause.as_ref().and_then(|cause| cause["reason"].as_str());
    // What a node says about its failure may be what was on a terminal.
    let details = match &session.end_reason {
        Some(EndReason::AgentFailed { .. }) => "The node could not run the session.",
        _ => &session.details,
    };
    let ended_at = session.ended_at.unwrap_or(session.started_at);
    json!({
        "sessionId": session.session_id.as_str(),
        "nodeId": session.node_id.as_str(),
        "owner": session.owner.to_string(),
        "documentName": session.document_name.as_str(),
        "status": session.status.as_str(),
        "cause": cause,
        "details": details,
        "startedAt": moment(session.started_at),
        "endedAt": moment(ended_at),
        "connected": session.connected_at.is_some(),
        "recording": recorded_as(session),
        "durationSeconds": ended_at.saturating_sub(session.started_at) / 1000,
    })
}
