//! Locks: what somebody has put a stop to until further notice.

use serde::{Deserialize, Serialize};

use crate::UnixMillis;

/// A lock on a user, a role or a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Why, in the words of whoever locked it; may be empty.
    pub reason: String,
    /// The principal who did.
    pub by: String,
    /// When.
    pub at: UnixMillis,
}
