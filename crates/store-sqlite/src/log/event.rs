//! Log events: put in many at once, read within a bound on their bytes.

use futures_util::TryStreamExt as _;
use postern_iam::{KeyId, SecretBytes};
use postern_store::{
    LOG_EVENT_OVERHEAD_BYTES, LogBatch, LogEventRecord, LogPosition, LogQuery, LogStreams, OnLogStream, Scope,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};

use super::{group, stream};
use crate::query::Select;
use crate::row::{at, corrupt, get, millis};
use crate::writer::Failure;

/// Rows of one INSERT. Enough to make the statement's own cost small.
const CHUNK: usize = 64;

pub(super) async fn put(
    connection: &mut SqliteConnection,
    scope: &Scope,
    batch: LogBatch,
) -> Result<OnLogStream<u64>, Failure> {
    let LogBatch { group, stream, key_id, events, now } = batch;
    let Some((group, group_key_id)) = group::keys(&mut *connection, scope, &group).await? else {
        return Ok(OnLogStream::GroupUnknown);
    };
    if group_key_id.as_deref() != key_id.as_ref().map(KeyId::as_str) {
        return Ok(OnLogStream::GroupUnknown);
    }
    let Some(stream) = stream::key(&mut *connection, group, &stream).await? else {
        return Ok(OnLogStream::StreamUnknown);
    };
    let bytes: u64 = events.iter().map(|event| event.message.len() as u64 + LOG_EVENT_OVERHEAD_BYTES).sum();
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
            query = query.bind(event.message.expose());
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
    Ok(OnLogStream::Done(u64::try_from(last).map_err(|error| corrupt("last_sequence", error))?))
}

/// An INSERT of so many rows. Two texts for any number of events, so that both are prepared once.
fn insert(rows: usize) -> String {
    let mut sql =
        "INSERT INTO log_event (group_key, stream_key, timestamp, sequence, ingested_at, message) VALUES ".to_owned();
    for row in 0..rows {
        let separator = if row == 0 { "" } else { ", " };
        let [a, b, c, d, e, f] = std::array::from_fn(|at| row * 6 + at + 1);
        sql.push_str(&format!("{separator}(${a}, ${b}, ${c}, ${d}, ${e}, ${f})"));
    }
    sql
}

pub(super) async fn read(
    readers: &SqlitePool,
    scope: &Scope,
    query: &LogQuery,
) -> Result<OnLogStream<Vec<LogEventRecord>>, Failure> {
    let Some(group) = group::key(readers, scope, &query.group).await? else { return Ok(OnLogStream::GroupUnknown) };
    let number = |key: i64| u64::try_from(key).unwrap_or_default();
    let mut select = Select::new(
        "SELECT log_stream.name AS stream, timestamp, sequence, ingested_at, message FROM log_event \
         JOIN log_stream ON log_stream.stream_key = log_event.stream_key WHERE ",
    );
    select = match &query.streams {
        LogStreams::All => select.text("log_event.group_key = ").bind_number(number(group))?,
        LogStreams::Prefix(prefix) => {
            let select = select.text("log_event.group_key = ").bind_number(number(group))?;
            select.text(" AND ").begins("log_stream.name", prefix)?
        }
        LogStreams::Named(names) => {
            // One stream has an index in the right order. For several, the group's has, and sorting would hold more than
            // a page of texts: the plus keeps the other index out of it.
            select = match names.len() {
                1 => select.text("log_event.stream_key IN ("),
                _ => select
                    .text("log_event.group_key = ")
                    .bind_number(number(group))?
                    .text(" AND +log_event.stream_key IN ("),
            };
            for (index, name) in names.iter().enumerate() {
                let Some(stream) = stream::key(readers, group, name).await? else {
                    return Ok(OnLogStream::StreamUnknown);
                };
                select = if index == 0 { select } else { select.text(", ") }.bind_number(number(stream))?;
            }
            select.text(")")
        }
    };
    select = select.text(" AND timestamp >= ").bind_number(query.from)?;
    select = select.text(" AND timestamp < ").bind_number(query.until)?;
    if let Some(after) = query.after {
        select = select.text(" AND (timestamp, sequence)").text(if query.newest_first { " < (" } else { " > (" });
        select = select.bind_number(after.timestamp)?.text(", ").bind_number(after.sequence)?.text(")");
    }
    select = select.text(if query.newest_first {
        " ORDER BY timestamp DESC, sequence DESC LIMIT "
    } else {
        " ORDER BY timestamp, sequence LIMIT "
    });
    let select = select.bind_number(query.max_events.into())?;

    // Row by row, so that no more than what fits is ever held.
    let (mut found, mut bytes) = (Vec::new(), 0);
    let (sql, arguments) = select.into_parts();
    let mut rows = sqlx::query_with(sql, arguments).persistent(false).fetch(readers);
    while let Some(row) = rows.try_next().await? {
        let event = record(&row)?;
        bytes += event.message.len();
        if bytes > query.max_bytes && !found.is_empty() {
            break;
        }
        found.push(event);
    }
    Ok(OnLogStream::Done(found))
}

fn record(row: &SqliteRow) -> Result<LogEventRecord, Failure> {
    let sequence: i64 = get(row, "sequence")?;
    let message: Vec<u8> = get(row, "message")?;
    Ok(LogEventRecord {
        stream: get(row, "stream")?,
        position: LogPosition {
            timestamp: millis(row, "timestamp")?,
            sequence: u64::try_from(sequence).map_err(|error| corrupt("sequence", error))?,
        },
        ingested_at: millis(row, "ingested_at")?,
        message: SecretBytes::new(message),
    })
}
