//! Modes and times, from and onto files.

use std::fs::{File, FileTimes};
use std::io;
use std::time::{Duration, SystemTime};

use cap_fs_ext::{DirExt as _, SystemTimeSpec};
use cap_std::fs::{Dir, Metadata};
use postern_protocol::transfer::Attributes;

/// What a file or directory has.
pub(crate) fn of(metadata: &Metadata) -> Attributes {
    let modified = metadata.modified().map_or(SystemTime::UNIX_EPOCH, |time| time.into_std());
    let (modified_seconds, modified_nanos) = match modified.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
        Err(before) => {
            // Nanoseconds count forwards, also before 1970.
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            match before.subsec_nanos() {
                0 => (-seconds, 0),
                nanos => (-seconds - 1, 1_000_000_000 - nanos),
            }
        }
    };
    Attributes { mode: mode(metadata), modified_seconds, modified_nanos }
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u16 {
    use cap_std::fs::MetadataExt as _;
    (metadata.mode() & 0o777) as u16
}

#[cfg(not(unix))]
fn mode(metadata: &Metadata) -> u16 {
    match (metadata.is_dir(), metadata.permissions().readonly()) {
        (true, _) => 0o755,
        (false, true) => 0o444,
        (false, false) => 0o644,
    }
}

/// Gives an open file its mode and time.
pub(crate) fn set_on_file(file: &File, attributes: &Attributes) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(attributes.mode.into()))?;
    }
    match modified(attributes) {
        Some(time) => file.set_times(FileTimes::new().set_modified(time)),
        None => Ok(()),
    }
}

/// Gives a directory its mode and time. The mode last: it may take the right to change it.
pub(crate) fn set_on_directory(directory: &Dir, attributes: &Attributes) -> io::Result<()> {
    if let Some(time) = modified(attributes) {
        let time = SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time));
        directory.set_mtime(".", time)?;
    }
    #[cfg(unix)]
    {
        use cap_std::fs::PermissionsExt as _;
        directory.set_permissions(".", cap_std::fs::Permissions::from_mode(attributes.mode.into()))?;
    }
    Ok(())
}

/// `None` for a time that this system cannot count; it is not worth a failure.
fn modified(attributes: &Attributes) -> Option<SystemTime> {
    let seconds = Duration::from_secs(attributes.modified_seconds.unsigned_abs());
    let whole = match attributes.modified_seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(seconds),
        _ => SystemTime::UNIX_EPOCH.checked_sub(seconds),
    };
    whole?.checked_add(Duration::from_nanos(attributes.modified_nanos.into()))
}
