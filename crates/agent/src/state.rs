//! The agent's state folder: who this node is, its key, and one folder for each session that is not done with.
//!
//! Everything in it is the agent's alone: folders 0700, files 0600, whatever the umask. A file is replaced as a whole
//! or not at all, so a power cut leaves the old one or the new one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use postern_iam::SessionId;
use thiserror::Error;

/// The state folder cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// A file or folder cannot be read or written.
    #[error("{} cannot be {act}; the agent must own its state folder (setting state_dir)", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// `read`, `written`, …
        act: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another agent uses it.
    #[error("another postern-agent is running with the state folder {}; stop it, or give this one its own state_dir", .0.display())]
    InUse(PathBuf),
    /// A file in it is damaged.
    #[error("{} is damaged ({reason}); restore it, or register this node again with --force", path.display())]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The folder, created if need be.
#[derive(Clone, Debug)]
pub(crate) struct StateFolder {
    root: PathBuf,
}

/// Held by the one agent that uses the folder; released with the process, however that ends.
#[derive(Debug)]
pub(crate) struct StateLock {
    _file: File,
}

impl StateFolder {
    /// Creates the folder if it is missing, and closes it to everybody else.
    pub(crate) fn open(root: &Path) -> Result<Self, StateError> {
        create_private_folder(root)?;
        // The session workers find it from another working directory.
        let root = fs::canonicalize(root).map_err(failed(root, "opened"))?;
        Ok(Self { root })
    }

    /// The folder as it is: for reading by `status`, which creates nothing.
    pub(crate) fn existing(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// Takes the folder for this process.
    pub(crate) fn lock(&self) -> Result<StateLock, StateError> {
        let path = self.root.join("agent.lock");
        let file = private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(&path)
            .map_err(failed(&path, "opened"))?;
        match file.try_lock() {
            Ok(()) => Ok(StateLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse(self.root.clone())),
            Err(TryLockError::Error(source)) => Err(failed(&path, "locked")(source)),
        }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Reads a file of the folder; `None` when there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.root.join(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed(&path, "read")(source)),
        }
    }

    /// Replaces a file of the folder.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), StateError> {
        let path = self.root.join(name);
        replace_file(&path, content).map_err(failed(&path, "written"))
    }

    /// Where a session keeps what belongs to it.
    pub(crate) fn session(&self, id: &SessionId) -> PathBuf {
        self.root.join("sessions").join(id.as_str())
    }

    /// Makes a session's folder. `false`: it is there already, so the session was started before.
    pub(crate) fn create_session(&self, id: &SessionId) -> Result<bool, StateError> {
        create_private_folder(&self.root.join("sessions"))?;
        let path = self.session(id);
        match private_folder().create(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(source) => Err(failed(&path, "created")(source)),
        }
    }

    /// Forgets a session.
    pub(crate) fn remove_session(&self, id: &SessionId) -> Result<(), StateError> {
        let path = self.session(id);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path, "removed")(error)),
            _ => Ok(()),
        }
    }

    /// Every session that has a folder, in order. Names that are no session id are not ours and are left alone.
    pub(crate) fn sessions(&self) -> Result<Vec<SessionId>, StateError> {
        let path = self.root.join("sessions");
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(&path, "read")(source)),
        };
        let mut found: Vec<SessionId> =
            entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
        found.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        Ok(found)
    }
}

/// Replaces a file: written beside, brought to the disk, renamed.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The rename itself is on the disk only when the folder is.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Options that make a file readable to its owner only.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Makes folders that only their owner can enter.
#[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes to set"))]
pub(crate) fn private_folder() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn create_private_folder(path: &Path) -> Result<(), StateError> {
    private_folder().recursive(true).create(path).map_err(failed(path, "created"))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // One that was there before may be open to others.
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed(path, "closed to other users"))?;
    }
    Ok(())
}

fn failed(path: &Path, act: &'static str) -> impl FnOnce(io::Error) -> StateError {
    move |source| StateError::File { path: path.to_path_buf(), act, source }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn the_second_agent_is_told_apart_and_the_lock_ends_with_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let lock = state.lock().unwrap();
        let error = StateFolder::open(folder.path()).unwrap().lock().unwrap_err();
        assert!(error.to_string().contains("another postern-agent is running"), "{error}");
        drop(lock);
        state.lock().unwrap();
    }

    #[test]
    fn sessions_are_created_once_listed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        assert!(state.sessions().unwrap().is_empty());
        let id: SessionId = "admin-0123456789abcdef0".parse().unwrap();
        assert!(state.create_session(&id).unwrap());
        assert!(!state.create_session(&id).unwrap());
        fs::create_dir(folder.path().join("sessions/..not an id")).unwrap();
        assert_eq!(state.sessions().unwrap(), std::slice::from_ref(&id));
        state.remove_session(&id).unwrap();
        state.remove_session(&id).unwrap();
        assert!(state.sessions().unwrap().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn everything_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("state");
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
        let state = StateFolder::open(&root).unwrap();
        state.write("secret", b"1").unwrap();
        state.write("secret", b"2").unwrap();
        let id: SessionId = "admin-0123456789abcdef0".parse().unwrap();
        state.create_session(&id).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(state.read("secret").unwrap().unwrap(), b"2");
        assert_eq!(mode(&root), 0o700);
        assert_eq!(mode(&root.join("secret")), 0o600);
        assert_eq!(mode(&root.join("sessions")), 0o700);
        assert_eq!(mode(&state.session(&id)), 0o700);
    }
}
