//! The log of audit events in SQLite.
//!
//! Appending is what every request pays for: a batch is three statements, whatever the number of its events.

mod append;
mod forget;
mod read;

use async_trait::async_trait;
use postern_audit::Link;
use postern_iam::AccountId;
use postern_store::{
    AppendAudit, AuditAppend, AuditLogEnds, AuditQuery, AuditRecord, AuditStore, StoreError, UnixMillis,
};
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::row::{at, bytes, get, millis};
use crate::writer::Failure;

#[async_trait]
impl AuditStore for SqliteStore {
    async fn audit_log_ends(&self, account: &AccountId) -> Result<AuditLogEnds, StoreError> {
        Ok(read::ends(&self.readers, account).await?)
    }

    async fn append_audit(&self, account: &AccountId, append: AuditAppend) -> Result<AppendAudit, StoreError> {
        let account = account.clone();
        self.writer
            .act(move |connection| Box::pin(async move { append::append(connection, &account, append).await }))
            .await
    }

    async fn audit_records(&self, account: &AccountId, from: u64, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        Ok(read::from(&self.readers, account, from, limit).await?)
    }

    async fn lookup_audit(&self, account: &AccountId, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        Ok(read::lookup(&self.readers, account, query).await?)
    }

    async fn forget_audit(&self, account: &AccountId, before: UnixMillis, limit: u32) -> Result<u64, StoreError> {
        let account = account.clone();
        self.writer
            .act(move |connection| Box::pin(async move { forget::forget(connection, &account, before, limit).await }))
            .await
    }

    async fn audit_cursor(&self, account: &AccountId, sink: &str) -> Result<Option<u64>, StoreError> {
        Ok(read::cursor(&self.readers, account, sink).await?)
    }

    async fn set_audit_cursor(&self, account: &AccountId, sink: &str, next: u64) -> Result<(), StoreError> {
        const SET: &str = "INSERT INTO audit_cursor (account, sink, next) VALUES ($1, $2, $3)
            ON CONFLICT (account, sink) DO UPDATE SET next = excluded.next";
        let (account, sink) = (account.clone(), sink.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    sqlx::query(SET).bind(account.as_str()).bind(&sink).bind(at(next)).execute(connection).await?;
                    Ok(())
                })
            })
            .await
    }
}

/// A log's key and ends. The row has `log_key` and the columns of both links.
fn log_of_row(row: &SqliteRow) -> Result<(i64, AuditLogEnds), Failure> {
    let link = |count, of| Ok::<_, Failure>(Link { count: millis(row, count)?, hash: bytes(row, of)? });
    let ends = AuditLogEnds { first: link("first_count", "first_hash")?, last: link("last_count", "last_hash")? };
    Ok((get(row, "log_key")?, ends))
}

/// What [`log_of_row`] reads.
const FIND_LOG: &str =
    "SELECT log_key, first_count, first_hash, last_count, last_hash FROM audit_log WHERE account = $1";
