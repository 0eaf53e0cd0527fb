//! The service's API as this client calls it: one endpoint, one region, the caller's credentials of the moment.

use postern_iam::sigv4::{Credentials, SignableRequest, sign};
use postern_model::kms::{DataKeyLength, GenerateDataKeyRequest, KeyName};
use postern_model::session::{ResumeSessionRequest, TerminateSessionRequest};
use postern_model::{ApiRequest, Service as Api};
use postern_protocol::Clock as _;
use postern_protocol::channel::cipher::DATA_KEY_BYTES;
use postern_protocol::wire::open::Token;
use postern_transport::{ApiCallError, Dialer, Endpoint, EndpointError, JsonApi, Proxy, SystemClock, Trust};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::access::{Access, AccessError, DataKey, EncryptionContext, Resumed};
use crate::config::{CredentialsError, DEFAULT_REGION, Profile, default_endpoint};
use crate::sentence::sentence;

/// The name that signatures of upgrade requests are for (data-channel.md §2.1).
const STREAM_SERVICE: &str = "ssmmessages";

/// What the caller named instead of leaving it to the configuration.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The region.
    pub region: Option<String>,
    /// The endpoint URL.
    pub endpoint: Option<String>,
    /// A file with certificate authorities.
    pub ca_bundle: Option<std::path::PathBuf>,
}

/// The service, ready to be called.
pub struct Service {
    api: JsonApi,
    kms: JsonApi,
    /// What AWS has no operation for; at the same place, under another name in signatures.
    own: JsonApi,
    /// What was done.
    trail: JsonApi,
    dialer: Dialer,
    profile: Profile,
    region: String,
}

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is nothing to sign with.
    #[error(
        "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile that has them with --profile, \
         or source the env file of `postern quickstart --serve`"
    )]
    NoCredentials,
    /// The configured ones cannot be had.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The call itself.
    #[error("{}", sentence(.0))]
    Api(ApiCallError),
}

impl CallError {
    /// AWS's name of the error, when the service gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            CallError::Api(error) => error.code(),
            _ => None,
        }
    }
}

impl Service {
    /// The service that the profile and the overrides name. Connects to nothing yet.
    pub fn new(profile: Profile, overrides: &Overrides) -> Result<Service, EndpointError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let region = given(&overrides.region)
            .or_else(|| profile.region().map(str::to_owned))
            .unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let url = given(&overrides.endpoint)
            .or_else(|| profile.endpoint().map(str::to_owned))
            .unwrap_or_else(|| default_endpoint(&region));
        let endpoint = Endpoint::parse(&url)?;
        let bundle = overrides.ca_bundle.clone().or_else(|| profile.ca_bundle());
        let dialer = Dialer::new(bundle.map_or(Trust::WebPki, Trust::CaFile), Proxy::from_env());
        let kms = match profile.kms_endpoint() {
            Some(url) => Endpoint::parse(url)?,
            None => endpoint_of_kms(&endpoint)?,
        };
        let kms = JsonApi::new(dialer.clone(), kms, region.clone(), Api::Kms.name());
        let trail = endpoint_of_cloudtrail(&endpoint)?;
        let trail = JsonApi::new(dialer.clone(), trail, region.clone(), Api::CloudTrail.name());
        let own = JsonApi::new(dialer.clone(), endpoint.clone(), region.clone(), Api::Postern.name());
        let api = JsonApi::new(dialer.clone(), endpoint, region.clone(), Api::Ssm.name());
        Ok(Service { api, kms, own, trail, dialer, profile, region })
    }

    /// Where the API is.
    pub fn endpoint(&self) -> &Endpoint {
        self.api.endpoint()
    }

    /// The region that is asked for.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// How sockets to this service are opened.
    pub fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// Calls an operation of the `ssm` API.
    pub async fn call<R: ApiRequest>(&self, request: &R) -> Result<R::Response, CallError> {
        self.call_as(request).await
    }

    /// The same, giving the answer as JSON: what is only shown needs no shape, and a service may say more than ours.
    pub async fn call_json<R: ApiRequest>(&self, request: &R) -> Result<Value, CallError> {
        self.call_as(request).await
    }

    async fn call_as<R: ApiRequest, Reply: DeserializeOwned>(&self, request: &R) -> Result<Reply, CallError> {
        let credentials = self.profile.credentials().await?.ok_or(CallError::NoCredentials)?;
        let api = match R::OPERATION.service() {
            Api::Kms => &self.kms,
            Api::Postern => &self.own,
            Api::CloudTrail => &self.trail,
            _ => &self.api,
        };
        api.call(&R::OPERATION.target(), request, &credentials).await.map_err(CallError::Api)
    }

    /// Ends a session for good.
    pub async fn terminate(&self, session_id: &str) -> Result<(), CallError> {
        self.call(&TerminateSessionRequest { session_id: session_id.to_owned() }).await?;
        Ok(())
    }
}

