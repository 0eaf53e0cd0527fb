//! Signed calls to AWS-shaped services: JSON 1.1 operations (`X-Amz-Target`) and JSON posts to a path.
//!
//! It refuses to know any operation: shapes come from the caller. Nothing is retried here, because only the caller
//! knows what may be done twice.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use postern_iam::ids::NodeId;
use postern_iam::node_key::NodeKeyPair;
use postern_iam::sigv4::{Credentials, SignableRequest, sign, sign_with_node_key};
use postern_protocol::{Clock, Entropy as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::clock::SystemClock;
use crate::dialer::Dialer;
use crate::endpoint::{Endpoint, EndpointError};
use crate::entropy::SystemEntropy;
use crate::error::{Fault, TransportError};
use crate::http::{HttpClient, HttpRequest, HttpResponse};

/// As stock agents and the AWS CLI wait for an API (spec agent-control-channel 1.1).
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);
const USER_AGENT: &str = concat!("postern/", env!("CARGO_PKG_VERSION"));
/// What an error shows of an answer that is none of ours.
const EXCERPT_CHARACTERS: usize = 300;

/// Who signs a request.
pub trait Signer: Send + Sync {
    /// The headers to add. `region`, `service` and the time are what the signature is good for.
    fn sign(
        &self,
        request: &SignableRequest<'_>,
        region: &str,
        service: &str,
        unix_millis: u64,
    ) -> Vec<(String, String)>;
}

impl Signer for Credentials {
    fn sign(
        &self,
        request: &SignableRequest<'_>,
        region: &str,
        service: &str,
        unix_millis: u64,
    ) -> Vec<(String, String)> {
        sign(request, self, region, service, unix_millis)
    }
}

/// A node proving itself with its own key, before it has credentials (spec agent-registration 4.1).
#[derive(Clone, Copy, Debug)]
pub struct NodeKeySigner<'a> {
    /// The node that registered the key.
    pub node: &'a NodeId,
    /// Its private half.
    pub key: &'a NodeKeyPair,
}

impl Signer for NodeKeySigner<'_> {
    fn sign(
        &self,
        request: &SignableRequest<'_>,
        region: &str,
        service: &str,
        unix_millis: u64,
    ) -> Vec<(String, String)> {
        sign_with_node_key(request, self.node, self.key, region, service, unix_millis)
    }
}

/// Nobody: for calls that carry their proof in the body, as registration does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

impl Signer for Anonymous {
    fn sign(&self, _: &SignableRequest<'_>, _: &str, _: &str, _: u64) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// One service at one endpoint. Clones share the connection.
#[derive(Clone)]
pub struct JsonApi {
    http: HttpClient,
    endpoint: Endpoint,
    region: String,
    service: String,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

/// A call that did not succeed.
#[derive(Debug, Error)]
pub enum ApiCallError {
    /// The service answered with an error.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// No answer was had.
    #[error("{service} at {endpoint} cannot be asked")]
    Transport {
        /// The service's signing name.
        service: String,
        /// Where it was looked for.
        endpoint: String,
        /// Why.
        source: TransportError,
    },
    /// The request has no JSON form.
    #[error("the request cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The service said yes in words we do not understand.
    #[error("the answer of {endpoint} to {call} cannot be read; it may be another service or another version")]
    Decode {
        /// Where it came from.
        endpoint: String,
        /// The target or path.
        call: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// An error that the service gave.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// AWS's name of the error, without namespace. `HTTP <status>` when the answer had none.
    pub code: String,
    /// For people.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
}

impl ApiCallError {
    /// AWS's name of the error, when the service gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Service(error) => Some(&error.code),
            _ => None,
        }
    }

    /// Whether the same call may succeed later: the network, an overloaded or restarting service.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Service(error) => error.status >= 500 || error.status == 429 || error.code.starts_with("Throttling"),
            Self::Transport { source, .. } => source.fault() != Fault::Caller,
            Self::Encode(_) | Self::Decode { .. } => false,
        }
    }
}

