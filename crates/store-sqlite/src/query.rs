//! Statements whose conditions depend on what was asked for. Only constants become SQL text; values are always bound.

use postern_store::Scope;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Sqlite, SqliteConnection, SqlitePool};

use crate::row::at;
use crate::writer::Failure;

/// A statement whose first two values are the account and the region.
pub(crate) fn scoped<'q>(sql: &'static str, scope: &'q Scope) -> Query<'q, Sqlite, SqliteArguments> {
    sqlx::query(sql).bind(scope.account.as_str()).bind(scope.region.as_str())
}

/// A SELECT under construction.
pub(crate) struct Select {
    sql: String,
    arguments: SqliteArguments,
    bound: usize,
}

impl Select {
    /// Begins with this text, which ends where a condition can follow.
    pub(crate) fn new(sql: &'static str) -> Self {
        Self { sql: sql.to_owned(), arguments: SqliteArguments::default(), bound: 0 }
    }

    /// Begins with this text, which ends with `account = `, and goes on to the region.
    pub(crate) fn scoped(sql: &'static str, scope: &Scope) -> Result<Self, Failure> {
        Self::new(sql).bind(scope.account.as_str())?.text(" AND region = ").bind(scope.region.as_str())
    }

    /// Adds constant text.
    pub(crate) fn text(mut self, sql: &'static str) -> Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds a bound text.
    pub(crate) fn bind(mut self, value: &str) -> Result<Self, Failure> {
        self.arguments.add(value.to_owned()).map_err(|error| Failure::Sql(sqlx::Error::Encode(error)))?;
        self.place();
        Ok(self)
    }

    /// Adds a bound number.
    pub(crate) fn bind_number(mut self, value: u64) -> Result<Self, Failure> {
        self.arguments.add(at(value)).map_err(|error| Failure::Sql(sqlx::Error::Encode(error)))?;
        self.place();
        Ok(self)
    }

    /// Adds ` AND column IN (…)`. No values, no match.
    pub(crate) fn and_in(mut self, column: &'static str, values: &[String]) -> Result<Self, Failure> {
        self = self.text(" AND ").text(column).text(" IN (");
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self = self.text(", ");
            }
            self = self.bind(value)?;
        }
        Ok(self.text(")"))
    }

    /// Adds ` IN (…)` behind a column.
    pub(crate) fn in_numbers(mut self, values: &[u64]) -> Result<Self, Failure> {
        self = self.text(" IN (");
        for (index, value) in values.iter().enumerate() {
            self = if index == 0 { self } else { self.text(", ") }.bind_number(*value)?;
        }
        Ok(self.text(")"))
    }

    /// Adds that a column begins with this, as a range of an index: reading goes no further than the last such text.
    pub(crate) fn begins(self, column: &'static str, prefix: &str) -> Result<Self, Failure> {
        let select = self.text("(").text(column).text(" >= ").bind(prefix)?;
        let select = match behind(prefix) {
            Some(end) => select.text(" AND ").text(column).text(" < ").bind(&end)?,
            None => select,
        };
        Ok(select.text(")"))
    }

    /// The text, every piece of which is a constant of this program, and what is bound.
    pub(crate) fn into_parts(self) -> (AssertSqlSafe<String>, SqliteArguments) {
        (AssertSqlSafe(self.sql), self.arguments)
    }

    /// Runs it.
    pub(crate) async fn fetch_all(self, readers: &SqlitePool) -> Result<Vec<SqliteRow>, Failure> {
        let (sql, arguments) = self.into_parts();
        let query = sqlx::query_with(sql, arguments).persistent(false);
        Ok(query.fetch_all(readers).await?)
    }

    /// Runs it inside a transaction.
    pub(crate) async fn fetch_all_on(self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, Failure> {
        // As above.
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.arguments).persistent(false);
        Ok(query.fetch_all(connection).await?)
    }

    fn place(&mut self) {
        self.bound += 1;
        self.sql.push('$');
        self.sql.push_str(&self.bound.to_string());
    }
}

/// The first text, in the order of bytes, behind all that begin with this one. None if there is nothing behind them.
fn behind(prefix: &str) -> Option<String> {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(last) = letters.pop() {
        // The order of bytes is that of characters, and there are none between these two.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::behind;

    #[test]
    fn behind_a_beginning_is_what_does_not_begin_so() {
        for (prefix, end) in [
            ("a", Some("b")),
            ("jane-", Some("jane.")),
            ("é", Some("ê")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(behind(prefix).as_deref(), end, "{prefix:?}");
        }
    }
}
