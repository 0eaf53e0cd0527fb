//! Users, and who is calling.

use postern_iam::Arn;

use super::{ARN, Moment, PATH, PATH_PREFIX, name};
use crate::Empty;
use crate::activation::Tag;

/// AWS takes longer names of users that exist than of new ones.
pub(super) const NEW_NAME: crate::constraint::Text = name(64);
pub(super) const EXISTING: crate::constraint::Text = name(128);

shapes! {
    /// What bounds somebody's policies.
    Boundary { permissions_boundary_type: String, permissions_boundary_arn: Arn, }
    /// A user. Lists leave out the boundary and the tags.
    User {
        path: String,
        user_name: String,
        user_id: String,
        arn: Arn,
        create_date: Moment,
        permissions_boundary: Option<Boundary>,
        tags: Option<Vec<Tag>>,
    }
    /// One user.
    UserResponse { user: User, }
    /// A page of users, in the order of their names.
    ListUsersResponse { users: Vec<User>, is_truncated: bool, marker: Option<String>, }
    /// All tags, in the order of their keys.
    ListTagsResponse { tags: Vec<Tag>, is_truncated: bool, marker: Option<String>, }
    /// Who is calling.
    CallerIdentity { user_id: String, account: String, arn: Arn, }
}

requests! {
    /// Makes a user.
    CreateUserRequest for CreateUser -> UserResponse {
        path: Option<String> = text("Path", PATH),
        user_name: String = required_text("UserName", NEW_NAME),
        permissions_boundary: Option<String> = text("PermissionsBoundary", ARN),
        tags: Vec<Tag> = tags(),
    }
    /// Without a name, whoever asks.
    GetUserRequest for GetUser -> UserResponse {
        user_name: Option<String> = text("UserName", EXISTING),
    }
    /// Lists users.
    ListUsersRequest for ListUsers -> ListUsersResponse {
        path_prefix: Option<String> = text("PathPrefix", PATH_PREFIX),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Gives a user another name or path.
    UpdateUserRequest for UpdateUser -> Empty {
        user_name: String = required_text("UserName", EXISTING),
        new_path: Option<String> = text("NewPath", PATH),
        new_user_name: Option<String> = text("NewUserName", NEW_NAME),
    }
    /// Removes a user.
    DeleteUserRequest for DeleteUser -> Empty {
        user_name: String = required_text("UserName", EXISTING),
    }
    /// Bounds what a user's policies can allow.
    PutUserPermissionsBoundaryRequest for PutUserPermissionsBoundary -> Empty {
        user_name: String = required_text("UserName", NEW_NAME),
        permissions_boundary: String = required_text("PermissionsBoundary", ARN),
    }
    /// Lifts that bound.
    DeleteUserPermissionsBoundaryRequest for DeleteUserPermissionsBoundary -> Empty {
        user_name: String = required_text("UserName", NEW_NAME),
    }
    /// Puts tags on a user.
    TagUserRequest for TagUser -> Empty {
        user_name: String = required_text("UserName", EXISTING),
        tags: Vec<Tag> = required_tags(),
    }
    /// Takes tags from a user.
    UntagUserRequest for UntagUser -> Empty {
        user_name: String = required_text("UserName", EXISTING),
        tag_keys: Vec<String> = tag_keys(),
    }
    /// Lists a user's tags.
    ListUserTagsRequest for ListUserTags -> ListTagsResponse {
        user_name: String = required_text("UserName", EXISTING),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Who is calling.
    GetCallerIdentityRequest for GetCallerIdentity -> CallerIdentity {}
}