impl fmt::Debug for JsonApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonApi")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl JsonApi {
    /// The service `service` (its signing name, such as `ssm` or `ssmmessages`) at `endpoint`.
    #[must_use]
    pub fn new(dialer: Dialer, endpoint: Endpoint, region: impl Into<String>, service: impl Into<String>) -> Self {
        Self {
            http: HttpClient::new(dialer),
            endpoint,
            region: region.into(),
            service: service.into(),
            clock: Arc::new(SystemClock),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// The same with another clock to sign by.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The same with another limit on the time of one call; 15 s otherwise.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same with another bound on answers' bodies; 8 MiB otherwise.
    #[must_use]
    pub fn with_body_limit(mut self, limit_bytes: usize) -> Self {
        self.http = self.http.with_body_limit(limit_bytes);
        self
    }

    /// Another service at the same endpoint, over the same connection.
    #[must_use]
    pub fn with_service(mut self, service: impl Into<String>) -> Self {
        self.service = service.into();
        self
    }

    /// Where the service is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The region that signatures are good for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Calls a JSON 1.1 operation. `target` is the value of `X-Amz-Target`, `AmazonSSM.StartSession` for example.
    ///
    /// # Errors
    /// The service's own error, or why there is no answer.
    pub async fn call<Request, Reply>(
        &self,
        target: &str,
        request: &Request,
        signer: &dyn Signer,
    ) -> Result<Reply, ApiCallError>
    where
        Request: Serialize + ?Sized,
        Reply: DeserializeOwned,
    {
        let answer = self.exchange(target, encode(request)?, signer).await?;
        serde_json::from_slice(&answer).map_err(|source| ApiCallError::Decode {
            endpoint: self.endpoint.to_string(),
            call: target.to_owned(),
            source,
        })
    }

    /// Calls a JSON 1.1 operation with a body that is JSON already, and returns the answer's as it is: for those who must
    /// not have it in an error.
    ///
    /// # Errors
    /// As [`JsonApi::call`], but for what the answer says.
    pub async fn exchange(&self, target: &str, request: Bytes, signer: &dyn Signer) -> Result<Bytes, ApiCallError> {
        let headers = vec![
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), target.to_owned()),
        ];
        Ok(self.post(self.endpoint.clone(), headers, request, signer).await?.body)
    }

    /// Posts JSON to `path` (beginning with `/`) and returns any 2xx answer as it is: the channels of `ssmmessages`
    /// take JSON and answer in XML.
    ///
    /// # Errors
    /// As [`JsonApi::call`].
    pub async fn post_to<Request>(
        &self,
        path: &str,
        request: &Request,
        signer: &dyn Signer,
    ) -> Result<HttpResponse, ApiCallError>
    where
        Request: Serialize + ?Sized,
    {
        let url = self.endpoint.join(path).map_err(|error| self.unreachable(error.into()))?;
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        self.post(url, headers, encode(request)?, signer).await
    }

    /// The signed headers for a GET without body, as websocket upgrades need them. `host` is among them.
    ///
    /// # Errors
    /// `path_and_query` is no path.
    pub fn signed_upgrade(
        &self,
        path_and_query: &str,
        signer: &dyn Signer,
    ) -> Result<(Endpoint, Vec<(String, String)>), EndpointError> {
        let url = self.endpoint.join(path_and_query)?.to_websocket();
        let headers = self.signed("GET", &url, Vec::new(), &[], signer);
        Ok((url, headers))
    }

    async fn post(
        &self,
        url: Endpoint,
        headers: Vec<(String, String)>,
        body: Bytes,
        signer: &dyn Signer,
    ) -> Result<HttpResponse, ApiCallError> {
        let headers = self.signed("POST", &url, headers, &body, signer);
        let request = HttpRequest { method: Method::POST, url, headers, body };
        let response = self.http.send(request, self.timeout).await.map_err(|error| self.unreachable(error))?;
        if response.status.is_success() { Ok(response) } else { Err(service_error(&response).into()) }
    }

    fn signed(
        &self,
        method: &str,
        url: &Endpoint,
        mut headers: Vec<(String, String)>,
        body: &[u8],
        signer: &dyn Signer,
    ) -> Vec<(String, String)> {
        headers.push(("host".to_owned(), url.authority()));
        headers.push(("user-agent".to_owned(), USER_AGENT.to_owned()));
        // Two equal calls in one second would have one signature, and a service takes the second for a replay of the
        // first. This is the header by which AWS's SDKs tell calls apart; here it is signed.
        let mut invocation = [0; 16];
        SystemEntropy.fill(&mut invocation);
        headers.push(("amz-sdk-invocation-id".to_owned(), format!("{:032x}", u128::from_be_bytes(invocation))));
        let request = SignableRequest { method, uri: url.path_and_query(), headers: &headers, body };
        let added = signer.sign(&request, &self.region, &self.service, self.clock.now().unix_millis);
        headers.extend(added);
        headers
    }

    fn unreachable(&self, source: TransportError) -> ApiCallError {
        ApiCallError::Transport { service: self.service.clone(), endpoint: self.endpoint.to_string(), source }
    }
}

