//! Audit events: one for each call, and one for each act of a session.
//!
//! A face begins a call with [`Control::begin_call`] before it knows who calls, and finishes it with what came of it;
//! [`AuditedCall`] is dropped when the caller leaves in the middle, and that is an event, too. So no call is without one,
//! and no operation has to think of it.
//!
//! Who is told that something was changed is told after the event of it is on the disk. Other events wait a moment for
//! company; when many wait, or the store does not take them, callers wait, too, and in the end nobody is served without an
//! event (`docs/decisions/0015-audit-events.md`).

mod call;
mod identity;
mod lookup;
mod queue;
mod session;
mod sink;
mod strangers;

pub use call::AuditedCall;
pub use sink::{AuditBatch, KeptEvent};

use std::sync::PoisonError;

use postern_audit::{Event, EventType, UserIdentity, moment};
use postern_model::{ApiError, ErrorCode};
use postern_store::{StoreError, UnixMillis};
use serde_json::{Map, Value, json};

use crate::{Control, failure, millis};
pub(crate) use queue::AuditQueue;
use queue::Ticket;
pub(crate) use strangers::Strangers;

/// Events that are forgotten at once.
const FORGET_BATCH: u32 = 500;

/// The name under which the service does things by itself.
const OURSELVES: &str = "postern";

impl Control {
    /// Writes down every event that waits. To be called every moment, and before the store is closed.
    ///
    /// # Errors
    /// The store does not answer. The events wait for the next time.
    pub async fn flush_audit(&self) -> Result<(), ApiError> {
        self.tell_omitted();
        let last = self.audit.last();
        self.write_audit(last).await.map_err(failure::store)
    }

    /// Forgets events that are kept long enough, a batch at a time. To be called now and then.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn forget_audit(&self) -> Result<u64, ApiError> {
        let before = self.unix_millis().saturating_sub(millis(self.settings.audit_retention));
        let mut forgotten = 0;
        loop {
            let batch = self.store.forget_audit(&self.scope().account, before, FORGET_BATCH).await;
            let batch = batch.map_err(failure::store)?;
            forgotten += batch;
            if batch < u64::from(FORGET_BATCH) {
                return Ok(forgotten);
            }
        }
    }

    async fn write_audit(&self, through: Ticket) -> Result<(), StoreError> {
        self.audit.write(&*self.store, &self.scope().account, through).await
    }

    /// Puts an event where it waits to be written.
    fn put_event(&self, at: UnixMillis, event: Event) -> Ticket {
        self.audit.put(at, event)
    }

    /// Puts an event of a stranger's there, unless there are too many of them. They are counted then.
    fn put_strangers_event(&self, at: UnixMillis, event: Event) {
        let is_let_in = self.strangers.lock().unwrap_or_else(PoisonError::into_inner).let_in(self.clock.now().instant);
        if is_let_in {
            self.put_event(at, event);
        }
    }

    /// Says how many events of strangers there were no room for since this was last said.
    fn tell_omitted(&self) {
        let omitted = self.strangers.lock().unwrap_or_else(PoisonError::into_inner).take_omitted();
        if omitted > 0 {
            let why = "requests without a good signature came faster than events of them are kept";
            self.put_service_event("AuditEventsOmitted", json!({"count": omitted, "reason": why}));
        }
    }

    /// Something that the service did by itself.
    fn put_service_event(&self, name: &str, details: Value) {
        let at = self.unix_millis();
        let identity = UserIdentity {
            kind: "AWSService",
            account_id: Some(self.scope().account.to_string()),
            invoked_by: Some(OURSELVES),
            ..UserIdentity::default()
        };
        let event = Event {
            event_type: EventType::AwsServiceEvent,
            service_event_details: Some(details),
            ..self.new_event(at, identity, "ssm", name)
        };
        self.put_event(at, event);
    }

    /// An event about which nothing else is known.
    fn new_event(&self, at: UnixMillis, user_identity: UserIdentity, service: &str, name: &str) -> Event {
        let random: [u8; 10] = self.random();
        Event {
            user_identity,
            event_time: moment(at),
            event_source: format!("{service}.amazonaws.com"),
            event_name: name.to_owned(),
            aws_region: self.scope().region.to_string(),
            source_ip_address: None,
            user_agent: None,
            error_code: None,
            error_message: None,
            request_parameters: None,
            response_elements: None,
            additional_event_data: Map::new(),
            request_id: None,
            // In the order of time, so that an index of them grows at its end.
            event_id: uuid::Builder::from_unix_timestamp_millis(at, &random).into_uuid().to_string(),
            read_only: false,
            event_type: EventType::AwsApiCall,
            service_event_details: None,
            recipient_account_id: self.scope().account.to_string(),
        }
    }
}

/// So many events wait that nobody is served before some are written.
fn too_many_waiting() -> ApiError {
    let message = "The service cannot write down what is done now, and does nothing meanwhile; try again later.";
    ApiError::new(ErrorCode::ServiceUnavailable, message)
}

/// It was done, and may yet be without an event if the service is killed now.
fn not_written_down(error: StoreError) -> ApiError {
    let _told = failure::store(error);
    let message =
        "The request may have been done, but the service cannot write that down now; look before you try again.";
    ApiError::new(ErrorCode::ServiceUnavailable, message)
}
