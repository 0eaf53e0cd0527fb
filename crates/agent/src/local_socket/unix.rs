//! Unix sockets in a private folder.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// What `sockaddr_un` holds on every Unix, with its final NUL.
const MAX_PATH_BYTES: usize = 103;

/// A connection.
pub(crate) type Stream = UnixStream;

/// Accepts connections.
pub(crate) struct Listener {
    inner: UnixListener,
}

impl Listener {
    /// Listens in `folder`, in place of whoever listened there before: the caller holds the folder's lock.
    pub(crate) fn bind(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(format!("{name}.sock"));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let (short, _folder) = short_path(folder, name)?;
        let inner = UnixListener::bind(short)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { inner })
    }

    /// Waits for a connection. Cancel-safe.
    pub(crate) async fn accept(&mut self) -> io::Result<Stream> {
        Ok(self.inner.accept().await?.0)
    }
}

/// Connects to whoever listens in `folder`.
pub(crate) async fn connect(folder: &Path, name: &str) -> io::Result<Stream> {
    let (path, _folder) = short_path(folder, name)?;
    UnixStream::connect(path).await
}

/// A path that fits a socket address: the plain one, or through the folder's descriptor, which must stay open while
/// the path is used.
fn short_path(folder: &Path, name: &str) -> io::Result<(PathBuf, Option<File>)> {
    let path = folder.join(format!("{name}.sock"));
    if path.as_os_str().as_bytes().len() <= MAX_PATH_BYTES {
        return Ok((path, None));
    }
    if !cfg!(target_os = "linux") {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} is too long for a socket; choose a shorter state_dir", path.display()),
        ));
    }
    let folder = File::open(folder)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{name}.sock", folder.as_raw_fd()));
    Ok((path, Some(folder)))
}
