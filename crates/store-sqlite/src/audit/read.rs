//! Reading and finding events.

use postern_audit::start;
use postern_iam::AccountId;
use postern_store::{AuditLogEnds, AuditQuery, AuditRecord};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteRow;

use super::{FIND_LOG, log_of_row};
use crate::query::Select;
use crate::row::{at, get, millis, millis_optional};
use crate::writer::Failure;

pub(super) async fn ends(readers: &SqlitePool, account: &AccountId) -> Result<AuditLogEnds, Failure> {
    match sqlx::query(FIND_LOG).bind(account.as_str()).fetch_optional(readers).await? {
        Some(row) => log_of_row(&row).map(|(_, ends)| ends),
        None => Ok(AuditLogEnds { first: start(), last: start() }),
    }
}

pub(super) async fn from(
    readers: &SqlitePool,
    account: &AccountId,
    from: u64,
    limit: u32,
) -> Result<Vec<AuditRecord>, Failure> {
    const READ: &str = "SELECT number, at, record FROM audit_event
        WHERE log_key = (SELECT log_key FROM audit_log WHERE account = $1) AND number >= $2
        ORDER BY number LIMIT $3";
    let rows = sqlx::query(READ).bind(account.as_str()).bind(at(from)).bind(limit).fetch_all(readers).await?;
    rows.iter().map(record_of_row).collect()
}

pub(super) async fn lookup(
    readers: &SqlitePool,
    account: &AccountId,
    query: &AuditQuery,
) -> Result<Vec<AuditRecord>, Failure> {
    // What is looked through is an index in both cases, and no more of it is read than the page needs.
    let select = match &query.term {
        Some((term, value)) => Select::new(
            "SELECT e.number, e.at, e.record FROM audit_term t
             JOIN audit_event e ON e.log_key = t.log_key AND e.number = t.number
             WHERE t.log_key = (SELECT log_key FROM audit_log WHERE account = ",
        )
        .bind(account.as_str())?
        .text(") AND t.term = ")
        .bind_number(u64::from(term.number()))?
        .text(" AND t.value = ")
        .bind(value)?
        .text(" AND t.at >= "),
        None => Select::new(
            "SELECT t.number, t.at, t.record FROM audit_event t
             WHERE t.log_key = (SELECT log_key FROM audit_log WHERE account = ",
        )
        .bind(account.as_str())?
        .text(") AND t.at >= "),
    };
    let mut select = select.bind_number(query.from)?.text(" AND t.at <= ").bind_number(query.to)?;
    if let Some(before) = query.before {
        select = select.text(" AND (t.at, t.number) < (").bind_number(before.at)?.text(", ");
        select = select.bind_number(before.number)?.text(")");
    }
    let select = select.text(" ORDER BY t.at DESC, t.number DESC LIMIT ").bind_number(u64::from(query.limit))?;
    select.fetch_all(readers).await?.iter().map(record_of_row).collect()
}

pub(super) async fn cursor(readers: &SqlitePool, account: &AccountId, sink: &str) -> Result<Option<u64>, Failure> {
    let query = sqlx::query("SELECT next FROM audit_cursor WHERE account = $1 AND sink = $2");
    let row = query.bind(account.as_str()).bind(sink).fetch_optional(readers).await?;
    row.map_or(Ok(None), |row| millis_optional(&row, "next"))
}

pub(super) fn record_of_row(row: &SqliteRow) -> Result<AuditRecord, Failure> {
    Ok(AuditRecord { number: millis(row, "number")?, at: millis(row, "at")?, record: get(row, "record")? })
}
