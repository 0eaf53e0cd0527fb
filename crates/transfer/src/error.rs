//! Why a copy ended before its end.

use std::io;

use postern_protocol::transfer::{TransferError, Violation};

/// Why nothing more is copied. Each is a sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The other side is gone, or the user has interrupted.
    #[error("the connection to the other side ended before everything was copied")]
    Disconnected,
    /// The other side has given up, in its own words.
    #[error("{0}")]
    Peer(String),
    /// The other side does not keep to the protocol.
    #[error("stopped, because the other side breaks the rules of copying: {0}")]
    Broken(String),
    /// Something on this side.
    #[error("{0}")]
    Local(String),
}

impl CopyError {
    /// Whether the other side has to be told.
    pub(crate) fn is_to_be_told(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Local(_))
    }
}

impl From<TransferError> for CopyError {
    fn from(error: TransferError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<Violation> for CopyError {
    fn from(violation: Violation) -> Self {
        Self::Broken(violation.to_string())
    }
}

/// What the system says of a path, as one sentence.
pub(crate) fn about(path: &str, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::StorageFull => "no space left on the disk".to_owned(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        io::ErrorKind::FileTooLarge => "the file is larger than its place allows".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        io::ErrorKind::NotADirectory => "not a folder".to_owned(),
        #[cfg(unix)]
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            "there is a link where a file or folder is expected".to_owned()
        }
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_lowercase()
        }
    };
    format!("{path}: {why}")
}
