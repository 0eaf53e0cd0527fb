//! `POST /`: from the `X-Amz-Target` header to the act in `control`, and back to JSON. A form without that header is of
//! the Query protocol: its `Action` names the operation, and the answer is XML.
//!
//! The `match` has no wildcard: a new operation does not compile until it is answered here, as it does not compile in
//! `control` until somebody has decided who may call it.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use bytes::Bytes;
use postern_control::authz::Action;
use postern_control::{AuditedCall, Caller, Control};
use postern_iam::SessionId;
use postern_model::query::Form;
use postern_model::session::{ResumeSessionResponse, StartSessionRequest, StartSessionResponse};
use postern_model::{ApiError, ApiRequest, CallerKind, ErrorCode, Operation, Service, decode, decode_form};
use serde::Serialize;

use super::authenticate;
use super::stream_url::follow_host;
use super::{App, Shared, body, reply};
use crate::proxies::Peer;

pub(crate) async fn answer(State(app): Shared, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let max_bytes = max_body_bytes(&app, &parts).await;
    let body = match body::read(&parts.headers, body, max_bytes, app.limits.body_timeout).await {
        Ok(body) => body,
        Err(error) => return reply::body_error(error),
    };
    if is_form(&parts) {
        return answer_form(&app, &parts, &body).await;
    }
    let answered = match operation(&parts) {
        Ok(operation) => Box::pin(call(&app, &parts, operation, Asked::Json(&body))).await,
        Err(error) => Err(error),
    };
    answered.unwrap_or_else(|error| {
        tracing::debug!(error = %error, "a request failed");
        reply::json_error(error, Service::of_target(target(&parts)))
    })
}

/// The version says which service was meant, also where its operation is not known.
async fn answer_form(app: &App, parts: &Parts, body: &Bytes) -> Response<Body> {
    let failed = |error: ApiError, version: &str| {
        tracing::debug!(error = %error, "a request failed");
        reply::query_error(error, version, &authenticate::request_id(parts))
    };
    let form = match Form::parse(body) {
        Ok(form) => form,
        Err(error) => return failed(error, ""),
    };
    let answered = match form.operation() {
        Ok(operation) => Box::pin(call(app, parts, operation, Asked::Form(body, &form))).await,
        Err(error) => Err(error),
    };
    answered.unwrap_or_else(|error| failed(error, form.version()))
}

/// What was asked.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Json(&'a Bytes),
    Form(&'a Bytes, &'a Form),
}

