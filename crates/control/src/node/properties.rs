//! DescribeInstanceProperties and ListNodes: the same nodes as consoles ask for them.

use postern_iam::NodeId;
use postern_model::ApiError;
use postern_model::node::{
    Comparison, DescribeInstancePropertiesRequest, DescribeInstancePropertiesResponse, InventoryFilter, InventoryKey,
    ListNodesRequest, ListNodesResponse, NodeFilter, PropertyFilter, ResourceType,
};
use postern_store::{NodeRecord, Scope};

use super::filter::{holds, stored, values};
use super::view::{self, MANAGED, SOURCE_TYPE, ping_status};
use crate::Control;
use crate::authz::{Authorized, act, authorize};
use crate::caller::Caller;

/// Nodes a page if the caller does not say.
const DEFAULT_RESULTS: u32 = 50;

impl Control {
    /// `DescribeInstanceProperties`: a page of nodes, connected or not, with more ways to compare.
    ///
    /// # Errors
    /// `InvalidNextToken`; `AccessDeniedException`.
    pub async fn describe_instance_properties(
        &self,
        caller: &Caller,
        request: DescribeInstancePropertiesRequest,
    ) -> Result<DescribeInstancePropertiesResponse, ApiError> {
        self.list_properties(authorize::<act::DescribeInstanceProperties>(caller, ())?, request).await
    }

    async fn list_properties(
        &self,
        _allowed: Authorized<act::DescribeInstanceProperties>,
        request: DescribeInstancePropertiesRequest,
    ) -> Result<DescribeInstancePropertiesResponse, ApiError> {
        let listing = self.listing(&request);
        let after = listing.cursor::<NodeId>(request.next_token.as_deref())?;
        // The store knows what is equal; the rest is looked at here.
        let (equal, rest): (Vec<_>, Vec<_>) =
            request.filters.into_iter().partition(|filter| filter.comparison == Comparison::Equal);
        let equal = equal.into_iter().map(|PropertyFilter { key, values, .. }| NodeFilter { key, values }).collect();
        let Some(filters) = stored(equal) else { return Ok(DescribeInstancePropertiesResponse::default()) };
        let meets = |record: &NodeRecord| {
            rest.iter().all(|filter| holds(&values(record, &filter.key), filter.comparison, &filter.values))
        };
        let limit = request.max_results.unwrap_or(DEFAULT_RESULTS);
        let mut records = self.nodes_where(&filters, after, limit + 1, meets).await?;
        let next_token = listing.cut(&mut records, limit, |record| record.node_id.to_string());
        let instance_properties = records.into_iter().map(view::property).collect();
        Ok(DescribeInstancePropertiesResponse { instance_properties, next_token })
    }

    /// `ListNodes`: a page of nodes, connected or not, as an inventory.
    ///
    /// # Errors
    /// `InvalidNextToken`; `AccessDeniedException`.
    pub async fn list_nodes(&self, caller: &Caller, request: ListNodesRequest) -> Result<ListNodesResponse, ApiError> {
        self.list_inventory(authorize::<act::ListNodes>(caller, act::Inventory)?, request).await
    }

    async fn list_inventory(
        &self,
        allowed: Authorized<act::ListNodes>,
        request: ListNodesRequest,
    ) -> Result<ListNodesResponse, ApiError> {
        let listing = self.listing(&request);
        let after = listing.cursor::<NodeId>(request.next_token.as_deref())?;
        let scope = allowed.scope();
        let meets = |record: &NodeRecord| request.filters.iter().all(|filter| is_met(record, scope, filter));
        let limit = request.max_results.unwrap_or(DEFAULT_RESULTS);
        let mut records = self.nodes_where(&[], after, limit + 1, meets).await?;
        let next_token = listing.cut(&mut records, limit, |record| record.node_id.to_string());
        let nodes = records.into_iter().map(|record| view::inventory(record, scope)).collect();
        Ok(ListNodesResponse { nodes, next_token })
    }
}

fn is_met(record: &NodeRecord, scope: &Scope, filter: &InventoryFilter) -> bool {
    let report = &record.report;
    let has = match filter.key {
        InventoryKey::AgentType => report.agent_name.as_deref(),
        InventoryKey::AgentVersion => report.agent_version.as_deref(),
        InventoryKey::ComputerName => report.computer_name.as_deref(),
        InventoryKey::InstanceId | InventoryKey::SourceId => Some(record.node_id.as_str()),
        InventoryKey::InstanceStatus => Some(ping_status(record).as_str()),
        InventoryKey::IpAddress => report.ip_address.as_deref(),
        InventoryKey::ManagedStatus => Some(MANAGED),
        InventoryKey::PlatformName => report.platform_name.as_deref(),
        InventoryKey::PlatformType => report.platform_type.as_deref(),
        InventoryKey::PlatformVersion => report.platform_version.as_deref(),
        InventoryKey::ResourceType => Some(ResourceType::ManagedInstance.as_str()),
        InventoryKey::Region => Some(scope.region.as_str()),
        InventoryKey::AccountId => Some(scope.account.as_str()),
        InventoryKey::SourceType => Some(SOURCE_TYPE),
        InventoryKey::OrganizationalUnitId
        | InventoryKey::OrganizationalUnitPath
        | InventoryKey::SourceLocation
        | InventoryKey::AvailabilityZone
        | InventoryKey::AvailabilityZoneId => None,
    };
    holds(has.as_slice(), filter.comparison, &filter.values)
}
