//! The number that says whether decisions are to be made again, as far as this process knows it: it is asked for at every
//! request, and no other process stores anything.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{SqliteConnection, SqliteExecutor};

use crate::row::millis;
use crate::writer::Failure;

/// The number. It only grows.
#[derive(Debug, Default)]
pub(crate) struct Generation(AtomicU64);

impl Generation {
    /// Nobody knows: the database has to be asked.
    const UNKNOWN: u64 = 0;

    /// None while only the database knows.
    pub(crate) fn known(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Acquire)).filter(|known| *known != Self::UNKNOWN)
    }

    /// What is in the database. Somebody with a shell may have raised it, which counts from here on.
    pub(crate) async fn read(&self, readers: impl SqliteExecutor<'_>) -> Result<u64, Failure> {
        let read = query(readers).await?;
        // What was unknown stays so: a commit may be under way whose number is higher.
        let raise = |known| (known != Self::UNKNOWN && known < read).then_some(read);
        // It does not change what is known if there is nothing to raise.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, raise);
        Ok(read)
    }

    /// The writer has committed, or tried to, and has told nobody yet.
    pub(crate) async fn read_after_commit(&self, writer: &mut SqliteConnection) {
        let read = query(writer).await.unwrap_or_else(|error| {
            tracing::warn!(?error, "the number of decisions cannot be read; it is asked for at each request meanwhile");
            Self::UNKNOWN
        });
        self.0.store(read, Ordering::Release);
    }
}

async fn query(connection: impl SqliteExecutor<'_>) -> Result<u64, Failure> {
    let row = sqlx::query("SELECT generation FROM decision").fetch_one(connection).await?;
    millis(&row, "generation")
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;

    async fn database(generation: u32) -> SqliteConnection {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("opens");
        let table = "CREATE TABLE decision (generation INTEGER NOT NULL); INSERT INTO decision VALUES (0)";
        sqlx::raw_sql(table).execute(&mut connection).await.expect("makes a table");
        set(&mut connection, generation).await;
        connection
    }

    async fn set(connection: &mut SqliteConnection, generation: u32) {
        sqlx::query("UPDATE decision SET generation = $1").bind(generation).execute(connection).await.expect("writes");
    }

    #[tokio::test]
    async fn the_writer_says_what_is_known_and_a_reader_only_that_it_is_more() {
        let (mut newer, mut older) = (database(7).await, database(5).await);
        let generation = Generation::default();
        assert_eq!(generation.read(&mut older).await.expect("reads"), 5);
        assert_eq!(generation.known(), None, "only the writer knows that nothing is under way");
        generation.read_after_commit(&mut newer).await;
        assert_eq!(generation.known(), Some(7));
        assert_eq!(generation.read(&mut older).await.expect("reads"), 5, "a slow reader's");
        assert_eq!(generation.known(), Some(7));
        set(&mut newer, 9).await;
        assert_eq!(generation.known(), Some(7));
        assert_eq!(generation.read(&mut newer).await.expect("reads"), 9, "somebody with a shell");
        assert_eq!(generation.known(), Some(9));
    }

    #[tokio::test]
    async fn what_the_writer_cannot_read_is_not_known() {
        let mut connection = database(7).await;
        let generation = Generation::default();
        generation.read_after_commit(&mut connection).await;
        sqlx::query("DELETE FROM decision").execute(&mut connection).await.expect("writes");
        generation.read_after_commit(&mut connection).await;
        assert_eq!(generation.known(), None);
        assert!(generation.read(&mut connection).await.is_err());
    }
}