/// Whether a request is one of the Query protocol.
fn is_form(parts: &Parts) -> bool {
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    !parts.headers.contains_key(TARGET) && essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn max_body_bytes(app: &App, parts: &Parts) -> usize {
    let is_batch = Operation::from_target(target(parts)) == Ok(Operation::PutLogEvents);
    match is_batch && authenticate::names_credentials(app, parts).await {
        true => app.limits.log_body_bytes,
        false => app.limits.body_bytes,
    }
}

/// Every call comes through here, and leaves one audit event.
async fn call(app: &App, parts: &Parts, operation: Operation, asked: Asked<'_>) -> Result<Response<Body>, ApiError> {
    let event = app.control.begin_call(Action::Api(operation), authenticate::origin(parts))?;
    let answered = Box::pin(answered(app, parts, operation, asked, &event)).await;
    let error = answered.as_ref().err().map(|error| error.clone().told_by(operation.service()));
    if error.is_some()
        && let Some(key) = authenticate::claimed_key(parts)
    {
        event.set_claimed_key(&key);
    }
    event.finish(error.as_ref()).await?;
    answered
}

async fn answered(
    app: &App,
    parts: &Parts,
    operation: Operation,
    asked: Asked<'_>,
    event: &AuditedCall<'_>,
) -> Result<Response<Body>, ApiError> {
    let (Asked::Json(body) | Asked::Form(body, _)) = asked;
    let caller = match operation.caller() {
        // Its proof is in the body.
        CallerKind::Anonymous => authenticate::stranger(app, parts),
        CallerKind::NodeKey | CallerKind::NodeRole | CallerKind::User | CallerKind::UserOrNodeRole => {
            authenticate::signed(app, parts, body, &[operation.service().name()]).await?
        }
    };
    event.set_caller(&caller);
    let call = Call { app, operation, parts, caller: &caller, asked, event };
    let control = &app.control;
    match operation {
        Operation::StartSession => call.start_session().await,
        Operation::ResumeSession => {
            let resumed = control.resume_session(&caller, call.request()?).await?;
            call.reply(&ResumeSessionResponse {
                stream_url: resumed.stream_url.map(|url| call.stream_url(url)),
                ..resumed
            })
        }
        Operation::TerminateSession => call.act(Control::terminate_session).await,
        Operation::DescribeSessions => call.act(Control::describe_sessions).await,
        Operation::GetConnectionStatus => call.act(Control::get_connection_status).await,
        Operation::DescribeInstanceInformation => call.act(Control::describe_instance_information).await,
        Operation::DescribeInstanceProperties => call.act(Control::describe_instance_properties).await,
        Operation::ListNodes => call.act(Control::list_nodes).await,
        Operation::UpdateManagedInstanceRole => call.act(Control::update_managed_instance_role).await,
        Operation::AddTagsToResource => call.act(Control::add_tags_to_resource).await,
        Operation::ListTagsForResource => call.act(Control::list_tags_for_resource).await,
        Operation::RemoveTagsFromResource => call.act(Control::remove_tags_from_resource).await,
        Operation::GetServiceSetting => call.act(Control::get_service_setting).await,
        Operation::UpdateServiceSetting => call.act(Control::update_service_setting).await,
        Operation::ResetServiceSetting => call.act(Control::reset_service_setting).await,
        Operation::CreateActivation => call.act(Control::create_activation).await,
        Operation::DescribeActivations => call.act(Control::describe_activations).await,
        Operation::DeleteActivation => call.act(Control::delete_activation).await,
        Operation::DeregisterManagedInstance => call.act(Control::deregister_managed_instance).await,
        Operation::CreateDocument => call.act(Control::create_document).await,
        Operation::GetDocument => call.act(Control::get_document).await,
        Operation::DescribeDocument => call.act(Control::describe_document).await,
        Operation::UpdateDocument => call.act(Control::update_document).await,
        Operation::UpdateDocumentDefaultVersion => call.act(Control::update_document_default_version).await,
        Operation::DeleteDocument => call.act(Control::delete_document).await,
        Operation::ListDocuments => call.act(Control::list_documents).await,
        Operation::ListDocumentVersions => call.act(Control::list_document_versions).await,
        Operation::ModifyDocumentPermission => call.act(Control::modify_document_permission).await,
        Operation::DescribeDocumentPermission => call.act(Control::describe_document_permission).await,
        Operation::RegisterManagedInstance => call.act(Control::register_managed_instance).await,
        Operation::RequestManagedInstanceRoleToken => call.act(Control::request_managed_instance_role_token).await,
        Operation::UpdateManagedInstancePublicKey => call.act(Control::update_managed_instance_public_key).await,
        Operation::UpdateInstanceInformation => call.act(Control::update_instance_information).await,
        Operation::ListInstanceAssociations => call.act(Control::list_instance_associations).await,
        Operation::GetMessages => {
            let none = control.get_messages(&caller, call.request()?).await?;
            app.polls.hold(&app.broker).await?;
            call.reply(&none)
        }
        Operation::GenerateDataKey => call.act(Control::generate_data_key).await,
        Operation::Encrypt => call.act(Control::encrypt).await,
        Operation::Decrypt => call.act(Control::decrypt).await,
        Operation::CreateKey => call.act(Control::create_key).await,
        Operation::DescribeKey => call.act(Control::describe_key).await,
        Operation::ListKeys => call.act(Control::list_keys).await,
        Operation::EnableKey => call.act(Control::enable_key).await,
        Operation::DisableKey => call.act(Control::disable_key).await,
        Operation::CreateAlias => call.act(Control::create_alias).await,
        Operation::ListAliases => call.act(Control::list_aliases).await,
        Operation::CreateLogGroup => call.act(Control::create_log_group).await,
        Operation::DeleteLogGroup => call.act(Control::delete_log_group).await,
        Operation::DescribeLogGroups => call.act(Control::describe_log_groups).await,
        Operation::PutRetentionPolicy => call.act(Control::put_retention_policy).await,
        Operation::DeleteRetentionPolicy => call.act(Control::delete_retention_policy).await,
        Operation::CreateLogStream => call.act(Control::create_log_stream).await,
        Operation::DeleteLogStream => call.act(Control::delete_log_stream).await,
        Operation::DescribeLogStreams => call.act(Control::describe_log_streams).await,
        Operation::PutLogEvents => call.act(Control::put_log_events).await,
        Operation::GetLogEvents => call.act(Control::get_log_events).await,
        Operation::FilterLogEvents => call.act(Control::filter_log_events).await,
        Operation::CreateUser => call.act(Control::create_user).await,
        Operation::GetUser => call.act(Control::get_user).await,
        Operation::ListUsers => call.act(Control::list_users).await,
        Operation::UpdateUser => call.act(Control::update_user).await,
        Operation::DeleteUser => call.act(Control::delete_user).await,
        Operation::CreateAccessKey => call.act(Control::create_access_key).await,
        Operation::ListAccessKeys => call.act(Control::list_access_keys).await,
        Operation::UpdateAccessKey => call.act(Control::update_access_key).await,
        Operation::DeleteAccessKey => call.act(Control::delete_access_key).await,
        Operation::GetAccessKeyLastUsed => call.act(Control::get_access_key_last_used).await,
        Operation::CreateGroup => call.act(Control::create_group).await,
        Operation::GetGroup => call.act(Control::get_group).await,
        Operation::ListGroups => call.act(Control::list_groups).await,
        Operation::UpdateGroup => call.act(Control::update_group).await,
        Operation::DeleteGroup => call.act(Control::delete_group).await,
        Operation::AddUserToGroup => call.act(Control::add_user_to_group).await,
        Operation::RemoveUserFromGroup => call.act(Control::remove_user_from_group).await,
        Operation::ListGroupsForUser => call.act(Control::list_groups_for_user).await,
        Operation::CreateRole => call.act(Control::create_role).await,
        Operation::GetRole => call.act(Control::get_role).await,
        Operation::ListRoles => call.act(Control::list_roles).await,
        Operation::UpdateRole => call.act(Control::update_role).await,
        Operation::UpdateAssumeRolePolicy => call.act(Control::update_assume_role_policy).await,
        Operation::DeleteRole => call.act(Control::delete_role).await,
        Operation::ListInstanceProfilesForRole => call.act(Control::list_instance_profiles_for_role).await,
        Operation::CreatePolicy => call.act(Control::create_policy).await,
        Operation::GetPolicy => call.act(Control::get_policy).await,
        Operation::ListPolicies => call.act(Control::list_policies).await,
        Operation::DeletePolicy => call.act(Control::delete_policy).await,
        Operation::CreatePolicyVersion => call.act(Control::create_policy_version).await,
        Operation::GetPolicyVersion => call.act(Control::get_policy_version).await,
        Operation::ListPolicyVersions => call.act(Control::list_policy_versions).await,
        Operation::SetDefaultPolicyVersion => call.act(Control::set_default_policy_version).await,
        Operation::DeletePolicyVersion => call.act(Control::delete_policy_version).await,
        Operation::ListEntitiesForPolicy => call.act(Control::list_entities_for_policy).await,
        Operation::PutUserPolicy => call.act(Control::put_user_policy).await,
        Operation::GetUserPolicy => call.act(Control::get_user_policy).await,
        Operation::ListUserPolicies => call.act(Control::list_user_policies).await,
        Operation::DeleteUserPolicy => call.act(Control::delete_user_policy).await,
        Operation::AttachUserPolicy => call.act(Control::attach_user_policy).await,
        Operation::DetachUserPolicy => call.act(Control::detach_user_policy).await,
        Operation::ListAttachedUserPolicies => call.act(Control::list_attached_user_policies).await,
        Operation::PutGroupPolicy => call.act(Control::put_group_policy).await,
        Operation::GetGroupPolicy => call.act(Control::get_group_policy).await,
        Operation::ListGroupPolicies => call.act(Control::list_group_policies).await,
        Operation::DeleteGroupPolicy => call.act(Control::delete_group_policy).await,
        Operation::AttachGroupPolicy => call.act(Control::attach_group_policy).await,
        Operation::DetachGroupPolicy => call.act(Control::detach_group_policy).await,
        Operation::ListAttachedGroupPolicies => call.act(Control::list_attached_group_policies).await,
        Operation::PutRolePolicy => call.act(Control::put_role_policy).await,
        Operation::GetRolePolicy => call.act(Control::get_role_policy).await,
        Operation::ListRolePolicies => call.act(Control::list_role_policies).await,
        Operation::DeleteRolePolicy => call.act(Control::delete_role_policy).await,
        Operation::AttachRolePolicy => call.act(Control::attach_role_policy).await,
        Operation::DetachRolePolicy => call.act(Control::detach_role_policy).await,
        Operation::ListAttachedRolePolicies => call.act(Control::list_attached_role_policies).await,
        Operation::PutUserPermissionsBoundary => call.act(Control::put_user_permissions_boundary).await,
        Operation::DeleteUserPermissionsBoundary => call.act(Control::delete_user_permissions_boundary).await,
        Operation::PutRolePermissionsBoundary => call.act(Control::put_role_permissions_boundary).await,
        Operation::DeleteRolePermissionsBoundary => call.act(Control::delete_role_permissions_boundary).await,
        Operation::TagUser => call.act(Control::tag_user).await,
        Operation::UntagUser => call.act(Control::untag_user).await,
        Operation::ListUserTags => call.act(Control::list_user_tags).await,
        Operation::TagRole => call.act(Control::tag_role).await,
        Operation::UntagRole => call.act(Control::untag_role).await,
        Operation::ListRoleTags => call.act(Control::list_role_tags).await,
        Operation::TagPolicy => call.act(Control::tag_policy).await,
        Operation::UntagPolicy => call.act(Control::untag_policy).await,
        Operation::ListPolicyTags => call.act(Control::list_policy_tags).await,
        Operation::CreateVirtualMFADevice => call.act(Control::create_virtual_mfa_device).await,
        Operation::EnableMFADevice => call.act(Control::enable_mfa_device).await,
        Operation::DeactivateMFADevice => call.act(Control::deactivate_mfa_device).await,
        Operation::ListMFADevices => call.act(Control::list_mfa_devices).await,
        Operation::ListVirtualMFADevices => call.act(Control::list_virtual_mfa_devices).await,
        Operation::DeleteVirtualMFADevice => call.act(Control::delete_virtual_mfa_device).await,
        Operation::ResyncMFADevice => call.act(Control::resync_mfa_device).await,
        Operation::CreateOpenIDConnectProvider => call.act(Control::create_provider).await,
        Operation::GetOpenIDConnectProvider => call.act(Control::get_provider).await,
        Operation::ListOpenIDConnectProviders => call.act(Control::list_providers).await,
        Operation::DeleteOpenIDConnectProvider => call.act(Control::delete_provider).await,
        Operation::UpdateOpenIDConnectProviderThumbprint => call.act(Control::update_provider_thumbprint).await,
        Operation::AddClientIDToOpenIDConnectProvider => call.act(Control::add_provider_client).await,
        Operation::RemoveClientIDFromOpenIDConnectProvider => call.act(Control::remove_provider_client).await,
        Operation::TagOpenIDConnectProvider => call.act(Control::tag_provider).await,
        Operation::UntagOpenIDConnectProvider => call.act(Control::untag_provider).await,
        Operation::ListOpenIDConnectProviderTags => call.act(Control::list_provider_tags).await,
        Operation::SimulatePrincipalPolicy => call.act(Control::simulate_principal_policy).await,
        Operation::SimulateCustomPolicy => call.act(Control::simulate_custom_policy).await,
        Operation::GetContextKeysForPrincipalPolicy => call.act(Control::get_context_keys_for_principal_policy).await,
        Operation::GetContextKeysForCustomPolicy => call.act(Control::get_context_keys_for_custom_policy).await,
        Operation::AssumeRoleWithWebIdentity => call.act(Control::assume_role_with_web_identity).await,
        Operation::AssumeRole => call.act(Control::assume_role).await,
        Operation::GetSessionToken => call.act(Control::get_session_token).await,
        Operation::GetAccessKeyInfo => call.act(Control::get_access_key_info).await,
        Operation::LookupEvents => call.act(Control::lookup_events).await,
        Operation::LockPrincipal => call.act(Control::lock_principal).await,
        Operation::UnlockPrincipal => call.act(Control::unlock_principal).await,
        Operation::DescribeRecording => call.act(Control::describe_recording).await,
        Operation::GetRecording => call.act(Control::get_recording).await,
        Operation::LockNode => call.act(Control::lock_node).await,
        Operation::UnlockNode => call.act(Control::unlock_node).await,
        Operation::ListLocks => call.act(Control::list_locks).await,
        Operation::ExplainPolicy => call.act(Control::explain_policy).await,
        Operation::GetCallerIdentity => call.act(Control::get_caller_identity).await,
    }
}

/// Unknown operations are named before anybody is authenticated: a stock agent asks for many with all kinds of scopes,
/// and this is the answer that quiets it (spec agent-api-calls 2 and 4).
fn operation(parts: &Parts) -> Result<Operation, ApiError> {
    let message = match parts.headers.get_all(TARGET).iter().count() {
        1 => return Operation::from_target(target(parts)),
        0 => "The request names no operation: send X-Amz-Target, for example AmazonSSM.DescribeSessions.",
        _ => "The request names more than one operation: send X-Amz-Target once.",
    };
    Err(ApiError::new(ErrorCode::UnknownOperationException, message))
}

/// The operation as the request names it. Empty if it does not, or not in ASCII.
fn target(parts: &Parts) -> &str {
    parts.headers.get(TARGET).and_then(|target| target.to_str().ok()).unwrap_or_default()
}

const TARGET: &str = "x-amz-target";

struct Call<'a> {
    app: &'a App,
    operation: Operation,
    parts: &'a Parts,
    caller: &'a Caller,
    asked: Asked<'a>,
    event: &'a AuditedCall<'a>,
}

