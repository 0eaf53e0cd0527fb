//! Every address the service answers at, in one table. The router is made from it, so an address that is not listed
//! does not exist, and the test that attacks each of them cannot miss one.

use axum::http::Method;

/// What has to be shown before an address does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: it says only that the service is there.
    Open,
    /// Whatever the operation in `X-Amz-Target` asks for; see `postern_model::Operation`.
    PerOperation,
    /// A node's signature.
    NodeSignature,
    /// A token in the opening message, and a good signature if there is one at all.
    Token,
}

/// What answers at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The JSON API.
    Api,
    /// A node asks for a token for its control channel.
    CreateControlChannel,
    /// A node asks for a token for its side of a session.
    CreateDataChannel,
    /// A node opens its control channel.
    ControlChannel,
    /// Either side opens its data channel.
    DataChannel,
    /// Whether the process is up.
    Health,
}

/// One address.
#[derive(Clone, Debug)]
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path; `{id}` stands for one segment.
    pub path: &'static str,
    /// What answers.
    pub endpoint: Endpoint,
    /// What has to be shown.
    pub access: Access,
}

/// All of them.
pub const ROUTES: &[Route] = &[
    Route { method: Method::POST, path: "/", endpoint: Endpoint::Api, access: Access::PerOperation },
    Route {
        method: Method::POST,
        path: "/v1/control-channel/{id}",
        endpoint: Endpoint::CreateControlChannel,
        access: Access::NodeSignature,
    },
    Route {
        method: Method::POST,
        path: "/v1/data-channel/{id}",
        endpoint: Endpoint::CreateDataChannel,
        access: Access::NodeSignature,
    },
    Route {
        method: Method::GET,
        path: "/v1/control-channel/{id}",
        endpoint: Endpoint::ControlChannel,
        access: Access::Token,
    },
    Route {
        method: Method::GET,
        path: "/v1/data-channel/{id}",
        endpoint: Endpoint::DataChannel,
        access: Access::Token,
    },
    Route { method: Method::GET, path: "/healthz", endpoint: Endpoint::Health, access: Access::Open },
];
