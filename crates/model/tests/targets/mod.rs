//! What fuzzing asks of everything here that reads what clients and nodes send. Shared by the libFuzzer programs in
//! `fuzz/` and by the seeded mutator in `tests/fuzz_seeds.rs`.
//!
//! Every target takes any bytes and must neither panic nor break the property it states.

#![allow(dead_code, reason = "every includer uses its own part")]

use std::collections::BTreeMap;

use postern_model::document::{
    Content, DocumentError, DocumentFormat, DocumentType, Preferences, ResolvedDocument, SessionDocument, SessionStart,
    builtin, check, default_shell,
};
use postern_model::query::Form;
use postern_model::{
    ApiRequest, Operation, activation, agent, cloudtrail, decode, decode_form, document as documents, iam, kms, lock,
    logs, node, recording, service_setting, session, sts, tag,
};
use serde_json::Value;

/// A reader under test.
pub(crate) type Target = fn(&[u8]);

/// All targets by name. The name is that of the program in `fuzz/` and of the corpus folder.
pub(crate) const TARGETS: &[(&str, Target)] =
    &[("api_request", api_request), ("document", document), ("document_parameters", document_parameters)];

/// Runs the target of this name.
pub(crate) fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("the target is in the table");
    target(data);
}

/// The first line is a target as in `X-Amz-Target`, or an `Action`; the rest the body. What decodes is the same request again after it
/// was sent on, and every refusal is the caller's fault and says why.
pub(crate) fn api_request(data: &[u8]) {
    let (target, body) = split_line(data);
    let Ok(target) = std::str::from_utf8(target) else { return };
    let by_action = || Operation::from_action(target, "2010-05-08");
    let Ok(operation) = Operation::from_target(target).or_else(|_| by_action()) else { return };
    match operation {
        Operation::StartSession => request::<session::StartSessionRequest>(body),
        Operation::ResumeSession => request::<session::ResumeSessionRequest>(body),
        Operation::TerminateSession => request::<session::TerminateSessionRequest>(body),
        Operation::DescribeSessions => request::<session::DescribeSessionsRequest>(body),
        Operation::GetConnectionStatus => request::<session::GetConnectionStatusRequest>(body),
        Operation::DescribeInstanceInformation => request::<node::DescribeInstanceInformationRequest>(body),
        Operation::DescribeInstanceProperties => request::<node::DescribeInstancePropertiesRequest>(body),
        Operation::ListNodes => request::<node::ListNodesRequest>(body),
        Operation::UpdateManagedInstanceRole => request::<node::UpdateManagedInstanceRoleRequest>(body),
        Operation::AddTagsToResource => request::<tag::AddTagsToResourceRequest>(body),
        Operation::ListTagsForResource => request::<tag::ListTagsForResourceRequest>(body),
        Operation::RemoveTagsFromResource => request::<tag::RemoveTagsFromResourceRequest>(body),
        Operation::GetServiceSetting => request::<service_setting::GetServiceSettingRequest>(body),
        Operation::UpdateServiceSetting => request::<service_setting::UpdateServiceSettingRequest>(body),
        Operation::ResetServiceSetting => request::<service_setting::ResetServiceSettingRequest>(body),
        Operation::CreateActivation => request::<activation::CreateActivationRequest>(body),
        Operation::DescribeActivations => request::<activation::DescribeActivationsRequest>(body),
        Operation::DeleteActivation => request::<activation::DeleteActivationRequest>(body),
        Operation::DeregisterManagedInstance => request::<node::DeregisterManagedInstanceRequest>(body),
        Operation::CreateDocument => request::<documents::CreateDocumentRequest>(body),
        Operation::GetDocument => request::<documents::GetDocumentRequest>(body),
        Operation::DescribeDocument => request::<documents::DescribeDocumentRequest>(body),
        Operation::UpdateDocument => request::<documents::UpdateDocumentRequest>(body),
        Operation::UpdateDocumentDefaultVersion => request::<documents::UpdateDocumentDefaultVersionRequest>(body),
        Operation::DeleteDocument => request::<documents::DeleteDocumentRequest>(body),
        Operation::ListDocuments => request::<documents::ListDocumentsRequest>(body),
        Operation::ListDocumentVersions => request::<documents::ListDocumentVersionsRequest>(body),
        Operation::ModifyDocumentPermission => request::<documents::ModifyDocumentPermissionRequest>(body),
        Operation::DescribeDocumentPermission => request::<documents::DescribeDocumentPermissionRequest>(body),
        Operation::RegisterManagedInstance => request::<agent::RegisterManagedInstanceRequest>(body),
        Operation::RequestManagedInstanceRoleToken => request::<agent::RequestManagedInstanceRoleTokenRequest>(body),
        Operation::UpdateManagedInstancePublicKey => request::<agent::UpdateManagedInstancePublicKeyRequest>(body),
        Operation::UpdateInstanceInformation => request::<agent::UpdateInstanceInformationRequest>(body),
        Operation::ListInstanceAssociations => request::<agent::ListInstanceAssociationsRequest>(body),
        Operation::GetMessages => request::<agent::GetMessagesRequest>(body),
        Operation::GenerateDataKey => request::<kms::GenerateDataKeyRequest>(body),
        Operation::Encrypt => request::<kms::EncryptRequest>(body),
        Operation::Decrypt => request::<kms::DecryptRequest>(body),
        Operation::CreateKey => request::<kms::CreateKeyRequest>(body),
        Operation::DescribeKey => request::<kms::DescribeKeyRequest>(body),
        Operation::ListKeys => request::<kms::ListKeysRequest>(body),
        Operation::EnableKey => request::<kms::EnableKeyRequest>(body),
        Operation::DisableKey => request::<kms::DisableKeyRequest>(body),
        Operation::CreateAlias => request::<kms::CreateAliasRequest>(body),
        Operation::LookupEvents => request::<cloudtrail::LookupEventsRequest>(body),
        Operation::LockPrincipal => request::<lock::LockPrincipalRequest>(body),
        Operation::UnlockPrincipal => request::<lock::UnlockPrincipalRequest>(body),
        Operation::DescribeRecording => request::<recording::DescribeRecordingRequest>(body),
        Operation::GetRecording => request::<recording::GetRecordingRequest>(body),
        Operation::LockNode => request::<lock::LockNodeRequest>(body),
        Operation::UnlockNode => request::<lock::UnlockNodeRequest>(body),
        Operation::ListLocks => request::<lock::ListLocksRequest>(body),
        Operation::ExplainPolicy => request::<postern_model::explain::ExplainPolicyRequest>(body),
        Operation::ListAliases => request::<kms::ListAliasesRequest>(body),
        Operation::CreateLogGroup => request::<logs::CreateLogGroupRequest>(body),
        Operation::DeleteLogGroup => request::<logs::DeleteLogGroupRequest>(body),
        Operation::DescribeLogGroups => request::<logs::DescribeLogGroupsRequest>(body),
        Operation::PutRetentionPolicy => request::<logs::PutRetentionPolicyRequest>(body),
        Operation::DeleteRetentionPolicy => request::<logs::DeleteRetentionPolicyRequest>(body),
        Operation::CreateLogStream => request::<logs::CreateLogStreamRequest>(body),
        Operation::DeleteLogStream => request::<logs::DeleteLogStreamRequest>(body),
        Operation::DescribeLogStreams => request::<logs::DescribeLogStreamsRequest>(body),
        Operation::PutLogEvents => request::<logs::PutLogEventsRequest>(body),
        Operation::GetLogEvents => request::<logs::GetLogEventsRequest>(body),
        Operation::FilterLogEvents => request::<logs::FilterLogEventsRequest>(body),
        Operation::SimulatePrincipalPolicy => form::<iam::SimulatePrincipalPolicyRequest>(body),
        Operation::SimulateCustomPolicy => form::<iam::SimulateCustomPolicyRequest>(body),
        Operation::GetContextKeysForPrincipalPolicy => form::<iam::GetContextKeysForPrincipalPolicyRequest>(body),
        Operation::GetContextKeysForCustomPolicy => form::<iam::GetContextKeysForCustomPolicyRequest>(body),
        Operation::CreateUser => form::<iam::CreateUserRequest>(body),
        Operation::GetUser => form::<iam::GetUserRequest>(body),
        Operation::ListUsers => form::<iam::ListUsersRequest>(body),
        Operation::UpdateUser => form::<iam::UpdateUserRequest>(body),
        Operation::DeleteUser => form::<iam::DeleteUserRequest>(body),
        Operation::CreateAccessKey => form::<iam::CreateAccessKeyRequest>(body),
        Operation::ListAccessKeys => form::<iam::ListAccessKeysRequest>(body),
        Operation::UpdateAccessKey => form::<iam::UpdateAccessKeyRequest>(body),
        Operation::DeleteAccessKey => form::<iam::DeleteAccessKeyRequest>(body),
        Operation::GetAccessKeyLastUsed => form::<iam::GetAccessKeyLastUsedRequest>(body),
        Operation::CreateGroup => form::<iam::CreateGroupRequest>(body),
        Operation::GetGroup => form::<iam::GetGroupRequest>(body),
        Operation::ListGroups => form::<iam::ListGroupsRequest>(body),
        Operation::UpdateGroup => form::<iam::UpdateGroupRequest>(body),
        Operation::DeleteGroup => form::<iam::DeleteGroupRequest>(body),
        Operation::AddUserToGroup => form::<iam::AddUserToGroupRequest>(body),
        Operation::RemoveUserFromGroup => form::<iam::RemoveUserFromGroupRequest>(body),
        Operation::ListGroupsForUser => form::<iam::ListGroupsForUserRequest>(body),
        Operation::CreateRole => form::<iam::CreateRoleRequest>(body),
        Operation::GetRole => form::<iam::GetRoleRequest>(body),
        Operation::ListRoles => form::<iam::ListRolesRequest>(body),
        Operation::UpdateRole => form::<iam::UpdateRoleRequest>(body),
        Operation::UpdateAssumeRolePolicy => form::<iam::UpdateAssumeRolePolicyRequest>(body),
        Operation::DeleteRole => form::<iam::DeleteRoleRequest>(body),
        Operation::ListInstanceProfilesForRole => form::<iam::ListInstanceProfilesForRoleRequest>(body),
        Operation::CreatePolicy => form::<iam::CreatePolicyRequest>(body),
        Operation::GetPolicy => form::<iam::GetPolicyRequest>(body),
        Operation::ListPolicies => form::<iam::ListPoliciesRequest>(body),
        Operation::DeletePolicy => form::<iam::DeletePolicyRequest>(body),
        Operation::CreatePolicyVersion => form::<iam::CreatePolicyVersionRequest>(body),
        Operation::GetPolicyVersion => form::<iam::GetPolicyVersionRequest>(body),
        Operation::ListPolicyVersions => form::<iam::ListPolicyVersionsRequest>(body),
        Operation::SetDefaultPolicyVersion => form::<iam::SetDefaultPolicyVersionRequest>(body),
        Operation::DeletePolicyVersion => form::<iam::DeletePolicyVersionRequest>(body),
        Operation::ListEntitiesForPolicy => form::<iam::ListEntitiesForPolicyRequest>(body),
        Operation::PutUserPolicy => form::<iam::PutUserPolicyRequest>(body),
        Operation::GetUserPolicy => form::<iam::GetUserPolicyRequest>(body),
        Operation::ListUserPolicies => form::<iam::ListUserPoliciesRequest>(body),
        Operation::DeleteUserPolicy => form::<iam::DeleteUserPolicyRequest>(body),
        Operation::AttachUserPolicy => form::<iam::AttachUserPolicyRequest>(body),
        Operation::DetachUserPolicy => form::<iam::DetachUserPolicyRequest>(body),
        Operation::ListAttachedUserPolicies => form::<iam::ListAttachedUserPoliciesRequest>(body),
        Operation::PutGroupPolicy => form::<iam::PutGroupPolicyRequest>(body),
        Operation::GetGroupPolicy => form::<iam::GetGroupPolicyRequest>(body),
        Operation::ListGroupPolicies => form::<iam::ListGroupPoliciesRequest>(body),
        Operation::DeleteGroupPolicy => form::<iam::DeleteGroupPolicyRequest>(body),
        Operation::AttachGroupPolicy => form::<iam::AttachGroupPolicyRequest>(body),
        Operation::DetachGroupPolicy => form::<iam::DetachGroupPolicyRequest>(body),
        Operation::ListAttachedGroupPolicies => form::<iam::ListAttachedGroupPoliciesRequest>(body),
        Operation::PutRolePolicy => form::<iam::PutRolePolicyRequest>(body),
        Operation::GetRolePolicy => form::<iam::GetRolePolicyRequest>(body),
        Operation::ListRolePolicies => form::<iam::ListRolePoliciesRequest>(body),
        Operation::DeleteRolePolicy => form::<iam::DeleteRolePolicyRequest>(body),
        Operation::AttachRolePolicy => form::<iam::AttachRolePolicyRequest>(body),
        Operation::DetachRolePolicy => form::<iam::DetachRolePolicyRequest>(body),
        Operation::ListAttachedRolePolicies => form::<iam::ListAttachedRolePoliciesRequest>(body),
        Operation::PutUserPermissionsBoundary => form::<iam::PutUserPermissionsBoundaryRequest>(body),
        Operation::DeleteUserPermissionsBoundary => form::<iam::DeleteUserPermissionsBoundaryRequest>(body),
        Operation::PutRolePermissionsBoundary => form::<iam::PutRolePermissionsBoundaryRequest>(body),
        Operation::DeleteRolePermissionsBoundary => form::<iam::DeleteRolePermissionsBoundaryRequest>(body),
        Operation::TagUser => form::<iam::TagUserRequest>(body),
        Operation::UntagUser => form::<iam::UntagUserRequest>(body),
        Operation::ListUserTags => form::<iam::ListUserTagsRequest>(body),
        Operation::TagRole => form::<iam::TagRoleRequest>(body),
        Operation::UntagRole => form::<iam::UntagRoleRequest>(body),
        Operation::ListRoleTags => form::<iam::ListRoleTagsRequest>(body),
        Operation::TagPolicy => form::<iam::TagPolicyRequest>(body),
        Operation::UntagPolicy => form::<iam::UntagPolicyRequest>(body),
        Operation::ListPolicyTags => form::<iam::ListPolicyTagsRequest>(body),
        Operation::GetCallerIdentity => form::<iam::GetCallerIdentityRequest>(body),
        Operation::AssumeRole => form::<sts::AssumeRoleRequest>(body),
        Operation::GetSessionToken => form::<sts::GetSessionTokenRequest>(body),
        Operation::GetAccessKeyInfo => form::<sts::GetAccessKeyInfoRequest>(body),
        Operation::CreateVirtualMFADevice => form::<iam::CreateVirtualMfaDeviceRequest>(body),
        Operation::EnableMFADevice => form::<iam::EnableMfaDeviceRequest>(body),
        Operation::DeactivateMFADevice => form::<iam::DeactivateMfaDeviceRequest>(body),
        Operation::ListMFADevices => form::<iam::ListMfaDevicesRequest>(body),
        Operation::ListVirtualMFADevices => form::<iam::ListVirtualMfaDevicesRequest>(body),
        Operation::DeleteVirtualMFADevice => form::<iam::DeleteVirtualMfaDeviceRequest>(body),
        Operation::ResyncMFADevice => form::<iam::ResyncMfaDeviceRequest>(body),
        Operation::AssumeRoleWithWebIdentity => form::<sts::AssumeRoleWithWebIdentityRequest>(body),
        Operation::CreateOpenIDConnectProvider => form::<iam::CreateProviderRequest>(body),
        Operation::GetOpenIDConnectProvider => form::<iam::GetProviderRequest>(body),
        Operation::ListOpenIDConnectProviders => form::<iam::ListProvidersRequest>(body),
        Operation::DeleteOpenIDConnectProvider => form::<iam::DeleteProviderRequest>(body),
        Operation::UpdateOpenIDConnectProviderThumbprint => form::<iam::UpdateThumbprintRequest>(body),
        Operation::AddClientIDToOpenIDConnectProvider => form::<iam::AddClientIdRequest>(body),
        Operation::RemoveClientIDFromOpenIDConnectProvider => form::<iam::RemoveClientIdRequest>(body),
        Operation::TagOpenIDConnectProvider => form::<iam::TagProviderRequest>(body),
        Operation::UntagOpenIDConnectProvider => form::<iam::UntagProviderRequest>(body),
        Operation::ListOpenIDConnectProviderTags => form::<iam::ListProviderTagsRequest>(body),
    }
}