impl<'a> Call<'a> {
    /// Decodes the request, does the act, encodes the response.
    async fn act<R, F>(&self, act: impl FnOnce(&'a Control, &'a Caller, R) -> F) -> Result<Response<Body>, ApiError>
    where
        R: ApiRequest,
        F: Future<Output = Result<R::Response, ApiError>>,
    {
        let request = self.request::<R>()?;
        let answer = act(&self.app.control, self.caller, request).await?;
        self.app.control.operation_done(R::OPERATION);
        self.reply(&answer)
    }

    fn request<R: ApiRequest>(&self) -> Result<R, ApiError> {
        let request = match self.asked {
            Asked::Json(body) => decode(body),
            Asked::Form(_, form) => decode_form(form),
        };
        request.inspect(|request| self.event.set_request(request))
    }

    fn reply(&self, answer: &impl Serialize) -> Result<Response<Body>, ApiError> {
        self.event.set_answer(answer);
        match self.asked {
            Asked::Json(_) => reply::json(answer),
            Asked::Form(..) => reply::query_answer(self.operation, answer, &self.caller.request_id),
        }
    }

    /// From the moment it is open, somebody has to watch over it.
    async fn start_session(&self) -> Result<Response<Body>, ApiError> {
        let request = self.request::<StartSessionRequest>()?;
        let started = self.app.control.start_session(self.caller, request).await?;
        let id: SessionId = started.session_id.parse().map_err(|error| {
            tracing::error!(%error, "a new session has an id that is none");
            ApiError::internal()
        })?;
        if let Some(recording) = self.app.control.recorded_as(&id).await? {
            self.event.set_recording(recording);
        }
        self.app.broker.started(&id).await?;
        self.reply(&StartSessionResponse { stream_url: self.stream_url(started.stream_url), ..started })
    }

    fn stream_url(&self, url: String) -> String {
        if !self.app.stream_url_follows_host {
            return url;
        }
        let encrypted = self.parts.extensions.get::<Peer>().is_some_and(|peer| peer.encrypted);
        follow_host(&url, &self.parts.headers, encrypted)
    }
}
