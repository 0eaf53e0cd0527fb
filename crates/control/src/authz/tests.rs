//! Every act × every kind of caller: the whole decision as one table. An operation or a channel route without a row
//! fails, and so does a row that is not what happens.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

use std::sync::Arc;

use postern_iam::UniqueId;
use postern_model::{CallerKind, ErrorCode, Operation};
use postern_store::IdentityKind;

use super::act::{ACTIONS, NodeAndDocument, NodeAndRole, OnIdentity, OnPolicy, OnSetting, OnTagged, Renamed, Target};
use super::*;
use crate::caller::{CredentialFacts, Person, PersonKind};

const OWN: &str = "mi-0000000000000000a";
const OTHER: &str = "mi-0000000000000000b";

/// What each caller may do to what is a node's own, in this order: stranger, the node with its key, the node with its
/// role, another node with its key, another node with its role, a user without policies, administrator.
#[rustfmt::skip]
const TABLE: &[(Action, [bool; 7])] = &[
    // For people.
    (Action::Api(Operation::StartSession),                    [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ResumeSession),                   [false, false, false, false, false, false, true]),
    (Action::Api(Operation::TerminateSession),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DescribeSessions),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetConnectionStatus),             [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DescribeInstanceInformation),     [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DescribeInstanceProperties),      [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListNodes),                       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UpdateManagedInstanceRole),       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::AddTagsToResource),               [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListTagsForResource),             [false, false, false, false, false, false, true]),
    (Action::Api(Operation::RemoveTagsFromResource),          [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetServiceSetting),               [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UpdateServiceSetting),            [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ResetServiceSetting),             [false, false, false, false, false, false, true]),
    (Action::Api(Operation::CreateActivation),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DescribeActivations),             [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteActivation),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeregisterManagedInstance),       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::CreateDocument),                  [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetDocument),                     [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DescribeDocument),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UpdateDocument),                  [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UpdateDocumentDefaultVersion),    [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteDocument),                  [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListDocuments),                   [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListDocumentVersions),            [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ModifyDocumentPermission),        [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DescribeDocumentPermission),      [false, false, false, false, false, false, true]),
    // For whoever holds an activation's code.
    (Action::Api(Operation::RegisterManagedInstance),         [true,  false, false, false, false, true,  true]),
    // Keys: for people, but for a node's own data keys.
    (Action::Api(Operation::GenerateDataKey),                 [false, false, false, false, false, false, true]),
    (Action::Api(Operation::Encrypt),                         [false, false, false, false, false, false, true]),
    (Action::Api(Operation::Decrypt),                         [false, false, true,  false, false, false, true]),
    (Action::Api(Operation::CreateKey),                       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DescribeKey),                     [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListKeys),                        [false, false, false, false, false, false, true]),
    (Action::Api(Operation::EnableKey),                       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DisableKey),                      [false, false, false, false, false, false, true]),
    (Action::Api(Operation::CreateAlias),                     [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListAliases),                     [false, false, false, false, false, false, true]),
    // Logs: for people, but for the log of a node's own session; which groups there are, every node may see.
    (Action::Api(Operation::CreateLogGroup),                  [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteLogGroup),                  [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DescribeLogGroups),               [false, false, true,  false, true,  false, true]),
    (Action::Api(Operation::PutRetentionPolicy),              [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteRetentionPolicy),           [false, false, false, false, false, false, true]),
    (Action::Api(Operation::CreateLogStream),                 [false, false, true,  false, false, false, true]),
    (Action::Api(Operation::DeleteLogStream),                 [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DescribeLogStreams),              [false, false, true,  false, false, false, true]),
    (Action::Api(Operation::PutLogEvents),                    [false, false, true,  false, false, false, true]),
    (Action::Api(Operation::GetLogEvents),                    [false, false, false, false, false, false, true]),
    (Action::Api(Operation::FilterLogEvents),                 [false, false, false, false, false, false, true]),
    // Identities: for people.
    (Action::Api(Operation::CreateUser),                      [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetUser),                         [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListUsers),                       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UpdateUser),                      [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteUser),                      [false, false, false, false, false, false, true]),
    (Action::Api(Operation::CreateAccessKey),                 [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListAccessKeys),                  [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UpdateAccessKey),                 [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteAccessKey),                 [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetAccessKeyLastUsed),            [false, false, false, false, false, false, true]),
    (Action::Api(Operation::CreateGroup),                     [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetGroup),                        [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListGroups),                      [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UpdateGroup),                     [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteGroup),                     [false, false, false, false, false, false, true]),
    (Action::Api(Operation::AddUserToGroup),                  [false, false, false, false, false, false, true]),
    (Action::Api(Operation::RemoveUserFromGroup),             [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListGroupsForUser),               [false, false, false, false, false, false, true]),
    (Action::Api(Operation::CreateRole),                      [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetRole),                         [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListRoles),                       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UpdateRole),                      [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UpdateAssumeRolePolicy),          [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteRole),                      [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListInstanceProfilesForRole),     [false, false, false, false, false, false, true]),
    (Action::Api(Operation::CreatePolicy),                    [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetPolicy),                       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListPolicies),                    [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeletePolicy),                    [false, false, false, false, false, false, true]),
    (Action::Api(Operation::CreatePolicyVersion),             [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetPolicyVersion),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListPolicyVersions),              [false, false, false, false, false, false, true]),
    (Action::Api(Operation::SetDefaultPolicyVersion),         [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeletePolicyVersion),             [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListEntitiesForPolicy),           [false, false, false, false, false, false, true]),
    (Action::Api(Operation::PutUserPolicy),                   [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetUserPolicy),                   [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListUserPolicies),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteUserPolicy),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::AttachUserPolicy),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DetachUserPolicy),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListAttachedUserPolicies),        [false, false, false, false, false, false, true]),
    (Action::Api(Operation::PutGroupPolicy),                  [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetGroupPolicy),                  [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListGroupPolicies),               [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteGroupPolicy),               [false, false, false, false, false, false, true]),
    (Action::Api(Operation::AttachGroupPolicy),               [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DetachGroupPolicy),               [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListAttachedGroupPolicies),       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::PutRolePolicy),                   [false, false, false, false, false, false, true]),
    (Action::Api(Operation::GetRolePolicy),                   [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListRolePolicies),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteRolePolicy),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::AttachRolePolicy),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DetachRolePolicy),                [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListAttachedRolePolicies),        [false, false, false, false, false, false, true]),
    (Action::Api(Operation::PutUserPermissionsBoundary),      [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteUserPermissionsBoundary),   [false, false, false, false, false, false, true]),
    (Action::Api(Operation::PutRolePermissionsBoundary),      [false, false, false, false, false, false, true]),
    (Action::Api(Operation::DeleteRolePermissionsBoundary),   [false, false, false, false, false, false, true]),
    (Action::Api(Operation::TagUser),                         [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UntagUser),                       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListUserTags),                    [false, false, false, false, false, false, true]),
    (Action::Api(Operation::TagRole),                         [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UntagRole),                       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListRoleTags),                    [false, false, false, false, false, false, true]),
    (Action::Api(Operation::TagPolicy),                       [false, false, false, false, false, false, true]),
    (Action::Api(Operation::UntagPolicy),                     [false, false, false, false, false, false, true]),
    (Action::Api(Operation::ListPolicyTags),                  [false, false, false, false, false, false, true]),
    // Who one is, everybody may know.
    (Action::Api(Operation::GetCallerIdentity),               [false, false, true,  false, true,  true,  true]),
    // For nodes, with their key.
    (Action::Api(Operation::RequestManagedInstanceRoleToken), [false, true,  false, false, false, false, false]),
    (Action::Api(Operation::UpdateManagedInstancePublicKey),  [false, true,  false, false, false, false, false]),
    // For nodes, with their role.
    (Action::Api(Operation::UpdateInstanceInformation),       [false, false, true,  false, false, false, false]),
    (Action::Api(Operation::ListInstanceAssociations),        [false, false, true,  false, false, false, false]),
    (Action::Api(Operation::GetMessages),                     [false, false, true,  false, false, false, false]),
    (Action::CreateControlChannel,                            [false, false, true,  false, false, false, false]),
    (Action::OpenControlChannel,                              [false, false, true,  false, false, false, false]),
    (Action::CreateDataChannel,                               [false, false, true,  false, false, false, false]),
    // For both ends of a session.
    (Action::OpenDataChannel,                                 [false, false, true,  false, false, false, true]),
];

