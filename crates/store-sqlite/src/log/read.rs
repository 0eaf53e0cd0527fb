//! Reading log events, within bounds on what is looked at and on the bytes that are found.

use futures_util::TryStreamExt as _;
use postern_iam::SecretBytes;
use postern_store::{LogEventRecord, LogPage, LogPosition, LogQuery, LogStreams, OnLogStream, Scope};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteRow;

use super::{group, stream};
use crate::query::Select;
use crate::row::{corrupt, get, millis};
use crate::writer::Failure;

pub(super) async fn read(
    readers: &SqlitePool,
    scope: &Scope,
    query: &LogQuery,
) -> Result<OnLogStream<LogPage>, Failure> {
    let Some(group) = group::key(readers, scope, &query.group).await? else { return Ok(OnLogStream::GroupUnknown) };
    let number = |key: i64| u64::try_from(key).unwrap_or_default();
    // Events of other streams are rows too, without a text, so that the limit counts what is looked at. Those of removed
    // streams are among them until they are forgotten.
    let mut select = Select::new(
        "SELECT log_stream.name AS stream, timestamp, sequence, ingested_at, \
         CASE WHEN log_stream.name IS NOT NULL THEN message END AS message FROM log_event \
         LEFT JOIN log_stream ON log_stream.stream_key = log_event.stream_key",
    );
    select = match &query.streams {
        LogStreams::All => select.text(" WHERE log_event.group_key = ").bind_number(number(group))?,
        LogStreams::Prefix(prefix) => {
            let select = select.text(" AND ").begins("log_stream.name", prefix)?;
            select.text(" WHERE log_event.group_key = ").bind_number(number(group))?
        }
        LogStreams::Named(names) => {
            let mut streams = Vec::with_capacity(names.len());
            for name in names {
                let Some(stream) = stream::key(readers, group, name).await? else {
                    return Ok(OnLogStream::StreamUnknown);
                };
                streams.push(number(stream));
            }
            match streams[..] {
                // One stream has an index in the right order. For several, the group's has, and sorting would hold more
                // than a page of texts.
                [stream] => select.text(" WHERE log_event.stream_key = ").bind_number(stream)?,
                _ => {
                    let select = select.text(" AND log_stream.stream_key").in_numbers(&streams)?;
                    select.text(" WHERE log_event.group_key = ").bind_number(number(group))?
                }
            }
        }
    };
    let (above, below) = range(query);
    for (beyond, edge) in [(" > (", above), (" < (", below)] {
        select = select.text(" AND (timestamp, sequence)").text(beyond);
        select = select.bind_number(edge.timestamp)?.text(", ").bind_number(edge.sequence)?.text(")");
    }
    select = select.text(if query.newest_first {
        " ORDER BY timestamp DESC, sequence DESC LIMIT "
    } else {
        " ORDER BY timestamp, sequence LIMIT "
    });
    let select = select.bind_number(query.max_events.into())?;

    // Row by row, so that no more than what fits is ever held.
    let (mut page, mut bytes, mut seen) = (LogPage::default(), 0, 0);
    let (sql, arguments) = select.into_parts();
    let mut rows = sqlx::query_with(sql, arguments).persistent(false).fetch(readers);
    while let Some(row) = rows.try_next().await? {
        let position = position(&row)?;
        if let Some(event) = record(&row, position)? {
            bytes += event.message.len();
            if bytes > query.max_bytes && !page.events.is_empty() {
                return Ok(OnLogStream::Done(page));
            }
            page.events.push(event);
        }
        seen += 1;
        page.next = Some(position);
    }
    if seen < query.max_events {
        page.next = None;
    }
    Ok(OnLogStream::Done(page))
}

/// Between which positions a page is looked for. Both bounds have both columns of the index: with a moment alone, what
/// earlier pages have read of it would be passed over again for each page, and a node may give all its events one moment.
fn range(query: &LogQuery) -> (LogPosition, LogPosition) {
    // No event has the sequence 0.
    let [from, until] = [query.from, query.until].map(|timestamp| LogPosition { timestamp, sequence: 0 });
    match query.after {
        None => (from, until),
        Some(after) if query.newest_first => (from, until.min(after)),
        Some(after) => (from.max(after), until),
    }
}

fn position(row: &SqliteRow) -> Result<LogPosition, Failure> {
    let sequence: i64 = get(row, "sequence")?;
    Ok(LogPosition {
        timestamp: millis(row, "timestamp")?,
        sequence: u64::try_from(sequence).map_err(|error| corrupt("sequence", error))?,
    })
}

/// The event, if it is of a stream that was asked for.
fn record(row: &SqliteRow, position: LogPosition) -> Result<Option<LogEventRecord>, Failure> {
    let Some(stream) = get(row, "stream")? else { return Ok(None) };
    let message: Vec<u8> = get(row, "message")?;
    Ok(Some(LogEventRecord {
        stream,
        position,
        ingested_at: millis(row, "ingested_at")?,
        message: SecretBytes::new(message),
    }))
}
