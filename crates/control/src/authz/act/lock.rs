//! Locks on users, roles and nodes, and explanations of decisions about users and roles.

use postern_policy::Context;

use super::{OnIdentity, OnNode, Question, Subject};
use crate::authz::Needs;

/// Somebody whose decisions are explained: oneself as long as nothing denies it.
#[derive(Clone, Debug)]
pub struct OnExplained {
    /// The user or role, which need not exist.
    pub identity: OnIdentity,
    /// The user id of the only one who is that; none for a role, which many can act as, if it is not whoever asks.
    pub user_id: Option<String>,
}

impl Subject for OnExplained {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        let needs = Needs::AllowUnlessOwner(self.user_id.as_deref());
        vec![vec![Question { needs, ..Question::about(self.identity.resource()) }]]
    }

    fn request_keys(&self, _: &mut Context) {}
}

acts! {
    /// Stop a user or role.
    LockPrincipal = Api(LockPrincipal), on OnIdentity;
    /// Let it go on.
    UnlockPrincipal = Api(UnlockPrincipal), on OnIdentity;
    /// Stop sessions on a node.
    LockNode = Api(LockNode), on OnNode;
    /// Let it have sessions again.
    UnlockNode = Api(UnlockNode), on OnNode;
    /// List what is locked.
    ListLocks = Api(ListLocks), on ();
    /// Ask what would be decided about somebody, and why.
    ExplainPolicy = Api(ExplainPolicy), on OnExplained;
}
