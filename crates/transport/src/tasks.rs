//! Tasks with an owner, a name and a way to be told to stop.
//!
//! Every task of a program is spawned here, so that shutdown can wait for all of them and name
//! those that did not end.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The tasks of one owner. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: CancellationToken,
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

/// Tasks did not end within the grace.
#[derive(Debug, Error)]
#[error("still running after {} s: {}", grace.as_secs_f64(), names.join(", "))]
pub struct StillRunning {
    grace: Duration,
    names: Vec<String>,
}

impl Tasks {
    /// No task yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Spawns a task. It is expected to end soon after [`Tasks::shutdown`] is cancelled. A panic in
    /// it ends only it, and is logged under its name.
    pub fn spawn<F>(&self, name: &'static str, work: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let presence = Presence::enter(name, self.running.clone());
        let work = async move {
            let _presence = presence;
            work.await
        };
        self.tracker.spawn(work.instrument(tracing::debug_span!("task", name)))
    }

    /// Cancelled when the owner wants its tasks to end.
    #[must_use]
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// How many tasks are running.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tracker.len()
    }

    /// Whether no task is running.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tracker.is_empty()
    }

    /// Tells all tasks to stop and waits for them.
    ///
    /// # Errors
    /// Some did not end within `grace`; the error names them. They are left running, and end with
    /// the runtime.
    pub async fn stop(&self, grace: Duration) -> Result<(), StillRunning> {
        self.shutdown.cancel();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait()).await.map_err(|_| StillRunning {
            grace,
            names: self
                .running
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .map(|(name, count)| format!("{name} ({count})"))
                .collect(),
        })
    }
}

/// Counts a task while it lives; dropped with the task, also when that panics or is aborted.
struct Presence {
    name: &'static str,
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Presence {
    fn enter(name: &'static str, running: Arc<Mutex<BTreeMap<&'static str, usize>>>) -> Self {
        *running.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Self { name, running }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.name, "a task ended in a panic");
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                running.remove(self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn stopping_tells_tasks_and_waits_for_them() {
        let tasks = Tasks::new();
        let shutdown = tasks.shutdown().clone();
        let ended = tasks.spawn("polite", async move { shutdown.cancelled().await });
        assert_eq!(tasks.len(), 1);
        tasks.stop(Duration::from_secs(10)).await.unwrap();
        assert!(ended.is_finished() && tasks.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_do_not_end_are_named() {
        let tasks = Tasks::new();
        for _ in 0..2 {
            tasks.spawn("stubborn", std::future::pending::<()>());
        }
        tasks.spawn("short", async {}).await.unwrap();
        let error = tasks.stop(Duration::from_secs(3)).await.unwrap_err();
        assert_eq!(error.to_string(), "still running after 3 s: stubborn (2)");
    }

    #[tokio::test]
    async fn a_panic_ends_only_its_own_task() {
        let tasks = Tasks::new();
        let shutdown = tasks.shutdown().clone();
        tasks.spawn("other", async move { shutdown.cancelled().await });
        let panicked = tasks.spawn("broken", async { panic!("on purpose") }).await;
        assert!(panicked.unwrap_err().is_panic());
        assert_eq!(tasks.len(), 1);
        tasks.stop(Duration::from_secs(10)).await.unwrap();
    }
}
