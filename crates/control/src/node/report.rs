//! What a node says about itself, and the questions it asks without needing an answer.

use postern_iam::NodeId;
use postern_model::agent::{
    GetMessagesRequest, GetMessagesResponse, ListInstanceAssociationsRequest, ListInstanceAssociationsResponse,
    UpdateInstanceInformationRequest,
};
use postern_model::{ApiError, Empty};
use postern_store::NodeReport;

use crate::authenticate::not_registered;
use crate::authz::act::{self, Itself};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

impl Control {
    /// `UpdateInstanceInformation`. The first call of a starting agent must not fail without need: any error at that
    /// moment puts a stock agent to sleep (spec agent-api-calls §2). So nothing in a report is judged but whose it is.
    ///
    /// # Errors
    /// `AccessDeniedException` for a report about another node.
    pub async fn update_instance_information(
        &self,
        caller: &Caller,
        request: UpdateInstanceInformationRequest,
    ) -> Result<Empty, ApiError> {
        let on = named(&request.instance_id, caller, "ssm:UpdateInstanceInformation")?;
        self.note_report(authorize::<act::UpdateInstanceInformation>(caller, Itself(on))?, request).await
    }

    async fn note_report(
        &self,
        allowed: Authorized<act::UpdateInstanceInformation>,
        request: UpdateInstanceInformationRequest,
    ) -> Result<Empty, ApiError> {
        let Itself(node_id) = allowed.on();
        let report = NodeReport {
            agent_name: request.agent_name,
            agent_version: request.agent_version,
            agent_status: request.agent_status,
            computer_name: request.computer_name,
            ip_address: request.ip_address,
            platform_name: request.platform_name,
            platform_type: request.platform_type.map(|platform| platform.as_str().to_owned()),
            platform_version: request.platform_version,
        };
        if let Some(name) = &report.computer_name {
            self.displacements().note_name(node_id, allowed.caller().source_ip, name);
        }
        let noted = self.store.node_reported(self.scope(), node_id, report, self.unix_millis()).await;
        if noted.map_err(failure::store)? { Ok(Empty {}) } else { Err(not_registered(node_id)) }
    }

    /// `ListInstanceAssociations`: there are none here, and saying so keeps a stock agent quiet.
    ///
    /// # Errors
    /// `AccessDeniedException` for a question about another node.
    // Async like its siblings, so that it may one day ask the store.
    #[expect(clippy::unused_async, reason = "every operation is called alike")]
    pub async fn list_instance_associations(
        &self,
        caller: &Caller,
        request: ListInstanceAssociationsRequest,
    ) -> Result<ListInstanceAssociationsResponse, ApiError> {
        let on = named(&request.instance_id, caller, "ssm:ListInstanceAssociations")?;
        let _allowed = authorize::<act::ListInstanceAssociations>(caller, Itself(on))?;
        Ok(ListInstanceAssociationsResponse::default())
    }

    /// `GetMessages`: there are none, for everything is said on the control channel. An answer that comes at once makes
    /// a stock agent ask again at once (spec agent-api-calls §3), so the caller lets it wait.
    ///
    /// # Errors
    /// `AccessDeniedException` for another node's messages.
    // Async like its siblings, so that it may one day ask the store.
    #[expect(clippy::unused_async, reason = "every operation is called alike")]
    pub async fn get_messages(
        &self,
        caller: &Caller,
        request: GetMessagesRequest,
    ) -> Result<GetMessagesResponse, ApiError> {
        let GetMessagesRequest { destination, messages_request_id } = request;
        let on = named(&destination, caller, "ec2messages:GetMessages")?;
        let _allowed = authorize::<act::GetMessages>(caller, Itself(on))?;
        Ok(GetMessagesResponse { destination, messages: Vec::new(), messages_request_id })
    }
}

/// The node that a request names. What is no node's id cannot be the caller's own.
fn named(instance_id: &str, caller: &Caller, action: &str) -> Result<NodeId, ApiError> {
    instance_id.parse().map_err(|_| {
        let shown: String = instance_id.chars().filter(|c| !c.is_control()).take(64).collect();
        let reason = "because a managed node may act only for itself and its own sessions";
        ApiError::access_denied(&caller.principal, action, &shown, reason)
    })
}
