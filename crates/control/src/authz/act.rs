//! What acts are about, and one type for each act.

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
