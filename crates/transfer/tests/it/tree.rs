//! Trees to copy, and what a tree is when it is compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Everything about an entry that a copy keeps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    mode: u32,
    modified: (i64, i64),
    content: Vec<u8>,
}

/// All entries below a folder, the folder itself included, by their paths.
pub(crate) fn read(folder: &Path) -> BTreeMap<String, Entry> {
    let mut entries = BTreeMap::new();
    visit(folder, folder, &mut entries);
    entries
}

fn visit(top: &Path, path: &Path, entries: &mut BTreeMap<String, Entry>) {
    let metadata = path.symlink_metadata().unwrap();
    let (content, mode, modified) = if metadata.is_symlink() {
        (fs::read_link(path).unwrap().into_os_string().into_encoded_bytes(), 0, (0, 0))
    } else {
        let content = if metadata.is_file() { fs::read(path).unwrap() } else { b"a folder".to_vec() };
        (content, metadata.mode(), (metadata.mtime(), metadata.mtime_nsec()))
    };
    let name = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
    entries.insert(name, Entry { mode, modified, content });
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            visit(top, &entry.unwrap().path(), entries);
        }
    }
}

pub(crate) fn file(path: &Path, content: &[u8], mode: u32, age: u64) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    set_age(path, age);
}

/// Moves the time of the last change back, to a time that is no whole second.
pub(crate) fn set_age(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000 - seconds, 123_456_789);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// Numbers that compress to nothing and repeat nowhere.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Names, modes, times, sizes and depths that have gone wrong somewhere before.
pub(crate) fn make(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for name in ["empty", "read-only", "ünïcode ☃", " spaces ", "a", "a/b", "a/b/c", "a.b"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    file(&folder.join("nothing"), b"", 0o600, 1);
    file(&folder.join("a/script.sh"), b"#!/bin/sh\n", 0o755, 86_400);
    file(&folder.join("a/b/c/deep"), b"down here", 0o644, 5);
    file(&folder.join("a/b-after"), b"sorts between", 0o640, 6);
    file(&folder.join("-rf"), b"not an option", 0o644, 7);
    file(&folder.join("new\nline"), b"two lines", 0o644, 8);
    file(&folder.join("ünïcode ☃/Grüße"), "Grüße".as_bytes(), 0o644, 9);
    file(&folder.join("read-only/locked"), b"for reading", 0o400, 10);
    file(&folder.join("secret"), b"nobody else's", 0o600, 11);
    file(&folder.join("larger"), &noise(1_000_003), 0o644, 12);
    file(&folder.join(&*"long".repeat(60)), b"240 bytes of name", 0o644, 13);
    use std::os::unix::ffi::OsStrExt as _;
    file(&folder.join(std::ffi::OsStr::from_bytes(b"not utf-8 \xff\xfe")), b"bytes", 0o644, 14);
    for name in ["empty", "read-only", "a/b/c", "a/b", "a", ""] {
        set_age(&folder.join(name), 1000);
    }
    fs::set_permissions(folder.join("read-only"), fs::Permissions::from_mode(0o555)).unwrap();
}
