//! Files whose content is made when they are read, as in `/proc` and `/sys`. The size that such a file shows says nothing:
//! it is 0, or a page, or more than any disk has. So it is read whole before it is offered.

use std::io::{self, Read};

use cap_std::fs::Dir;

use crate::make::open;

/// The longest that is copied. Those that matter are shorter (all of a kernel's symbols take 10 MB); a few have no end.
const MAX_BYTES: usize = 16 * 1024 * 1024;

const PIECE_BYTES: usize = 64 * 1024;

/// Reads all of it.
pub(crate) fn read(directory: &Dir, entry: &std::ffi::OsStr) -> io::Result<Vec<u8>> {
    let mut file = open(directory, entry)?;
    let mut content = Vec::new();
    // Some of them take whole pieces only.
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(content),
            Ok(count) if content.len() + count > MAX_BYTES => {
                let megabytes = MAX_BYTES / (1024 * 1024);
                return Err(io::Error::other(format!(
                    "is made as it is read, and has no end within {megabytes} megabytes"
                )));
            }
            Ok(count) => content.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What is announced for content of this length: when its turn comes, it may be a little longer.
pub(crate) fn announced(length: u64) -> u64 {
    length + length / 4 + 4096
}

/// Whether the files of a directory are of that kind.
#[cfg(target_os = "linux")]
pub(crate) fn is_pseudo(directory: &Dir) -> bool {
    /// procfs, sysfs, debugfs, tracefs, securityfs, configfs and both kinds of cgroups (`linux/magic.h`).
    const KINDS: [u64; 8] =
        [0x9fa0, 0x6265_6572, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0x6265_6570, 0x0027_e0eb, 0x6367_7270];
    rustix::fs::fstatfs(directory)
        .is_ok_and(|found| KINDS.iter().any(|kind| i128::from(*kind) == i128::from(found.f_type)))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_pseudo(_directory: &Dir) -> bool {
    false
}
