//! What every request gets before it is looked at: an id, which the reply, the log and the audit record show.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response};
use axum::middleware::Next;
use tracing::Instrument as _;

use super::Shared;
use super::reply::REQUEST_ID;
use crate::listener::Peer;

/// The id of one request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

pub(crate) async fn identify(State(app): Shared, mut request: Request, next: Next) -> Response<Body> {
    let mut random = [0; 16];
    app.entropy.fill(&mut random);
    let id = uuid::Builder::from_random_bytes(random).into_uuid().to_string();
    let value = HeaderValue::from_str(&id).expect("a UUID is made of hexadecimal digits and dashes");
    let peer = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
    let span = tracing::info_span!("request", request.id = %id, peer = peer.map(tracing::field::display));
    request.extensions_mut().insert(RequestId(id));
    let mut response = next.run(request).instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, value);
    response
}
