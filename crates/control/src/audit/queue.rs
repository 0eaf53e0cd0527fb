//! Where events wait, and how they are written: whoever has to wait for one writes all that wait.
//!
//! There is no task. Callers who must know that their event is on the disk take turns; the first writes what is there,
//! meanwhile others put theirs down, and the second writes all of those at once. Whoever leaves in the middle leaves the
//! batch where the next one finds it, and the store does an append once, however often it is tried.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use postern_audit::{Event, Link, seal, terms};
use postern_iam::AccountId;
use postern_store::{AppendAudit, AuditAppend, NewAuditRecord, Store, StoreError, UnixMillis};
use tokio::sync::Mutex as Turns;

/// Events in one transaction.
const BATCH: usize = 512;
/// When so many wait, callers help to write them.
const CROWDED: usize = 512;
/// When so many wait, nobody is served.
const FULL: usize = 16_384;
/// The same in bytes.
const FULL_BYTES: usize = 32 * 1024 * 1024;

/// How many events were put down up to and with one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// The events that wait, and the turns at writing them.
#[derive(Default)]
pub(crate) struct AuditQueue {
    waiting: Mutex<Waiting>,
    turns: Turns<Writing>,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<(UnixMillis, Event)>,
    bytes: usize,
    put: u64,
}

#[derive(Default)]
struct Writing {
    /// Taken from those that wait, and perhaps stored already: whoever took them may have left.
    batch: Vec<(UnixMillis, Event)>,
    /// Where the log ends, if that is known.
    link: Option<Link>,
    written: u64,
}

impl AuditQueue {
    pub(super) fn put(&self, at: UnixMillis, event: Event) -> Ticket {
        let mut waiting = self.waiting();
        waiting.bytes += event.weight();
        waiting.events.push_back((at, event));
        waiting.put += 1;
        Ticket(waiting.put)
    }

    /// The ticket of the last event that was put down.
    pub(super) fn last(&self) -> Ticket {
        Ticket(self.waiting().put)
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.waiting().events.len() >= CROWDED
    }

    pub(super) fn is_full(&self) -> bool {
        let waiting = self.waiting();
        waiting.events.len() >= FULL || waiting.bytes >= FULL_BYTES
    }

    /// Returns when everything up to this ticket is stored. May be left at any moment.
    pub(super) async fn write(
        &self,
        store: &dyn Store,
        account: &AccountId,
        through: Ticket,
    ) -> Result<(), StoreError> {
        let mut writing = self.turns.lock().await;
        while writing.written < through.0 {
            let after = match writing.link {
                Some(link) => link,
                None => store.audit_log_ends(account).await?.last,
            };
            writing.link = Some(after);
            if writing.batch.is_empty() {
                writing.batch = self.take();
            }
            let append = sealed(&writing.batch, after);
            let becomes = append.becomes;
            match store.append_audit(account, append).await? {
                AppendAudit::Appended => {
                    writing.written += writing.batch.len() as u64;
                    writing.batch.clear();
                    writing.link = Some(becomes);
                }
                // Another process of this service wrote meanwhile.
                AppendAudit::Elsewhere(link) => writing.link = Some(link),
            }
        }
        Ok(())
    }

    fn take(&self) -> Vec<(UnixMillis, Event)> {
        let mut waiting = self.waiting();
        let count = waiting.events.len().min(BATCH);
        let taken: Vec<_> = waiting.events.drain(..count).collect();
        waiting.bytes -= taken.iter().map(|(_, event)| event.weight()).sum::<usize>();
        taken
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sealed(batch: &[(UnixMillis, Event)], after: Link) -> AuditAppend {
    let (mut becomes, mut records) = (after, Vec::with_capacity(batch.len()));
    for (at, event) in batch {
        let (record, link) = seal(event.clone(), &becomes);
        let terms = serde_json::from_str(&record).map(|record| terms(&record)).unwrap_or_default();
        records.push(NewAuditRecord { at: *at, record, terms });
        becomes = link;
    }
    AuditAppend { after, becomes, records }
}
