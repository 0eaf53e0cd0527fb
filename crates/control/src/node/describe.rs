//! Managed nodes as users see them: the list, whether one can take a session, and removing one.

use postern_iam::NodeId;
use postern_model::node::{
    DeregisterManagedInstanceRequest, DescribeInstanceInformationRequest, DescribeInstanceInformationResponse,
    InstanceInformation, NodeFilter, NodeFilterKey, PingStatus, PlatformType, ResourceType,
};
use postern_model::session::{ConnectionStatus, EndReason, GetConnectionStatusRequest, GetConnectionStatusResponse};
use postern_model::{ApiError, Empty, ErrorCode, Timestamp};
use postern_store::{DeregisterNode, NodeFilter as Stored, NodeRecord};

use crate::authz::act::{self, Target};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::command::{NodeCommand, SessionCommand, encode, node_subject};
use crate::session::start::target;
use crate::{Control, failure};

/// Nodes a page if the caller does not say, AWS's value.
const DEFAULT_RESULTS: u32 = 10;
const SOURCE_TYPE: &str = "AWS::SSM::ManagedInstance";

impl Control {
    /// `DescribeInstanceInformation`: a page of nodes, connected or not.
    ///
    /// # Errors
    /// `InvalidNextToken`; `AccessDeniedException`.
    pub async fn describe_instance_information(
        &self,
        caller: &Caller,
        request: DescribeInstanceInformationRequest,
    ) -> Result<DescribeInstanceInformationResponse, ApiError> {
        self.list_nodes(authorize::<act::DescribeInstanceInformation>(caller, ())?, request).await
    }

    async fn list_nodes(
        &self,
        _allowed: Authorized<act::DescribeInstanceInformation>,
        request: DescribeInstanceInformationRequest,
    ) -> Result<DescribeInstanceInformationResponse, ApiError> {
        let listing = self.listing(&request);
        let after = listing.cursor::<NodeId>(request.next_token.as_deref())?;
        let mut filters = Vec::new();
        for filter in request.filters {
            match stored(filter) {
                Condition::Stored(filter) => filters.push(filter),
                Condition::Always => {}
                Condition::Never => return Ok(DescribeInstanceInformationResponse::default()),
            }
        }
        let limit = request.max_results.unwrap_or(DEFAULT_RESULTS);
        let mut records =
            self.store.nodes_page(self.scope(), &filters, after.as_ref(), limit + 1).await.map_err(failure::store)?;
        let next_token = listing.cut(&mut records, limit, |record| record.node_id.to_string());
        Ok(DescribeInstanceInformationResponse {
            instance_information_list: records.into_iter().map(listed).collect(),
            next_token,
        })
    }

    /// `GetConnectionStatus`: whether a node can take a session now. An unknown one cannot.
    ///
    /// # Errors
    /// `AccessDeniedException`.
    pub async fn get_connection_status(
        &self,
        caller: &Caller,
        request: GetConnectionStatusRequest,
    ) -> Result<GetConnectionStatusResponse, ApiError> {
        let allowed = authorize::<act::GetConnectionStatus>(caller, target(&request.target))?;
        let status = self.connection_status(allowed).await?;
        Ok(GetConnectionStatusResponse { target: request.target, status })
    }

    async fn connection_status(
        &self,
        allowed: Authorized<act::GetConnectionStatus>,
    ) -> Result<ConnectionStatus, ApiError> {
        let Target::Node(node_id) = allowed.on() else { return Ok(ConnectionStatus::NotConnected) };
        let node = self.store.node(self.scope(), node_id).await.map_err(failure::store)?;
        let connected = node.is_some_and(|node| node.connection.is_some());
        Ok(if connected { ConnectionStatus::Connected } else { ConnectionStatus::NotConnected })
    }

    /// `DeregisterManagedInstance`: removes a node and ends its sessions. Its credentials are void at once.
    ///
    /// # Errors
    /// `InvalidInstanceId` if there is none; `AccessDeniedException`.
    pub async fn deregister_managed_instance(
        &self,
        caller: &Caller,
        request: DeregisterManagedInstanceRequest,
    ) -> Result<Empty, ApiError> {
        self.deregister(authorize::<act::DeregisterManagedInstance>(caller, request.instance_id)?).await
    }

