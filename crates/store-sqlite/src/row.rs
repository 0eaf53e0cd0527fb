//! Columns to values and back. What does not parse was not written by this program, and is reported as such.

use std::str::FromStr;
use std::time::Duration;

use postern_model::session::EndReason;
use postern_store::{Lock, StoreError, UnixMillis};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, Sqlite, Type};

use crate::writer::Failure;

/// Reads one column.
pub(crate) fn get<'r, T>(row: &'r SqliteRow, column: &'static str) -> Result<T, Failure>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(column).map_err(Failure::Sql)
}

/// Reads a text column as an identifier or another type with a text form.
pub(crate) fn parse<T>(row: &SqliteRow, column: &'static str) -> Result<T, Failure>
where
    T: FromStr<Err: std::fmt::Display>,
{
    let text: &str = get(row, column)?;
    text.parse().map_err(|error| corrupt(column, error))
}

/// Reads a text column that may be absent.
pub(crate) fn parse_optional<T>(row: &SqliteRow, column: &'static str) -> Result<Option<T>, Failure>
where
    T: FromStr<Err: std::fmt::Display>,
{
    let text: Option<&str> = get(row, column)?;
    text.map(|text| text.parse().map_err(|error| corrupt(column, error))).transpose()
}

/// Reads a moment.
pub(crate) fn millis(row: &SqliteRow, column: &'static str) -> Result<UnixMillis, Failure> {
    let value: i64 = get(row, column)?;
    UnixMillis::try_from(value).map_err(|error| corrupt(column, error))
}

/// Reads a moment that may be absent.
pub(crate) fn millis_optional(row: &SqliteRow, column: &'static str) -> Result<Option<UnixMillis>, Failure> {
    let value: Option<i64> = get(row, column)?;
    value.map(|value| UnixMillis::try_from(value).map_err(|error| corrupt(column, error))).transpose()
}

/// Reads a count.
pub(crate) fn count(row: &SqliteRow, column: &'static str) -> Result<u32, Failure> {
    let value: i64 = get(row, column)?;
    u32::try_from(value).map_err(|error| corrupt(column, error))
}

/// Reads a hash, a signature or something else of a fixed size.
pub(crate) fn bytes<const N: usize>(row: &SqliteRow, column: &'static str) -> Result<[u8; N], Failure> {
    let value: &[u8] = get(row, column)?;
    value.try_into().map_err(|error| corrupt(column, error))
}

/// What this program did not write.
pub(crate) fn corrupt(column: &'static str, error: impl std::fmt::Display) -> Failure {
    Failure::Store(StoreError::Corrupt { what: column, reason: error.to_string() })
}

/// A moment as a column. Moments beyond the year 292 million are that year.
pub(crate) fn at(moment: UnixMillis) -> i64 {
    i64::try_from(moment).unwrap_or(i64::MAX)
}

/// A duration as a column.
pub(crate) fn span(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A reason as a column.
pub(crate) fn reason_to_text(reason: &EndReason) -> Result<String, Failure> {
    serde_json::to_string(reason).map_err(|error| corrupt("end_reason", error))
}

/// Reads a reason that may be absent.
pub(crate) fn reason_from_text(row: &SqliteRow) -> Result<Option<EndReason>, Failure> {
    let text: Option<&str> = get(row, "end_reason")?;
    text.map(|text| serde_json::from_str(text).map_err(|error| corrupt("end_reason", error))).transpose()
}

/// A lock as a column.
pub(crate) fn lock_to_text(lock: Option<&Lock>) -> Result<Option<String>, Failure> {
    lock.map(|lock| serde_json::to_string(lock).map_err(|error| corrupt("lock", error))).transpose()
}

/// Reads a lock that may be absent.
pub(crate) fn lock_from_text(row: &SqliteRow) -> Result<Option<Lock>, Failure> {
    let text: Option<&str> = get(row, "lock")?;
    text.map(|text| serde_json::from_str(text).map_err(|error| corrupt("lock", error))).transpose()
}
