//! From a signature to a [`Caller`]. It establishes who somebody is, and nothing about what they may do.
//!
//! Three kinds of signers are known: users with an access key from the store, nodes with the temporary credentials of
//! their role (verifiable without stored state), and nodes with their registered key. A node that is not registered any
//! more is nobody, whatever it signs with.

use std::net::IpAddr;
use std::time::Duration;

use postern_iam::sigv4::{self, Scheme, SigV4Error, SignedRequest, VerifyPolicy};
use postern_iam::{AccessKeyId, NodeId, NodePublicKey, SecretString};
use postern_model::{ApiError, ErrorCode, Service};
use postern_store::{AccessKeyRecord, IdentityRecord, KeyUse, NodeRecord, RegisteredKey, StartRequest};

use crate::caller::{Caller, Credential, CredentialFacts, NodeProof, Person, Principal};
use crate::guesses::Guessed;
use crate::role::{RoleCredentials, RoleToken};
use crate::session_token::{Holder, SessionToken};
use crate::{Control, failure, identity, millis};

/// Where a request comes from, as the connection and unsigned headers say.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The address at the other end of the connection, if that is known.
    pub source_ip: Option<IpAddr>,
    /// Whether the connection is encrypted up to the service.
    pub is_secure: bool,
    /// The header `User-Agent`. More than `MAX_USER_AGENT` bytes of it are not kept.
    pub user_agent: Option<String>,
    /// The id that the reply and the log show.
    pub request_id: String,
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
    fn person(person: Person, credential: Credential) -> Self {
        Self { principal: person.into(), credential: Some(credential), verified_key: None }
    }

    fn node(node_id: NodeId, proof: NodeProof, verified_key: Option<RegisteredKey>) -> Self {
        Self { principal: Principal::Node { node_id, proof }, credential: None, verified_key }
    }
}

/// Conditions on what a client calls itself see so many bytes.
const MAX_USER_AGENT: usize = 512;

/// An invocation id is a UUID; nothing longer is kept.
const MAX_INVOCATION_ID: usize = 64;

