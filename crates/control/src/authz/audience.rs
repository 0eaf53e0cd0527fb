//! Who each action is for. The decision begins here, and here is where a new operation gets its line.

use postern_model::Operation;

use super::Action;

/// Who may do something at all, before it is asked to whom or to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Whoever asks; the act itself checks a proof in the request. Never a managed node.
    Anyone,
    /// People and their programs.
    People,
    /// A managed node, for itself, signing with its registered key.
    NodeWithKey,
    /// A managed node, for itself, signing with the credentials of its role.
    NodeWithRole,
    /// People, and a managed node for itself with the credentials of its role.
    PeopleAndNodes,
    /// People, and every managed node with the credentials of its role, because it is about nobody in particular.
    PeopleAndAnyNode,
    /// People and their programs, whatever policies say: about themselves.
    AnyPerson,
    /// Whoever asks, as far as a role trusts the provider that vouches for them.
    Vouched,
    /// Whoever has credentials, whatever policies say: the question who one is.
    Everybody,
}

pub(super) fn audience(action: Action) -> Audience {
    match action {
        Action::Api(operation) => audience_of_operation(operation),
        Action::CreateControlChannel | Action::OpenControlChannel | Action::CreateDataChannel => Audience::NodeWithRole,
        Action::OpenDataChannel => Audience::PeopleAndNodes,
    }
}