    async fn deregister(&self, allowed: Authorized<act::DeregisterManagedInstance>) -> Result<Empty, ApiError> {
        let node_id = allowed.on();
        match self.store.deregister_node(self.scope(), node_id).await.map_err(failure::store)? {
            DeregisterNode::Deregistered { sessions, .. } => {
                let reason = EndReason::NodeDeregistered;
                for session in &sessions {
                    let command = SessionCommand::Terminate { reason: reason.clone(), output: reason.details() };
                    self.tell_supervisor(session, &command);
                }
                self.bus.publish(&node_subject(self.scope(), node_id), encode(&NodeCommand::Deregistered));
                tracing::info!(node.id = %node_id, sessions = sessions.len(), by = %allowed.caller().principal,
                    "node deregistered");
                Ok(Empty {})
            }
            DeregisterNode::NodeUnknown => {
                Err(ApiError::new(ErrorCode::InvalidInstanceId, format!("There is no managed node {node_id} here.")))
            }
        }
    }
}

/// A filter, as far as the store is concerned.
enum Condition {
    Stored(Stored),
    /// Every node meets it.
    Always,
    /// No node meets it.
    Never,
}

fn stored(filter: NodeFilter) -> Condition {
    let NodeFilter { key, values } = filter;
    let has = |value: &str| values.iter().any(|given| given == value);
    let when = |met: bool| if met { Condition::Always } else { Condition::Never };
    match key {
        NodeFilterKey::PingStatus => {
            match (has(PingStatus::Online.as_str()), has(PingStatus::ConnectionLost.as_str())) {
                (true, true) => Condition::Always,
                (true, false) => Condition::Stored(Stored::Connected(true)),
                (false, true) => Condition::Stored(Stored::Connected(false)),
                (false, false) => Condition::Never,
            }
        }
        NodeFilterKey::ResourceType => when(has(ResourceType::ManagedInstance.as_str())),
        NodeFilterKey::SourceTypes => when(has(SOURCE_TYPE)),
        NodeFilterKey::AssociationStatus => Condition::Never,
        NodeFilterKey::InstanceIds | NodeFilterKey::SourceIds => Condition::Stored(Stored::Ids(values)),
        NodeFilterKey::PlatformTypes => Condition::Stored(Stored::PlatformTypes(values)),
        NodeFilterKey::AgentVersion => Condition::Stored(Stored::AgentVersions(values)),
        NodeFilterKey::ActivationIds => Condition::Stored(Stored::ActivationIds(values)),
        NodeFilterKey::IamRole => Condition::Stored(Stored::IamRoles(values)),
        NodeFilterKey::TagKey => Condition::Stored(Stored::TagKeys(values)),
        NodeFilterKey::Tag(tag) => Condition::Stored(Stored::Tag(tag, values)),
    }
}

fn listed(record: NodeRecord) -> InstanceInformation {
    let online = record.connection.is_some();
    let platform = record.report.platform_type.as_deref().and_then(PlatformType::from_name);
    InstanceInformation {
        ping_status: if online { PingStatus::Online } else { PingStatus::ConnectionLost },
        last_ping_date_time: record.last_seen_at.map(Timestamp::from_millis),
        agent_version: record.report.agent_version,
        is_latest_version: None,
        platform_type: platform,
        platform_name: record.report.platform_name,
        platform_version: record.report.platform_version,
        activation_id: Some(record.activation_id.to_string()),
        iam_role: Some(record.iam_role),
        registration_date: Some(Timestamp::from_millis(record.registered_at)),
        resource_type: ResourceType::ManagedInstance,
        name: Some(record.name).filter(|name| !name.is_empty()),
        ip_address: record.report.ip_address,
        computer_name: record.report.computer_name,
        source_id: Some(record.node_id.to_string()),
        source_type: Some(SOURCE_TYPE.to_owned()),
        instance_id: record.node_id,
    }
}
