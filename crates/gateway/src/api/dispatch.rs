//! `POST /`: from the `X-Amz-Target` header to the act in `control`, and back to JSON.
//!
//! The `match` has no wildcard: a new operation does not compile until it is answered here, as it does not compile in
//! `control` until somebody has decided who may call it.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::http::request::Parts;
use bytes::Bytes;
use postern_control::{Caller, Control};
use postern_iam::SessionId;
use postern_model::session::{ResumeSessionResponse, StartSessionRequest, StartSessionResponse};
use postern_model::{ApiError, ApiRequest, CallerKind, ErrorCode, Operation, Service, decode};

use super::authenticate;
use super::stream_url::follow_host;
use super::{App, Shared, body, reply};
use crate::listener::Peer;

pub(crate) async fn answer(State(app): Shared, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let max_bytes = max_body_bytes(&app, &parts).await;
    let body = match body::read(&parts.headers, body, max_bytes, app.limits.body_timeout).await {
        Ok(body) => body,
        Err(error) => return reply::body_error(error),
    };
    match Box::pin(call(&app, &parts, &body)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::debug!(error = %error, "a request failed");
            reply::json_error(error, Service::of_target(target(&parts)))
        }
    }
}

async fn max_body_bytes(app: &App, parts: &Parts) -> usize {
    let is_batch = Operation::from_target(target(parts)) == Ok(Operation::PutLogEvents);
    match is_batch && authenticate::names_credentials(app, parts).await {
        true => app.limits.log_body_bytes,
        false => app.limits.body_bytes,
    }
}

async fn call(app: &App, parts: &Parts, body: &Bytes) -> Result<Response<Body>, ApiError> {
    let operation = operation(parts)?;
    let caller = match operation.caller() {
        // Its proof is in the body.
        CallerKind::Anonymous => authenticate::stranger(app, parts),
        CallerKind::NodeKey | CallerKind::NodeRole | CallerKind::User | CallerKind::UserOrNodeRole => {
            authenticate::signed(app, parts, body, &[operation.service().name()]).await?
        }
    };
    let call = Call { app, parts, caller: &caller, body };
    let control = &app.control;
    match operation {
        Operation::StartSession => call.start_session().await,
        Operation::ResumeSession => {
            let resumed = control.resume_session(&caller, decode(body)?).await?;
            reply::json(&ResumeSessionResponse {
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
            let none = control.get_messages(&caller, decode(body)?).await?;
            app.polls.hold(&app.broker).await?;
            reply::json(&none)
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
    parts: &'a Parts,
    caller: &'a Caller,
    body: &'a [u8],
}

impl<'a> Call<'a> {
    /// Decodes the request, does the act, encodes the response.
    async fn act<R, F>(&self, act: impl FnOnce(&'a Control, &'a Caller, R) -> F) -> Result<Response<Body>, ApiError>
    where
        R: ApiRequest,
        F: Future<Output = Result<R::Response, ApiError>>,
    {
        let request = decode::<R>(self.body)?;
        reply::json(&act(&self.app.control, self.caller, request).await?)
    }

    /// From the moment it is open, somebody has to watch over it.
    async fn start_session(&self) -> Result<Response<Body>, ApiError> {
        let request = decode::<StartSessionRequest>(self.body)?;
        let started = self.app.control.start_session(self.caller, request).await?;
        let id: SessionId = started.session_id.parse().map_err(|error| {
            tracing::error!(%error, "a new session has an id that is none");
            ApiError::internal()
        })?;
        self.app.broker.started(&id).await?;
        reply::json(&StartSessionResponse { stream_url: self.stream_url(started.stream_url), ..started })
    }

    fn stream_url(&self, url: String) -> String {
        if !self.app.stream_url_follows_host {
            return url;
        }
        let encrypted = self.parts.extensions.get::<Peer>().is_some_and(|peer| peer.encrypted);
        follow_host(&url, &self.parts.headers, encrypted)
    }
}
