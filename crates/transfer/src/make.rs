//! Entries of a directory, made and changed through the directory's handle.

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::fs::{Dir, OpenOptions};

/// Opens a directory, made if there is none; `is_private`, for nobody else until it gets its mode. A link is none.
pub(crate) fn directory(parent: &Dir, name: &OsStr, is_private: bool) -> io::Result<Dir> {
    match make_directory(parent, name, is_private) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    parent.open_dir_nofollow(name).map_err(|error| match parent.symlink_metadata(name) {
        Ok(metadata) if metadata.is_symlink() => {
            io::Error::other("there is a link of that name, which is not followed")
        }
        Ok(metadata) if !metadata.is_dir() => io::Error::other("there is a file of that name"),
        _ => error,
    })
}

fn make_directory(parent: &Dir, name: &OsStr, is_private: bool) -> io::Result<()> {
    #[cfg(unix)]
    if is_private {
        let mut builder = cap_std::fs::DirBuilder::new();
        cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
        return parent.create_dir_with(name, &builder);
    }
    let _ = is_private;
    parent.create_dir(name)
}

/// Opens a file to be read, waiting for nothing and following nothing.
pub(crate) fn open(directory: &Dir, name: &OsStr) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No).nonblock(true);
    let opened = directory.open_with(name, &options)?.into_std();
    if opened.metadata()?.is_file() { Ok(opened) } else { Err(io::Error::other("is no longer a file")) }
}

/// Gives a file that is there another mode.
#[cfg(unix)]
pub(crate) fn set_mode(directory: &Dir, name: &OsStr, mode: u16) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    open(directory, name)?.set_permissions(std::fs::Permissions::from_mode(mode.into()))
}

#[cfg(not(unix))]
pub(crate) fn set_mode(_directory: &Dir, _name: &OsStr, _mode: u16) -> io::Result<()> {
    Ok(())
}
