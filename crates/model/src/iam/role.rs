//! Roles.

use postern_iam::Arn;

use super::user::{Boundary, ListTagsResponse, NEW_NAME};
use super::{ARN, DESCRIPTION, DOCUMENT, Document, Moment, PATH, PATH_PREFIX};
use crate::Empty;
use crate::activation::Tag;
use crate::decode::Input;
use crate::error::ApiError;

const ROLE: crate::constraint::Text = NEW_NAME;

shapes! {
    /// A role. Lists leave out the boundary and the tags.
    Role {
        path: String,
        role_name: String,
        role_id: String,
        arn: Arn,
        create_date: Moment,
        assume_role_policy_document: Document,
        description: Option<String>,
        max_session_duration: u32,
        permissions_boundary: Option<Boundary>,
        tags: Option<Vec<Tag>>,
    }
    /// One role.
    RoleResponse { role: Role, }
    /// A page of roles, in the order of their names.
    ListRolesResponse { roles: Vec<Role>, is_truncated: bool, marker: Option<String>, }
    /// There are none.
    ListInstanceProfilesForRoleResponse { instance_profiles: Vec<Empty>, is_truncated: bool, }
    /// Nothing, but a result all the same.
    UpdateRoleResponse {}
}

requests! {
    /// Makes a role.
    CreateRoleRequest for CreateRole -> RoleResponse {
        path: Option<String> = text("Path", PATH),
        role_name: String = required_text("RoleName", ROLE),
        assume_role_policy_document: String = required_text("AssumeRolePolicyDocument", DOCUMENT),
        description: Option<String> = text("Description", DESCRIPTION),
        max_session_duration: Option<u32> = session_duration(),
        permissions_boundary: Option<String> = text("PermissionsBoundary", ARN),
        tags: Vec<Tag> = tags(),
    }
    /// What is known about a role.
    GetRoleRequest for GetRole -> RoleResponse {
        role_name: String = required_text("RoleName", ROLE),
    }
    /// Lists roles.
    ListRolesRequest for ListRoles -> ListRolesResponse {
        path_prefix: Option<String> = text("PathPrefix", PATH_PREFIX),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Changes a role's description and longest session.
    UpdateRoleRequest for UpdateRole -> UpdateRoleResponse {
        role_name: String = required_text("RoleName", ROLE),
        description: Option<String> = text("Description", DESCRIPTION),
        max_session_duration: Option<u32> = session_duration(),
    }
    /// Changes who may act as a role.
    UpdateAssumeRolePolicyRequest for UpdateAssumeRolePolicy -> Empty {
        role_name: String = required_text("RoleName", ROLE),
        policy_document: String = required_text("PolicyDocument", DOCUMENT),
    }
    /// Removes a role.
    DeleteRoleRequest for DeleteRole -> Empty {
        role_name: String = required_text("RoleName", ROLE),
    }
    /// A role's instance profiles.
    ListInstanceProfilesForRoleRequest for ListInstanceProfilesForRole -> ListInstanceProfilesForRoleResponse {
        role_name: String = required_text("RoleName", ROLE),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Bounds what a role's policies can allow.
    PutRolePermissionsBoundaryRequest for PutRolePermissionsBoundary -> Empty {
        role_name: String = required_text("RoleName", ROLE),
        permissions_boundary: String = required_text("PermissionsBoundary", ARN),
    }
    /// Lifts that bound.
    DeleteRolePermissionsBoundaryRequest for DeleteRolePermissionsBoundary -> Empty {
        role_name: String = required_text("RoleName", ROLE),
    }
    /// Puts tags on a role.
    TagRoleRequest for TagRole -> Empty {
        role_name: String = required_text("RoleName", ROLE),
        tags: Vec<Tag> = required_tags(),
    }
    /// Takes tags from a role.
    UntagRoleRequest for UntagRole -> Empty {
        role_name: String = required_text("RoleName", ROLE),
        tag_keys: Vec<String> = tag_keys(),
    }
    /// Lists a role's tags.
    ListRoleTagsRequest for ListRoleTags -> ListTagsResponse {
        role_name: String = required_text("RoleName", ROLE),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
}

impl Input<'_> {
    fn session_duration(&mut self) -> Result<Option<u32>, ApiError> {
        let seconds = self.integer("MaxSessionDuration", 3600, 43_200)?;
        Ok(seconds.and_then(|seconds| u32::try_from(seconds).ok()))
    }
}