const ROUTES: [Action; 4] =
    [Action::CreateControlChannel, Action::OpenControlChannel, Action::CreateDataChannel, Action::OpenDataChannel];

fn callers() -> [Principal; 7] {
    let node = |id: &str, proof| Principal::Node { node_id: id.parse().unwrap(), proof };
    [
        Principal::Anonymous,
        node(OWN, NodeProof::Key),
        node(OWN, NodeProof::Role),
        node(OTHER, NodeProof::Key),
        node(OTHER, NodeProof::Role),
        user("jane", Rights::Nothing),
        user("admin", Rights::Everything),
    ]
}

fn user(name: &str, rights: Rights) -> Principal {
    let arn = Arn::user(&"123456789012".parse().unwrap(), name);
    let id = UniqueId::of_user(&[1; 11]);
    Principal::Person(Arc::new(Person {
        arn,
        user_id: id.to_string(),
        tags: Vec::new(),
        kind: PersonKind::User { id, name: name.to_owned() },
        credentials: CredentialFacts::LongLived,
        rights,
        layers: Arc::default(),
    }))
}

fn caller(principal: Principal) -> Caller {
    Caller {
        principal,
        scope: Scope { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() },
        request_id: "request".to_owned(),
        arrived_at: 0,
        source_ip: None,
        is_secure: true,
        user_agent: None,
        request: None,
        verified_key: None,
    }
}

