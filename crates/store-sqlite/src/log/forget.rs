//! Forgetting events: those past their group's retention, and those of streams that were removed. A few at a time, so
//! that nobody waits long for the writer.

use std::collections::BTreeMap;

use postern_store::{LOG_EVENT_OVERHEAD_BYTES, UnixMillis};
use sqlx::{Row as _, SqliteConnection};

use crate::row::at;
use crate::writer::Failure;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

pub(super) async fn forget(connection: &mut SqliteConnection, now: UnixMillis, limit: u32) -> Result<u64, Failure> {
    let expired = "DELETE FROM log_event WHERE event_key IN (SELECT log_event.event_key FROM log_group \
                   JOIN log_event ON log_event.group_key = log_group.group_key \
                   WHERE log_group.retention_days IS NOT NULL \
                   AND log_event.timestamp < $1 - log_group.retention_days * $2 LIMIT $3) \
                   RETURNING group_key, LENGTH(message) AS bytes";
    let query = sqlx::query(expired).bind(at(now)).bind(DAY_MILLIS).bind(limit);
    let mut deleted = query.fetch_all(&mut *connection).await?;
    let left = i64::from(limit) - i64::try_from(deleted.len()).unwrap_or(i64::MAX);
    if left > 0 {
        let nobodys = "DELETE FROM log_event WHERE event_key IN (SELECT log_event.event_key FROM log_stream_removed \
                       JOIN log_event ON log_event.stream_key = log_stream_removed.stream_key LIMIT $1) \
                       RETURNING group_key, LENGTH(message) AS bytes";
        deleted.extend(sqlx::query(nobodys).bind(left).fetch_all(&mut *connection).await?);
        let swept = "DELETE FROM log_stream_removed WHERE NOT EXISTS \
                     (SELECT 1 FROM log_event WHERE log_event.stream_key = log_stream_removed.stream_key)";
        sqlx::query(swept).execute(&mut *connection).await?;
    }
    let mut by_group: BTreeMap<i64, i64> = BTreeMap::new();
    for row in &deleted {
        let bytes: i64 = row.try_get("bytes")?;
        *by_group.entry(row.try_get("group_key")?).or_default() += bytes + at(LOG_EVENT_OVERHEAD_BYTES);
    }
    for (group, bytes) in by_group {
        sqlx::query("UPDATE log_group SET stored_bytes = stored_bytes - $2 WHERE group_key = $1")
            .bind(group)
            .bind(bytes)
            .execute(&mut *connection)
            .await?;
    }
    Ok(deleted.len() as u64)
}
