//! Log groups.

use postern_store::{CreateLogGroup, LogGroupFilter, LogGroupRecord, Scope};
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Sqlite, SqliteConnection, SqlitePool};

use crate::activation::{tags_from_text, tags_to_text};
use crate::query::{Select, scoped};
use crate::row::{at, corrupt, get, millis, parse_optional};
use crate::writer::Failure;

/// The key of a group, if there is one of this name.
pub(super) async fn key<'e, E>(executor: E, scope: &Scope, name: &str) -> Result<Option<i64>, Failure>
where
    E: Executor<'e, Database = Sqlite>,
{
    let query = sqlx::query_scalar("SELECT group_key FROM log_group WHERE account = $1 AND region = $2 AND name = $3");
    let query = query.bind(scope.account.as_str()).bind(scope.region.as_str()).bind(name);
    Ok(query.fetch_optional(executor).await?)
}

/// The key of a group, and the id of the one that its events are sealed with.
pub(super) async fn keys(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &str,
) -> Result<Option<(i64, Option<String>)>, Failure> {
    let sql = "SELECT group_key, kms_key_id FROM log_group WHERE account = $1 AND region = $2 AND name = $3";
    let query = sqlx::query_as(sql).bind(scope.account.as_str()).bind(scope.region.as_str()).bind(name);
    Ok(query.fetch_optional(connection).await?)
}

pub(super) async fn create(
    connection: &mut SqliteConnection,
    scope: &Scope,
    group: &LogGroupRecord,
    limit: u32,
) -> Result<CreateLogGroup, Failure> {
    if key(&mut *connection, scope, &group.name).await?.is_some() {
        return Ok(CreateLogGroup::Exists);
    }
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM log_group WHERE account = $1 AND region = $2")
        .bind(scope.account.as_str())
        .bind(scope.region.as_str())
        .fetch_one(&mut *connection)
        .await?;
    if count >= i64::from(limit) {
        return Ok(CreateLogGroup::LimitReached);
    }
    scoped(
        "INSERT INTO log_group (account, region, name, created_at, retention_days, kms_key_id, stored_bytes, \
         last_sequence, tags) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7)",
        scope,
    )
    .bind(&group.name)
    .bind(at(group.created_at))
    .bind(group.retention_days)
    .bind(group.key_id.as_ref().map(|key| key.as_str().to_owned()))
    .bind(tags_to_text(&group.tags)?)
    .execute(connection)
    .await?;
    Ok(CreateLogGroup::Created)
}

pub(super) async fn find(readers: &SqlitePool, scope: &Scope, name: &str) -> Result<Option<LogGroupRecord>, Failure> {
    let row = scoped("SELECT * FROM log_group WHERE account = $1 AND region = $2 AND name = $3", scope)
        .bind(name)
        .fetch_optional(readers)
        .await?;
    row.as_ref().map(record).transpose()
}

pub(super) async fn page(
    readers: &SqlitePool,
    scope: &Scope,
    filter: &LogGroupFilter,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<LogGroupRecord>, Failure> {
    let mut select = Select::scoped("SELECT * FROM log_group WHERE account = ", scope)?;
    select = match filter {
        LogGroupFilter::Any => select,
        LogGroupFilter::Prefix(prefix) => select.text(" AND ").begins("name", prefix)?,
        LogGroupFilter::Containing(part) => select.text(" AND REPLACE(name, ").bind(part)?.text(", '') <> name"),
    };
    if let Some(after) = after {
        select = select.text(" AND name > ").bind(after)?;
    }
    let rows = select.text(" ORDER BY name LIMIT ").bind_number(limit.into())?.fetch_all(readers).await?;
    rows.iter().map(record).collect()
}

pub(super) async fn set_retention(
    connection: &mut SqliteConnection,
    scope: &Scope,
    name: &str,
    days: Option<u32>,
) -> Result<bool, Failure> {
    let sql = "UPDATE log_group SET retention_days = $4 WHERE account = $1 AND region = $2 AND name = $3";
    let query = scoped(sql, scope).bind(name).bind(days);
    Ok(query.execute(connection).await?.rows_affected() > 0)
}

pub(super) async fn delete(connection: &mut SqliteConnection, scope: &Scope, name: &str) -> Result<bool, Failure> {
    let Some(group) = key(&mut *connection, scope, name).await? else { return Ok(false) };
    for sql in [
        "INSERT INTO log_stream_removed (stream_key) SELECT stream_key FROM log_stream WHERE group_key = $1",
        "DELETE FROM log_stream WHERE group_key = $1",
        "DELETE FROM log_group WHERE group_key = $1",
    ] {
        sqlx::query(sql).bind(group).execute(&mut *connection).await?;
    }
    Ok(true)
}

fn record(row: &SqliteRow) -> Result<LogGroupRecord, Failure> {
    let days: Option<i64> = get(row, "retention_days")?;
    let stored: i64 = get(row, "stored_bytes")?;
    Ok(LogGroupRecord {
        name: get(row, "name")?,
        created_at: millis(row, "created_at")?,
        retention_days: days.map(|days| u32::try_from(days).map_err(|e| corrupt("retention_days", e))).transpose()?,
        key_id: parse_optional(row, "kms_key_id")?,
        stored_bytes: u64::try_from(stored).map_err(|error| corrupt("stored_bytes", error))?,
        tags: tags_from_text(get(row, "tags")?)?,
    })
}
