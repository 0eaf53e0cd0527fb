//! Bytes that do not show themselves: terminal content and secrets never reach a log, not even
//! through somebody's `{:?}`.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// A message or payload that is kept. Its `Debug` output is its size.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Opaque(pub(super) Bytes);

impl Deref for Opaque {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
