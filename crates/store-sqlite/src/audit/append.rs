//! Appending events.

use postern_audit::start;
use postern_iam::AccountId;
use postern_store::{AppendAudit, AuditAppend, NewAuditRecord};
use sqlx::{QueryBuilder, SqliteConnection};

use super::{FIND_LOG, log_of_row};
use crate::row::at;
use crate::writer::Failure;

/// Rows in one statement: five values each, of the 32,766 that SQLite takes.
const ROWS: usize = 500;

pub(super) async fn append(
    connection: &mut SqliteConnection,
    account: &AccountId,
    append: AuditAppend,
) -> Result<AppendAudit, Failure> {
    let AuditAppend { after, becomes, records } = append;
    let found = sqlx::query(FIND_LOG).bind(account.as_str()).fetch_optional(&mut *connection).await?;
    let (log, last) = match found {
        Some(row) => {
            let (log, ends) = log_of_row(&row)?;
            (log, ends.last)
        }
        None => (make_log(connection, account).await?, start()),
    };
    if last == becomes {
        return Ok(AppendAudit::Appended);
    }
    if last != after {
        return Ok(AppendAudit::Elsewhere(last));
    }
    insert_events(connection, log, after.count, &records).await?;
    insert_terms(connection, log, after.count, &records).await?;
    sqlx::query("UPDATE audit_log SET last_count = $2, last_hash = $3 WHERE log_key = $1")
        .bind(log)
        .bind(at(becomes.count))
        .bind(becomes.hash.as_slice())
        .execute(connection)
        .await?;
    Ok(AppendAudit::Appended)
}

async fn make_log(connection: &mut SqliteConnection, account: &AccountId) -> Result<i64, Failure> {
    const MAKE: &str = "INSERT INTO audit_log (account, first_count, first_hash, last_count, last_hash)
        VALUES ($1, $2, $3, $2, $3) RETURNING log_key";
    let start = start();
    let made = sqlx::query_scalar(MAKE).bind(account.as_str()).bind(at(start.count)).bind(start.hash.as_slice());
    Ok(made.fetch_one(connection).await?)
}

async fn insert_events(
    connection: &mut SqliteConnection,
    log: i64,
    first: u64,
    records: &[NewAuditRecord],
) -> Result<(), Failure> {
    let numbered: Vec<(u64, &NewAuditRecord)> = (first..).zip(records).collect();
    for rows in numbered.chunks(ROWS) {
        let mut insert = QueryBuilder::new("INSERT INTO audit_event (log_key, number, at, record) ");
        insert.push_values(rows, |mut row, (number, new)| {
            row.push_bind(log).push_bind(at(*number)).push_bind(at(new.at)).push_bind(&new.record);
        });
        insert.build().persistent(rows.len() == 1).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn insert_terms(
    connection: &mut SqliteConnection,
    log: i64,
    first: u64,
    records: &[NewAuditRecord],
) -> Result<(), Failure> {
    let mut terms = Vec::new();
    for (number, new) in (first..).zip(records) {
        terms.extend(new.terms.iter().map(|(term, value)| (number, new.at, term.number(), value)));
    }
    for rows in terms.chunks(ROWS) {
        let mut insert = QueryBuilder::new("INSERT INTO audit_term (log_key, term, value, at, number) ");
        insert.push_values(rows, |mut row, (number, moment, term, value)| {
            row.push_bind(log).push_bind(i64::from(*term)).push_bind(value.as_str());
            row.push_bind(at(*moment)).push_bind(at(*number));
        });
        insert.build().persistent(records.len() == 1).execute(&mut *connection).await?;
    }
    Ok(())
}
