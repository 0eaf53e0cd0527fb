//! UpdateManagedInstanceRole.

use postern_model::node::UpdateManagedInstanceRoleRequest;
use postern_model::{ApiError, Empty};

use super::describe::unknown_node;
use crate::authz::act::{self, NodeAndRole};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

impl Control {
    /// `UpdateManagedInstanceRole`: the node has another role from now on.
    ///
    /// # Errors
    /// `InvalidInstanceId` if there is no such node; `AccessDeniedException`.
    pub async fn update_managed_instance_role(
        &self,
        caller: &Caller,
        request: UpdateManagedInstanceRoleRequest,
    ) -> Result<Empty, ApiError> {
        let UpdateManagedInstanceRoleRequest { instance_id: node, iam_role } = request;
        let on = NodeAndRole { node: self.on_node(node).await?, role: self.role_arn(&iam_role).await? };
        let allowed = authorize::<act::UpdateManagedInstanceRole>(caller, on)?;
        self.change_role(allowed, &iam_role).await
    }

    async fn change_role(
        &self,
        allowed: Authorized<act::UpdateManagedInstanceRole>,
        role: &str,
    ) -> Result<Empty, ApiError> {
        let node_id = &allowed.on().node.id;
        if !self.store.change_node_role(self.scope(), node_id, role).await.map_err(failure::store)? {
            return Err(unknown_node(node_id));
        }
        tracing::info!(node.id = %node_id, role, by = %allowed.caller().principal, "node has another role");
        Ok(Empty {})
    }
}
