//! Policies: managed ones, those of one user, group or role, and what is attached to whom.

use postern_iam::Arn;

use super::group::GROUP;
use super::user::{EXISTING, ListTagsResponse, NEW_NAME};
use super::{ARN, DOCUMENT, Document, Moment, PATH_PREFIX, POLICY_PATH, VERSION_ID, name};
use crate::Empty;
use crate::activation::Tag;
use crate::constraint::Text;

const POLICY: Text = name(128);
const SCOPES: &[&str] = &["All", "AWS", "Local"];
const USAGES: &[&str] = &["PermissionsPolicy", "PermissionsBoundary"];
const KINDS: &[&str] = &["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];

shapes! {
    /// A managed policy. Lists leave out the description and the tags.
    Policy {
        policy_name: String,
        policy_id: String,
        arn: Arn,
        path: String,
        default_version_id: String,
        attachment_count: u32,
        permissions_boundary_usage_count: u32,
        is_attachable: bool,
        description: Option<String>,
        create_date: Moment,
        update_date: Moment,
        tags: Option<Vec<Tag>>,
    }
    /// One policy.
    PolicyResponse { policy: Policy, }
    /// A page of policies, in the order of their names.
    ListPoliciesResponse { policies: Vec<Policy>, is_truncated: bool, marker: Option<String>, }
    /// A version. Lists and new ones leave out the document.
    PolicyVersion {
        document: Option<Document>,
        version_id: String,
        is_default_version: bool,
        create_date: Moment,
    }
    /// One version.
    PolicyVersionResponse { policy_version: PolicyVersion, }
    /// A page of versions, newest first.
    ListPolicyVersionsResponse { versions: Vec<PolicyVersion>, is_truncated: bool, marker: Option<String>, }
    /// A managed policy as it is attached.
    AttachedPolicy { policy_name: String, policy_arn: Arn, }
    /// A page of attached policies.
    ListAttachedPoliciesResponse { attached_policies: Vec<AttachedPolicy>, is_truncated: bool, marker: Option<String>, }
    /// A page of the names of somebody's own policies.
    ListInlinePoliciesResponse { policy_names: Vec<String>, is_truncated: bool, marker: Option<String>, }
    /// A policy of a user's own.
    GetUserPolicyResponse { user_name: String, policy_name: String, policy_document: Document, }
    /// A policy of a group's own.
    GetGroupPolicyResponse { group_name: String, policy_name: String, policy_document: Document, }
    /// A policy of a role's own.
    GetRolePolicyResponse { role_name: String, policy_name: String, policy_document: Document, }
    /// A user who has a policy.
    PolicyUser { user_name: String, user_id: String, }
    /// A group that has a policy.
    PolicyGroup { group_name: String, group_id: String, }
    /// A role that has a policy.
    PolicyRole { role_name: String, role_id: String, }
    /// A page of who has a policy: groups, users and roles.
    ListEntitiesForPolicyResponse {
        policy_groups: Vec<PolicyGroup>,
        policy_users: Vec<PolicyUser>,
        policy_roles: Vec<PolicyRole>,
        is_truncated: bool,
        marker: Option<String>,
    }
}

requests! {
    /// Makes a managed policy.
    CreatePolicyRequest for CreatePolicy -> PolicyResponse {
        policy_name: String = required_text("PolicyName", POLICY),
        path: Option<String> = text("Path", POLICY_PATH),
        policy_document: String = required_text("PolicyDocument", DOCUMENT),
        description: Option<String> = text("Description", Text::length(0, 1000)),
        tags: Vec<Tag> = tags(),
    }
    /// What is known about a managed policy.
    GetPolicyRequest for GetPolicy -> PolicyResponse {
        policy_arn: String = required_text("PolicyArn", ARN),
    }
    /// Lists managed policies.
    ListPoliciesRequest for ListPolicies -> ListPoliciesResponse {
        scope: Option<&'static str> = named("Scope", SCOPES),
        only_attached: Option<bool> = boolean("OnlyAttached"),
        path_prefix: Option<String> = text("PathPrefix", POLICY_PATH),
        policy_usage_filter: Option<&'static str> = named("PolicyUsageFilter", USAGES),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Removes a managed policy.
    DeletePolicyRequest for DeletePolicy -> Empty {
        policy_arn: String = required_text("PolicyArn", ARN),
    }
    /// Adds a version.
    CreatePolicyVersionRequest for CreatePolicyVersion -> PolicyVersionResponse {
        policy_arn: String = required_text("PolicyArn", ARN),
        policy_document: String = required_text("PolicyDocument", DOCUMENT),
        set_as_default: Option<bool> = boolean("SetAsDefault"),
    }
    /// Reads a version.
    GetPolicyVersionRequest for GetPolicyVersion -> PolicyVersionResponse {
        policy_arn: String = required_text("PolicyArn", ARN),
        version_id: String = required_text("VersionId", VERSION_ID),
    }
    /// Lists versions.
    ListPolicyVersionsRequest for ListPolicyVersions -> ListPolicyVersionsResponse {
        policy_arn: String = required_text("PolicyArn", ARN),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Chooses the version that is in effect.
    SetDefaultPolicyVersionRequest for SetDefaultPolicyVersion -> Empty {
        policy_arn: String = required_text("PolicyArn", ARN),
        version_id: String = required_text("VersionId", VERSION_ID),
    }
    /// Removes a version.
    DeletePolicyVersionRequest for DeletePolicyVersion -> Empty {
        policy_arn: String = required_text("PolicyArn", ARN),
        version_id: String = required_text("VersionId", VERSION_ID),
    }
    /// Who has a managed policy.
    ListEntitiesForPolicyRequest for ListEntitiesForPolicy -> ListEntitiesForPolicyResponse {
        policy_arn: String = required_text("PolicyArn", ARN),
        entity_filter: Option<&'static str> = named("EntityFilter", KINDS),
        path_prefix: Option<String> = text("PathPrefix", PATH_PREFIX),
        policy_usage_filter: Option<&'static str> = named("PolicyUsageFilter", USAGES),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Puts tags on a policy.
    TagPolicyRequest for TagPolicy -> Empty {
        policy_arn: String = required_text("PolicyArn", ARN),
        tags: Vec<Tag> = required_tags(),
    }
    /// Takes tags from a policy.
    UntagPolicyRequest for UntagPolicy -> Empty {
        policy_arn: String = required_text("PolicyArn", ARN),
        tag_keys: Vec<String> = tag_keys(),
    }
    /// Lists a policy's tags.
    ListPolicyTagsRequest for ListPolicyTags -> ListTagsResponse {
        policy_arn: String = required_text("PolicyArn", ARN),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Gives a user a policy of its own.
    PutUserPolicyRequest for PutUserPolicy -> Empty {
        user_name: String = required_text("UserName", EXISTING),
        policy_name: String = required_text("PolicyName", POLICY),
        policy_document: String = required_text("PolicyDocument", DOCUMENT),
    }
    /// Reads one.
    GetUserPolicyRequest for GetUserPolicy -> GetUserPolicyResponse {
        user_name: String = required_text("UserName", EXISTING),
        policy_name: String = required_text("PolicyName", POLICY),
    }
    /// Lists their names.
    ListUserPoliciesRequest for ListUserPolicies -> ListInlinePoliciesResponse {
        user_name: String = required_text("UserName", EXISTING),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Removes one.
    DeleteUserPolicyRequest for DeleteUserPolicy -> Empty {
        user_name: String = required_text("UserName", EXISTING),
        policy_name: String = required_text("PolicyName", POLICY),
    }
    /// Attaches a managed policy to a user.
    AttachUserPolicyRequest for AttachUserPolicy -> Empty {
        user_name: String = required_text("UserName", NEW_NAME),
        policy_arn: String = required_text("PolicyArn", ARN),
    }
    /// Takes it away.
    DetachUserPolicyRequest for DetachUserPolicy -> Empty {
        user_name: String = required_text("UserName", NEW_NAME),
        policy_arn: String = required_text("PolicyArn", ARN),
    }
    /// Lists what is attached to a user.
    ListAttachedUserPoliciesRequest for ListAttachedUserPolicies -> ListAttachedPoliciesResponse {
        user_name: String = required_text("UserName", NEW_NAME),
        path_prefix: Option<String> = text("PathPrefix", POLICY_PATH),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Gives a group a policy of its own.
    PutGroupPolicyRequest for PutGroupPolicy -> Empty {
        group_name: String = required_text("GroupName", GROUP),
        policy_name: String = required_text("PolicyName", POLICY),
        policy_document: String = required_text("PolicyDocument", DOCUMENT),
    }
    /// Reads one.
    GetGroupPolicyRequest for GetGroupPolicy -> GetGroupPolicyResponse {
        group_name: String = required_text("GroupName", GROUP),
        policy_name: String = required_text("PolicyName", POLICY),
    }
    /// Lists their names.
    ListGroupPoliciesRequest for ListGroupPolicies -> ListInlinePoliciesResponse {
        group_name: String = required_text("GroupName", GROUP),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Removes one.
    DeleteGroupPolicyRequest for DeleteGroupPolicy -> Empty {
        group_name: String = required_text("GroupName", GROUP),
        policy_name: String = required_text("PolicyName", POLICY),
    }
    /// Attaches a managed policy to a group.
    AttachGroupPolicyRequest for AttachGroupPolicy -> Empty {
        group_name: String = required_text("GroupName", GROUP),
        policy_arn: String = required_text("PolicyArn", ARN),
    }
    /// Takes it away.
    DetachGroupPolicyRequest for DetachGroupPolicy -> Empty {
        group_name: String = required_text("GroupName", GROUP),
        policy_arn: String = required_text("PolicyArn", ARN),
    }
    /// Lists what is attached to a group.
    ListAttachedGroupPoliciesRequest for ListAttachedGroupPolicies -> ListAttachedPoliciesResponse {
        group_name: String = required_text("GroupName", GROUP),
        path_prefix: Option<String> = text("PathPrefix", POLICY_PATH),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Gives a role a policy of its own.
    PutRolePolicyRequest for PutRolePolicy -> Empty {
        role_name: String = required_text("RoleName", NEW_NAME),
        policy_name: String = required_text("PolicyName", POLICY),
        policy_document: String = required_text("PolicyDocument", DOCUMENT),
    }
    /// Reads one.
    GetRolePolicyRequest for GetRolePolicy -> GetRolePolicyResponse {
        role_name: String = required_text("RoleName", NEW_NAME),
        policy_name: String = required_text("PolicyName", POLICY),
    }
    /// Lists their names.
    ListRolePoliciesRequest for ListRolePolicies -> ListInlinePoliciesResponse {
        role_name: String = required_text("RoleName", NEW_NAME),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Removes one.
    DeleteRolePolicyRequest for DeleteRolePolicy -> Empty {
        role_name: String = required_text("RoleName", NEW_NAME),
        policy_name: String = required_text("PolicyName", POLICY),
    }
    /// Attaches a managed policy to a role.
    AttachRolePolicyRequest for AttachRolePolicy -> Empty {
        role_name: String = required_text("RoleName", NEW_NAME),
        policy_arn: String = required_text("PolicyArn", ARN),
    }
    /// Takes it away.
    DetachRolePolicyRequest for DetachRolePolicy -> Empty {
        role_name: String = required_text("RoleName", NEW_NAME),
        policy_arn: String = required_text("PolicyArn", ARN),
    }
    /// Lists what is attached to a role.
    ListAttachedRolePoliciesRequest for ListAttachedRolePolicies -> ListAttachedPoliciesResponse {
        role_name: String = required_text("RoleName", NEW_NAME),
        path_prefix: Option<String> = text("PathPrefix", POLICY_PATH),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
}
