//! A thread that makes what was written durable, twice a second.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Twice a second keeps the promise of one second also when the disk takes its time.
const INTERVAL: Duration = Duration::from_millis(500);

/// Files with something that is not durable yet.
#[derive(Default)]
pub(crate) struct Durable(Mutex<Vec<Arc<Pending>>>);

/// One file.
pub(crate) struct Pending {
    file: Arc<File>,
    is_wanted: AtomicBool,
    /// The folder that does not durably have the file yet.
    folder: Mutex<Option<PathBuf>>,
    failure: Mutex<Option<(io::ErrorKind, String)>>,
}

impl Pending {
    /// A file that its folder has.
    pub(crate) fn old(file: Arc<File>) -> Arc<Self> {
        Self::of(file, None)
    }

    /// One that was made in this folder.
    pub(crate) fn new_in(folder: PathBuf, file: Arc<File>) -> Arc<Self> {
        Self::of(file, Some(folder))
    }

    fn of(file: Arc<File>, folder: Option<PathBuf>) -> Arc<Self> {
        let (folder, failure) = (Mutex::new(folder), Mutex::default());
        Arc::new(Self { file, is_wanted: AtomicBool::new(false), folder, failure })
    }

    /// A system that failed to make something durable may have forgotten it, and says so once (fsyncgate).
    pub(crate) fn check(&self) -> io::Result<()> {
        match &*self.failure() {
            Some((kind, reason)) => Err(io::Error::new(*kind, format!("an earlier part was not stored: {reason}"))),
            None => Ok(()),
        }
    }

    fn failed(&self, error: &io::Error) {
        *self.failure() = Some((error.kind(), error.to_string()));
    }

    fn failure(&self) -> MutexGuard<'_, Option<(io::ErrorKind, String)>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Durable {
    /// Starts the thread. It ends when nobody needs it any more.
    pub(crate) fn start() -> io::Result<Arc<Self>> {
        let durable = Arc::new(Self::default());
        let weak = Arc::downgrade(&durable);
        std::thread::Builder::new().name("recordings".to_owned()).spawn(move || run(&weak))?;
        Ok(durable)
    }

    /// This file has something new.
    pub(crate) fn want(&self, pending: &Arc<Pending>) {
        if !pending.is_wanted.swap(true, Ordering::AcqRel) {
            self.lock().push(Arc::clone(pending));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Pending>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) {
        let mut folders = BTreeMap::<PathBuf, Vec<Arc<Pending>>>::new();
        for pending in std::mem::take(&mut *self.lock()) {
            pending.is_wanted.store(false, Ordering::Release);
            if let Err(error) = pending.file.sync_data() {
                pending.failed(&error);
            }
            let folder = pending.folder.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(folder) = folder {
                folders.entry(folder).or_default().push(pending);
            }
        }
        // Many recordings begin in one folder, which is told once.
        for (folder, new) in folders {
            if let Err(error) = crate::sync_folder(&folder) {
                new.iter().for_each(|pending| pending.failed(&error));
            }
        }
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        self.look();
    }
}

fn run(durable: &Weak<Durable>) {
    while let Some(durable) = durable.upgrade() {
        durable.look();
        drop(durable);
        std::thread::sleep(INTERVAL);
    }
}
