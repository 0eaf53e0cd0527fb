//! The rules by which created users may act as somebody else: one file for each in sudo's own folder.
//!
//! A rule gets its name only when `visudo` has read it, so that no mistake of ours stops sudo for the whole machine. The
//! file is named after the user's number: sudo passes over names with a dot.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use postern_iam::OsUserName;
use postern_model::document::SudoRule;

use super::UserError;
use super::tools::{self, ToolError};

/// Where sudo looks for rules.
pub(super) const FOLDER: &str = "/etc/sudoers.d";
/// Readable to root and its group, and writable to nobody: sudo insists.
#[cfg(unix)]
const MODE: u32 = 0o440;

/// Lets a user do what the rule says, and no more.
pub(super) async fn permit(folder: &Path, uid: u32, user: &OsUserName, rule: &SudoRule) -> Result<(), UserError> {
    let path = path(folder, uid);
    let content =
        format!("# Made by postern-agent for sessions that run as {user}; it goes with the user.\n{user} {rule}\n");
    if fs::read(&path).is_ok_and(|found| found == content.as_bytes()) {
        return Ok(());
    }
    // With a dot: sudo passes over it until it has its name.
    let beside = path.with_extension("new");
    let done = install(folder, &beside, &path, content.as_bytes()).await;
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done
}

/// Takes the rule away, if there is one.
pub(super) fn forbid(folder: &Path, uid: u32) -> io::Result<()> {
    match fs::remove_file(path(folder, uid)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

async fn install(folder: &Path, beside: &Path, path: &Path, content: &[u8]) -> Result<(), UserError> {
    write(beside, content)?;
    // Short options: the long ones are younger than sudo in some distributions.
    match tools::run("visudo", ["-c".as_ref(), "-q".as_ref(), "-f".as_ref(), beside.as_os_str()]).await {
        Ok(_) => {}
        Err(ToolError::Failed(_, complaint)) => return Err(UserError::SudoRule(complaint)),
        Err(error) => return Err(error.into()),
    }
    fs::rename(beside, path)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    // One that a crash has left cannot be opened for writing.
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, MODE);
    let mut file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(MODE))?;
    file.write_all(content)?;
    file.sync_all()
}

fn path(folder: &Path, uid: u32) -> PathBuf {
    folder.join(format!("postern-{uid}"))
}
