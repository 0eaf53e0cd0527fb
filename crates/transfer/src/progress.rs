//! What somebody who watches is told.

use postern_protocol::transfer::Total;

/// Watches a copy. Called often; must be quick.
pub trait Progress: Send {
    /// So much is to be copied.
    fn total(&mut self, _total: Total) {}
    /// So many bytes of files are there, moved now or found in place.
    fn advanced(&mut self, _bytes: u64) {}
    /// This file is being copied.
    fn current(&mut self, _path: &str) {}
    /// Something is not copied, while the rest is; a sentence, partly in the peer's words.
    fn problem(&mut self, _text: &str) {}
}

impl Progress for () {}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that were copied.
    pub files: u64,
    /// Files that were there already, by size and time, or by their content.
    pub files_in_place: u64,
    /// Bytes of files that travelled.
    pub bytes: u64,
    /// Bytes that an earlier copy had brought.
    pub bytes_resumed: u64,
    /// Things that were not copied, each told as a problem.
    pub problems: u64,
}
