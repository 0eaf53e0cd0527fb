//! Signing requests: our agent, our client and the tests.
//!
//! What is signed is every header the caller gives except those that proxies and HTTP libraries change on the way.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::canonical::{CanonicalParts, PathStyle, percent_encode, split_query};
use super::claim::CredentialScope;
use super::crypto::{hmac_signature, sha256, string_to_sign};
use super::timestamp::Timestamp;
use super::{ALGORITHM, MAX_PRESIGN_SECONDS};
use crate::ids::NodeId;
use crate::node_key::NodeKeyPair;
use crate::secret::SecretString;

/// Headers that are never signed: hop-by-hop ones, and those added or rewritten after signing.
const NEVER_SIGNED: &[&str] = &[
    "authorization",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// A key pair, and the session token that temporary ones need.
#[derive(Clone)]
pub struct Credentials {
    /// Public: it names the key.
    pub access_key_id: String,
    /// What signatures are made with.
    pub secret_access_key: SecretString,
    /// Only with temporary credentials.
    pub session_token: Option<SecretString>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// What is to be signed. Among the headers must be `host`: no service accepts a signature that does not cover it.
/// `x-amz-date` and `x-amz-security-token` must not be: signing adds them.
#[derive(Clone, Copy, Debug)]
pub struct SignableRequest<'a> {
    /// As in the request line.
    pub method: &'a str,
    /// Path and query, encoded as they will be sent.
    pub uri: &'a str,
    /// In any order and case.
    pub headers: &'a [(String, String)],
    /// The whole body; empty if there is none.
    pub body: &'a [u8],
}

/// Signs with a secret access key. Returns the headers to add to the request, names in lower case: `x-amz-date`,
/// `x-amz-security-token` if the credentials are temporary, and `authorization`.
#[must_use]
pub fn sign(
    request: &SignableRequest<'_>,
    credentials: &Credentials,
    region: &str,
    service: &str,
    unix_millis: u64,
) -> Vec<(String, String)> {
    let signed_at = Timestamp::from_millis(unix_millis);
    let mut added = vec![("x-amz-date".to_owned(), signed_at.to_string())];
    if let Some(token) = &credentials.session_token {
        added.push(("x-amz-security-token".to_owned(), token.expose().to_owned()));
    }
    let scope = scope(signed_at, region, service);
    let covered = Covered::headers_of(request, &added);
    let head = covered.head(request, "");
    let signed = string_to_sign(signed_at, &scope, &head, &hex::encode(sha256(request.body)));
    let signature = hex::encode(hmac_signature(&credentials.secret_access_key, &scope, &signed));
    let value = authorization(&credentials.access_key_id, &scope, &covered.names, &signature);
    added.push(("authorization".to_owned(), value));
    added
}

/// Signs with a node's own key, for the calls that a node makes before it has credentials. Returns the headers to add,
/// in the layout of stock agents: the hash of the body goes with the request but is not a signed header.
#[must_use]
pub fn sign_with_node_key(
    request: &SignableRequest<'_>,
    node: &NodeId,
    key: &NodeKeyPair,
    region: &str,
    service: &str,
    unix_millis: u64,
) -> Vec<(String, String)> {
    let signed_at = Timestamp::from_millis(unix_millis);
    let mut added = vec![("x-amz-date".to_owned(), signed_at.to_string())];
    let scope = scope(signed_at, region, service);
    let covered = Covered::headers_of(request, &added);
    let head = covered.head(request, "");
    let payload = hex::encode(sha256(request.body));
    let signed = string_to_sign(signed_at, &scope, &head, &payload);
    let signature = STANDARD.encode(key.sign(signed.as_bytes()));
    let value = authorization(node.as_str(), &scope, &covered.names, &signature);
    added.push(("x-amz-content-sha256".to_owned(), payload));
    added.push(("authorization".to_owned(), value));
    added
}

/// Presigns: returns the path and query to request, valid for `life` (1 s to 7 days; values outside are clamped).
/// All headers given in `request` must then be sent as they are.
#[must_use]
pub fn presign(
    request: &SignableRequest<'_>,
    credentials: &Credentials,
    region: &str,
    service: &str,
    unix_millis: u64,
    life: Duration,
) -> String {
    let signed_at = Timestamp::from_millis(unix_millis);
    let scope = scope(signed_at, region, service);
    let covered = Covered::headers_of(request, &[]);
    let life = life.as_secs().clamp(1, MAX_PRESIGN_SECONDS).to_string();
    let credential = format!("{}/{scope}", credentials.access_key_id);
    let signed_at_text = signed_at.to_string();
    let mut parameters = vec![
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", &signed_at_text),
        ("X-Amz-Expires", &life),
        ("X-Amz-SignedHeaders", &covered.names),
    ];
    if let Some(token) = &credentials.session_token {
        parameters.push(("X-Amz-Security-Token", token.expose()));
    }
    let mut query = Vec::new();
    for (name, value) in parameters {
        if !query.is_empty() {
            query.push(b'&');
        }
        query.extend_from_slice(name.as_bytes());
        query.push(b'=');
        percent_encode(value.as_bytes(), false, &mut query);
    }
    let query = String::from_utf8(query).expect("percent-encoded text is ASCII");
    let head = covered.head(request, &query);
    let signed = string_to_sign(signed_at, &scope, &head, &hex::encode(sha256(request.body)));
    let signature = hex::encode(hmac_signature(&credentials.secret_access_key, &scope, &signed));
    let separator = if request.uri.contains('?') { '&' } else { '?' };
    format!("{}{separator}{query}&X-Amz-Signature={signature}", request.uri)
}

fn scope(signed_at: Timestamp, region: &str, service: &str) -> CredentialScope {
    CredentialScope { date: signed_at.date(), region: region.to_owned(), service: service.to_owned() }
}

fn authorization(key_id: &str, scope: &CredentialScope, names: &str, signature: &str) -> String {
    format!("{ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}")
}

/// The headers that a signature covers, sorted by name.
struct Covered<'a> {
    headers: Vec<(String, Vec<&'a [u8]>)>,
    names: String,
}

impl<'a> Covered<'a> {
    fn headers_of(request: &SignableRequest<'a>, added: &'a [(String, String)]) -> Self {
        let mut all: Vec<(String, &[u8])> = request
            .headers
            .iter()
            .chain(added)
            .map(|(name, value)| (name.to_ascii_lowercase(), value.as_bytes()))
            .filter(|(name, _)| !NEVER_SIGNED.contains(&name.as_str()))
            .collect();
        // Stable: several values of one header keep the order in which they will be sent.
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut headers: Vec<(String, Vec<&[u8]>)> = Vec::with_capacity(all.len());
        for (name, value) in all {
            match headers.last_mut() {
                Some((last, values)) if *last == name => values.push(value),
                _ => headers.push((name, vec![value])),
            }
        }
        let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        Self { headers, names }
    }

    /// The canonical request without its last line. Presigning adds parameters to the query.
    fn head(&self, request: &SignableRequest<'_>, added_query: &str) -> Vec<u8> {
        let (path, query) = request.uri.split_once('?').unwrap_or((request.uri, ""));
        let query: Vec<_> = split_query(query).chain(split_query(added_query)).collect();
        let headers: Vec<_> = self.headers.iter().map(|(name, values)| (name.as_str(), values.clone())).collect();
        let parts = CanonicalParts {
            method: request.method,
            path,
            style: PathStyle::Normalized,
            query: &query,
            headers: &headers,
            signed_headers: &self.names,
        };
        parts.head()
    }
}
