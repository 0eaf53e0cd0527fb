//! `UpdateManagedInstanceRole`, and what a role may be called.

use postern_iam::NodeId;
use serde::Serialize;

use super::read_managed_instance_id;
use crate::constraint::Text;
use crate::decode::{ApiRequest, Input};
use crate::error::{ApiError, ErrorCode};
use crate::operation::Operation;

/// `UpdateManagedInstanceRole`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateManagedInstanceRoleRequest {
    /// The node.
    pub instance_id: NodeId,
    /// Its new role, optionally with the path `service-role/`. Up to 64 characters.
    pub iam_role: String,
}

impl ApiRequest for UpdateManagedInstanceRoleRequest {
    const OPERATION: Operation = Operation::UpdateManagedInstanceRole;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            instance_id: read_managed_instance_id(input)?,
            iam_role: read_role(input, ErrorCode::ValidationException)?,
        })
    }
}

/// `IamRole`, the name of a role with or without a path. What cannot be one has another code with each operation.
pub(crate) fn read_role(input: &mut Input<'_>, code: ErrorCode) -> Result<String, ApiError> {
    const ROLE: Text = Text::length(0, 64);
    let role = input.required_text("IamRole", ROLE)?;
    if is_role_name(&role) || !input.has("IamRole") || !ROLE.accepts(&role) {
        return Ok(role);
    }
    let message = "IamRole must be the name of a role (letters, digits and any of _+=,.@-), for example PosternNode or \
                   service-role/PosternNode.";
    Err(ApiError::new(code, message))
}

pub(crate) fn is_role_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    text.split('/').all(|part| !part.is_empty() && part.chars().all(is_letter))
}
