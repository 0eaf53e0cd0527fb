//! The addresses of channels: tokens for nodes, and the upgrades with which channels are opened.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use postern_control::authz::Action;
use postern_control::{AuditedCall, Caller};
use postern_iam::SecretString;
use postern_model::ApiError;
use postern_transport::UpgradeRequest;
use serde_json::{Value, json};

use super::authenticate::{self, SSM_MESSAGES};
use super::{App, Shared, body, reply};
use crate::broker::Opener;

/// A body that only carries a request id (spec agent-control-channel 1.1).
const MAX_BODY_BYTES: usize = 16 * 1024;

pub(crate) async fn create_control_channel(
    State(app): Shared,
    Path(node_id): Path<String>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = match read(&app, request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let asked = json!({"NodeId": node_id});
    let token = audited(&app, &parts, Action::CreateControlChannel, &asked, async |event| {
        let caller = caller_of(&app, &parts, &body, event).await?;
        app.control.create_control_channel(&caller, &node_id).await
    });
    created("CreateControlChannelResponse", token.await)
}

pub(crate) async fn create_data_channel(
    State(app): Shared,
    Path(session_id): Path<String>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = match read(&app, request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let asked = json!({"SessionId": session_id});
    let token = audited(&app, &parts, Action::CreateDataChannel, &asked, async |event| {
        let caller = caller_of(&app, &parts, &body, event).await?;
        app.control.create_data_channel(&caller, &session_id).await
    });
    created("CreateDataChannelResponse", token.await)
}

async fn read(app: &App, request: Request) -> Result<(Parts, Bytes), Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body::read(&parts.headers, body, MAX_BODY_BYTES, app.limits.body_timeout).await;
    body.map(|body| (parts, body)).map_err(reply::body_error)
}

/// Does something for a request, which leaves one audit event whatever becomes of it.
async fn audited<T>(
    app: &App,
    parts: &Parts,
    action: Action,
    asked: &Value,
    act: impl AsyncFnOnce(&AuditedCall<'_>) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let event = app.control.begin_call(action, authenticate::origin(parts))?;
    event.set_request(asked);
    let done = act(&event).await;
    event.finish(done.as_ref().err()).await?;
    done
}

async fn caller_of(app: &App, parts: &Parts, body: &[u8], event: &AuditedCall<'_>) -> Result<Caller, ApiError> {
    let caller = authenticate::signed(app, parts, body, SSM_MESSAGES).await;
    match &caller {
        Ok(caller) => event.set_caller(caller),
        Err(_) => authenticate::claimed_key(parts).iter().for_each(|key| event.set_claimed_key(key)),
    }
    caller
}

fn created(root: &str, token: Result<SecretString, ApiError>) -> Response<Body> {
    match token {
        Ok(token) => reply::channel_created(root, token.expose()),
        Err(error) => failed(&error),
    }
}

fn failed(error: &ApiError) -> Response<Body> {
    tracing::debug!(%error, "a channel was not granted");
    reply::xml_error(error)
}

pub(crate) async fn open_control_channel(
    State(app): Shared,
    Path(node_id): Path<String>,
    request: Request,
) -> Response<Body> {
    match accept(&app, request).await {
        Ok(accepted) => {
            app.broker.control_channel(accepted.upgrade, node_id, accepted.opener);
            accepted.response
        }
        Err(response) => response,
    }
}

pub(crate) async fn open_data_channel(
    State(app): Shared,
    Path(session_id): Path<String>,
    request: Request,
) -> Response<Body> {
    match accept(&app, request).await {
        Ok(accepted) => {
            app.broker.data_channel(accepted.upgrade, session_id, accepted.opener);
            accepted.response
        }
        Err(response) => response,
    }
}

struct Accepted {
    upgrade: OnUpgrade,
    opener: Opener,
    response: Response<Body>,
}

async fn accept(app: &App, mut request: Request) -> Result<Accepted, Response<Body>> {
    let upgrade = UpgradeRequest::parse(request.method(), request.headers()).map_err(|refusal| {
        let mut response = reply::text(refusal.status(), format!("{refusal}."));
        response.headers_mut().extend(refusal.response_headers());
        response
    })?;
    let on_upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let signed = authenticate::if_signed(app, &parts, SSM_MESSAGES).await.map_err(|error| failed(&error))?;
    let opener = Opener { signed, origin: authenticate::origin(&parts) };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = HeaderMap::from_iter(upgrade.response_headers());
    Ok(Accepted { upgrade: on_upgrade, opener, response })
}
