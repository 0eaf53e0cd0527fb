//! The end of a file that grows.

use std::fs::File;
use std::io;
use std::sync::Arc;

use postern_recording::recorder::Tail;

use crate::durable::{Durable, Pending};

pub(crate) struct FileTail {
    file: Arc<File>,
    /// What was written whole.
    len: u64,
    /// Something of a failed attempt may lie behind it.
    torn: bool,
    pending: Arc<Pending>,
    durable: Arc<Durable>,
}

impl FileTail {
    pub(crate) fn new(file: Arc<File>, len: u64, pending: Arc<Pending>, durable: Arc<Durable>) -> Self {
        durable.want(&pending);
        Self { file, len, torn: false, pending, durable }
    }
}

impl Tail for FileTail {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.check()?;
        if self.torn {
            self.file.set_len(self.len)?;
            self.torn = false;
        }
        if let Err(error) = write_all_at(&self.file, bytes, self.len) {
            // A part of it would be taken for the end of the file after a restart.
            self.torn = self.file.set_len(self.len).is_err();
            return Err(error);
        }
        self.len += bytes.len() as u64;
        self.durable.want(&self.pending);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.len
    }
}

impl Drop for FileTail {
    /// The last second of a recording is made durable like the others.
    fn drop(&mut self) {
        self.durable.want(&self.pending);
    }
}

#[cfg(unix)]
pub(crate) fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
pub(crate) fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
        at += written as u64;
    }
    Ok(())
}
