//! Log streams.

use postern_store::{CreateLogStream, LogStreamOrder, LogStreamRecord, OnLogStream, Scope, UnixMillis};
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Sqlite, SqliteConnection, SqlitePool};

use super::group;
use crate::query::Select;
use crate::row::{at, corrupt, get, millis, millis_optional};
use crate::writer::Failure;

/// The key of a stream, if there is one of this name.
pub(super) async fn key<'e, E>(executor: E, group_key: i64, name: &str) -> Result<Option<i64>, Failure>
where
    E: Executor<'e, Database = Sqlite>,
{
    let query = sqlx::query_scalar("SELECT stream_key FROM log_stream WHERE group_key = $1 AND name = $2");
    Ok(query.bind(group_key).bind(name).fetch_optional(executor).await?)
}

pub(super) async fn create(
    connection: &mut SqliteConnection,
    scope: &Scope,
    group: &str,
    name: &str,
    created_at: UnixMillis,
) -> Result<CreateLogStream, Failure> {
    let Some(group) = group::key(&mut *connection, scope, group).await? else {
        return Ok(CreateLogStream::GroupUnknown);
    };
    // An insertion that meets a conflict would still use up a key.
    if key(&mut *connection, group, name).await?.is_some() {
        return Ok(CreateLogStream::Exists);
    }
    let sql = "INSERT INTO log_stream (group_key, name, created_at, last_sequence) VALUES ($1, $2, $3, 0)";
    sqlx::query(sql).bind(group).bind(name).bind(at(created_at)).execute(connection).await?;
    Ok(CreateLogStream::Created)
}

pub(super) async fn delete(
    connection: &mut SqliteConnection,
    scope: &Scope,
    group: &str,
    name: &str,
) -> Result<OnLogStream<()>, Failure> {
    let Some(group) = group::key(&mut *connection, scope, group).await? else { return Ok(OnLogStream::GroupUnknown) };
    let Some(stream) = key(&mut *connection, group, name).await? else { return Ok(OnLogStream::StreamUnknown) };
    for sql in
        ["INSERT INTO log_stream_removed (stream_key) VALUES ($1)", "DELETE FROM log_stream WHERE stream_key = $1"]
    {
        sqlx::query(sql).bind(stream).execute(&mut *connection).await?;
    }
    Ok(OnLogStream::Done(()))
}

pub(super) async fn page(
    readers: &SqlitePool,
    scope: &Scope,
    group: &str,
    order: &LogStreamOrder,
    descending: bool,
    limit: u32,
) -> Result<Option<Vec<LogStreamRecord>>, Failure> {
    let Some(group) = group::key(readers, scope, group).await? else { return Ok(None) };
    let mut select = Select::new(
        "SELECT *, (SELECT MIN(timestamp) FROM log_event WHERE log_event.stream_key = log_stream.stream_key) \
         AS first_event_at FROM log_stream WHERE group_key = ",
    )
    .bind_number(u64::try_from(group).unwrap_or_default())?;
    let beyond = if descending { " < " } else { " > " };
    select = match order {
        LogStreamOrder::Name { prefix, after } => {
            if !prefix.is_empty() {
                select = select.text(" AND ").begins("name", prefix)?;
            }
            if let Some(after) = after {
                select = select.text(" AND name").text(beyond).bind(after)?;
            }
            select.text(if descending { " ORDER BY name DESC" } else { " ORDER BY name" })
        }
        LogStreamOrder::LastEvent { after } => {
            if let Some((moment, name)) = after {
                select = select.text(" AND (COALESCE(last_event_at, 0), name)").text(beyond).text("(");
                select = select.bind_number(*moment)?.text(", ").bind(name)?.text(")");
            }
            select.text(if descending {
                " ORDER BY COALESCE(last_event_at, 0) DESC, name DESC"
            } else {
                " ORDER BY COALESCE(last_event_at, 0), name"
            })
        }
    };
    let rows = select.text(" LIMIT ").bind_number(limit.into())?.fetch_all(readers).await?;
    rows.iter().map(record).collect::<Result<_, _>>().map(Some)
}

fn record(row: &SqliteRow) -> Result<LogStreamRecord, Failure> {
    let last_sequence: i64 = get(row, "last_sequence")?;
    Ok(LogStreamRecord {
        name: get(row, "name")?,
        created_at: millis(row, "created_at")?,
        first_event_at: millis_optional(row, "first_event_at")?,
        last_event_at: millis_optional(row, "last_event_at")?,
        last_ingestion_at: millis_optional(row, "last_ingestion_at")?,
        last_sequence: u64::try_from(last_sequence).map_err(|error| corrupt("last_sequence", error))?,
    })
}
