//! Who signed a request: reads the signature from the headers, and lets `control` verify it.

use axum::http::HeaderMap;
use axum::http::request::Parts;
use postern_control::{Arrival, Caller, Origin};
use postern_iam::sigv4::{self, SignedRequest};
use postern_model::ApiError;

use super::App;
use super::request::RequestId;
use crate::proxies::Peer;

/// What channels are signed for.
pub(crate) const SSM_MESSAGES: &[&str] = &["ssmmessages"];

/// The caller of a request that has to be signed.
pub(crate) async fn signed(app: &App, parts: &Parts, body: &[u8], services: &[&str]) -> Result<Caller, ApiError> {
    let signed = read(parts)?;
    let arrival = Arrival {
        body,
        services,
        origin: origin(parts),
        invocation_id: parts.headers.get("amz-sdk-invocation-id").and_then(|id| id.to_str().ok()).map(str::to_owned),
    };
    app.control.authenticate(&signed, arrival).await
}

/// Whether a request names credentials that this service gave out. Its signature is not looked at.
pub(crate) async fn names_credentials(app: &App, parts: &Parts) -> bool {
    match read(parts) {
        Ok(signed) => app.control.names_credentials(&signed).await,
        Err(_) => false,
    }
}

/// The caller of a request that may be signed: nothing if it is not. A bad signature is an error all the same.
pub(crate) async fn if_signed(app: &App, parts: &Parts, services: &[&str]) -> Result<Option<Caller>, ApiError> {
    match is_signed(parts) {
        true => signed(app, parts, b"", services).await.map(Some),
        false => Ok(None),
    }
}

/// The caller of a request that needs no signature.
pub(crate) fn stranger(app: &App, parts: &Parts) -> Caller {
    app.control.stranger(origin(parts))
}

/// The access key id that a request names, whatever that proves.
pub(crate) fn claimed_key(parts: &Parts) -> Option<String> {
    read(parts).ok().map(|signed| signed.access_key_id().to_owned())
}

fn read(parts: &Parts) -> Result<SignedRequest, ApiError> {
    let uri = parts.uri.path_and_query().map_or("/", |uri| uri.as_str());
    Ok(sigv4::parse(parts.method.as_str(), uri, &pairs(&parts.headers))?)
}

fn pairs(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

/// Either form of signature (public-api 1).
fn is_signed(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    parts.headers.contains_key("authorization")
        || query.contains("X-Amz-Signature")
        || query.contains("X-Amz-Algorithm")
}

/// Where a request comes from.
pub(crate) fn origin(parts: &Parts) -> Origin {
    let peer = parts.extensions.get::<Peer>();
    Origin {
        source_ip: peer.map(|peer| peer.address),
        is_secure: peer.is_some_and(|peer| peer.encrypted),
        user_agent: parts.headers.get("user-agent").and_then(|agent| agent.to_str().ok()).map(str::to_owned),
        request_id: request_id(parts),
    }
}

/// The id of a request, for its answer.
pub(crate) fn request_id(parts: &Parts) -> String {
    parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}