fn on_own_session() -> act::OnSession {
    act::OnSession { id: "jane-1".parse().unwrap(), node: Some(OWN.parse().unwrap()) }
}

fn group() -> String {
    "/ssm/sessions".to_owned()
}

/// The log of a session of [`OWN`].
fn stream() -> act::OnStream {
    let act::OnSession { id, node } = on_own_session();
    act::OnStream { group: group(), stream: id.to_string(), node }
}

fn key() -> act::OnKey {
    act::OnKey { named: KeyName::new("alias/aws/ssm"), id: None }
}

fn identity() -> OnIdentity {
    let arn = Arn::user(&"123456789012".parse().unwrap(), "jane");
    OnIdentity { kind: IdentityKind::User, name: "jane".to_owned(), asked: arn.clone(), arn, tags: Vec::new() }
}

fn policy() -> OnPolicy {
    OnPolicy { arn: Arn::policy(&"123456789012".parse().unwrap(), "web"), tags: Vec::new() }
}

fn may<A: Act>(principal: &Principal, on: A::On) -> bool {
    match authorize::<A>(&caller(principal.clone()), on) {
        Ok(allowed) => {
            assert_eq!(allowed.caller().principal.to_string(), principal.to_string());
            true
        }
        Err(error) => {
            assert_eq!(error.code(), ErrorCode::AccessDeniedException);
            false
        }
    }
}

