//! Opening a data folder: the lock, the files' modes, the connections, the schema.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};

use crate::SqliteStore;
use crate::writer::Writer;

const DATABASE: &str = "postern.db";
const LOCK: &str = "postern.lock";

/// The schema, step by step. A step that was ever released is never edited.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0003_documents.sql"),
    include_str!("../migrations/0004_service_settings.sql"),
    include_str!("../migrations/0005_keys.sql"),
    include_str!("../migrations/0006_logs.sql"),
    include_str!("../migrations/0007_log_stream_order.sql"),
    include_str!("../migrations/0008_identities.sql"),
    include_str!("../migrations/0009_sessions_of_an_owner.sql"),
    include_str!("../migrations/0010_second_factors.sql"),
    include_str!("../migrations/0011_log_writers.sql"),
    include_str!("../migrations/0012_owner_of_a_session.sql"),
    include_str!("../migrations/0013_decisions.sql"),
    include_str!("../migrations/0014_locks.sql"),
    include_str!("../migrations/0017_decisions_of_requests.sql"),
    include_str!("../migrations/0019_audit.sql"),
    include_str!("../migrations/0020_recordings.sql"),
];

/// Readers at once; each is a thread and a page cache.
const READERS: u32 = 4;

/// Page cache of each reader and of the writer, in KiB (SQLite takes a negative number for that). The operating system
/// caches the file as well, so a small cache costs a copy, and the default of 2 MB each would be most of what an idle
/// service holds.
const READER_CACHE: &str = "-256";
const WRITER_CACHE: &str = "-1024";

/// Nobody else writes to the database, so this is about an operator with a shell, a backup, a virus scanner.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a data folder cannot be used. Each text is one sentence with the cause and the fix.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the lock.
    #[error(
        "the data folder {} is in use by another process; stop that one, or name another folder with --data-dir",
        folder.display()
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// Something in it cannot be made or written.
    #[error(
        "cannot write {}: {source}; make it writable for this user, or name another folder with --data-dir",
        path.display()
    )]
    NotWritable {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A later release migrated it.
    #[error(
        "the database {} has schema {found}, and this program knows schemas up to {known}; run the release that wrote it \
         or a later one",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// The newest one we know.
        known: usize,
    },
    /// It is not a database, or cannot be read.
    #[error("cannot open the database {}: {source}; restore it from a backup, or move it away to begin anew", path.display())]
    Unusable {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: sqlx::Error,
    },
}

pub(crate) async fn open(folder: &Path) -> Result<SqliteStore, OpenError> {
    make_folder(folder)?;
    let lock = lock(folder)?;
    let path = folder.join(DATABASE);
    // SQLite gives the log and its index the mode of the database, so it is made with the right one.
    drop(open_private(&path)?);

    let unusable = |source| OpenError::Unusable { path: path.clone(), source };
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let writer = options.clone().pragma("cache_size", WRITER_CACHE);
    let mut connection = SqliteConnection::connect_with(&writer).await.map_err(unusable)?;
    migrate(&mut connection, &path).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(BUSY_TIMEOUT)
        // Asking costs as much as most queries, and there is no network in between that could have failed.
        .test_before_acquire(false)
        .connect_lazy_with(options.pragma("query_only", "ON").pragma("cache_size", READER_CACHE));
    Ok(SqliteStore { readers, writer: Writer::start(connection), database: path, _lock: lock })
}

/// Brings the schema up to date, each step in a transaction of its own.
async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let unusable = |source| OpenError::Unusable { path: path.to_owned(), source };
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(unusable)?;
    let found = usize::try_from(version).unwrap_or(usize::MAX);
    if found > MIGRATIONS.len() {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: MIGRATIONS.len() });
    }
    for (step, migration) in (1..).zip(MIGRATIONS).skip(found) {
        let script = format!("BEGIN IMMEDIATE; {migration}; PRAGMA user_version = {step}; COMMIT;");
        // Nothing in it comes from outside: a constant and its number.
        sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut *connection).await.map_err(unusable)?;
    }
    Ok(())
}

fn make_folder(folder: &Path) -> Result<(), OpenError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| OpenError::NotWritable { path: folder.to_owned(), source })
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join(LOCK);
    let file = open_private(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(OpenError::NotWritable { path, source }),
    }
}

/// Opens a file for writing, and makes it for the owner's eyes only.
fn open_private(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| OpenError::NotWritable { path: path.to_owned(), source })
}
