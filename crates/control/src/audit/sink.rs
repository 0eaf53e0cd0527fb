//! For whoever takes events elsewhere: what comes next, and how far it has come. The log itself is the spool.

use postern_model::ApiError;
use postern_store::{
    AuditRecord, CreateLogGroup, CreateLogStream, LogBatch, LogGroupRecord, NewLogEvent, PutLogEvents, UnixMillis,
};

use crate::{Control, failure};

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEvent {
    /// Its place in the log.
    pub number: u64,
    /// When it happened.
    pub at: UnixMillis,
    /// The event, letter for letter.
    pub record: String,
}

/// The next events for a sink.
#[derive(Debug, Default)]
pub struct AuditBatch {
    /// In order; nothing if it has them all.
    pub events: Vec<KeptEvent>,
    /// How many were forgotten before it could have them.
    pub missed: u64,
}

/// Groups of an account; the service's own is one of them.
const GROUPS: u32 = 10_000;

impl Control {
    /// The events that a sink has to get next, which has all before `next`: those that follow the last that it was said to
    /// have, or else everything that is kept.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn audit_batch(&self, sink: &str, limit: u32) -> Result<AuditBatch, ApiError> {
        let account = &self.scope().account;
        let next = self.store.audit_cursor(account, sink).await.map_err(failure::store)?;
        let ends = self.store.audit_log_ends(account).await.map_err(failure::store)?;
        // A database that was restored from a copy has lost events; the sink goes on with the next.
        let next = next.unwrap_or(ends.first.count).min(ends.last.count);
        if next == ends.last.count {
            return Ok(AuditBatch::default());
        }
        let events = self.store.audit_records(account, next, limit).await.map_err(failure::store)?;
        let kept = |AuditRecord { number, at, record }| KeptEvent { number, at, record };
        let events = events.into_iter().map(kept).collect();
        Ok(AuditBatch { events, missed: ends.first.count.saturating_sub(next) })
    }

    /// A sink has everything up to and with this event.
    ///
    /// # Errors
    /// The store does not answer: the sink gets the same again.
    pub async fn audit_delivered(&self, sink: &str, last: u64) -> Result<(), ApiError> {
        let stored = self.store.set_audit_cursor(&self.scope().account, sink, last + 1).await;
        stored.map_err(failure::store)
    }

    /// Puts events into a log group of this service, which is made if it is missing.
    ///
    /// # Errors
    /// The store does not answer, or the group cannot be made.
    pub async fn put_audit_in_logs(&self, group: &str, stream: &str, events: &[KeptEvent]) -> Result<(), ApiError> {
        let found = match self.store.log_group(self.scope(), group).await.map_err(failure::store)? {
            Some(found) => found,
            None => self.make_audit_group(group).await?,
        };
        let sealer = self.sealer(&found).await?;
        let now = self.unix_millis();
        let new = |event: &KeptEvent| NewLogEvent {
            timestamp: event.at.min(now),
            message: sealer.seal(&event.record.as_str().into()),
        };
        let mut events: Vec<NewLogEvent> = events.iter().map(new).collect();
        events.sort_by_key(|event| event.timestamp);
        let batch = LogBatch {
            group: group.to_owned(),
            stream: stream.to_owned(),
            key_id: found.key_id,
            writer: None,
            events,
            now,
        };
        for _ in 0..2 {
            match self.store.put_log_events(self.scope(), batch.clone()).await.map_err(failure::store)? {
                PutLogEvents::Stored(_) => return Ok(()),
                PutLogEvents::StreamUnknown => self.make_audit_stream(group, stream, now).await?,
                PutLogEvents::GroupUnknown | PutLogEvents::QuotaReached => break,
            }
        }
        Err(ApiError::internal())
    }

    async fn make_audit_group(&self, name: &str) -> Result<LogGroupRecord, ApiError> {
        let group = LogGroupRecord {
            name: name.to_owned(),
            created_at: self.unix_millis(),
            retention_days: None,
            key_id: None,
            stored_bytes: 0,
            tags: Vec::new(),
        };
        match self.store.create_log_group(self.scope(), group.clone(), GROUPS).await.map_err(failure::store)? {
            CreateLogGroup::Created | CreateLogGroup::Exists => Ok(group),
            CreateLogGroup::LimitReached => Err(ApiError::internal()),
        }
    }

    async fn make_audit_stream(&self, group: &str, stream: &str, now: UnixMillis) -> Result<(), ApiError> {
        match self.store.create_log_stream(self.scope(), group, stream, now).await.map_err(failure::store)? {
            CreateLogStream::Created | CreateLogStream::Exists => Ok(()),
            CreateLogStream::GroupUnknown => Err(ApiError::internal()),
        }
    }
}