/// Tries one act on what belongs to [`OWN`], by the name of its action.
fn attempt(action: Action, principal: &Principal) -> bool {
    let node = || OWN.parse().unwrap();
    let document = || "arn:aws:ssm:eu-west-1:123456789012:document/SSM-SessionManagerRunShell".parse::<Arn>().unwrap();
    let setting = || {
        let path = "/ssm/managed-instance/activation-tier";
        let arn = "arn:aws:ssm:eu-west-1:123456789012:servicesetting/ssm/managed-instance/activation-tier";
        OnSetting::Known { path, arn: arn.parse().unwrap() }
    };
    match action {
        Action::Api(operation) => match operation {
            Operation::StartSession => {
                let on = NodeAndDocument { target: Target::Node(node()), document: document() };
                may::<act::StartSession>(principal, on)
            }
            Operation::ResumeSession => may::<act::ResumeSession>(principal, on_own_session()),
            Operation::TerminateSession => may::<act::TerminateSession>(principal, on_own_session()),
            Operation::DescribeSessions => may::<act::DescribeSessions>(principal, ()),
            Operation::GetConnectionStatus => may::<act::GetConnectionStatus>(principal, Target::Node(node())),
            Operation::DescribeInstanceInformation => may::<act::DescribeInstanceInformation>(principal, ()),
            Operation::DescribeInstanceProperties => may::<act::DescribeInstanceProperties>(principal, ()),
            Operation::ListNodes => may::<act::ListNodes>(principal, ()),
            Operation::UpdateManagedInstanceRole => {
                let role = "arn:aws:iam::123456789012:role/PosternNode".parse().unwrap();
                may::<act::UpdateManagedInstanceRole>(principal, NodeAndRole { node: node(), role })
            }
            Operation::AddTagsToResource => may::<act::AddTagsToResource>(principal, OnTagged::Node(node())),
            Operation::ListTagsForResource => may::<act::ListTagsForResource>(principal, OnTagged::Node(node())),
            Operation::RemoveTagsFromResource => may::<act::RemoveTagsFromResource>(principal, OnTagged::Node(node())),
            Operation::GetServiceSetting => may::<act::GetServiceSetting>(principal, setting()),
            Operation::UpdateServiceSetting => may::<act::UpdateServiceSetting>(principal, setting()),
            Operation::ResetServiceSetting => may::<act::ResetServiceSetting>(principal, setting()),
            Operation::CreateActivation => may::<act::CreateActivation>(principal, ()),
            Operation::DescribeActivations => may::<act::DescribeActivations>(principal, ()),
            Operation::DeleteActivation => may::<act::DeleteActivation>(principal, ()),
            Operation::DeregisterManagedInstance => may::<act::DeregisterManagedInstance>(principal, node()),
            Operation::CreateDocument => may::<act::CreateDocument>(principal, document()),
            Operation::GetDocument => may::<act::GetDocument>(principal, document()),
            Operation::DescribeDocument => may::<act::DescribeDocument>(principal, document()),
            Operation::UpdateDocument => may::<act::UpdateDocument>(principal, document()),
            Operation::UpdateDocumentDefaultVersion => may::<act::UpdateDocumentDefaultVersion>(principal, document()),
            Operation::DeleteDocument => may::<act::DeleteDocument>(principal, document()),
            Operation::ListDocuments => may::<act::ListDocuments>(principal, ()),
            Operation::ListDocumentVersions => may::<act::ListDocumentVersions>(principal, document()),
            Operation::ModifyDocumentPermission => may::<act::ModifyDocumentPermission>(principal, document()),
            Operation::DescribeDocumentPermission => may::<act::DescribeDocumentPermission>(principal, document()),
            Operation::RegisterManagedInstance => may::<act::RegisterManagedInstance>(principal, ()),
            Operation::CreateUser => may::<act::CreateUser>(principal, identity()),
            Operation::GetUser => may::<act::GetUser>(principal, identity()),
            Operation::ListUsers => may::<act::ListUsers>(principal, ()),
            Operation::UpdateUser => {
                may::<act::UpdateUser>(principal, Renamed { from: identity(), to: identity().arn })
            }
            Operation::DeleteUser => may::<act::DeleteUser>(principal, identity()),
            Operation::CreateAccessKey => may::<act::CreateAccessKey>(principal, identity()),
            Operation::ListAccessKeys => may::<act::ListAccessKeys>(principal, identity()),
            Operation::UpdateAccessKey => may::<act::UpdateAccessKey>(principal, identity()),
            Operation::DeleteAccessKey => may::<act::DeleteAccessKey>(principal, identity()),
            Operation::GetAccessKeyLastUsed => may::<act::GetAccessKeyLastUsed>(principal, identity()),
            Operation::CreateGroup => may::<act::CreateGroup>(principal, identity()),
            Operation::GetGroup => may::<act::GetGroup>(principal, identity()),
            Operation::ListGroups => may::<act::ListGroups>(principal, ()),
            Operation::UpdateGroup => {
                may::<act::UpdateGroup>(principal, Renamed { from: identity(), to: identity().arn })
            }
            Operation::DeleteGroup => may::<act::DeleteGroup>(principal, identity()),
            Operation::AddUserToGroup => may::<act::AddUserToGroup>(principal, identity()),
            Operation::RemoveUserFromGroup => may::<act::RemoveUserFromGroup>(principal, identity()),
            Operation::ListGroupsForUser => may::<act::ListGroupsForUser>(principal, identity()),
            Operation::CreateRole => may::<act::CreateRole>(principal, identity()),
            Operation::GetRole => may::<act::GetRole>(principal, identity()),
            Operation::ListRoles => may::<act::ListRoles>(principal, ()),
            Operation::UpdateRole => may::<act::UpdateRole>(principal, identity()),
            Operation::UpdateAssumeRolePolicy => may::<act::UpdateAssumeRolePolicy>(principal, identity()),
            Operation::DeleteRole => may::<act::DeleteRole>(principal, identity()),
            Operation::ListInstanceProfilesForRole => may::<act::ListInstanceProfilesForRole>(principal, identity()),
            Operation::CreatePolicy => may::<act::CreatePolicy>(principal, policy()),
            Operation::GetPolicy => may::<act::GetPolicy>(principal, policy()),
            Operation::ListPolicies => may::<act::ListPolicies>(principal, ()),
            Operation::DeletePolicy => may::<act::DeletePolicy>(principal, policy()),
            Operation::CreatePolicyVersion => may::<act::CreatePolicyVersion>(principal, policy()),
            Operation::GetPolicyVersion => may::<act::GetPolicyVersion>(principal, policy()),
            Operation::ListPolicyVersions => may::<act::ListPolicyVersions>(principal, policy()),
            Operation::SetDefaultPolicyVersion => may::<act::SetDefaultPolicyVersion>(principal, policy()),
            Operation::DeletePolicyVersion => may::<act::DeletePolicyVersion>(principal, policy()),
            Operation::ListEntitiesForPolicy => may::<act::ListEntitiesForPolicy>(principal, policy()),
            Operation::PutUserPolicy => may::<act::PutUserPolicy>(principal, identity()),
            Operation::GetUserPolicy => may::<act::GetUserPolicy>(principal, identity()),
            Operation::ListUserPolicies => may::<act::ListUserPolicies>(principal, identity()),
            Operation::DeleteUserPolicy => may::<act::DeleteUserPolicy>(principal, identity()),
            Operation::AttachUserPolicy => may::<act::AttachUserPolicy>(principal, identity()),
            Operation::DetachUserPolicy => may::<act::DetachUserPolicy>(principal, identity()),
            Operation::ListAttachedUserPolicies => may::<act::ListAttachedUserPolicies>(principal, identity()),
            Operation::PutGroupPolicy => may::<act::PutGroupPolicy>(principal, identity()),
            Operation::GetGroupPolicy => may::<act::GetGroupPolicy>(principal, identity()),
            Operation::ListGroupPolicies => may::<act::ListGroupPolicies>(principal, identity()),
            Operation::DeleteGroupPolicy => may::<act::DeleteGroupPolicy>(principal, identity()),
            Operation::AttachGroupPolicy => may::<act::AttachGroupPolicy>(principal, identity()),
            Operation::DetachGroupPolicy => may::<act::DetachGroupPolicy>(principal, identity()),
            Operation::ListAttachedGroupPolicies => may::<act::ListAttachedGroupPolicies>(principal, identity()),
            Operation::PutRolePolicy => may::<act::PutRolePolicy>(principal, identity()),
            Operation::GetRolePolicy => may::<act::GetRolePolicy>(principal, identity()),
            Operation::ListRolePolicies => may::<act::ListRolePolicies>(principal, identity()),
            Operation::DeleteRolePolicy => may::<act::DeleteRolePolicy>(principal, identity()),
            Operation::AttachRolePolicy => may::<act::AttachRolePolicy>(principal, identity()),
            Operation::DetachRolePolicy => may::<act::DetachRolePolicy>(principal, identity()),
            Operation::ListAttachedRolePolicies => may::<act::ListAttachedRolePolicies>(principal, identity()),
            Operation::PutUserPermissionsBoundary => may::<act::PutUserPermissionsBoundary>(principal, identity()),
            Operation::DeleteUserPermissionsBoundary => {
                may::<act::DeleteUserPermissionsBoundary>(principal, identity())
            }
            Operation::PutRolePermissionsBoundary => may::<act::PutRolePermissionsBoundary>(principal, identity()),
            Operation::DeleteRolePermissionsBoundary => {
                may::<act::DeleteRolePermissionsBoundary>(principal, identity())
            }
            Operation::TagUser => may::<act::TagUser>(principal, identity()),
            Operation::UntagUser => may::<act::UntagUser>(principal, identity()),
            Operation::ListUserTags => may::<act::ListUserTags>(principal, identity()),
            Operation::TagRole => may::<act::TagRole>(principal, identity()),
            Operation::UntagRole => may::<act::UntagRole>(principal, identity()),
            Operation::ListRoleTags => may::<act::ListRoleTags>(principal, identity()),
            Operation::TagPolicy => may::<act::TagPolicy>(principal, policy()),
            Operation::UntagPolicy => may::<act::UntagPolicy>(principal, policy()),
            Operation::ListPolicyTags => may::<act::ListPolicyTags>(principal, policy()),
            Operation::GetCallerIdentity => may::<act::GetCallerIdentity>(principal, ()),
            Operation::CreateLogGroup => may::<act::CreateLogGroup>(principal, group()),
            Operation::DeleteLogGroup => may::<act::DeleteLogGroup>(principal, group()),
            Operation::DescribeLogGroups => may::<act::DescribeLogGroups>(principal, ()),
            Operation::PutRetentionPolicy => may::<act::PutRetentionPolicy>(principal, group()),
            Operation::DeleteRetentionPolicy => may::<act::DeleteRetentionPolicy>(principal, group()),
            Operation::CreateLogStream => may::<act::CreateLogStream>(principal, stream()),
            Operation::DeleteLogStream => may::<act::DeleteLogStream>(principal, stream()),
            Operation::DescribeLogStreams => may::<act::DescribeLogStreams>(principal, stream()),
            Operation::PutLogEvents => may::<act::PutLogEvents>(principal, stream()),
            Operation::GetLogEvents => may::<act::GetLogEvents>(principal, stream()),
            Operation::FilterLogEvents => may::<act::FilterLogEvents>(principal, group()),
            Operation::GenerateDataKey => may::<act::GenerateDataKey>(principal, key()),
            Operation::Encrypt => may::<act::Encrypt>(principal, key()),
            Operation::Decrypt => {
                let act::OnSession { id, node } = on_own_session();
                may::<act::Decrypt>(principal, act::OnDataKey { session: Some(id), node })
            }
            Operation::CreateKey => may::<act::CreateKey>(principal, ()),
            Operation::DescribeKey => may::<act::DescribeKey>(principal, key()),
            Operation::ListKeys => may::<act::ListKeys>(principal, ()),
            Operation::EnableKey => may::<act::EnableKey>(principal, key()),
            Operation::DisableKey => may::<act::DisableKey>(principal, key()),
            Operation::CreateAlias => {
                let alias = KeyName::new("alias/mine");
                may::<act::CreateAlias>(principal, act::KeyAndAlias { key: key(), alias })
            }
            Operation::ListAliases => may::<act::ListAliases>(principal, ()),
            Operation::RequestManagedInstanceRoleToken => {
                may::<act::RequestManagedInstanceRoleToken>(principal, node())
            }
            Operation::UpdateManagedInstancePublicKey => may::<act::UpdateManagedInstancePublicKey>(principal, node()),
            Operation::UpdateInstanceInformation => may::<act::UpdateInstanceInformation>(principal, node()),
            Operation::ListInstanceAssociations => may::<act::ListInstanceAssociations>(principal, node()),
            Operation::GetMessages => may::<act::GetMessages>(principal, node()),
        },
        Action::CreateControlChannel => may::<act::CreateControlChannel>(principal, node()),
        Action::OpenControlChannel => may::<act::OpenControlChannel>(principal, node()),
        Action::CreateDataChannel => may::<act::CreateDataChannel>(principal, on_own_session()),
        Action::OpenDataChannel => may::<act::OpenDataChannel>(principal, on_own_session()),
    }
}

