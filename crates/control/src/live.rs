//! Decisions that go on counting: a session that would not be allowed any more is ended.
//!
//! A session keeps what its start was allowed for ([`grounds`]), and the same question is asked again with what is so by
//! now. When to ask is told by one number in the store, which every change of identities, policies, keys and tags raises;
//! [`Control::look`] reads it. Once a minute everybody is asked in any case, for conditions on the time.
//!
//! While the store cannot be read, sessions go on: whoever can keep the service from its database must not be able to end
//! everybody's work with it. Nothing new is allowed meanwhile, and the first look that succeeds asks about everything.

mod facts;
mod grounds;

use std::time::{Duration, Instant};

use postern_bus::Subscription;
use postern_model::session::{EndReason, Refused};
use postern_model::{ApiError, Operation, Service};
use postern_store::{RequestTermination, SessionCursor, StandingSession, UnixMillis};

use crate::authz::{Denied, act, is_allowed};
use crate::command::SessionCommand;
use crate::{Control, failure, millis};
use facts::{Facts, Standing};
pub(crate) use grounds::Grounds;

/// After so long all are asked again, whether anything has changed or not: what the clock says is no change.
const ASK_ALL_EVERY: Duration = Duration::from_secs(60);
/// Sessions read at once. Between two such pages others have their turn.
const PAGE: u32 = 100;
/// A start is decided before it is stored. What changed in between is found by asking about young sessions once more.
const YOUNG: Duration = Duration::from_secs(10);

/// What somebody who looks after decisions knows from the last time.
#[derive(Debug)]
pub struct DecisionWatch {
    hints: Subscription,
    /// The number when all were last asked.
    generation: Option<u64>,
    all_asked_at: Option<Instant>,
    looked_at: UnixMillis,
    /// Some could not be asked the last time; said once.
    is_failing: bool,
}

impl DecisionWatch {
    /// Somebody may have changed what decisions rest on. Cancel-safe. Does not return once the service is going away.
    pub async fn hint(&mut self) {
        if self.hints.next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// What a look has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Review {
    /// Sessions that it was asked about.
    pub asked: u32,
    /// Sessions that are to end.
    pub ended: u32,
    /// Sessions that could not be asked about; they go on until they can.
    pub unanswered: u32,
    /// How often the store was asked about people, nodes and documents: once for each, not for each session.
    pub reads: u32,
}

impl Control {
    /// Begins to look after decisions: everything is asked at the first look.
    ///
    /// # Errors
    /// The bus does not answer.
    pub async fn watch_decisions(&self) -> Result<DecisionWatch, ApiError> {
        let hints = self.bus.subscribe(&self.decisions_subject()).await.map_err(failure::bus)?;
        Ok(DecisionWatch { hints, generation: None, all_asked_at: None, looked_at: 0, is_failing: false })
    }

    /// Asks about all sessions if something has changed or a minute is over, about young ones otherwise, and ends those
    /// that are not allowed any more. To be called every few seconds, and after each [`DecisionWatch::hint`].
    ///
    /// # Errors
    /// The store does not answer: sessions go on, and the next look does what this one did not.
    pub async fn look(&self, watch: &mut DecisionWatch) -> Result<Review, ApiError> {
        let now = self.clock.now();
        let generation = self.store.decision_generation().await.map_err(failure::store)?;
        let is_minute_over = watch.all_asked_at.is_none_or(|at| now.instant >= at + ASK_ALL_EVERY);
        let all = is_minute_over || watch.generation != Some(generation);
        let since = if all { 0 } else { watch.looked_at.saturating_sub(millis(YOUNG)) };
        let review = self.review(since).await?;
        let is_failing = review.unanswered > 0;
        match (std::mem::replace(&mut watch.is_failing, is_failing), is_failing) {
            (false, true) => tracing::warn!(
                sessions = review.unanswered,
                "it cannot be found out whether these sessions are still allowed; they go on meanwhile"
            ),
            (true, false) => tracing::info!("all sessions can be asked about again"),
            (true, true) | (false, false) => {}
        }
        if all && !is_failing {
            (watch.generation, watch.all_asked_at) = (Some(generation), Some(now.instant));
        }
        if !is_failing {
            watch.looked_at = now.unix_millis;
        }
        Ok(review)
    }

    /// An operation has been done: whoever looks after decisions is told if it may matter to them. It is a hint; the
    /// number in the store is what counts.
    pub fn operation_done(&self, operation: Operation) {
        if may_change_decisions(operation) {
            self.bus.publish(&self.decisions_subject(), bytes::Bytes::new());
        }
    }

    async fn review(&self, since: UnixMillis) -> Result<Review, ApiError> {
        let (mut review, mut facts, mut after) = (Review::default(), Facts::new(self), None);
        loop {
            let page = self.store.standing_sessions(self.scope(), since, after.as_ref(), PAGE).await;
            let page = page.map_err(failure::store)?;
            let Some(last) = page.last() else { break };
            after = Some(SessionCursor { started_at: last.started_at, session_id: last.session_id.clone() });
            for session in &page {
                review.asked += 1;
                match self.review_one(session, &mut facts).await {
                    Ok(ended) => review.ended += u32::from(ended),
                    Err(error) => {
                        tracing::debug!(session.id = %session.session_id, %error, "a session cannot be asked about");
                        review.unanswered += 1;
                    }
                }
            }
            tokio::task::yield_now().await;
        }
        review.reads = facts.reads();
        Ok(review)
    }

    async fn review_one(&self, session: &StandingSession, facts: &mut Facts<'_>) -> Result<bool, ApiError> {
        let (principal, denied) = match facts.of(session).await? {
            Standing::NothingToAsk => return Ok(false),
            Standing::Gone(denied) => (session.owner.to_string(), denied),
            Standing::Asks(caller, on) => match is_allowed::<act::StartSession>(&caller, &on) {
                Ok(()) => return Ok(false),
                Err(denied) => (caller.principal.to_string(), denied),
            },
        };
        self.end_refused(session, principal, denied).await
    }

    async fn end_refused(
        &self,
        session: &StandingSession,
        principal: String,
        Denied { action, resource, reason, .. }: Denied,
    ) -> Result<bool, ApiError> {
        let id = &session.session_id;
        let (action, because) = (action.into_owned(), reason.into_owned());
        let refused = Refused { principal, action, resource, because };
        let reason = EndReason::NotAllowedAnyMore(Box::new(refused));
        match self.store.request_termination(self.scope(), id, &reason).await.map_err(failure::store)? {
            RequestTermination::Requested(_) => {
                self.audit_refused(id, &session.node_id, &session.owner.to_string(), &reason);
                tracing::info!(session.id = %id, node.id = %session.node_id, reason = reason.details(),
                    "a session that is not allowed any more is ended");
                self.tell_supervisor(id, &SessionCommand::Terminate { output: reason.details(), reason });
                Ok(true)
            }
            RequestTermination::AlreadyTerminating | RequestTermination::AlreadyEnded | RequestTermination::Unknown => {
                Ok(false)
            }
        }
    }

    /// Identities belong to the account, whatever the region.
    fn decisions_subject(&self) -> String {
        format!("decisions.{}", self.scope().account)
    }
}

fn may_change_decisions(operation: Operation) -> bool {
    let only_reads = ["Explain", "Get", "List", "Simulate"].iter().any(|prefix| operation.name().starts_with(prefix));
    match operation.service() {
        Service::Iam | Service::Postern => !only_reads,
        _ => matches!(operation, Operation::AddTagsToResource | Operation::RemoveTagsFromResource),
    }
}
