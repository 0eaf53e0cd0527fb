//! Where quickstart keeps what it makes.

use std::path::PathBuf;

use anyhow::Context as _;

/// The user's data folder by the platform's custom, and `postern/quickstart` in it.
pub(super) fn default_folder() -> anyhow::Result<PathBuf> {
    user_data_folder()
        .map(|folder| folder.join("postern").join("quickstart"))
        .context("there is no home folder to keep data in; name one with --data-dir")
}

#[cfg(windows)]
fn user_data_folder() -> Option<PathBuf> {
    absolute("LOCALAPPDATA")
}

#[cfg(target_os = "macos")]
fn user_data_folder() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join("Library/Application Support"))
}

#[cfg(all(unix, not(target_os = "macos")))]
fn user_data_folder() -> Option<PathBuf> {
    absolute("XDG_DATA_HOME").or_else(|| std::env::home_dir().map(|home| home.join(".local/share")))
}

/// A relative path is to be ignored (XDG base directory specification).
#[cfg(not(target_os = "macos"))]
fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}
