//! Where a copy goes: into a folder, or to a new name beside what is there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::error::{CopyError, about};
use crate::names::shown;
use crate::partial;

/// A place to put things.
pub(crate) struct Destination {
    /// The folder.
    pub(crate) directory: Rc<Dir>,
    /// The folder, for sentences; with nothing before names in the current one.
    pub(crate) path: String,
    /// What the only root is called there, when that is not its own name.
    pub(crate) rename: Option<OsString>,
    /// It was written as a folder that does not exist: only a folder can become it.
    pub(crate) must_be_directory: bool,
}

/// Finds it for so many roots. The path is one that somebody on this side, or with this side's rights, has typed: links
/// in it are followed.
pub(crate) fn open(path: &Path, roots: u32) -> Result<Destination, CopyError> {
    let shown_path = shown(path);
    let local = |text: String| CopyError::Local(text);
    let open = |path: &Path| {
        let directory =
            Dir::open_ambient_dir(if path == Path::new("") { Path::new(".") } else { path }, ambient_authority());
        directory.map(Rc::new).map_err(|error| local(about(&shown(path), &error)))
    };
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            let directory = open(path)?;
            if roots == 1 && partial::is_marked(&directory) {
                // The same command made it, and was interrupted.
                let real = path.canonicalize().map_err(|error| local(about(&shown_path, &error)))?;
                return named(&real, true, open);
            }
            return Ok(Destination { directory, path: shown_path, rename: None, must_be_directory: false });
        }
        Ok(_) if roots > 1 => return Err(local(format!("{shown_path}: not a folder, and several things are copied"))),
        Ok(_) => {
            // The file itself, where the path is a link to it.
            let real = path.canonicalize().map_err(|error| local(about(&shown_path, &error)))?;
            return named(&real, false, open);
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(local(about(&shown_path, &error))),
        Err(_) if roots > 1 => {
            return Err(local(format!("{shown_path}: no such folder, and several things are copied; make it first")));
        }
        Err(_) => {}
    }
    let is_written_as_folder =
        path.as_os_str().as_encoded_bytes().last().is_some_and(|last| matches!(last, b'/' | b'\\'));
    let trimmed: PathBuf = path.components().collect();
    named(&trimmed, is_written_as_folder, open)
}

fn named(
    path: &Path,
    must_be_directory: bool,
    open: impl Fn(&Path) -> Result<Rc<Dir>, CopyError>,
) -> Result<Destination, CopyError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(CopyError::Local(format!("{}: no such file or folder", shown(path))));
    };
    let directory = open(parent)?;
    Ok(Destination { directory, path: shown(parent), rename: Some(name.to_owned()), must_be_directory })
}