fn encode<Request: Serialize + ?Sized>(request: &Request) -> Result<Bytes, ApiCallError> {
    serde_json::to_vec(request).map(Bytes::from).map_err(ApiCallError::Encode)
}

/// The error in an answer: name from `__type` or `x-amzn-ErrorType`, text from `message` or `Message` (spec public-api,
/// "Error replies").
fn service_error(response: &HttpResponse) -> ServiceError {
    let status = response.status.as_u16();
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let text = |names: &[&str]| names.iter().find_map(|name| body.get(name)?.as_str()).map(str::to_owned);
    let header = response.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let code = text(&["__type", "code"]).or(header).map(|code| {
        // A namespace stands before `#`, a URL behind `:`.
        let name = code.split(':').next().unwrap_or_default();
        name.rsplit('#').next().unwrap_or_default().to_owned()
    });
    let message = text(&["message", "Message"]).or_else(|| xml_message(&response.body));
    ServiceError {
        message: message.unwrap_or_else(|| match code {
            Some(_) => "the service gave no reason".to_owned(),
            None => excerpt(&response.body),
        }),
        code: code.filter(|code| !code.is_empty()).unwrap_or_else(|| format!("HTTP {status}")),
        status,
    }
}

/// The sentence in an error of the channels' addresses, which answer in XML (spec agent-control-channel 1.1).
fn xml_message(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Message>")?;
    let (message, _) = rest.split_once("</Message>")?;
    let message = message.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    Some(excerpt(message.replace("&amp;", "&").as_bytes()))
}

fn excerpt(body: &[u8]) -> String {
    let head = &body[..body.len().min(EXCERPT_CHARACTERS * 4)];
    let text: String = String::from_utf8_lossy(head)
        .chars()
        .map(|shown| if shown.is_control() { ' ' } else { shown })
        .take(EXCERPT_CHARACTERS)
        .collect();
    match text.trim() {
        "" => "the answer is empty; check that the endpoint is a Session Manager service".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn response(status: u16, header: Option<&str>, body: &str) -> HttpResponse {
        let mut headers = http::HeaderMap::new();
        if let Some(value) = header {
            headers.insert("x-amzn-errortype", value.parse().unwrap());
        }
        HttpResponse {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn the_channels_say_why_in_xml() {
        let body = "<?xml version=\"1.0\"?>\n<ValidationException><Message>Session is already terminated &amp; gone\
                    </Message></ValidationException>";
        let error = service_error(&response(400, Some("ValidationException"), body));
        assert_eq!(error.to_string(), "ValidationException: Session is already terminated & gone");
    }

    #[test]
    fn errors_in_all_their_spellings() {
        for (header, body, code, message) in [
            (None, r#"{"__type":"TargetNotConnected","Message":"m"}"#, "TargetNotConnected", "m"),
            (None, r#"{"__type":"com.amazon#AccessDeniedException","message":"m"}"#, "AccessDeniedException", "m"),
            (Some("ThrottlingException:http://x/"), "{}", "ThrottlingException", "the service gave no reason"),
            (Some("X"), "<html>", "X", "the service gave no reason"),
            (None, "<html>\n no", "HTTP 502", "<html>  no"),
            (None, r#"{"__type":""}"#, "HTTP 502", "the service gave no reason"),
            (None, r#"["a"]"#, "HTTP 502", r#"["a"]"#),
        ] {
            let error = service_error(&response(502, header, body));
            assert_eq!((error.code.as_str(), error.message.as_str(), error.status), (code, message, 502), "{body}");
        }
        let empty = service_error(&response(404, None, ""));
        assert!(empty.message.contains("check that the endpoint"), "{empty}");
        assert!(service_error(&response(500, None, &"é".repeat(9000))).message.chars().count() <= EXCERPT_CHARACTERS);
    }

    #[test]
    fn what_may_succeed_later() {
        let error = |status, code: &str| {
            ApiCallError::from(ServiceError { code: code.to_owned(), message: String::new(), status })
        };
        assert!(error(500, "InternalServerError").is_retryable());
        assert!(error(400, "ThrottlingException").is_retryable());
        assert!(!error(400, "ValidationException").is_retryable());
        assert_eq!(error(400, "ValidationException").code(), Some("ValidationException"));
    }
}
