//! Locks: what somebody has put a stop to until further notice.

use async_trait::async_trait;
use postern_iam::NodeId;
use serde::{Deserialize, Serialize};

use crate::{IdentityKind, Scope, StoreError, UnixMillis};

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

/// Something that is locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// What it is.
    pub on: LockedThing,
    /// Its lock.
    pub lock: Lock,
}

/// What can be locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockedThing {
    /// A node.
    Node(NodeId),
    /// A user or role.
    Identity {
        /// Which of them.
        kind: IdentityKind,
        /// Its path, which is in its ARN.
        path: String,
        /// Its name.
        name: String,
    },
}

impl LockedThing {
    /// Its place in listings: nodes by id, then roles and users by name.
    #[must_use]
    pub fn cursor(&self) -> String {
        match self {
            Self::Node(id) => format!("node/{id}"),
            Self::Identity { kind: IdentityKind::User, name, .. } => format!("user/{name}"),
            Self::Identity { kind: IdentityKind::Role, name, .. } => format!("role/{name}"),
            Self::Identity { kind: IdentityKind::Group, name, .. } => format!("group/{name}"),
        }
    }
}

/// Acts on locks as such. They are set where the things are changed that have them.
#[async_trait]
pub trait LockStore: Send + Sync {
    /// Everything in this account and region that is locked, in the order of [`LockedThing::cursor`], after this one.
    async fn locks_page(&self, scope: &Scope, after: Option<&str>, limit: u32) -> Result<Vec<Locked>, StoreError>;
}
