//! Groups and who is in them.

use postern_iam::Arn;

use super::user::{EXISTING, User};
use super::{Moment, PATH, PATH_PREFIX, name};
use crate::Empty;

pub(super) const GROUP: crate::constraint::Text = name(128);

shapes! {
    /// A group.
    Group { path: String, group_name: String, group_id: String, arn: Arn, create_date: Moment, }
    /// One group.
    GroupResponse { group: Group, }
    /// A group and a page of its users, in the order of their names.
    GetGroupResponse { group: Group, users: Vec<User>, is_truncated: bool, marker: Option<String>, }
    /// A page of groups, in the order of their names.
    ListGroupsResponse { groups: Vec<Group>, is_truncated: bool, marker: Option<String>, }
}

requests! {
    /// Makes a group.
    CreateGroupRequest for CreateGroup -> GroupResponse {
        path: Option<String> = text("Path", PATH),
        group_name: String = required_text("GroupName", GROUP),
    }
    /// What is known about a group, and its users.
    GetGroupRequest for GetGroup -> GetGroupResponse {
        group_name: String = required_text("GroupName", GROUP),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Lists groups.
    ListGroupsRequest for ListGroups -> ListGroupsResponse {
        path_prefix: Option<String> = text("PathPrefix", PATH_PREFIX),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Gives a group another name or path.
    UpdateGroupRequest for UpdateGroup -> Empty {
        group_name: String = required_text("GroupName", GROUP),
        new_path: Option<String> = text("NewPath", PATH),
        new_group_name: Option<String> = text("NewGroupName", GROUP),
    }
    /// Removes a group.
    DeleteGroupRequest for DeleteGroup -> Empty {
        group_name: String = required_text("GroupName", GROUP),
    }
    /// Puts a user into a group.
    AddUserToGroupRequest for AddUserToGroup -> Empty {
        group_name: String = required_text("GroupName", GROUP),
        user_name: String = required_text("UserName", EXISTING),
    }
    /// Takes a user out of a group.
    RemoveUserFromGroupRequest for RemoveUserFromGroup -> Empty {
        group_name: String = required_text("GroupName", GROUP),
        user_name: String = required_text("UserName", EXISTING),
    }
    /// Lists a user's groups.
    ListGroupsForUserRequest for ListGroupsForUser -> ListGroupsResponse {
        user_name: String = required_text("UserName", EXISTING),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
}
