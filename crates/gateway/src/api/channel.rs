//! The addresses of channels: tokens for nodes, and the upgrades with which channels are opened.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use postern_control::Caller;
use postern_iam::SecretString;
use postern_model::ApiError;
use postern_transport::UpgradeRequest;

use super::authenticate::{self, SSM_MESSAGES};
use super::{App, Shared, body, reply};

/// A body that only carries a request id (spec agent-control-channel 1.1).
const MAX_BODY_BYTES: usize = 16 * 1024;

pub(crate) async fn create_control_channel(
    State(app): Shared,
    Path(node_id): Path<String>,
    request: Request,
) -> Response<Body> {
    let caller = match caller_of(&app, request).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    created("CreateControlChannelResponse", app.control.create_control_channel(&caller, &node_id).await)
}

pub(crate) async fn create_data_channel(
    State(app): Shared,
    Path(session_id): Path<String>,
    request: Request,
) -> Response<Body> {
    let caller = match caller_of(&app, request).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    created("CreateDataChannelResponse", app.control.create_data_channel(&caller, &session_id).await)
}

async fn caller_of(app: &App, request: Request) -> Result<Caller, Response<Body>> {
    let (parts, body) = request.into_parts();
    let body =
        body::read(&parts.headers, body, MAX_BODY_BYTES, app.limits.body_timeout).await.map_err(reply::body_error)?;
    authenticate::signed(app, &parts, &body, SSM_MESSAGES).await.map_err(|error| failed(&error))
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
            app.broker.control_channel(accepted.upgrade, node_id, accepted.signed);
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
            app.broker.data_channel(accepted.upgrade, session_id, accepted.signed);
            accepted.response
        }
        Err(response) => response,
    }
}

struct Accepted {
    upgrade: OnUpgrade,
    /// Who signed the upgrade, if anybody did: old plugins do not (spec data-channel 2.1).
    signed: Option<Caller>,
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
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = HeaderMap::from_iter(upgrade.response_headers());
    Ok(Accepted { upgrade: on_upgrade, signed, response })
}
