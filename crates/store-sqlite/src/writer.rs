//! The one writer: acts that wait together are committed together.
//!
//! An act is a closure over the connection. It is answered only after the commit that carries it, so an answer is a
//! promise. A failing act is undone alone (a savepoint); a failing commit fails every act in it. The queue is bounded,
//! and every wait for the writer has a deadline.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use postern_store::StoreError;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::generation::Generation;

/// Acts that may wait for the writer. More of them wait for a place here.
const QUEUE_ACTS: usize = 1024;

/// Acts in one transaction: enough to share a flush, few enough that the first does not wait long for the last.
const BATCH_ACTS: usize = 128;

/// How long an act may take, its wait included. After that its outcome is unknown to the caller.
const DEADLINE: Duration = Duration::from_secs(10);

/// What an act's closure returns.
pub(crate) type Acting<'c, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'c>>;

/// Why a statement or the reading of its answer failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Sql(sqlx::Error),
    Store(StoreError),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Sql(error) => {
                Self::Unavailable { reason: "a statement failed".to_owned(), source: Some(Box::new(error)) }
            }
        }
    }
}

/// The sending side of the writer's queue.
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    generation: Arc<Generation>,
    task: JoinHandle<()>,
}

impl Writer {
    /// Starts the writer's task, which ends with [`Writer::close`] or when the writer is dropped.
    pub(crate) fn start(connection: SqliteConnection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_ACTS);
        let generation = Arc::<Generation>::default();
        let task = tokio::spawn(run(connection, jobs, Arc::clone(&generation)));
        Self { queue, generation, task }
    }

    pub(crate) fn generation(&self) -> &Generation {
        &self.generation
    }

    /// Runs an act and waits until it is durable.
    pub(crate) async fn act<T, F>(&self, act: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Acting<'c, T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Act { act: Some(act), result: None, reply });
        let done = async {
            self.queue.send(job).await.map_err(|_| stopped())?;
            answer.await.map_err(|_| stopped())?
        };
        match tokio::time::timeout(DEADLINE, done).await {
            Ok(result) => result,
            Err(_) => Err(unavailable(format!("it did not answer within {} seconds", DEADLINE.as_secs()))),
        }
    }

    /// Finishes what is waiting and closes the connection.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        drop(self.queue);
        self.task.await.map_err(|_| stopped())
    }
}

fn stopped() -> StoreError {
    unavailable("its writer has stopped".to_owned())
}

fn unavailable(reason: String) -> StoreError {
    StoreError::Unavailable { reason, source: None }
}

trait Job: Send {
    /// Runs the act. True if it has to be kept.
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> Pin<Box<dyn Future<Output = bool> + Send + 'c>>;

    /// Tells whoever waits, with the fate of the transaction.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Act<T, F> {
    act: Option<F>,
    result: Option<Result<T, Failure>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Act<T, F>
where
    T: Send,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Acting<'c, T> + Send,
{
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> Pin<Box<dyn Future<Output = bool> + Send + 'c>> {
        Box::pin(async move {
            let Some(act) = self.act.take() else { return false };
            let result = act(connection).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (self.result, committed) {
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Err(failure)), _) => Err(failure.into()),
            (_, Err(error)) => Err(error),
            (None, Ok(())) => Err(stopped()),
        };
        // Whoever asked may have left; the act stands.
        let _ = self.reply.send(result);
    }
}

async fn run(mut connection: SqliteConnection, mut jobs: mpsc::Receiver<Box<dyn Job>>, generation: Arc<Generation>) {
    let mut batch = Vec::new();
    generation.read_after_commit(&mut connection).await;
    while jobs.recv_many(&mut batch, BATCH_ACTS).await > 0 {
        let committed = commit(&mut connection, &mut batch).await;
        if let Err(error) = &committed {
            tracing::error!(error = %error, acts = batch.len(), "a transaction could not be committed");
            // Whatever state the connection is in, the next batch begins with none.
            let _ = sqlx::query("ROLLBACK").execute(&mut connection).await;
        }
        // Whoever is told of a change finds that it counts. A commit that failed may be in the database all the same.
        generation.read_after_commit(&mut connection).await;
        for job in batch.drain(..) {
            job.answer(match &committed {
                Ok(()) => Ok(()),
                Err(error) => Err(unavailable(format!("the change could not be committed ({error})"))),
            });
        }
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(error = %error, "the database was not closed cleanly; its log is replayed at the next start");
    }
}

async fn commit(connection: &mut SqliteConnection, batch: &mut [Box<dyn Job>]) -> Result<(), sqlx::Error> {
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    if let [only] = batch {
        let end = if only.run(connection).await { "COMMIT" } else { "ROLLBACK" };
        sqlx::query(end).execute(&mut *connection).await?;
        return Ok(());
    }
    for job in batch {
        sqlx::query("SAVEPOINT act").execute(&mut *connection).await?;
        if !job.run(connection).await {
            sqlx::query("ROLLBACK TO act").execute(&mut *connection).await?;
        }
        sqlx::query("RELEASE act").execute(&mut *connection).await?;
    }
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok(())
}