/// A use of an access key for the same service is noted no more often than this; each costs a write.
const USE_NOTED_EVERY: Duration = Duration::from_secs(15 * 60);

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
        let Origin { source_ip, is_secure, mut user_agent, request_id } = origin;
        if let Some(user_agent) = &mut user_agent {
            user_agent.truncate(user_agent.floor_char_boundary(MAX_USER_AGENT));
        }
        Caller {
            principal,
            scope: self.scope().clone(),
            request_id,
            arrived_at: self.unix_millis(),
            source_ip,
            is_secure,
            user_agent,
            credential: None,
            request: None,
            verified_key: None,
        }
    }

    async fn authenticate_user(&self, signed: &SignedRequest, arrival: &Arrival<'_>) -> Result<Proven, ApiError> {
        let id: AccessKeyId = signed.access_key_id().parse().map_err(|_| unknown_key())?;
        let found = self.store.access_key(&id).await.map_err(failure::store)?;
        let (key, user) = found.ok_or_else(unknown_key)?;
        let secret = self.keys.unseal(&identity::sealing_context(&id), &key.sealed_secret).ok_or_else(|| {
            tracing::error!(access_key_id = %id, "a stored access key does not open with this root key");
            ApiError::internal()
        })?;
        self.verify_guess(signed, arrival, &id, &secret)?;
        // Only who holds its secret learns that a key is not accepted any more.
        if !key.active || key.account != self.scope().account {
            return Err(unknown_key());
        }
        self.note_use(&key, arrival.services).await;
        Ok(Proven::person(self.user_of_key(&key, user).await?, Credential::Key(id)))
    }

    /// The user who signs with an access key, as it is now.
    pub(crate) async fn user_of_key(&self, key: &AccessKeyRecord, user: IdentityRecord) -> Result<Person, ApiError> {
        let policies = self.store.policies_in_effect(&key.account, &user.id).await.map_err(failure::store)?;
        let layers = self.layers(&policies, None);
        Ok(Person::user(user, &key.account, CredentialFacts::LongLived, layers))
    }

    /// Notes now and then what a key is good for: so often that people can tell which keys nobody needs. A request is
    /// good without the note, and no caller can make every one of its requests a write.
    async fn note_use(&self, key: &AccessKeyRecord, services: &[&str]) {
        let now = self.unix_millis();
        let is_noted = |used: &KeyUse| now < used.at.saturating_add(millis(USE_NOTED_EVERY));
        if key.last_used.as_ref().is_some_and(is_noted) {
            return;
        }
        let service = services.first().copied().unwrap_or_default().to_owned();
        let used = KeyUse { at: now, service, region: self.scope().region.to_string() };
        if let Err(error) = self.store.note_access_key_use(&key.access_key_id, used).await {
            tracing::warn!(access_key_id = %key.access_key_id, %error, "the use of an access key was not noted");
        }
    }

    /// Temporary credentials of a user or of whoever acts as a role.
    async fn authenticate_session(
        &self,
        signed: &SignedRequest,
        session_token: &SecretString,
        arrival: &Arrival<'_>,
    ) -> Result<Proven, ApiError> {
        let (token, credentials) = SessionToken::verify(session_token, &self.keys).ok_or_else(unknown_token)?;
        if credentials.access_key_id.as_str() != signed.access_key_id() || token.account != self.scope().account {
            return Err(unknown_token());
        }
        if self.unix_millis() >= token.expires_at {
            let message = "The security token included in the request is expired";
            return Err(ApiError::new(ErrorCode::ExpiredTokenException, message));
        }
        self.verify_guess(signed, arrival, &credentials.access_key_id, &credentials.secret_access_key)?;
        // As at AWS: what a user got without a second factor manages no identities.
        let is_for_identities = arrival.services == [Service::Iam.name()];
        if is_for_identities && matches!(token.holder, Holder::User(_)) && token.mfa_at.is_none() {
            return Err(unknown_token());
        }
        let person = self.holder(token.clone()).await?.ok_or_else(unknown_token)?;
        Ok(Proven::person(person, Credential::Token(Box::new(token))))
    }

    /// Verifies a signature that whoever does not know the secret may be guessing at.
    fn verify_guess(
        &self,
        signed: &SignedRequest,
        arrival: &Arrival<'_>,
        id: &AccessKeyId,
        secret: &SecretString,
    ) -> Result<(), ApiError> {
        let (guessed, from) = (Guessed::Signature(id.clone()), arrival.origin.source_ip);
        let now = self.clock.now().instant;
        if let Some(wait) = self.guesses().wait(&guessed, from, now) {
            let message = "Too many requests with this access key and a wrong signature came from this address; correct \
                           the secret access key, and wait.";
            return Err(ApiError::new(ErrorCode::ThrottlingException, message).come_again_after(wait));
        }
        let policy = self.policy(signed, arrival);
        sigv4::verify(signed, arrival.body, secret, self.unix_millis(), &policy).map_err(|error| {
            if error == SigV4Error::Mismatch {
                tracing::info!(access_key_id = %id, source = ?from, "a wrong signature");
                self.guesses().note_wrong(guessed, from, now);
            }
            error.into()
        })
    }

    async fn authenticate_node_role(
        &self,
        signed: &SignedRequest,
        session_token: &SecretString,
        arrival: &Arrival<'_>,
    ) -> Result<Proven, ApiError> {
        let (token, credentials) = RoleToken::verify(session_token, &self.keys).ok_or_else(unknown_token)?;
        if credentials.access_key_id.as_str() != signed.access_key_id() || token.scope != *self.scope() {
            return Err(unknown_token());
        }
        self.verify_role(signed, arrival, &token, &credentials)
            .inspect_err(|error| self.note_refusal(&token.node_id, error))?;
        self.registered(&token.node_id).await?;
        Ok(Proven::node(token.node_id, NodeProof::Role, None))
    }

    fn verify_role(
        &self,
        signed: &SignedRequest,
        arrival: &Arrival<'_>,
        token: &RoleToken,
        credentials: &RoleCredentials,
    ) -> Result<(), ApiError> {
        if self.unix_millis() >= token.expires_at {
            let message = "The security token included in the request is expired; the agent asks for a new one by \
                           itself, if its clock is right.";
            return Err(ApiError::new(ErrorCode::ExpiredTokenException, message));
        }
        self.verify(signed, arrival, &credentials.secret_access_key)
    }

    async fn authenticate_node_key(&self, signed: &SignedRequest, arrival: &Arrival<'_>) -> Result<Proven, ApiError> {
        let node_id: NodeId = signed.access_key_id().parse().map_err(|_| unknown_key())?;
        let node = self.registered(&node_id).await?;
        let key = NodePublicKey::from_registration(&node.key.public_key, &node.key.key_type).map_err(|error| {
            tracing::error!(%node_id, %error, "a registered key cannot be read");
            ApiError::internal()
        })?;
        let policy = self.policy(signed, arrival);
        sigv4::verify_with_node_key(signed, arrival.body, &key, self.unix_millis(), &policy)
            .map_err(ApiError::from)
            .inspect_err(|error| self.note_refusal(&node_id, error))?;
        Ok(Proven::node(node_id, NodeProof::Key, Some(node.key)))
    }

    async fn registered(&self, node_id: &NodeId) -> Result<NodeRecord, ApiError> {
        let node = self.store.node(self.scope(), node_id).await.map_err(failure::store)?;
        node.ok_or_else(|| not_registered(node_id))
    }

    fn verify(&self, signed: &SignedRequest, arrival: &Arrival<'_>, secret: &SecretString) -> Result<(), ApiError> {
        Ok(sigv4::verify(signed, arrival.body, secret, self.unix_millis(), &self.policy(signed, arrival))?)
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
