//! Locks on users, roles and nodes.

use super::{OnIdentity, OnNode};

acts! {
    /// Stop a user or role.
    LockPrincipal = Api(LockPrincipal), on OnIdentity;
    /// Let it go on.
    UnlockPrincipal = Api(UnlockPrincipal), on OnIdentity;
    /// Stop sessions on a node.
    LockNode = Api(LockNode), on OnNode;
    /// Let it have sessions again.
    UnlockNode = Api(UnlockNode), on OnNode;
}
