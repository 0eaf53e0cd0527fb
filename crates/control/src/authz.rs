//! The one place where it is decided who may do what. Deny by default.
//!
//! [`authorize`] turns a caller, an act and what it is about into an [`Authorized`] proof, and every function that
//! reads or changes state on somebody's behalf demands the proof of its own act as an argument. There is no other way
//! to make one. A proof is for one act on one resource; it cannot be used for another.
//!
//! The decision itself is one function without types to hide behind, `decide`, whose `match` over [`Operation`] has
//! no wildcard: a new operation does not compile until somebody has decided about it.

use postern_iam::{Arn, NodeId, SessionId};
use postern_model::{ApiError, Operation};
use postern_store::Scope;

use crate::caller::{Caller, NodeProof, Principal};

#[cfg(test)]
mod tests;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An operation of the API.
    Api(Operation),
    /// Ask for a token for a control channel.
    CreateControlChannel,
    /// Open a control channel with a signed upgrade.
    OpenControlChannel,
    /// Ask for a token for the agent's side of a data channel.
    CreateDataChannel,
    /// Open a side of a data channel with a signed upgrade.
    OpenDataChannel,
}

impl Action {
    /// The name in policies and denials.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Api(operation) => format!("ssm:{operation}"),
            Self::CreateControlChannel => "ssmmessages:CreateControlChannel".to_owned(),
            Self::OpenControlChannel => "ssmmessages:OpenControlChannel".to_owned(),
            Self::CreateDataChannel => "ssmmessages:CreateDataChannel".to_owned(),
            Self::OpenDataChannel => "ssmmessages:OpenDataChannel".to_owned(),
        }
    }
}

/// What somebody wants to do it to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Nothing in particular: `*`.
    Any,
    /// A managed node, which need not exist.
    Node(NodeId),
    /// Something that a session was asked for with, and that is not the id of a managed node.
    Target(String),
    /// A document.
    Document(Arn),
    /// A session.
    Session {
        /// Which.
        id: SessionId,
        /// On which node; none if there is no such session.
        node: Option<NodeId>,
    },
}

impl Resource {
    /// As policies and denials name it.
    #[must_use]
    pub fn name(&self, scope: &Scope) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::Node(node) => Arn::node(&scope.region, &scope.account, node).to_string(),
            Self::Target(target) => target.chars().filter(|c| !c.is_control()).take(64).collect(),
            Self::Document(arn) => arn.to_string(),
            Self::Session { id, .. } => Arn::session(&scope.region, &scope.account, id).to_string(),
        }
    }
}

/// An act that needs a decision. Implemented by one empty type for each action, in [`act`].
pub trait Act {
    /// What it is called.
    const ACTION: Action;
    /// What it is done to.
    type On: Clone;

    /// Everything the decision is about; all of it must be allowed.
    fn resources(on: &Self::On) -> Vec<Resource>;
}

/// The proof that a caller may do `A`, and to what.
#[derive(Debug)]
#[must_use = "a decision that nobody acts on protects nothing"]
pub struct Authorized<A: Act> {
    caller: Caller,
    on: A::On,
}

impl<A: Act> Authorized<A> {
    /// Who may.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What it may be done to.
    #[must_use]
    pub fn on(&self) -> &A::On {
        &self.on
    }

    /// Where.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.caller.scope
    }
}