#[test]
fn every_operation_and_every_route_has_one_row_and_one_act() {
    let all = Operation::ALL.iter().map(|operation| Action::Api(*operation)).chain(ROUTES);
    for action in all.clone() {
        let rows = TABLE.iter().filter(|(row, _)| *row == action).count();
        assert_eq!(rows, 1, "{} needs a row that says who may do it", action.name());
        let acts = ACTIONS.iter().filter(|act| **act == action).count();
        assert_eq!(acts, 1, "{} needs one act", action.name());
    }
    assert_eq!(TABLE.len(), all.clone().count(), "no row for what does not exist");
    assert_eq!(ACTIONS.len(), all.count(), "no act for what does not exist");
}

#[test]
fn the_table_is_what_happens() {
    for (action, expected) in TABLE {
        for (principal, expected) in callers().iter().zip(expected) {
            assert_eq!(attempt(*action, principal), *expected, "{} by {principal:?}", action.name());
        }
    }
}

/// The API's own idea of who calls an operation is only a sieve, but it must not contradict the decision.
#[test]
fn the_sieve_of_the_api_agrees_with_the_table() {
    for (action, [stranger, own_key, own_role, other_key, other_role, _, administrator]) in TABLE {
        let Action::Api(operation) = *action else { continue };
        assert!(!other_key, "{operation}: never another node");
        let for_every_node = matches!(operation, Operation::DescribeLogGroups | Operation::GetCallerIdentity);
        assert_eq!(*other_role, for_every_node, "{operation}: never another node");
        let kind = operation.caller();
        assert_eq!(*stranger, kind == CallerKind::Anonymous, "{operation}");
        assert_eq!(*own_key, kind == CallerKind::NodeKey, "{operation}");
        assert_eq!(*own_role, matches!(kind, CallerKind::NodeRole | CallerKind::UserOrNodeRole), "{operation}");
        let for_people = matches!(kind, CallerKind::User | CallerKind::UserOrNodeRole | CallerKind::Anonymous);
        assert_eq!(*administrator, for_people, "{operation}");
    }
}

