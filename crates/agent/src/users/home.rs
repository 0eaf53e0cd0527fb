//! Homes that stay when their users go. Meanwhile they are root's and closed: a number that nobody has may be given to
//! anybody, and with it everything that belongs to the number.

use std::io;
use std::path::Path;

use postern_pty::Account;

/// Closes a home whose owner is about to go.
pub(super) fn close(home: &Path, owner: &Account) -> io::Result<()> {
    hand_over(home, owner.uid, 0, 0)
}

/// Gives a home that was closed back to its owner.
pub(super) fn open(home: &Path, owner: &Account) -> io::Result<()> {
    hand_over(home, 0, owner.uid, owner.gid)
}

/// The folder that holds homes is root's, so nobody can put another thing in this one's place meanwhile.
#[cfg(unix)]
fn hand_over(home: &Path, from: u32, uid: u32, gid: u32) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
    let found = match home.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if found.uid() == uid {
        return Ok(());
    }
    if !found.is_dir() || found.uid() != from {
        tracing::warn!(home = %home.display(), "a home is not what it was; it is left alone");
        return Ok(());
    }
    std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o700))?;
    lchown(home, Some(uid), Some(gid))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "where there are homes it can fail")]
fn hand_over(_: &Path, _: u32, _: u32, _: u32) -> io::Result<()> {
    Ok(())
}
