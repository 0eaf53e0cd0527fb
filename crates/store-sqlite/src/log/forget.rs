//! Forgetting events: those past their group's retention, and those of streams that were removed. A few at a time, so
//! that nobody waits long for the writer, and group by group, stream by stream, so that an index finds them.

use std::collections::BTreeMap;

use postern_store::{LOG_EVENT_OVERHEAD_BYTES, UnixMillis};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::row::at;
use crate::writer::Failure;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

pub(super) async fn forget(connection: &mut SqliteConnection, now: UnixMillis, limit: u32) -> Result<u64, Failure> {
    let mut deleted = Vec::new();
    let left = |deleted: &[SqliteRow]| i64::from(limit) - i64::try_from(deleted.len()).unwrap_or(i64::MAX);

    let groups: Vec<(i64, i64)> =
        sqlx::query_as("SELECT group_key, retention_days FROM log_group WHERE retention_days IS NOT NULL")
            .fetch_all(&mut *connection)
            .await?;
    let expired = "DELETE FROM log_event WHERE event_key IN (SELECT event_key FROM log_event WHERE group_key = $1 \
                   AND timestamp < $2 LIMIT $3) RETURNING group_key, writer_key, LENGTH(message) AS bytes";
    for (group, days) in groups {
        let oldest = at(now).saturating_sub(days.saturating_mul(DAY_MILLIS));
        let query = sqlx::query(expired).bind(group).bind(oldest).bind(left(&deleted));
        deleted.extend(query.fetch_all(&mut *connection).await?);
    }

    let removed: Vec<i64> = sqlx::query_scalar("SELECT stream_key FROM log_stream_removed LIMIT $1")
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
    let nobodys = "DELETE FROM log_event WHERE event_key IN (SELECT event_key FROM log_event WHERE stream_key = $1 \
                   LIMIT $2) RETURNING group_key, writer_key, LENGTH(message) AS bytes";
    for stream in removed {
        let query = sqlx::query(nobodys).bind(stream).bind(left(&deleted));
        deleted.extend(query.fetch_all(&mut *connection).await?);
        if left(&deleted) == 0 {
            // There may be more of it.
            break;
        }
        let swept = "DELETE FROM log_stream_removed WHERE stream_key = $1";
        sqlx::query(swept).bind(stream).execute(&mut *connection).await?;
    }

    let (mut by_group, mut by_writer) = (BTreeMap::new(), BTreeMap::new());
    for row in &deleted {
        let bytes: i64 = row.try_get("bytes")?;
        let bytes = bytes + at(LOG_EVENT_OVERHEAD_BYTES);
        *by_group.entry(row.try_get("group_key")?).or_default() += bytes;
        if let Some(writer) = row.try_get("writer_key")? {
            *by_writer.entry(writer).or_default() += bytes;
        }
    }
    let of_group = "UPDATE log_group SET stored_bytes = stored_bytes - $2 WHERE group_key = $1";
    take_off(connection, of_group, by_group).await?;
    let of_writer = "UPDATE log_writer SET stored_bytes = stored_bytes - $2 WHERE writer_key = $1";
    take_off(connection, of_writer, by_writer).await?;
    Ok(deleted.len() as u64)
}

async fn take_off(
    connection: &mut SqliteConnection,
    sql: &'static str,
    forgotten: BTreeMap<i64, i64>,
) -> Result<(), Failure> {
    for (key, bytes) in forgotten {
        sqlx::query(sql).bind(key).bind(bytes).execute(&mut *connection).await?;
    }
    Ok(())
}
