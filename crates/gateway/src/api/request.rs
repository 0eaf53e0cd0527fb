//! What every request gets before it is looked at: an id, which the reply, the log and the audit record show; and what
//! every request must have to be looked at.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::{HeaderValue, Response, StatusCode, Version};
use axum::middleware::Next;
use tracing::Instrument as _;

use super::Shared;
use super::reply::{self, REQUEST_ID};
use crate::proxies::Peer;

/// The id of one request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

pub(crate) async fn identify(State(app): Shared, mut request: Request, next: Next) -> Response<Body> {
    let mut random = [0; 16];
    app.entropy.fill(&mut random);
    let id = uuid::Builder::from_random_bytes(random).into_uuid().to_string();
    let value = HeaderValue::from_str(&id).expect("a UUID is made of hexadecimal digits and dashes");
    let peer = request.extensions().get::<Peer>();
    let (address, proxy) = (peer.map(|peer| peer.address), peer.and_then(|peer| peer.proxy));
    let span = tracing::info_span!("request", request.id = %id, peer = address.map(tracing::field::display),
        proxy = proxy.map(tracing::field::display));
    request.extensions_mut().insert(RequestId(id));
    let mut response = match has_one_host(&request) {
        true => next.run(request).instrument(span).await,
        false => reply::text(StatusCode::BAD_REQUEST, "A request has exactly one Host header."),
    };
    response.headers_mut().insert(REQUEST_ID, value);
    response
}

/// RFC 9112, 3.2. With two of them, a proxy before us may have looked at the other one.
fn has_one_host(request: &Request) -> bool {
    match request.headers().get_all(HOST).iter().count() {
        0 => request.version() < Version::HTTP_11,
        hosts => hosts == 1,
    }
}
