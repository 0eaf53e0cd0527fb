//! The default store: one SQLite database in the data folder, nothing to install.
//!
//! One process at a time may use a data folder; a lock file, held through the operating system, sees to it. Inside the
//! process there is exactly one writer (`writer`), which runs the acts that are waiting as one transaction and answers
//! them after one commit. Readers have connections of their own and never wait for the writer (WAL).
//!
//! Commits are durable (`synchronous = FULL`): a session whose end was told to a client has ended also after a power
//! cut, and a key rotation that was acknowledged to an agent is not forgotten. The price is one flush a commit, and as a
//! commit carries every act that arrived during the one before, the flush is shared exactly when it would hurt.
//!
//! The statements keep to the SQL that PostgreSQL understands as well; what is SQLite's own is in the schema and in
//! `open`.

mod activation;
mod audit;
mod decision;
mod document;
mod generation;
mod identity;
mod key;
mod lock;
mod log;
mod node;
mod open;
mod policy;
mod provider;
mod query;
mod recording;
mod row;
mod second_factor;
mod service_setting;
mod session;
mod tag;
mod writer;

pub use open::OpenError;

use std::fs::File;
use std::path::{Path, PathBuf};

use postern_store::StoreError;
use sqlx::SqlitePool;

use crate::writer::Writer;

/// A store in a data folder. Share it by reference or in an `Arc`; [`SqliteStore::close`] it at the end.
pub struct SqliteStore {
    readers: SqlitePool,
    writer: Writer,
    database: PathBuf,
    /// Held for as long as the store is open. The operating system lets go of it however the process ends.
    _lock: File,
}

impl SqliteStore {
    /// Opens the database in this data folder, and makes both if they are missing, for the owner's eyes only.
    ///
    /// # Errors
    /// [`OpenError`], whose text names the cause and the fix: the folder is in use or not writable, the database is
    /// newer than this program, or not a database.
    pub async fn open(folder: &Path) -> Result<Self, OpenError> {
        open::open(folder).await
    }

    /// Where the database is.
    #[must_use]
    pub fn database(&self) -> &Path {
        &self.database
    }

    /// Finishes what is waiting, folds the write-ahead log into the database, and lets go of the folder.
    ///
    /// # Errors
    /// The writer had stopped. What was acknowledged before is stored nevertheless.
    pub async fn close(self) -> Result<(), StoreError> {
        self.readers.close().await;
        self.writer.close().await
    }
}

#[cfg(test)]
mod tests;
