//! Putting log events, many at once, up to what there may be of a node.

use postern_iam::KeyId;
use postern_store::{LOG_EVENT_OVERHEAD_BYTES, LogBatch, LogWriter, PutLogEvents, Scope};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::{group, stream};
use crate::row::{at, corrupt};
use crate::writer::Failure;

/// Rows of one INSERT. Enough to make the statement's own cost small.
const CHUNK: usize = 64;

pub(super) async fn put(
    connection: &mut SqliteConnection,
    scope: &Scope,
    batch: LogBatch,
) -> Result<PutLogEvents, Failure> {
    let LogBatch { group, stream, key_id, writer, events, now } = batch;
    let Some((group, group_key_id)) = group::keys(&mut *connection, scope, &group).await? else {
        return Ok(PutLogEvents::GroupUnknown);
    };
    if group_key_id.as_deref() != key_id.as_ref().map(KeyId::as_str) {
        return Ok(PutLogEvents::GroupUnknown);
    }
    let Some(stream) = stream::key(&mut *connection, group, &stream).await? else {
        return Ok(PutLogEvents::StreamUnknown);
    };
    let bytes: u64 = events.iter().map(|event| event.message.len() as u64 + LOG_EVENT_OVERHEAD_BYTES).sum();
    let writer = match &writer {
        None => None,
        Some(writer) => match charge(&mut *connection, scope, writer, bytes).await? {
            None => return Ok(PutLogEvents::QuotaReached),
            charged => charged,
        },
    };
    let count = events.len() as u64;
    let last: i64 = sqlx::query_scalar(
        "UPDATE log_group SET last_sequence = last_sequence + $2, stored_bytes = stored_bytes + $3 \
         WHERE group_key = $1 RETURNING last_sequence",
    )
    .bind(group)
    .bind(at(count))
    .bind(at(bytes))
    .fetch_one(&mut *connection)
    .await?;
    let mut sequence = last - at(count);
    for chunk in events.chunks(CHUNK) {
        let mut query = sqlx::query(AssertSqlSafe(insert(chunk.len())));
        for event in chunk {
            sequence += 1;
            query = query.bind(group).bind(stream).bind(at(event.timestamp)).bind(sequence).bind(at(now));
            query = query.bind(event.message.expose()).bind(writer);
        }
        query.execute(&mut *connection).await?;
    }
    let newest = events.iter().map(|event| event.timestamp).max();
    sqlx::query(
        "UPDATE log_stream SET last_ingestion_at = $2, last_sequence = $3, last_event_at = \
         CASE WHEN $4 IS NULL OR last_event_at > $4 THEN last_event_at ELSE $4 END WHERE stream_key = $1",
    )
    .bind(stream)
    .bind(at(now))
    .bind(last)
    .bind(newest.map(at))
    .execute(connection)
    .await?;
    Ok(PutLogEvents::Stored(u64::try_from(last).map_err(|error| corrupt("last_sequence", error))?))
}

/// Counts more bytes for a node; its key, or nothing if there would be too many.
async fn charge(
    connection: &mut SqliteConnection,
    scope: &Scope,
    writer: &LogWriter,
    bytes: u64,
) -> Result<Option<i64>, Failure> {
    let sql = "INSERT INTO log_writer (account, region, node_id, stored_bytes) SELECT $1, $2, $3, $4 WHERE $4 <= $5 \
               ON CONFLICT (account, region, node_id) DO UPDATE SET stored_bytes = log_writer.stored_bytes + $4 \
               WHERE log_writer.stored_bytes + $4 <= $5 RETURNING writer_key";
    let query = sqlx::query_scalar(sql).bind(scope.account.as_str()).bind(scope.region.as_str());
    let query = query.bind(writer.node_id.as_str()).bind(at(bytes)).bind(at(writer.max_bytes));
    Ok(query.fetch_optional(connection).await?)
}

/// An INSERT of so many rows. Two texts for any number of events, so that both are prepared once.
fn insert(rows: usize) -> String {
    const COLUMNS: usize = 7;
    let mut sql =
        "INSERT INTO log_event (group_key, stream_key, timestamp, sequence, ingested_at, message, writer_key) \
                   VALUES "
            .to_owned();
    for row in 0..rows {
        let separator = if row == 0 { "" } else { ", " };
        let places: [String; COLUMNS] = std::array::from_fn(|at| format!("${}", row * COLUMNS + at + 1));
        sql.push_str(&format!("{separator}({})", places.join(", ")));
    }
    sql
}