fn form<R: ApiRequest>(body: &[u8]) {
    match Form::parse(body).and_then(|form| decode_form::<R>(&form)) {
        Ok(request) => assert!(serde_json::to_value(&request).is_ok_and(|members| members.is_object())),
        Err(error) => assert!(error.status() == 400 && !error.message().is_empty()),
    }
}

fn request<R: ApiRequest>(body: &[u8]) {
    match decode::<R>(body) {
        Ok(request) => {
            let sent = serde_json::to_vec(&request).expect("requests are made to be sent as JSON");
            let again = decode::<R>(&sent).unwrap_or_else(|error| panic!("what was accepted is refused: {error}"));
            assert_eq!(serde_json::to_vec(&again).expect("as before"), sent);
        }
        Err(error) => assert!(error.status() == 400 && !error.message().is_empty()),
    }
}

/// The first line is a format, the rest a text of it. Its content, written in either format, is that content again; what
/// it means for either type is found or refused with a place; a session document that is taken can start sessions.
pub(crate) fn document(data: &[u8]) {
    let (format, text) = split_line(data);
    let (Ok(format), Ok(text)) = (std::str::from_utf8(format), std::str::from_utf8(text)) else { return };
    let Some(format) = DocumentFormat::from_name(format) else { return };
    let content = match Content::parse(text, format) {
        Ok(content) => content,
        Err(error) => return refused(error, None),
    };
    for format in [DocumentFormat::Json, DocumentFormat::Yaml] {
        let written = content.to_text(format).expect("both have a text form");
        match Content::parse(&written, format) {
            Ok(again) => assert_eq!(again.to_json(), content.to_json()),
            // What was written in few words can be long when it is written out.
            Err(error) => {
                assert!(matches!(error, DocumentError::TooLarge | DocumentError::TooComplex { .. }), "{error}")
            }
        }
    }
    for document_type in [DocumentType::Session, DocumentType::Command] {
        if let Err(error) = check(&content, document_type) {
            refused(error, Some(&content));
        }
    }
    if let Ok(document) = SessionDocument::read(&content)
        && let Ok(resolved) = document.resolve(&BTreeMap::new(), &Preferences::default())
    {
        starts(&resolved);
    }
}

