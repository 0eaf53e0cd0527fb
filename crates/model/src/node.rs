//! Managed nodes as users see them: list, change the role, deregister.

mod filter;
mod inventory;
mod property;
mod role;

use postern_iam::NodeId;
use serde::{Deserialize, Serialize};

use crate::constraint::{Pattern, Text};
use crate::decode::{ApiRequest, Input};
use crate::error::{ApiError, ErrorCode};
use crate::operation::Operation;

pub use filter::{NodeFilter, NodeFilterKey};
pub use inventory::{
    InstanceInfo, InventoryFilter, InventoryKey, ListNodesRequest, ListNodesResponse, Node, NodeOwnerInfo, NodeType,
};
pub use property::{
    Comparison, DescribeInstancePropertiesRequest, DescribeInstancePropertiesResponse, InstanceProperty, PropertyFilter,
};
pub use role::UpdateManagedInstanceRoleRequest;
pub(crate) use role::{is_role_name, read_role};

/// `DescribeInstanceInformation`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInstanceInformationRequest {
    /// All of them must hold, each with any of its values. Both styles of AWS's model are read into this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<NodeFilter>,
    /// 5 to 50; absent is 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the previous page, as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl ApiRequest for DescribeInstanceInformationRequest {
    const OPERATION: Operation = Operation::DescribeInstanceInformation;
    type Response = DescribeInstanceInformationResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let mut filters = input.objects("Filters", 0..=50, NodeFilter::read)?;
        let older = input.objects("InstanceInformationFilterList", 0..=50, NodeFilter::read_older)?;
        if !filters.is_empty() && !older.is_empty() {
            let message = "Filters and InstanceInformationFilterList can not be used together; use Filters.";
            return Err(ApiError::new(ErrorCode::ValidationException, message));
        }
        filters.extend(older);
        let (max_results, next_token) = input.page(5, 50)?;
        Ok(Self { filters, max_results, next_token })
    }
}

/// One page of nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInstanceInformationResponse {
    /// The nodes.
    pub instance_information_list: Vec<InstanceInformation>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A node as it is listed: all that the other listing tells, and more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceInformation {
    /// What both tell.
    #[serde(flatten)]
    pub instance: InstanceProperty,
    /// Whether its agent is the newest released one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_latest_version: Option<bool>,
    /// An extension of ours: what is wrong with its identity. Several machines use it, and which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postern_identity_conflict: Option<String>,
    /// Ours alone: it takes no sessions, whatever policies say. Absent if it is not locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postern_locked: Option<bool>,
}

/// Whether a node reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PingStatus {
    /// Its control channel is there.
    Online,
    /// It is not.
    ConnectionLost,
    /// Deprecated by AWS and never given out here.
    Inactive,
}

impl PingStatus {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "Online",
            Self::ConnectionLost => "ConnectionLost",
            Self::Inactive => "Inactive",
        }
    }
}

/// A node's kind of operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PlatformType {
    /// Microsoft's.
    Windows,
    /// Any Linux.
    Linux,
    /// Apple's.
    MacOS,
}

impl PlatformType {
    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::Linux => "Linux",
            Self::MacOS => "MacOS",
        }
    }

    /// Reads the name in any case: the control channel spells it in lower case (agent-api-calls §3).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Windows, Self::Linux, Self::MacOS].into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name))
    }
}

/// What a node is to AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResourceType {
    /// Registered with an activation: `mi-…`.
    ManagedInstance,
    /// Identified by AWS: `i-…`. There are none here.
    EC2Instance,
}

impl ResourceType {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ManagedInstance => "ManagedInstance",
            Self::EC2Instance => "EC2Instance",
        }
    }
}

/// `DeregisterManagedInstance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeregisterManagedInstanceRequest {
    /// The node.
    pub instance_id: NodeId,
}

const MANAGED_INSTANCE_ID: Pattern = Pattern {
    text: r"(^mi-[0-9a-f]{17}$)|(^eks_c:[0-9A-Za-z][A-Za-z0-9\-_]{0,99}_\w{17}$)",
    matches: |text| text.parse::<NodeId>().is_ok() || is_eks_node(text),
};

impl ApiRequest for DeregisterManagedInstanceRequest {
    const OPERATION: Operation = Operation::DeregisterManagedInstance;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { instance_id: read_managed_instance_id(input)? })
    }
}

/// `InstanceId` of an operation that is for nodes with an activation only.
fn read_managed_instance_id(input: &mut Input<'_>) -> Result<NodeId, ApiError> {
    let text = input.required_text("InstanceId", Text::length(20, 124).matching(MANAGED_INSTANCE_ID))?;
    if is_eks_node(&text) {
        let message = "There are no nodes of this kind here; a managed node's id begins with mi-.";
        return Err(ApiError::new(ErrorCode::InvalidInstanceId, message));
    }
    // A malformed or missing one is reported already; what stands in for it is never seen.
    Ok(text.parse().unwrap_or_else(|_| NodeId::generate(&[0; 9])))
}

fn is_eks_node(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let Some(rest) = text.strip_prefix("eks_c:").filter(|rest| rest.is_ascii() && rest.len() > 18) else {
        return false;
    };
    let (cluster, suffix) = rest.split_at(rest.len() - 18);
    let Some(unique) = suffix.strip_prefix('_') else { return false };
    cluster.len() <= 100
        && cluster.starts_with(|c: char| c.is_ascii_alphanumeric())
        && cluster.chars().all(|c| word(c) || c == '-')
        && unique.chars().all(word)
}
