//! The event of one call.

use std::sync::OnceLock;

use postern_audit::{Event, UserIdentity, shown};
use postern_model::{ApiError, ErrorCode, Operation, Service};
use postern_store::UnixMillis;
use serde::Serialize;
use serde_json::Value;

use super::queue::Ticket;
use super::{identity, not_written_down, too_many_waiting};
use crate::authz::Action;
use crate::caller::Caller;
use crate::failure::Refusal;
use crate::{Control, Origin};

/// The longest access key id that is written down of somebody who has proved nothing.
const MAX_CLAIMED_KEY: usize = 128;

/// A call that has begun, and whose event will be written whatever becomes of it.
///
/// It is finished with [`AuditedCall::finish`]. If it is dropped before, because the caller has left or the service ends,
/// its event says that the outcome was not told to anybody.
#[must_use = "the event of a call says what came of it"]
pub struct AuditedCall<'a> {
    control: &'a Control,
    action: Action,
    origin: Origin,
    at: UnixMillis,
    /// The access key id that the request names, whatever that proves.
    claimed_key: OnceLock<String>,
    caller: OnceLock<Known>,
    asked: OnceLock<Value>,
    answered: OnceLock<Value>,
    recording: OnceLock<&'static str>,
    is_finished: bool,
}

/// Who calls.
struct Known {
    identity: UserIdentity,
    is_anonymous: bool,
}

impl Control {
    /// A call has arrived. Nothing may be done for it before this.
    ///
    /// # Errors
    /// `ServiceUnavailable`: so many events wait for the store that nothing more is done.
    pub fn begin_call(&self, action: Action, origin: Origin) -> Result<AuditedCall<'_>, ApiError> {
        if self.audit.is_full() {
            return Err(too_many_waiting());
        }
        Ok(AuditedCall {
            control: self,
            action,
            origin: origin.bounded(),
            at: self.unix_millis(),
            claimed_key: OnceLock::new(),
            caller: OnceLock::new(),
            asked: OnceLock::new(),
            answered: OnceLock::new(),
            recording: OnceLock::new(),
            is_finished: false,
        })
    }
}

impl AuditedCall<'_> {
    /// What the request says it is signed with. It is written down if nothing better is found out.
    pub fn set_claimed_key(&self, key: &str) {
        if key.len() <= MAX_CLAIMED_KEY && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            let _first = self.claimed_key.set(key.to_owned());
        }
    }

    /// Who calls is known now.
    pub fn set_caller(&self, caller: &Caller) {
        let is_anonymous = matches!(caller.principal, crate::Principal::Anonymous);
        let _first = self.caller.set(Known { identity: identity::of(caller), is_anonymous });
    }

    /// What is asked for is understood.
    pub fn set_request(&self, request: &impl Serialize) {
        set_shown(&self.asked, request);
    }

    /// What it is answered with. What only asks has no answer in its event, but for credentials that somebody got.
    pub fn set_answer(&self, answer: &impl Serialize) {
        if self.changes_something() {
            set_shown(&self.answered, answer);
        }
    }

    /// How the session is recorded that it started.
    pub fn set_recording(&self, recording: &'static str) {
        let _first = self.recording.set(recording);
    }

    /// It is over. Only after this returned may anybody be told that something was changed.
    ///
    /// # Errors
    /// `ServiceUnavailable`: it may have been done, and the event of it is not stored yet.
    pub async fn finish(mut self, error: Option<&ApiError>) -> Result<(), ApiError> {
        let control = self.control;
        let is_change = error.is_none() && self.changes_something();
        let ticket = self.put(|event| {
            if let Some(error) = error {
                event.error_code = Some(error.name().to_owned());
                event.error_message = Some(error.message().chars().take(2048).collect());
            }
        });
        match ticket {
            Some(ticket) if is_change => control.write_audit(ticket).await.map_err(not_written_down),
            // Whoever makes it many helps to write them.
            Some(_) if control.audit.is_crowded() => control.flush_audit().await,
            Some(_) | None => Ok(()),
        }
    }

    /// A channel was opened or refused. What waits for the store waits without whoever opened it.
    pub async fn finish_opening<T: Sync>(self, opened: &Result<T, Refusal>) {
        let error = opened.as_ref().err().map(|refusal| {
            let code = match refusal {
                Refusal::Unavailable => ErrorCode::InternalServerError,
                _ => ErrorCode::AccessDeniedException,
            };
            ApiError::new(code, refusal.to_string())
        });
        if let Err(error) = self.finish(error.as_ref()).await {
            tracing::debug!(%error, "the event of a channel is not stored yet");
        }
    }

    /// Opening a channel uses a right that was given, and written down, before.
    fn changes_something(&self) -> bool {
        let Action::Api(operation) = self.action else { return false };
        let gives_credentials = operation.service() == Service::Sts && operation != Operation::GetCallerIdentity;
        !operation.is_read_only() || gives_credentials
    }

    /// Nothing if it was a stranger's for whom there was no room.
    fn put(&mut self, complete: impl FnOnce(&mut Event)) -> Option<Ticket> {
        self.is_finished = true;
        let control = self.control;
        let known = self.caller.take();
        let is_stranger = known.as_ref().is_none_or(|known| known.is_anonymous);
        let identity = known.map_or_else(|| identity::unknown(self.claimed_key.take()), |known| known.identity);
        let mut event = Event {
            source_ip_address: self.origin.source_ip.map(|ip| ip.to_string()),
            user_agent: self.origin.user_agent.take(),
            request_id: Some(std::mem::take(&mut self.origin.request_id)).filter(|id| !id.is_empty()),
            request_parameters: self.asked.take(),
            read_only: self.action.is_read_only(),
            ..control.new_event(self.at, identity, self.action.service(), self.action.event_name())
        };
        if let Some(recording) = self.recording.take() {
            event.additional_event_data.insert("recording".to_owned(), Value::from(recording));
        }
        complete(&mut event);
        if event.error_code.is_none() {
            event.response_elements = self.answered.take();
        }
        match is_stranger && event.error_code.is_some() {
            true => {
                // Nobody vouches for what it asks, and it may be as long as it likes. What a channel is of is short.
                if matches!(self.action, Action::Api(_)) {
                    event.request_parameters = None;
                }
                control.put_strangers_event(self.at, event);
                None
            }
            false => Some(control.put_event(self.at, event)),
        }
    }
}

impl Drop for AuditedCall<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            let _waits = self.put(|event| {
                let outcome = "the caller left before it was answered; it may have been done";
                event.additional_event_data.insert("outcome".to_owned(), Value::from(outcome));
            });
        }
    }
}

fn set_shown(place: &OnceLock<Value>, value: &impl Serialize) {
    let value = serde_json::to_value(value).ok();
    if let Some(shown) = value.and_then(|value| shown(&value)) {
        let _first = place.set(shown);
    }
}
