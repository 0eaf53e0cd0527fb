//! From a signature to a [`Caller`]. It establishes who somebody is, and nothing about what they may do.
//!
//! Three kinds of signers are known: users with an access key from the store, nodes with the temporary credentials of
//! their role (verifiable without stored state), and nodes with their registered key. A node that is not registered any
//! more is nobody, whatever it signs with.

use std::net::IpAddr;
use std::sync::Arc;

use postern_iam::sigv4::{Scheme, SignedRequest, VerifyPolicy};
use postern_iam::{AccessKeyId, NodeId};
use postern_model::{ApiError, ErrorCode, Service};
use postern_store::{RegisteredKey, StartRequest};

use crate::Control;
use crate::caller::{Caller, Credential, NodeProof, Person, Principal};
use crate::role::RoleToken;
use crate::session_token::SessionToken;

mod node;
mod person;

/// Where a request comes from, as the connection, trusted proxies and unsigned headers say.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's address, if that is known.
    pub source_ip: Option<IpAddr>,
    /// Whether the client's connection is encrypted.
    pub is_secure: bool,
    /// The header `User-Agent`. More than `MAX_USER_AGENT` bytes of it are not kept.
    pub user_agent: Option<String>,
    /// The id that the reply and the log show.
    pub request_id: String,
}

impl Origin {
    pub(crate) fn bounded(mut self) -> Self {
        if let Some(user_agent) = &mut self.user_agent {
            user_agent.truncate(user_agent.floor_char_boundary(MAX_USER_AGENT));
        }
        self
    }
}

/// The rest of a request, beside its signature.
#[derive(Clone, Debug)]
pub struct Arrival<'a> {
    /// The whole body.
    pub body: &'a [u8],
    /// What the signature must be scoped to where the request arrived: `ssm`, or `ssmmessages`.
    pub services: &'a [&'a str],
    /// Where it comes from.
    pub origin: Origin,
    /// The header `amz-sdk-invocation-id`. Stock SDKs send it, unsigned; see [`StartRequest::invocation`].
    pub invocation_id: Option<String>,
}

/// Who a signature is from.
struct Proven {
    principal: Principal,
    credential: Option<Credential>,
    verified_key: Option<RegisteredKey>,
}

impl Proven {
    fn person(person: Arc<Person>, credential: Credential) -> Self {
        Self { principal: Principal::Person(person), credential: Some(credential), verified_key: None }
    }

    fn node(node_id: NodeId, proof: NodeProof, verified_key: Option<RegisteredKey>) -> Self {
        Self { principal: Principal::Node { node_id, proof }, credential: None, verified_key }
    }
}

/// Conditions on what a client calls itself see so many bytes.
const MAX_USER_AGENT: usize = 512;

/// An invocation id is a UUID; nothing longer is kept.
const MAX_INVOCATION_ID: usize = 64;

impl Control {
    /// Verifies a signed request.
    ///
    /// # Errors
    /// AWS's codes: `UnrecognizedClientException`, `ExpiredTokenException`, `InvalidSignatureException` and its kin;
    /// `AccessDeniedException` for a node that is not registered (any more), on purpose: it makes stock agents stay
    /// away; `InternalServerError` if the store does not answer, which does not.
    pub async fn authenticate(&self, signed: &SignedRequest, arrival: Arrival<'_>) -> Result<Caller, ApiError> {
        let Proven { principal, credential, verified_key } = match (signed.scheme(), signed.session_token()) {
            (Scheme::NodeKey, _) => self.authenticate_node_key(signed, &arrival).await?,
            (Scheme::Header | Scheme::Presigned, Some(token)) if SessionToken::is_one(token) => {
                self.authenticate_session(signed, token, &arrival).await?
            }
            (Scheme::Header | Scheme::Presigned, Some(token)) => {
                self.authenticate_node_role(signed, token, &arrival).await?
            }
            (Scheme::Header | Scheme::Presigned, None) => self.authenticate_user(signed, &arrival).await?,
        };
        let invocation = arrival.invocation_id.filter(|id| id.len() <= MAX_INVOCATION_ID);
        Ok(Caller {
            request: Some(StartRequest { signature: signed.signature_digest(), invocation }),
            verified_key,
            credential,
            access_key_id: Some(signed.access_key_id().to_owned()),
            ..self.caller(principal, arrival.origin)
        })
    }

    /// Whether a request names credentials of this service. It proves nothing, since the signature is not looked at: it
    /// tells apart who may be given more room for a body before it can be verified.
    pub async fn names_credentials(&self, signed: &SignedRequest) -> bool {
        if let Some(token) = signed.session_token() {
            let expires_at = match SessionToken::is_one(token) {
                true => SessionToken::verify(token, &self.keys).map(|(token, _)| token.expires_at),
                false => RoleToken::verify(token, &self.keys).map(|(token, _)| token.expires_at),
            };
            return expires_at.is_some_and(|expires_at| self.unix_millis() < expires_at);
        }
        let Ok(id) = signed.access_key_id().parse::<AccessKeyId>() else { return false };
        // One that is switched off as well: only who holds its secret learns that.
        self.store.access_key(&id).await.is_ok_and(|key| key.is_some())
    }

    /// The caller of a request without a signature. There is one thing it may do.
    #[must_use]
    pub fn stranger(&self, origin: Origin) -> Caller {
        self.caller(Principal::Anonymous, origin)
    }

    /// A caller of this service's, who is known already.
    pub(crate) fn caller(&self, principal: Principal, origin: Origin) -> Caller {
        let Origin { source_ip, is_secure, user_agent, request_id } = origin.bounded();
        Caller {
            principal,
            scope: self.scope().clone(),
            request_id,
            arrived_at: self.unix_millis(),
            source_ip,
            is_secure,
            user_agent,
            access_key_id: None,
            credential: None,
            request: None,
            verified_key: None,
        }
    }

    /// What the signature must be scoped to. Clients of the account-wide services sign for their home region, wherever
    /// the service is, unless they were told a region.
    fn policy<'a>(&'a self, signed: &SignedRequest, arrival: &Arrival<'a>) -> VerifyPolicy<'a> {
        const HOME: &str = "us-east-1";
        let is_global = arrival.services.iter().all(|service| Service::is_global(service));
        let region = match is_global && signed.scope().region == HOME {
            true => HOME,
            false => self.scope().region.as_str(),
        };
        VerifyPolicy { max_skew: self.settings.max_clock_skew, ..VerifyPolicy::new(region, arrival.services) }
    }
}

/// The answer to a node that is not registered (any more): final on purpose (spec agent-registration §4.1).
pub(crate) fn not_registered(node_id: &NodeId) -> ApiError {
    let message = format!("{node_id} is not registered here (any more); register the machine again.");
    ApiError::new(ErrorCode::AccessDeniedException, message)
}

fn unknown_key() -> ApiError {
    let message =
        "The access key id included in the request is not known here; check the credentials and the endpoint.";
    ApiError::new(ErrorCode::UnrecognizedClientException, message)
}

fn unknown_token() -> ApiError {
    let message = "The security token included in the request is not one of this service; check the credentials and \
                   the endpoint.";
    ApiError::new(ErrorCode::UnrecognizedClientException, message)
}
