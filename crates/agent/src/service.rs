//! The service, as a node calls it: credentials by its key, everything else by its credentials.
//!
//! Credentials are renewed when half of their life is over, by whoever needs them next, so an idle node asks rarely
//! and a long outage renews nothing. An error that says they are not accepted makes the next call fetch new ones.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use postern_iam::sigv4::Credentials;
use postern_iam::{NodeId, NodeKeyPair, SecretString};
use postern_model::agent::{
    RequestManagedInstanceRoleTokenRequest, RequestManagedInstanceRoleTokenResponse as RoleToken,
};
use postern_model::{ApiRequest, Timestamp};
use postern_protocol::wire::open::{MESSAGE_SCHEMA_VERSION, Token};
use postern_protocol::{Clock as _, Entropy as _};
use postern_transport::{
    ApiCallError, Dialer, JsonApi, NetStream, NodeKeySigner, Proxy, ServiceError, SystemClock, SystemEntropy,
    TransportError, WebSocket, connect_websocket,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::identity::Identity;

/// As long as a restarting service may take to answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// Frames of our peers have at most 32 KiB of payload; documents in a start message are the largest.
const MAX_MESSAGE_BYTES: usize = 2 * 1024 * 1024;
/// Lives outside of this are taken as these: no clock error may make us ask at every call, or never.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
const LONGEST_LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// The service of one node. Shared by everything in the process.
pub(crate) struct Service {
    node_id: NodeId,
    key: NodeKeyPair,
    fingerprint: String,
    dialer: Dialer,
    ssm: JsonApi,
    messages: JsonApi,
    role: Mutex<Option<RoleCredentials>>,
}

/// Temporary credentials of the node's role.
#[derive(Clone, Debug)]
pub(crate) struct RoleCredentials {
    credentials: Credentials,
    /// Unix time in milliseconds.
    expires_at: u64,
    /// From here on they are renewed by the next call.
    renew_at: Instant,
}

/// Role credentials on their way to a session worker, through a pipe.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct HandedCredentials {
    access_key_id: String,
    #[serde(serialize_with = "postern_iam::secret::serialize_exposed")]
    secret_access_key: SecretString,
    #[serde(serialize_with = "postern_iam::secret::serialize_exposed")]
    session_token: SecretString,
    expires_at: u64,
}

