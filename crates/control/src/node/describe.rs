//! Managed nodes as users see them: the list, whether one can take a session, and removing one.

use postern_iam::NodeId;
use postern_model::node::{
    DeregisterManagedInstanceRequest, DescribeInstanceInformationRequest, DescribeInstanceInformationResponse,
    InstanceInformation,
};
use postern_model::session::{ConnectionStatus, EndReason, GetConnectionStatusRequest, GetConnectionStatusResponse};
use postern_model::{ApiError, Empty, ErrorCode};
use postern_store::{DeregisterNode, NodeRecord};

use crate::authz::act::{self, Target};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::command::{NodeCommand, SessionCommand, encode, node_subject};
use crate::node::filter::stored;
use crate::node::view;
use crate::{Control, failure};

/// Nodes a page if the caller does not say, AWS's value.
const DEFAULT_RESULTS: u32 = 10;

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
        self.list_information(authorize::<act::DescribeInstanceInformation>(caller, ())?, request).await
    }

    /// A node, with what only this process knows of it.
    fn information(&self, record: NodeRecord) -> InstanceInformation {
        let conflict = self.displacements().conflict(&record.node_id, self.clock.now().instant);
        view::information(record, conflict)
    }

    async fn list_information(
        &self,
        _allowed: Authorized<act::DescribeInstanceInformation>,
        request: DescribeInstanceInformationRequest,
    ) -> Result<DescribeInstanceInformationResponse, ApiError> {
        let listing = self.listing(&request);
        let after = listing.cursor::<NodeId>(request.next_token.as_deref())?;
        let Some(filters) = stored(request.filters) else {
            return Ok(DescribeInstanceInformationResponse::default());
        };
        let limit = request.max_results.unwrap_or(DEFAULT_RESULTS);
        let mut records =
            self.store.nodes_page(self.scope(), &filters, after.as_ref(), limit + 1).await.map_err(failure::store)?;
        let next_token = listing.cut(&mut records, limit, |record| record.node_id.to_string());
        Ok(DescribeInstanceInformationResponse {
            instance_information_list: records.into_iter().map(|record| self.information(record)).collect(),
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
        let allowed = authorize::<act::GetConnectionStatus>(caller, self.target(&request.target).await?)?;
        let status = self.connection_status(allowed).await?;
        Ok(GetConnectionStatusResponse { target: request.target, status })
    }

    async fn connection_status(
        &self,
        allowed: Authorized<act::GetConnectionStatus>,
    ) -> Result<ConnectionStatus, ApiError> {
        let Target::Node(node) = allowed.on() else { return Ok(ConnectionStatus::NotConnected) };
        let node = self.store.node(self.scope(), &node.id).await.map_err(failure::store)?;
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
        let on = self.on_node(request.instance_id).await?;
        self.deregister(authorize::<act::DeregisterManagedInstance>(caller, on)?).await
    }

    async fn deregister(&self, allowed: Authorized<act::DeregisterManagedInstance>) -> Result<Empty, ApiError> {
        let node_id = &allowed.on().id;
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
            DeregisterNode::NodeUnknown => Err(unknown_node(node_id)),
        }
    }
}

/// The answer of operations on a node that is not there.
pub(super) fn unknown_node(node_id: &NodeId) -> ApiError {
    ApiError::new(ErrorCode::InvalidInstanceId, format!("There is no managed node {node_id} here."))
}
