//! `ListNodes`: the inventory behind the "explore nodes" page of AWS's console.

use postern_iam::NodeId;
use serde::{Deserialize, Serialize};

use super::{Comparison, PlatformType, ResourceType};
use crate::constraint::{LABEL, Text};
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::operation::Operation;
use crate::timestamp::Timestamp;

/// `ListNodes`. `SyncName`, which chooses among the collections of an organisation, is checked and not looked at: there
/// is one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListNodesRequest {
    /// All of them must hold. At most five.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<InventoryFilter>,
    /// 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the previous page, as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl ApiRequest for ListNodesRequest {
    const OPERATION: Operation = Operation::ListNodes;
    type Response = ListNodesResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        input.text("SyncName", Text::length(1, 64))?;
        let filters = input.objects("Filters", 1..=5, InventoryFilter::read)?;
        let (max_results, next_token) = input.page(1, 50)?;
        Ok(Self { filters, max_results, next_token })
    }
}

/// One condition of `ListNodes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InventoryFilter {
    /// What is compared.
    pub key: InventoryKey,
    /// With what. One to five.
    pub values: Vec<String>,
    /// And how: equal, not equal, or at its beginning.
    #[serde(rename = "Type")]
    pub comparison: Comparison,
}

const COMPARISONS: [(&str, Comparison); 3] =
    [("Equal", Comparison::Equal), ("NotEqual", Comparison::NotEqual), ("BeginWith", Comparison::BeginWith)];

impl InventoryFilter {
    fn read(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let key = input.required_choice("Key", &InventoryKey::ALL)?;
        let values = input.required_texts("Values", 1..=5, Text::length(0, 512).matching(LABEL))?;
        let comparison = input.choice("Type", &COMPARISONS)?.unwrap_or(Comparison::Equal);
        Ok(key.zip(values).map(|(key, values)| Self { key, values, comparison }))
    }
}

macro_rules! inventory_keys {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What an [`InventoryFilter`] compares. A node without a value for it equals none.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub enum InventoryKey {
            $($(#[$doc])* $name,)+
        }

        impl InventoryKey {
            /// Every key, under its name on the wire.
            pub const ALL: [(&str, Self); [$(stringify!($name)),+].len()] = [$((stringify!($name), Self::$name)),+];
        }
    };
}

inventory_keys! {
    /// The agent's name.
    AgentType,
    /// The agent's version.
    AgentVersion,
    /// The host name.
    ComputerName,
    /// The id.
    InstanceId,
    /// `Online` or `ConnectionLost`.
    InstanceStatus,
    /// The address.
    IpAddress,
    /// `Managed`: every node here is.
    ManagedStatus,
    /// The distribution.
    PlatformName,
    /// The kind of operating system.
    PlatformType,
    /// The distribution's version.
    PlatformVersion,
    /// Managed instance or EC2 instance.
    ResourceType,
    /// Of organisations; there are none here.
    OrganizationalUnitId,
    /// Of organisations; there are none here.
    OrganizationalUnitPath,
    /// The service's region.
    Region,
    /// The account.
    AccountId,
    /// The kind of source.
    SourceType,
    /// The id at its source.
    SourceId,
    /// Of clouds; not known here.
    SourceLocation,
    /// Of clouds; not known here.
    AvailabilityZone,
    /// Of clouds; not known here.
    AvailabilityZoneId,
}

/// One page of nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListNodesResponse {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A node of the inventory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Node {
    /// When what is said about it was learned: when it last reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_time: Option<Timestamp>,
    /// Its id.
    pub id: NodeId,
    /// Whose it is.
    pub owner: NodeOwnerInfo,
    /// Where.
    pub region: String,
    /// What it is.
    pub node_type: NodeType,
}

/// Whose a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeOwnerInfo {
    /// The account.
    pub account_id: String,
}

/// What a node is. AWS's model has a union of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeType {
    /// A machine with an agent.
    Instance(InstanceInfo),
}

/// A machine with an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceInfo {
    /// Which agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_type: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// Its fully qualified host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer_name: Option<String>,
    /// Whether it reports: `Online` or `ConnectionLost`.
    pub instance_status: String,
    /// Its address as it reports it, version 4 or 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Always `Managed`.
    pub managed_status: String,
    /// The default instance name of its activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its kind of operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_type: Option<PlatformType>,
    /// Its distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_name: Option<String>,
    /// And that one's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// Always a managed instance here.
    pub resource_type: ResourceType,
    /// Where it comes from: the same as its id.
    pub source_id: String,
    /// Which kind of source: `AWS::SSM::ManagedInstance`.
    pub source_type: String,
}