#[test]
fn a_session_that_does_not_exist_is_nobodys() {
    let unknown = || act::OnSession { id: "jane-9".parse().unwrap(), node: None };
    for principal in &callers()[..6] {
        assert!(!may::<act::CreateDataChannel>(principal, unknown()), "{principal:?}");
        assert!(!may::<act::OpenDataChannel>(principal, unknown()), "{principal:?}");
        assert!(!may::<act::ResumeSession>(principal, unknown()), "{principal:?}");
        let nobodys = || act::OnStream { node: None, ..stream() };
        assert!(!may::<act::CreateLogStream>(principal, nobodys()), "{principal:?}");
        assert!(!may::<act::PutLogEvents>(principal, nobodys()), "{principal:?}");
        assert!(!may::<act::DescribeLogStreams>(principal, nobodys()), "{principal:?}");
        for session in [Some(unknown().id), None] {
            assert!(!may::<act::Decrypt>(principal, act::OnDataKey { session, node: None }), "{principal:?}");
        }
    }
}

#[test]
fn a_denial_says_who_what_where_and_why() {
    let admin = caller(callers()[6].clone());
    let error = authorize::<act::CreateControlChannel>(&admin, OWN.parse().unwrap()).unwrap_err();
    assert_eq!(
        error.message(),
        "User: arn:aws:iam::123456789012:user/admin is not authorized to perform: ssmmessages:CreateControlChannel on \
         resource: arn:aws:ssm:eu-west-1:123456789012:managed-instance/mi-0000000000000000a because only a managed \
         node may do this, with its own credentials"
    );
    let node = caller(callers()[2].clone());
    let error = authorize::<act::DescribeSessions>(&node, ()).unwrap_err();
    assert!(error.message().ends_with("because no identity-based policy allows the action"), "{}", error.message());
}

#[test]
fn a_decision_is_about_the_key_and_a_denial_about_its_name() {
    let scope = caller(Principal::Anonymous).scope;
    let on = act::OnKey { id: Some(KeyId::generate(&[7; 16])), ..key() };
    let [resource] = &act::GenerateDataKey::resources(&on)[..] else { panic!("one key is one resource") };
    assert_eq!(resource.name(&scope), "arn:aws:kms:eu-west-1:123456789012:key/07070707-0707-4707-8707-070707070707");
    let error = authorize::<act::GenerateDataKey>(&caller(callers()[2].clone()), on).unwrap_err();
    assert!(error.message().contains("on resource: arn:aws:kms:eu-west-1:123456789012:alias/aws/ssm "), "{error}");
}
