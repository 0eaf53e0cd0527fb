//! The log of audit events: records in a row, found by what they are about, and how far each sink has read.
//!
//! What a record says is opaque here. Its place is not: an append names the link that it comes behind and the one that it
//! leads to, so that two writers cannot branch the log, and an append that is tried again is done once.

use async_trait::async_trait;
use postern_audit::{Link, Term};
use postern_iam::AccountId;

use crate::{StoreError, UnixMillis};

/// An event that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuditRecord {
    /// When it happened.
    pub at: UnixMillis,
    /// The sealed event.
    pub record: String,
    /// What it is found by, each once.
    pub terms: Vec<(Term, String)>,
}

/// An event that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place; the first that ever was is 0.
    pub number: u64,
    /// When it happened.
    pub at: UnixMillis,
    /// The sealed event.
    pub record: String,
}

/// Where a log begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditLogEnds {
    /// Before the first event that is kept.
    pub first: Link,
    /// Behind the last one.
    pub last: Link,
}

/// Events that are appended together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditAppend {
    /// Where the log must end.
    pub after: Link,
    /// Where it ends then: `after.count` and the number of records.
    pub becomes: Link,
    /// The records, in order.
    pub records: Vec<NewAuditRecord>,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendAudit {
    /// They are there, since now or since an earlier try.
    Appended,
    /// The log ends somewhere else, and nothing was done.
    Elsewhere(Link),
}

/// Where an event is in the order of lookups: by time, then by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPosition {
    /// When it happened.
    pub at: UnixMillis,
    /// Its number.
    pub number: u64,
}

/// Which events are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// By what; all if by nothing.
    pub term: Option<(Term, String)>,
    /// Not earlier.
    pub from: UnixMillis,
    /// Not later.
    pub to: UnixMillis,
    /// Only before this one.
    pub before: Option<AuditPosition>,
    /// At most so many.
    pub limit: u32,
}

/// The log of audit events of each account.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Where the log begins and ends. One that has no events yet begins and ends at [`postern_audit::start`].
    async fn audit_log_ends(&self, account: &AccountId) -> Result<AuditLogEnds, StoreError>;

    /// Appends events, all or none.
    async fn append_audit(&self, account: &AccountId, append: AuditAppend) -> Result<AppendAudit, StoreError>;

    /// Events from this number on, in order.
    async fn audit_records(&self, account: &AccountId, from: u64, limit: u32) -> Result<Vec<AuditRecord>, StoreError>;

    /// Events that are found, the latest first.
    async fn lookup_audit(&self, account: &AccountId, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError>;

    /// Forgets events from the beginning of the log, up to the first that is not older than `before`, at most `limit` of
    /// them. What is left can still be checked. Answers how many.
    async fn forget_audit(&self, account: &AccountId, before: UnixMillis, limit: u32) -> Result<u64, StoreError>;

    /// The number of the event that a sink has to get next. Nothing for one that has had none.
    async fn audit_cursor(&self, account: &AccountId, sink: &str) -> Result<Option<u64>, StoreError>;

    /// A sink has everything before this number.
    async fn set_audit_cursor(&self, account: &AccountId, sink: &str, next: u64) -> Result<(), StoreError>;
}
