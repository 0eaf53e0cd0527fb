//! The HTTP face: authenticate, dispatch, call `control`, shape the answer. One failure table for the whole API lives
//! in `postern_model`; this module only chooses between its JSON and its XML form.

mod authenticate;
mod body;
mod channel;
mod dispatch;
mod poll;
mod reply;
mod request;
pub(crate) mod route;
mod stream_url;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Response, StatusCode, Uri};
use axum::routing::{MethodFilter, MethodRouter, on};
use postern_control::Control;
use postern_protocol::Entropy;

use crate::Limits;
use crate::broker::Broker;
pub(crate) use poll::Polls;
use route::{Endpoint, ROUTES, Route};

/// What every handler has at hand.
pub(crate) struct App {
    pub(crate) control: Arc<Control>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) limits: Limits,
    pub(crate) polls: Polls,
    pub(crate) stream_url_follows_host: bool,
}

/// Shared by all requests.
pub(crate) type Shared = axum::extract::State<Arc<App>>;

/// The router of [`ROUTES`], and a sentence for every other address.
pub(crate) fn router(app: App) -> Router {
    let app = Arc::new(app);
    let routes = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, handler(route)));
    routes
        .fallback(unknown_address)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), request::identify))
        .with_state(app)
}

fn handler(route: &Route) -> MethodRouter<Arc<App>> {
    let method = MethodFilter::try_from(route.method.clone()).expect("the table has only standard methods");
    match route.endpoint {
        Endpoint::Api => on(method, dispatch::answer),
        Endpoint::CreateControlChannel => on(method, channel::create_control_channel),
        Endpoint::CreateDataChannel => on(method, channel::create_data_channel),
        Endpoint::ControlChannel => on(method, channel::open_control_channel),
        Endpoint::DataChannel => on(method, channel::open_data_channel),
        Endpoint::Health => on(method, health),
    }
}

async fn health() -> Response<Body> {
    reply::text(StatusCode::OK, "ok")
}

async fn unknown_address(uri: Uri) -> Response<Body> {
    let path: String = uri.path().chars().take(100).collect();
    reply::text(
        StatusCode::NOT_FOUND,
        format!("There is nothing at {path}; the API is at POST /, with the operation in X-Amz-Target."),
    )
}

async fn wrong_method(method: Method, uri: Uri) -> Response<Body> {
    let path: String = uri.path().chars().take(100).collect();
    reply::text(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{path} does not answer {method}; the API is at POST /, with the operation in X-Amz-Target."),
    )
}
