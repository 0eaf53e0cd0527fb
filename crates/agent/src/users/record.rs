//! What is written down about a user that was made, and where.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postern_iam::{OsGroupName, OsUserName};
use postern_pty::Account;
use serde::{Deserialize, Serialize};

use crate::service::new_uuid;
use crate::state::{private, private_folder, replace_file};

const LOCK_FILE: &str = ".lock";
const EXTENSION: &str = "json";
/// Making or removing a user takes a second at most, unless the machine stands still.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Where a user is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    /// It is about to be made, or was while the agent ended.
    Making,
    /// It was made.
    Made,
    /// It was removed. What it left, its home among it, belongs to a number, which it gets again if it comes back.
    Removed,
}

/// One user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Record {
    pub(super) user: OsUserName,
    pub(super) state: State,
    /// Its number, once it has one.
    pub(super) uid: Option<u32>,
    /// The comment of its account.
    pub(super) mark: String,
    pub(super) home: PathBuf,
    pub(super) groups: Vec<OsGroupName>,
    /// Whether it goes with its last session.
    pub(super) remove: bool,
    pub(super) remove_home: bool,
    /// The sessions that run as it.
    pub(super) sessions: BTreeSet<String>,
}

impl Record {
    /// A user that is about to be made. If that ends half-way, what there is of it goes.
    pub(super) fn of_new(name: &OsUserName, home: PathBuf, session_id: &str, former: Option<&Self>) -> Self {
        Self {
            user: name.clone(),
            state: State::Making,
            uid: former.and_then(|former| former.uid),
            mark: format!("postern-agent {}", new_uuid()),
            home,
            groups: Vec::new(),
            remove: true,
            remove_home: false,
            sessions: BTreeSet::from([session_id.to_owned()]),
        }
    }

    /// Whether this account is the one that was made.
    pub(super) fn is_of(&self, account: &Account) -> bool {
        let has_number = match self.state {
            State::Making => true,
            State::Made => self.uid == Some(account.uid),
            State::Removed => false,
        };
        has_number && account.uid != 0 && account.name == self.user.as_str() && account.comment == self.mark
    }

    /// A session runs as it from now on.
    pub(super) fn enter(&mut self, account: &Account, session_id: &str) {
        self.state = State::Made;
        self.uid = Some(account.uid);
        self.home.clone_from(&account.home);
        self.sessions.insert(session_id.to_owned());
    }

    /// Whether a user of this name had this home, and left it for when it comes back.
    pub(super) fn keeps_home(&self, home: &Path) -> bool {
        self.uid.is_some() && self.home == home
    }

    /// Whether nobody needs the account any more.
    pub(super) fn is_to_go(&self) -> bool {
        self.sessions.is_empty() && self.remove && self.state != State::Removed
    }
}

/// The folder of the records.
#[derive(Clone, Debug)]
pub(super) struct Records {
    folder: PathBuf,
}

/// Held by whoever makes, changes or removes users; released with the process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Records {
    pub(super) fn new(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("users") }
    }

    /// Whether there ever were any.
    pub(super) fn exist(&self) -> bool {
        self.folder.exists()
    }

    pub(super) fn has(&self, name: &OsUserName) -> bool {
        self.path(name).exists()
    }

    /// Waits until nobody else makes, changes or removes users.
    pub(super) async fn lock(&self) -> io::Result<Lock> {
        private_folder().recursive(true).create(&self.folder)?;
        let path = self.folder.join(LOCK_FILE);
        let file = private(OpenOptions::new().write(true).create(true).truncate(false)).open(path)?;
        let attempts = async {
            loop {
                match file.try_lock() {
                    Ok(()) => return Ok(()),
                    Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL).await,
                    Err(TryLockError::Error(error)) => return Err(error),
                }
            }
        };
        match tokio::time::timeout(LOCK_PATIENCE, attempts).await {
            Ok(locked) => locked.map(|()| Lock { _file: file }),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "others have been at it for a minute")),
        }
    }

    /// The record of a user; `None` when there is none.
    pub(super) fn read(&self, name: &OsUserName) -> io::Result<Option<Record>> {
        match fs::read(self.path(name)) {
            Ok(content) => Ok(Some(serde_json::from_slice(&content)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        replace_file(&self.path(&record.user), &serde_json::to_vec(record)?)
    }

    pub(super) fn forget(&self, name: &OsUserName) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    /// Every record that can be read, in the order of names. One that cannot is said and left alone.
    pub(super) fn all(&self) -> io::Result<Vec<Record>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_record = path.extension().is_some_and(|extension| extension == EXTENSION);
            let name = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            let Some(name) = name.filter(|_| is_record) else { continue };
            match self.read(&name) {
                Ok(record) => found.extend(record),
                Err(error) => tracing::warn!(user = %name, %error, "the record of a user that was made is damaged"),
            }
        }
        found.sort_by(|a, b| a.user.cmp(&b.user));
        Ok(found)
    }

    /// The highest number of a user who is not there any more: another one with that number would own what the first has
    /// left on the machine.
    pub(super) fn highest_former_uid(&self) -> io::Result<Option<u32>> {
        let former = |record: &Record| record.state != State::Made;
        Ok(self.all()?.iter().filter(|record| former(record)).filter_map(|record| record.uid).max())
    }

    fn path(&self, name: &OsUserName) -> PathBuf {
        self.folder.join(format!("{name}.{EXTENSION}"))
    }
}