/// Decides whether `caller` may do `A` to `on`.
///
/// # Errors
/// `AccessDeniedException`, naming the principal, the action, the resource and the reason.
pub fn authorize<A: Act>(caller: &Caller, on: A::On) -> Result<Authorized<A>, ApiError> {
    for resource in A::resources(&on) {
        if let Decision::Deny(reason) = decide(&caller.principal, A::ACTION, &resource) {
            let (action, resource) = (A::ACTION.name(), resource.name(&caller.scope));
            tracing::info!(principal = %caller.principal, action, resource, reason, "denied");
            return Err(ApiError::access_denied(&caller.principal, &action, &resource, reason));
        }
    }
    Ok(Authorized { caller: caller.clone(), on })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Allow,
    Deny(&'static str),
}

const NO_POLICY: Decision = Decision::Deny("because no identity-based policy allows the action");
const NOT_ITS_OWN: Decision = Decision::Deny("because a managed node may act only for itself and its own sessions");
const NEEDS_KEY: Decision = Decision::Deny("because it must be signed with the node's registered key");
const NEEDS_ROLE: Decision = Decision::Deny("because it must be signed with the credentials of the node's role");
const NOT_A_NODE: Decision = Decision::Deny("because only a managed node may do this, with its own credentials");

fn decide(principal: &Principal, action: Action, resource: &Resource) -> Decision {
    match principal {
        Principal::Administrator { .. } => decide_for_administrator(action),
        Principal::Node { node_id, proof } => decide_for_node(node_id, *proof, action, resource),
        // An anonymous registration brings its own proof, the activation's code, which the act checks.
        Principal::Anonymous if action == Action::Api(Operation::RegisterManagedInstance) => Decision::Allow,
        Principal::Anonymous => NO_POLICY,
    }
}

/// An administrator may do everything that is a user's to do. What only a node can do is not: a control channel that an
/// administrator opened would be a node that nobody registered.
fn decide_for_administrator(action: Action) -> Decision {
    match action {
        Action::Api(operation) => match operation {
            Operation::StartSession
            | Operation::ResumeSession
            | Operation::TerminateSession
            | Operation::DescribeSessions
            | Operation::GetConnectionStatus
            | Operation::DescribeInstanceInformation
            | Operation::CreateActivation
            | Operation::DescribeActivations
            | Operation::DeleteActivation
            | Operation::DeregisterManagedInstance
            | Operation::RegisterManagedInstance => Decision::Allow,
            Operation::RequestManagedInstanceRoleToken
            | Operation::UpdateManagedInstancePublicKey
            | Operation::UpdateInstanceInformation
            | Operation::ListInstanceAssociations => NOT_A_NODE,
        },
        Action::OpenDataChannel => Decision::Allow,
        Action::CreateControlChannel | Action::OpenControlChannel | Action::CreateDataChannel => NOT_A_NODE,
    }
}

fn decide_for_node(node: &NodeId, proof: NodeProof, action: Action, resource: &Resource) -> Decision {
    let needed = match action {
        Action::Api(operation) => match operation {
            Operation::RequestManagedInstanceRoleToken | Operation::UpdateManagedInstancePublicKey => NodeProof::Key,
            Operation::UpdateInstanceInformation | Operation::ListInstanceAssociations => NodeProof::Role,
            Operation::StartSession
            | Operation::ResumeSession
            | Operation::TerminateSession
            | Operation::DescribeSessions
            | Operation::GetConnectionStatus
            | Operation::DescribeInstanceInformation
            | Operation::CreateActivation
            | Operation::DescribeActivations
            | Operation::DeleteActivation
            | Operation::DeregisterManagedInstance
            | Operation::RegisterManagedInstance => return NO_POLICY,
        },
        Action::CreateControlChannel
        | Action::OpenControlChannel
        | Action::CreateDataChannel
        | Action::OpenDataChannel => NodeProof::Role,
    };
    let own = match resource {
        Resource::Node(other) => other == node,
        Resource::Session { node: Some(other), .. } => other == node,
        Resource::Session { node: None, .. } | Resource::Any | Resource::Target(_) | Resource::Document(_) => false,
    };
    match (own, needed == proof, needed) {
        (true, true, _) => Decision::Allow,
        (false, _, _) => NOT_ITS_OWN,
        (true, false, NodeProof::Key) => NEEDS_KEY,
        (true, false, NodeProof::Role) => NEEDS_ROLE,
    }
}

/// One type for each act.
pub mod act {
    use super::{Act, Action, Arn, NodeId, Operation, Resource, SessionId};

    /// What StartSession is about.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct NodeAndDocument {
        /// The node, or what was named instead.
        pub target: Target,
        /// The document.
        pub document: Arn,
    }

    /// What a session is asked for with.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Target {
        /// The id of a managed node, which need not exist.
        Node(NodeId),
        /// Anything else; there is nothing of that name here.
        Other(String),
    }

    impl From<&Target> for Resource {
        fn from(target: &Target) -> Self {
            match target {
                Target::Node(node) => Self::Node(node.clone()),
                Target::Other(other) => Self::Target(other.clone()),
            }
        }
    }

    /// What acts on sessions are about.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct OnSession {
        /// Which.
        pub id: SessionId,
        /// On which node; none if there is no such session.
        pub node: Option<NodeId>,
    }

    macro_rules! acts {
        ($($(#[$doc:meta])* $name:ident = $action:expr, on $on:ty: $resources:expr;)+) => {
            $(
                $(#[$doc])*
                #[derive(Clone, Copy, Debug)]
                pub struct $name;

                impl Act for $name {
                    const ACTION: Action = $action;
                    type On = $on;

                    fn resources(on: &$on) -> Vec<Resource> {
                        let resources: fn(&$on) -> Vec<Resource> = $resources;
                        resources(on)
                    }
                }
            )+

            /// Every action that has an act, for the test that none is forgotten.
            #[cfg(test)]
            pub(super) const ACTIONS: &[Action] = &[$($name::ACTION),+];
        };
    }

    fn any((): &()) -> Vec<Resource> {
        vec![Resource::Any]
    }

    fn node(node: &NodeId) -> Vec<Resource> {
        vec![Resource::Node(node.clone())]
    }

    fn session(on: &OnSession) -> Vec<Resource> {
        vec![Resource::Session { id: on.id.clone(), node: on.node.clone() }]
    }

    acts! {
        /// Open a session.
        StartSession = Action::Api(Operation::StartSession), on NodeAndDocument:
            |on| vec![Resource::from(&on.target), Resource::Document(on.document.clone())];
        /// Get a new client token.
        ResumeSession = Action::Api(Operation::ResumeSession), on OnSession: session;
        /// End a session.
        TerminateSession = Action::Api(Operation::TerminateSession), on OnSession: session;
        /// List sessions.
        DescribeSessions = Action::Api(Operation::DescribeSessions), on (): any;
        /// Ask whether a node is connected.
        GetConnectionStatus = Action::Api(Operation::GetConnectionStatus), on Target: |on| vec![Resource::from(on)];
        /// List nodes.
        DescribeInstanceInformation = Action::Api(Operation::DescribeInstanceInformation), on (): any;
        /// Make an activation.
        CreateActivation = Action::Api(Operation::CreateActivation), on (): any;
        /// List activations.
        DescribeActivations = Action::Api(Operation::DescribeActivations), on (): any;
        /// Remove an activation.
        DeleteActivation = Action::Api(Operation::DeleteActivation), on (): any;
        /// Remove a node.
        DeregisterManagedInstance = Action::Api(Operation::DeregisterManagedInstance), on NodeId: node;
        /// Become a node.
        RegisterManagedInstance = Action::Api(Operation::RegisterManagedInstance), on (): any;
        /// Get temporary credentials.
        RequestManagedInstanceRoleToken = Action::Api(Operation::RequestManagedInstanceRoleToken), on NodeId: node;
        /// Replace the node's key.
        UpdateManagedInstancePublicKey = Action::Api(Operation::UpdateManagedInstancePublicKey), on NodeId: node;
        /// Report.
        UpdateInstanceInformation = Action::Api(Operation::UpdateInstanceInformation), on NodeId: node;
        /// Ask what to apply.
        ListInstanceAssociations = Action::Api(Operation::ListInstanceAssociations), on NodeId: node;
        /// Ask for a control channel.
        CreateControlChannel = Action::CreateControlChannel, on NodeId: node;
        /// Open a control channel, signed.
        OpenControlChannel = Action::OpenControlChannel, on NodeId: node;
        /// Ask for the agent's side of a data channel.
        CreateDataChannel = Action::CreateDataChannel, on OnSession: session;
        /// Open a side of a data channel, signed.
        OpenDataChannel = Action::OpenDataChannel, on OnSession: session;
    }
}
