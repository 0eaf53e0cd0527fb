//! Statements whose conditions depend on what was asked for. Only constants become SQL text; values are always bound.

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, SqliteConnection, SqlitePool};

use crate::row::at;
use crate::writer::Failure;

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