fn refused(error: DocumentError, content: Option<&Content>) {
    let error = error.refuse(content);
    assert!(error.status() == 400 && !error.message().is_empty());
}

/// The first line is a document's name, the rest the parameters of a call: what a document of ours takes is a start
/// message with a value for each of its parameters.
pub(crate) fn document_parameters(data: &[u8]) {
    let (name, parameters) = split_line(data);
    let Ok(name) = std::str::from_utf8(name) else { return };
    let document = builtin(name).map_or_else(default_shell, |builtin| &builtin.document);
    let Ok(given) = serde_json::from_slice::<BTreeMap<String, Vec<String>>>(parameters) else { return };
    match document.resolve(&given, &Preferences::default()) {
        Ok(resolved) => {
            assert!(resolved.parameters().keys().eq(document.parameters().keys()));
            starts(&resolved);
        }
        Err(error) => assert!(error.status() == 400 && !error.message().is_empty()),
    }
}

fn starts(resolved: &ResolvedDocument<'_>) {
    assert!((1..=60).contains(&resolved.preferences().idle_session_timeout));
    assert!(resolved.properties().is_object());
    let start = SessionStart { document_name: "Name", session_id: "jane-1", run_as_user: "", session_owner: "jane" };
    let content = resolved.start_content(&start);
    assert_eq!(content.get("SessionId"), Some(&Value::from("jane-1")));
}

fn split_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}
