//! What a signed request claims: who signed it, when, for which scope.

use std::fmt;

use super::TERMINATOR;
use super::timestamp::Timestamp;
use crate::secret::SecretString;

/// What a signature is good for: one day, one region, one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialScope {
    /// `YYYYMMDD`, equal to the date of the signing time.
    pub date: String,
    /// The region the client was configured with. Letters, digits, `-` and `_` only.
    pub region: String,
    /// The service signed for, such as `ssm` or `ssmmessages`. Letters, digits, `-` and `_` only.
    pub service: String,
}

impl fmt::Display for CredentialScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

/// How a request was signed, and so what is needed to verify it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// With a secret access key, in the `Authorization` header.
    Header,
    /// With a secret access key, as a presigned query that stays valid for a time of its own.
    Presigned,
    /// With a managed node's own key: the access key id is the node's id (agent-registration §4.1).
    NodeKey,
}

/// What `X-Amz-Content-Sha256` said about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClaimedBody {
    /// Nothing: the signature covers the hash of whatever the body is.
    Unsaid,
    /// Its hash.
    Sha256([u8; 32]),
    /// That it is not covered.
    Unsigned,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Signature {
    Hmac([u8; 32]),
    /// RSASSA-PSS or Ed25519, whichever key the node registered.
    NodeKey(Box<[u8]>),
}

/// A request's claim to be signed by somebody. Made by [`super::parse`]; believed only after [`super::verify`] or
/// [`super::verify_with_node_key`].
#[derive(Clone, PartialEq, Eq)]
pub struct SignedRequest {
    pub(super) access_key_id: String,
    pub(super) session_token: Option<SecretString>,
    pub(super) scope: CredentialScope,
    pub(super) signed_at: Timestamp,
    pub(super) scheme: Scheme,
    /// Only for [`Scheme::Presigned`].
    pub(super) expires_seconds: Option<u64>,
    pub(super) signature: Signature,
    pub(super) claimed_body: ClaimedBody,
    /// The canonical request up to, and without, its last line, the hash of the payload.
    pub(super) canonical_head: Vec<u8>,
}

impl SignedRequest {
    /// The access key id, or the node's id with [`Scheme::NodeKey`]. 1 to 128 letters, digits, `_` or `-`.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The session token that came with temporary credentials, up to 8 KiB.
    #[must_use]
    pub fn session_token(&self) -> Option<&SecretString> {
        self.session_token.as_ref()
    }

    /// What the signature is good for.
    #[must_use]
    pub fn scope(&self) -> &CredentialScope {
        &self.scope
    }

    /// When it was signed by the signer's clock, in milliseconds since the epoch (whole seconds).
    #[must_use]
    pub fn signed_at_millis(&self) -> u64 {
        self.signed_at.seconds() * 1000
    }

    /// Names this very signature by this very signer, so that a request that arrives twice can be recognised. It proves
    /// nothing by itself.
    #[must_use]
    pub fn signature_digest(&self) -> [u8; 32] {
        let signature: &[u8] = match &self.signature {
            Signature::Hmac(signature) => signature,
            Signature::NodeKey(signature) => signature,
        };
        super::crypto::sha256(&[self.access_key_id.as_bytes(), b"/", signature].concat())
    }

    /// How it was signed.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }
}

/// Neither the signature nor the token, and not the canonical headers, which hold the token.
impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .field("signed_at", &self.signed_at)
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}
