//! The adapter of `control`'s port `Upstream`: AWS-shaped services over HTTP, each request signed with the operator's
//! credentials.
//!
//! Nothing is sent twice: callers know what they may repeat, and their SDKs do. Every wait has its end, so that a slow
//! service does not make ours slow: whoever would have to wait behind too many others is told at once.

mod credentials;
mod probe;

pub(crate) use probe::probe;

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use postern_control::{Upstream, UpstreamError};
use postern_iam::sigv4::Credentials;
use postern_model::{Operation, Service};
use postern_protocol::Clock as _;
use postern_transport::{ApiCallError, Dialer, JsonApi, Proxy, SystemClock, TransportError, Trust};
use tokio::sync::Semaphore;

use crate::config::UpstreamConfig;
use credentials::Keyring;

/// Turns for requests that are under way; one that reads events takes several.
const TURNS: usize = 64;
/// Requests that are under way or wait for their turn.
const PLACES: usize = 512;
/// What an answer may have in bytes: 1,000 aliases are half of it.
const ANSWER_BYTES: usize = 1024 * 1024;
/// A page of events has 1 MiB of text, each byte of which may be six in JSON, and 10,000 times what is around a text.
const EVENTS_BYTES: usize = 16 * 1024 * 1024;
const EVENTS_TURNS: u32 = 8;

/// A service that requests are passed on to.
pub(crate) struct SignedService {
    service: Service,
    api: JsonApi,
    keyring: Keyring,
    timeout: Duration,
    turns: Semaphore,
    places: Semaphore,
}

impl SignedService {
    /// Opens nothing yet. The proxy and the certificate authorities are those that the environment names
    /// (`HTTPS_PROXY`, `NO_PROXY`, `AWS_CA_BUNDLE`, `SSL_CERT_FILE`).
    pub(crate) fn new(config: UpstreamConfig) -> Self {
        let UpstreamConfig { service, endpoint, region, credentials, timeout } = config;
        let dialer = Dialer::new(Trust::from_env(), Proxy::from_env());
        Self {
            service,
            api: JsonApi::new(dialer, endpoint, region, service.name()),
            keyring: Keyring::new(credentials, format!("{}_credentials_file", service.name())),
            timeout,
            turns: Semaphore::new(TURNS),
            places: Semaphore::new(PLACES),
        }
    }

    async fn exchange(
        &self,
        operation: Operation,
        request: Bytes,
        credentials: &Credentials,
        timeout: Duration,
    ) -> Result<Bytes, UpstreamError> {
        let (limit_bytes, _) = weight(operation);
        let api = self.api.clone().with_body_limit(limit_bytes).with_timeout(timeout);
        let answered = Box::pin(api.exchange(&operation.target(), request, credentials)).await;
        answered.map_err(|error| match error {
            ApiCallError::Service(error) => UpstreamError::Answered {
                name: is_name(&error.code).then_some(error.code),
                message: error.message,
                status: error.status,
            },
            ApiCallError::Transport { source: source @ TransportError::Timeout { .. }, .. } => self.late(&source),
            ApiCallError::Transport { source, .. } => UpstreamError::Unusable(sentence(&source)),
            // Both are about JSON, which this side does not look into.
            ApiCallError::Encode(_) | ApiCallError::Decode { .. } => UpstreamError::Unusable("it is no service".into()),
        })
    }

    fn late(&self, step: &dyn std::fmt::Display) -> UpstreamError {
        UpstreamError::Late(format!(
            "{step}; find out why it is slow, or allow more with `{}_timeout`",
            self.service.name()
        ))
    }
}

#[async_trait]
impl Upstream for SignedService {
    async fn call(&self, operation: Operation, request: Bytes) -> Result<Bytes, UpstreamError> {
        let deadline = SystemClock.now().instant + self.timeout;
        let _place = self.places.try_acquire().map_err(|_| UpstreamError::Busy)?;
        let (_, turns) = weight(operation);
        let turn = tokio::time::timeout(self.timeout, self.turns.acquire_many(turns)).await;
        let _turn = turn
            .map_err(|_| self.late(&format_args!("gave up waiting for a turn after {} s", self.timeout.as_secs())))?
            .expect("nobody closes it");
        let credentials = self.keyring.credentials().await?;
        let left = deadline.saturating_duration_since(SystemClock.now().instant).as_millis();
        // A time that can be read in an error.
        let left = Duration::from_millis(u64::try_from(left.next_multiple_of(100)).unwrap_or(u64::MAX));
        let answered = self.exchange(operation, request, &credentials, left).await;
        if answered.as_ref().is_err_and(UpstreamError::is_about_credentials) {
            self.keyring.forget();
        }
        answered
    }
}

/// Whether it is an error's name: what else stands in its place may be anything, and must not reach a log.
fn is_name(code: &str) -> bool {
    (1..=128).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

/// How many bytes the answer of an operation may have, and how many turns it takes.
fn weight(operation: Operation) -> (usize, u32) {
    match operation {
        Operation::GetLogEvents | Operation::FilterLogEvents => (EVENTS_BYTES, EVENTS_TURNS),
        _ => (ANSWER_BYTES, 1),
    }
}

/// An error and its causes, which are the system's and the libraries' words about connections.
fn sentence(error: &TransportError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
