//! Names as the wire has them (bytes) and as this system has them.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// A name or path of this system for the wire. `None`: it is no text, and only Windows asks for one.
pub(crate) fn to_wire(name: &OsStr) -> Option<Vec<u8>> {
    #[cfg(unix)]
    return Some(std::os::unix::ffi::OsStrExt::as_bytes(name).to_vec());
    #[cfg(not(unix))]
    return name.to_str().map(|text| text.as_bytes().to_vec());
}

/// The same backwards.
pub(crate) fn from_wire(name: &[u8]) -> Option<OsString> {
    #[cfg(unix)]
    return Some(std::os::unix::ffi::OsStrExt::from_bytes(name)).map(|name: &OsStr| name.to_owned());
    #[cfg(not(unix))]
    return std::str::from_utf8(name).ok().map(OsString::from);
}

/// A path for a sentence.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The path of an entry for a sentence.
pub(crate) fn joined(directory: &str, name: &OsStr) -> String {
    let name = name.to_string_lossy();
    if directory.is_empty() || directory.ends_with('/') {
        format!("{directory}{name}")
    } else {
        format!("{directory}/{name}")
    }
}
