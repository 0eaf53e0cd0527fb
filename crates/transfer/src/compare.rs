//! Files that are there already, by their content.

use std::ffi::OsStr;
use std::io;

use cap_std::fs::Dir;
use postern_protocol::transfer::{Attributes, Digest};

use crate::attributes;
use crate::make::open;
use crate::send::{finish, hash};

const HASH_BUFFER_BYTES: usize = 128 * 1024;

/// A file as it was when it was read.
pub(crate) struct Compared {
    /// Of all of it.
    pub(crate) digest: Digest,
    /// In bytes.
    pub(crate) size: u64,
    attributes: Attributes,
}

impl Compared {
    /// Reads a file of this size. `None`: it cannot be read, or has another size by now, and is no help.
    pub(crate) fn read(directory: &Dir, name: &OsStr, size: u64) -> Option<Self> {
        let attributes = attributes::of(&directory.symlink_metadata(name).ok()?);
        let mut file = open(directory, name).ok()?;
        let context = hash(&mut file, size, &mut vec![0; HASH_BUFFER_BYTES]).ok()??;
        Some(Self { digest: finish(context), size, attributes })
    }

    /// It is the sender's; gives it the sender's attributes, if any.
    pub(crate) fn confirm(&self, directory: &Dir, name: &OsStr, wanted: Option<&Attributes>) -> io::Result<()> {
        let there = directory.symlink_metadata(name)?;
        if !there.is_file() || there.len() != self.size || attributes::of(&there) != self.attributes {
            return Err(io::Error::other("changed while it was compared; copy again"));
        }
        match wanted {
            Some(wanted) if *wanted != self.attributes => attributes::set_on_file(&open(directory, name)?, wanted),
            _ => Ok(()),
        }
    }
}
