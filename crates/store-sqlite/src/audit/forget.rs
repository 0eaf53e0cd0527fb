//! Forgetting old events, from the beginning of the log only.

use postern_audit::terms;
use postern_iam::AccountId;
use postern_store::UnixMillis;
use sqlx::SqliteConnection;

use super::read::record_of_row;
use super::{FIND_LOG, log_of_row};
use crate::row::{at, corrupt};
use crate::writer::Failure;

pub(super) async fn forget(
    connection: &mut SqliteConnection,
    account: &AccountId,
    before: UnixMillis,
    limit: u32,
) -> Result<u64, Failure> {
    const FIRST: &str = "SELECT number, at, record FROM audit_event WHERE log_key = $1 ORDER BY number LIMIT $2";
    const FORGET_TERM: &str =
        "DELETE FROM audit_term WHERE log_key = $1 AND term = $2 AND value = $3 AND at = $4 AND number = $5";
    let Some(row) = sqlx::query(FIND_LOG).bind(account.as_str()).fetch_optional(&mut *connection).await? else {
        return Ok(0);
    };
    let (log, ends) = log_of_row(&row)?;
    let mut link = ends.first;
    for row in sqlx::query(FIRST).bind(log).bind(limit).fetch_all(&mut *connection).await? {
        let event = record_of_row(&row)?;
        if event.at >= before {
            break;
        }
        link = link.after(event.record.as_bytes());
        let record = serde_json::from_str(&event.record).map_err(|error| corrupt("record", error))?;
        for (term, value) in terms(&record) {
            let forget = sqlx::query(FORGET_TERM).bind(log).bind(i64::from(term.number())).bind(value);
            forget.bind(at(event.at)).bind(at(event.number)).execute(&mut *connection).await?;
        }
    }
    let forgotten = link.count - ends.first.count;
    if forgotten > 0 {
        sqlx::query("DELETE FROM audit_event WHERE log_key = $1 AND number < $2")
            .bind(log)
            .bind(at(link.count))
            .execute(&mut *connection)
            .await?;
        sqlx::query("UPDATE audit_log SET first_count = $2, first_hash = $3 WHERE log_key = $1")
            .bind(log)
            .bind(at(link.count))
            .bind(link.hash.as_slice())
            .execute(connection)
            .await?;
    }
    Ok(forgotten)
}