/// Why a node's call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceCallError {
    /// The clocks differ too much for signatures to be accepted.
    #[error("the service refuses this machine's clock: {0}; set the clock (NTP), then the agent connects by itself")]
    Clock(String),
    /// The service does not know this node, or not with this key.
    #[error("the service does not accept this node ({0}); if it was deregistered, register it again with --force")]
    NodeRefused(ServiceError),
    /// The session has ended; nothing can be opened for it any more.
    #[error("Session is already terminated")]
    SessionOver,
    /// Everything else.
    #[error(transparent)]
    Call(#[from] ApiCallError),
    /// The websocket could not be opened.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The answer has no token in it.
    #[error("the answer to {0} has no TokenValue; check that the endpoint is a Session Manager service")]
    NoToken(&'static str),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreateChannel<'a> {
    message_schema_version: &'a str,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
}

impl Service {
    /// The service of this identity. Does nothing yet.
    pub(crate) fn new(identity: Identity, proxy: Proxy) -> Self {
        let dialer = Dialer::new(identity.trust.trust(), proxy);
        let ssm =
            JsonApi::new(dialer.clone(), identity.endpoint, identity.region.as_str(), "ssm").with_timeout(CALL_TIMEOUT);
        Self {
            messages: ssm.clone().with_service("ssmmessages"),
            ssm,
            node_id: identity.node_id,
            key: identity.key,
            fingerprint: identity.fingerprint,
            dialer,
            role: Mutex::new(None),
        }
    }

    /// The same with credentials that another process got.
    pub(crate) fn with_credentials(self, handed: Option<HandedCredentials>) -> Self {
        let role = handed.map(|handed| RoleCredentials::new(handed.into()));
        *self.role.lock().unwrap_or_else(PoisonError::into_inner) = role;
        self
    }

    /// The node.
    pub(crate) fn node_id(&self) -> &NodeId {
        &self.node_id
    }

    /// Calls an operation as the node's role.
    pub(crate) async fn call<Request>(&self, request: &Request) -> Result<Request::Response, ServiceCallError>
    where
        Request: ApiRequest + Serialize,
        Request::Response: DeserializeOwned,
    {
        let credentials = self.credentials().await?;
        let api = self.ssm.clone().with_service(Request::OPERATION.service().name());
        let reply = api.call(&Request::OPERATION.target(), request, &credentials).await;
        reply.map_err(|error| self.refused(error))
    }

    /// Opens the control channel's websocket. The opening message is the caller's.
    pub(crate) async fn open_control_channel(&self) -> Result<(WebSocket<NetStream>, Token), ServiceCallError> {
        let path = format!("/v1/control-channel/{}", self.node_id);
        self.open(&path, "?role=subscribe&stream=input", "CreateControlChannel", None).await
    }

    /// Opens a data channel's websocket. The opening message is the caller's.
    pub(crate) async fn open_data_channel(
        &self,
        session_id: &str,
        client_id: &str,
    ) -> Result<(WebSocket<NetStream>, Token), ServiceCallError> {
        let path = format!("/v1/data-channel/{session_id}");
        self.open(&path, "?role=publish_subscribe", "CreateDataChannel", Some(client_id)).await
    }

    async fn open(
        &self,
        path: &str,
        query: &str,
        act: &'static str,
        client_id: Option<&str>,
    ) -> Result<(WebSocket<NetStream>, Token), ServiceCallError> {
        let credentials = self.credentials().await?;
        let request =
            CreateChannel { message_schema_version: MESSAGE_SCHEMA_VERSION, request_id: new_uuid(), client_id };
        let answer = self.messages.post_to(path, &request, &credentials).await;
        let answer = answer.map_err(|error| self.refused(error))?;
        let token = token_value(&answer.body).ok_or(ServiceCallError::NoToken(act))?;
        let (url, headers) =
            self.messages.signed_upgrade(&format!("{path}{query}"), &credentials).map_err(TransportError::from)?;
        let socket = connect_websocket(&self.dialer, &url, headers, MAX_MESSAGE_BYTES, CALL_TIMEOUT).await?;
        Ok((socket, token))
    }

    /// Credentials to hand to a session worker, if there are good ones.
    pub(crate) fn handed_credentials(&self) -> Option<HandedCredentials> {
        let now = SystemClock.now();
        let role = self.role.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let session_token = role.credentials.session_token?;
        (now.unix_millis < role.expires_at && now.instant < role.renew_at).then_some(HandedCredentials {
            access_key_id: role.credentials.access_key_id,
            secret_access_key: role.credentials.secret_access_key,
            session_token,
            expires_at: role.expires_at,
        })
    }

    /// Credentials that are good now: the ones at hand, or new ones.
    async fn credentials(&self) -> Result<Credentials, ServiceCallError> {
        let now = SystemClock.now();
        let at_hand = self.role.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(role) = &at_hand
            && now.instant < role.renew_at
            && now.unix_millis < role.expires_at
        {
            return Ok(role.credentials.clone());
        }
        match (self.request_credentials().await, at_hand) {
            (Ok(role), _) => {
                let credentials = role.credentials.clone();
                *self.role.lock().unwrap_or_else(PoisonError::into_inner) = Some(role);
                Ok(credentials)
            }
            // Renewal comes early so that it may fail for a while.
            (Err(error), Some(role)) if now.unix_millis < role.expires_at => {
                tracing::debug!(%error, "the node's credentials were not renewed; the present ones are still good");
                Ok(role.credentials)
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn request_credentials(&self) -> Result<RoleCredentials, ServiceCallError> {
        let signer = NodeKeySigner { node: &self.node_id, key: &self.key };
        let request = RequestManagedInstanceRoleTokenRequest { fingerprint: self.fingerprint.clone() };
        let target = RequestManagedInstanceRoleTokenRequest::OPERATION.target();
        let answer: Result<RoleToken, _> = self.ssm.call(&target, &request, &signer).await;
        Ok(RoleCredentials::new(answer.map_err(|error| self.refused(error))?))
    }

    /// Sorts an error by what the node has to do about it.
    fn refused(&self, error: ApiCallError) -> ServiceCallError {
        let ApiCallError::Service(refusal) = error else {
            return error.into();
        };
        match refusal.code.as_str() {
            _ if refusal.message.contains("Session is already terminated") => ServiceCallError::SessionOver,
            "InvalidSignatureException" | "RequestExpired" | "RequestTimeTooSkewed" | "SignatureDoesNotMatch"
                if is_about_time(&refusal) =>
            {
                ServiceCallError::Clock(refusal.message)
            }
            "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "IncompleteSignature" => {
                *self.role.lock().unwrap_or_else(PoisonError::into_inner) = None;
                ApiCallError::Service(refusal).into()
            }
            "AccessDeniedException" | "InvalidInstanceId" | "MachineFingerprintDoesNotMatch" => {
                ServiceCallError::NodeRefused(refusal)
            }
            _ => ApiCallError::Service(refusal).into(),
        }
    }
}

impl RoleCredentials {
    fn new(token: RoleToken) -> Self {
        let now = SystemClock.now();
        let expires_at = token.token_expiration_date.millis();
        let life = Duration::from_millis(expires_at.saturating_sub(now.unix_millis)).clamp(SHORTEST_LIFE, LONGEST_LIFE);
        let mut byte = [0];
        SystemEntropy.fill(&mut byte);
        // Half of the life, less up to a tenth of it: nodes that were registered together do not come together.
        let early = life.mul_f64(f64::from(byte[0]) / f64::from(u8::MAX) / 10.0);
        Self {
            credentials: Credentials {
                access_key_id: token.access_key_id,
                secret_access_key: token.secret_access_key,
                session_token: Some(token.session_token),
            },
            expires_at,
            renew_at: now.instant + (life / 2).saturating_sub(early),
        }
    }
}

impl From<HandedCredentials> for RoleToken {
    fn from(handed: HandedCredentials) -> Self {
        Self {
            access_key_id: handed.access_key_id,
            secret_access_key: handed.secret_access_key,
            session_token: handed.session_token,
            token_expiration_date: Timestamp::from_millis(handed.expires_at),
            update_key_pair: false,
        }
    }
}

fn is_about_time(refusal: &ServiceError) -> bool {
    let message = refusal.message.to_ascii_lowercase();
    ["signature expired", "not yet current", "skew", "clock"].iter().any(|word| message.contains(word))
}

/// `TokenValue` of a channel's XML answer; root element and namespace are free (spec agent-control-channel 1.1).
fn token_value(body: &[u8]) -> Option<Token> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<TokenValue>")?;
    let (value, _) = rest.split_once("</TokenValue>")?;
    let value = value.trim().replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    (!value.is_empty()).then(|| Token::from(value))
}

/// A fresh UUID as text.
pub(crate) fn new_uuid() -> String {
    let mut bytes = [0; 16];
    SystemEntropy.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;
    use crate::identity::TrustSource;

    fn service() -> Service {
        let identity = Identity {
            node_id: "mi-0123456789abcdef0".parse().unwrap(),
            endpoint: "http://127.0.0.1:1".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            trust: TrustSource::WebPki,
            fingerprint: new_uuid(),
            key: NodeKeyPair::from_seed([7; 32]),
        };
        Service::new(identity, Proxy::from_env()).with_credentials(Some(handed(60 * 60 * 1000)))
    }

    /// Credentials that are good for so many milliseconds from now.
    fn handed(life_millis: u64) -> HandedCredentials {
        HandedCredentials {
            access_key_id: "PSIA".into(),
            secret_access_key: "secret".into(),
            session_token: "token".into(),
            expires_at: SystemClock.now().unix_millis + life_millis,
        }
    }

    fn refusal(code: &str, message: &str) -> ApiCallError {
        ServiceError { code: code.into(), message: message.into(), status: 403 }.into()
    }

    #[test]
    fn a_wrong_clock_is_called_a_wrong_clock() {
        let message = "Signature expired: 20261123T080000Z is now earlier than 20261123T090000Z";
        for code in ["InvalidSignatureException", "RequestExpired"] {
            let error = service().refused(refusal(code, message)).to_string();
            assert!(error.contains("clock") && error.contains("20261123T080000Z"), "{error}");
        }
        let wrong_key = service().refused(refusal("InvalidSignatureException", "The signature does not match"));
        assert!(!matches!(wrong_key, ServiceCallError::Clock(_)));
    }

    #[test]
    fn refusals_are_told_apart() {
        let service = service();
        let over = service.refused(refusal("BadRequest", "Session is already terminated"));
        assert!(matches!(over, ServiceCallError::SessionOver));
        let node = service.refused(refusal("AccessDeniedException", "unknown node")).to_string();
        assert!(node.contains("--force"), "{node}");
        assert!(service.handed_credentials().is_some());
        let _ = service.refused(refusal("ExpiredTokenException", "expired"));
        assert!(service.handed_credentials().is_none(), "the next call fetches new ones");
    }

    #[test]
    fn credentials_are_renewed_at_half_of_their_life() {
        let now = SystemClock.now().instant;
        for _ in 0..50 {
            let role = RoleCredentials::new(handed(3_600_000).into());
            let after = role.renew_at.duration_since(now).as_secs();
            assert!((1430..=1801).contains(&after), "{after}");
        }
        let expired = service().with_credentials(Some(handed(0)));
        assert!(expired.handed_credentials().is_none());
    }

    #[test]
    fn the_token_is_found_in_any_xml() {
        let body = b"<?xml version=\"1.0\"?><R xmlns=\"x\"><A>1.0</A>\n <TokenValue> a&amp;b </TokenValue></R>";
        assert_eq!(token_value(body).unwrap().expose(), "a&b");
        for none in [&b"<R><TokenValue></TokenValue></R>"[..], b"{}", b"<TokenValue>", b"\xff"] {
            assert!(token_value(none).is_none());
        }
    }

    #[test]
    fn secrets_do_not_print_themselves() {
        let role = RoleCredentials::new(handed(1000).into());
        assert!(!format!("{role:?}").contains("secret"));
    }
}