fn audience_of_operation(operation: Operation) -> Audience {
    match operation {
        Operation::RegisterManagedInstance => Audience::Anyone,

        Operation::StartSession
        | Operation::ResumeSession
        | Operation::TerminateSession
        | Operation::DescribeSessions
        | Operation::GetConnectionStatus
        | Operation::DescribeInstanceInformation
        | Operation::DescribeInstanceProperties
        | Operation::ListNodes
        | Operation::UpdateManagedInstanceRole
        | Operation::DeregisterManagedInstance => Audience::People,

        Operation::AddTagsToResource | Operation::ListTagsForResource | Operation::RemoveTagsFromResource => {
            Audience::People
        }

        Operation::GetServiceSetting | Operation::UpdateServiceSetting | Operation::ResetServiceSetting => {
            Audience::People
        }

        Operation::CreateActivation | Operation::DescribeActivations | Operation::DeleteActivation => Audience::People,

        Operation::CreateDocument
        | Operation::GetDocument
        | Operation::DescribeDocument
        | Operation::UpdateDocument
        | Operation::UpdateDocumentDefaultVersion
        | Operation::DeleteDocument
        | Operation::ListDocuments
        | Operation::ListDocumentVersions
        | Operation::ModifyDocumentPermission
        | Operation::DescribeDocumentPermission => Audience::People,

        Operation::GenerateDataKey
        | Operation::Encrypt
        | Operation::CreateKey
        | Operation::DescribeKey
        | Operation::ListKeys
        | Operation::EnableKey
        | Operation::DisableKey
        | Operation::CreateAlias
        | Operation::ListAliases => Audience::People,

        Operation::CreateLogGroup
        | Operation::DeleteLogGroup
        | Operation::PutRetentionPolicy
        | Operation::DeleteRetentionPolicy
        | Operation::DeleteLogStream
        | Operation::GetLogEvents
        | Operation::FilterLogEvents => Audience::People,

        Operation::CreateUser
        | Operation::GetUser
        | Operation::ListUsers
        | Operation::UpdateUser
        | Operation::DeleteUser
        | Operation::CreateAccessKey
        | Operation::ListAccessKeys
        | Operation::UpdateAccessKey
        | Operation::DeleteAccessKey
        | Operation::GetAccessKeyLastUsed
        | Operation::CreateGroup
        | Operation::GetGroup
        | Operation::ListGroups
        | Operation::UpdateGroup
        | Operation::DeleteGroup
        | Operation::AddUserToGroup
        | Operation::RemoveUserFromGroup
        | Operation::ListGroupsForUser
        | Operation::CreateRole
        | Operation::GetRole
        | Operation::ListRoles
        | Operation::UpdateRole
        | Operation::UpdateAssumeRolePolicy
        | Operation::DeleteRole
        | Operation::ListInstanceProfilesForRole
        | Operation::CreatePolicy
        | Operation::GetPolicy
        | Operation::ListPolicies
        | Operation::DeletePolicy
        | Operation::CreatePolicyVersion
        | Operation::GetPolicyVersion
        | Operation::ListPolicyVersions
        | Operation::SetDefaultPolicyVersion
        | Operation::DeletePolicyVersion
        | Operation::ListEntitiesForPolicy
        | Operation::PutUserPolicy
        | Operation::GetUserPolicy
        | Operation::ListUserPolicies
        | Operation::DeleteUserPolicy
        | Operation::AttachUserPolicy
        | Operation::DetachUserPolicy
        | Operation::ListAttachedUserPolicies
        | Operation::PutGroupPolicy
        | Operation::GetGroupPolicy
        | Operation::ListGroupPolicies
        | Operation::DeleteGroupPolicy
        | Operation::AttachGroupPolicy
        | Operation::DetachGroupPolicy
        | Operation::ListAttachedGroupPolicies
        | Operation::PutRolePolicy
        | Operation::GetRolePolicy
        | Operation::ListRolePolicies
        | Operation::DeleteRolePolicy
        | Operation::AttachRolePolicy
        | Operation::DetachRolePolicy
        | Operation::ListAttachedRolePolicies
        | Operation::PutUserPermissionsBoundary
        | Operation::DeleteUserPermissionsBoundary
        | Operation::PutRolePermissionsBoundary
        | Operation::DeleteRolePermissionsBoundary
        | Operation::TagUser
        | Operation::UntagUser
        | Operation::ListUserTags
        | Operation::TagRole
        | Operation::UntagRole
        | Operation::ListRoleTags
        | Operation::TagPolicy
        | Operation::UntagPolicy
        | Operation::ListPolicyTags
        | Operation::CreateVirtualMFADevice
        | Operation::EnableMFADevice
        | Operation::DeactivateMFADevice
        | Operation::ListMFADevices
        | Operation::ListVirtualMFADevices
        | Operation::DeleteVirtualMFADevice
        | Operation::ResyncMFADevice
        | Operation::CreateOpenIDConnectProvider
        | Operation::GetOpenIDConnectProvider
        | Operation::ListOpenIDConnectProviders
        | Operation::DeleteOpenIDConnectProvider
        | Operation::UpdateOpenIDConnectProviderThumbprint
        | Operation::AddClientIDToOpenIDConnectProvider
        | Operation::RemoveClientIDFromOpenIDConnectProvider
        | Operation::TagOpenIDConnectProvider
        | Operation::UntagOpenIDConnectProvider
        | Operation::ListOpenIDConnectProviderTags
        | Operation::SimulatePrincipalPolicy
        | Operation::SimulateCustomPolicy
        | Operation::GetContextKeysForPrincipalPolicy
        | Operation::GetContextKeysForCustomPolicy => Audience::People,

        Operation::LookupEvents => Audience::People,

        Operation::LockPrincipal
        | Operation::UnlockPrincipal
        | Operation::LockNode
        | Operation::UnlockNode
        | Operation::ListLocks
        | Operation::ExplainPolicy
        | Operation::DescribeRecording
        | Operation::GetRecording => Audience::People,

        // What decides is the role's trust policy: see `authorize_role`.
        Operation::AssumeRole => Audience::People,
        Operation::AssumeRoleWithWebIdentity => Audience::Vouched,

        // As at AWS, where nobody needs a permission for these.
        Operation::GetSessionToken | Operation::GetAccessKeyInfo => Audience::AnyPerson,

        Operation::GetCallerIdentity => Audience::Everybody,

        // A node looks whether there is a log group, and writes the logs of its own sessions (spec agent-sessions §5).
        Operation::DescribeLogGroups => Audience::PeopleAndAnyNode,
        Operation::CreateLogStream | Operation::DescribeLogStreams | Operation::PutLogEvents => {
            Audience::PeopleAndNodes
        }

        // A node opens the data keys of its own sessions (spec agent-sessions §6).
        Operation::Decrypt => Audience::PeopleAndNodes,

        Operation::RequestManagedInstanceRoleToken | Operation::UpdateManagedInstancePublicKey => Audience::NodeWithKey,

        Operation::UpdateInstanceInformation | Operation::ListInstanceAssociations | Operation::GetMessages => {
            Audience::NodeWithRole
        }
    }
}