impl Access for Service {
    async fn resume(&self, session_id: &str) -> Result<Option<Resumed>, AccessError> {
        let request = ResumeSessionRequest { session_id: session_id.to_owned() };
        let reply = self.call(&request).await.map_err(|error| match (&error, error.code()) {
            (CallError::NoCredentials, _) | (_, Some("DoesNotExistException")) => AccessError::Final(error.to_string()),
            _ => AccessError::Failed(error.to_string()),
        })?;
        let stream_url = reply.stream_url.filter(|url| !url.is_empty());
        // An empty token means the same as none (data-channel.md §8.1).
        let token = reply.token_value.filter(|token| !token.is_empty());
        Ok(token.map(|token| Resumed { token: Token::from(token.expose()), stream_url }))
    }

    async fn generate_data_key(&self, key_id: &str, context: EncryptionContext) -> Result<DataKey, AccessError> {
        let request = GenerateDataKeyRequest {
            key_id: KeyName::new(key_id),
            encryption_context: context,
            length: DataKeyLength::Bytes(DATA_KEY_BYTES),
            grant_tokens: Vec::new(),
            dry_run: false,
        };
        let made = self.call(&request).await.map_err(|error| AccessError::Failed(error.to_string()))?;
        Ok(DataKey { ciphertext: made.ciphertext_blob, plaintext: made.plaintext })
    }

    async fn sign_upgrade(&self, endpoint: &Endpoint) -> Vec<(String, String)> {
        match self.profile.credentials().await {
            Ok(Some(credentials)) => self.signed(endpoint, &credentials),
            Ok(None) => Vec::new(),
            // The token is the authority; the stock plugin goes on without a signature, too.
            Err(error) => {
                tracing::warn!(%error, "the data channel is opened without a signature");
                Vec::new()
            }
        }
    }
}

/// Where the key service is, when nobody says: beside Session Manager, where it has a name of its own as at AWS; else
/// at the very same place, which tells the two apart.
fn endpoint_of_kms(ssm: &Endpoint) -> Result<Endpoint, EndpointError> {
    match ssm.host().strip_prefix("ssm.") {
        Some(rest) => beside(ssm, "kms", rest),
        None => Ok(ssm.clone()),
    }
}

/// Where CloudTrail is: at AWS under a name of its own, else at the very same place.
fn endpoint_of_cloudtrail(ssm: &Endpoint) -> Result<Endpoint, EndpointError> {
    let is_aws = |rest: &&str| rest.ends_with(".amazonaws.com") || rest.ends_with(".amazonaws.com.cn");
    match ssm.host().strip_prefix("ssm.").filter(is_aws) {
        Some(rest) => beside(ssm, "cloudtrail", rest),
        None => Ok(ssm.clone()),
    }
}

fn beside(ssm: &Endpoint, service: &str, rest: &str) -> Result<Endpoint, EndpointError> {
    let scheme = if ssm.is_tls() { "https" } else { "http" };
    Endpoint::parse(&format!("{scheme}://{service}.{rest}:{}", ssm.port()))
}

impl Service {
    fn signed(&self, endpoint: &Endpoint, credentials: &Credentials) -> Vec<(String, String)> {
        let mut headers = vec![("host".to_owned(), endpoint.authority())];
        let request = SignableRequest { method: "GET", uri: endpoint.path_and_query(), headers: &headers, body: b"" };
        let added = sign(&request, credentials, &self.region, STREAM_SERVICE, SystemClock.now().unix_millis);
        headers.extend(added);
        headers
    }
}
