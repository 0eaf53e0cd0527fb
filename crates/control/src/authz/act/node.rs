//! Nodes and activations, and what nodes do for themselves.

use postern_iam::{Arn, NodeId};
use postern_policy::Context;
use postern_store::Tag;

use super::{Creation, Question, Resource, Subject, only};

/// A managed node, which need not exist.
#[derive(Clone, Debug)]
pub struct OnNode {
    /// Which.
    pub id: NodeId,
    /// Its tags, if it is there.
    pub tags: Vec<Tag>,
    /// It takes no sessions, whatever policies say.
    pub is_locked: bool,
}

impl OnNode {
    pub(super) fn resource(&self) -> Resource<'_> {
        Resource::Node { id: &self.id, tags: &self.tags }
    }
}

impl Subject for OnNode {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(self.resource())
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// The node that acts, in acts that are for nodes alone. Policies have no say in those, and so its tags do not matter.
#[derive(Clone, Debug)]
pub struct Itself(pub NodeId);

impl Subject for Itself {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(Resource::Node { id: &self.0, tags: &[] })
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// What a session is asked for with.
#[derive(Clone, Debug)]
pub enum Target {
    /// The id of a managed node, which need not exist.
    Node(OnNode),
    /// Anything else; there is nothing of that name here.
    Other(String),
}

impl Target {
    pub(super) fn resource(&self) -> Resource<'_> {
        match self {
            Self::Node(node) => node.resource(),
            Self::Other(other) => Resource::Target(other),
        }
    }
}

impl Subject for Target {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(self.resource())
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// The inventory of all nodes.
#[derive(Clone, Copy, Debug)]
pub struct Inventory;

impl Subject for Inventory {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(Resource::Inventory)
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// What giving a node another role is about. Whoever does it hands that role to the service.
#[derive(Clone, Debug)]
pub struct NodeAndRole {
    /// The node.
    pub node: OnNode,
    /// The role that it would have.
    pub role: Arn,
}

impl Subject for NodeAndRole {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        let role = Question::about(Resource::Role(&self.role));
        vec![vec![Question::about(self.node.resource()), role, handing_over(&self.role)]]
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// What making an activation is about. Whoever makes one hands the role that nodes will have to the service. The tags
/// beside it are those of the nodes.
#[derive(Clone, Debug)]
pub struct NewActivation {
    /// The role.
    pub role: Arn,
}

impl Subject for NewActivation {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        vec![vec![Question::about(Resource::Any), handing_over(&self.role)]]
    }

    fn request_keys(&self, _: &mut Context) {}
}

fn handing_over(role: &Arn) -> Question<'_> {
    let keys = Context::new().with("iam:PassedToService", "ssm.amazonaws.com");
    Question { action: Some("iam:PassRole"), keys, ..Question::about(Resource::Role(role)) }
}

acts! {
    /// Ask whether a node is connected.
    GetConnectionStatus = Api(GetConnectionStatus), on Target;
    /// List nodes.
    DescribeInstanceInformation = Api(DescribeInstanceInformation), on ();
    /// List nodes as consoles show them.
    DescribeInstanceProperties = Api(DescribeInstanceProperties), on ();
    /// List nodes as an inventory.
    ListNodes = Api(ListNodes), on Inventory;
    /// Give a node another role.
    UpdateManagedInstanceRole = Api(UpdateManagedInstanceRole), on NodeAndRole;
    /// Make an activation.
    CreateActivation = Api(CreateActivation), on Creation<NewActivation>;
    /// List activations.
    DescribeActivations = Api(DescribeActivations), on ();
    /// Remove an activation.
    DeleteActivation = Api(DeleteActivation), on ();
    /// Remove a node.
    DeregisterManagedInstance = Api(DeregisterManagedInstance), on OnNode;
    /// Become a node.
    RegisterManagedInstance = Api(RegisterManagedInstance), on ();
    /// Get temporary credentials.
    RequestManagedInstanceRoleToken = Api(RequestManagedInstanceRoleToken), on Itself;
    /// Replace the node's key.
    UpdateManagedInstancePublicKey = Api(UpdateManagedInstancePublicKey), on Itself;
    /// Report.
    UpdateInstanceInformation = Api(UpdateInstanceInformation), on Itself;
    /// Ask what to apply.
    ListInstanceAssociations = Api(ListInstanceAssociations), on Itself;
    /// Poll for messages.
    GetMessages = Api(GetMessages), on Itself;
}
