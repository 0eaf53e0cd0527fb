//! Deciding whether a claim is true: clock, scope, body and signature, in that order.
//!
//! The clock comes first because a wrong clock is by far the commonest cause and deserves its own sentence; nothing of
//! what is checked before the signature is secret.

use std::time::Duration;

use subtle::ConstantTimeEq;

use super::UNSIGNED_PAYLOAD;
use super::claim::{ClaimedBody, Scheme, Signature, SignedRequest};
use super::crypto::{hmac_signature, sha256, string_to_sign};
use super::error::SigV4Error;
use super::timestamp::Timestamp;
use crate::node_key::NodePublicKey;
use crate::secret::SecretString;

/// What is accepted at the place where a request arrived.
#[derive(Clone, Copy, Debug)]
pub struct VerifyPolicy<'a> {
    /// The region that the credential scope must name.
    pub region: &'a str,
    /// The services that it may name.
    pub services: &'a [&'a str],
    /// How far the signer's clock may be off, in either direction. Five minutes unless changed, AWS's value.
    pub max_skew: Duration,
    /// Whether a body may be explicitly excluded from the signature. No unless changed.
    pub allow_unsigned_payload: bool,
}

impl<'a> VerifyPolicy<'a> {
    /// AWS's clock window, no unsigned payloads.
    #[must_use]
    pub fn new(region: &'a str, services: &'a [&'a str]) -> Self {
        Self { region, services, max_skew: Duration::from_secs(5 * 60), allow_unsigned_payload: false }
    }
}

/// Checks that `request` was signed with this secret, over this body, at about this time, for this place.
///
/// # Errors
/// [`SigV4Error`], always the caller's fault; see its variants.
pub fn verify(
    request: &SignedRequest,
    body: &[u8],
    secret: &SecretString,
    now_unix_millis: u64,
    policy: &VerifyPolicy<'_>,
) -> Result<(), SigV4Error> {
    let Signature::Hmac(signature) = &request.signature else {
        return Err(SigV4Error::WrongScheme("a node id is not an access key id; sign with an access key"));
    };
    let signed = checked_string_to_sign(request, body, now_unix_millis, policy)?;
    let expected = hmac_signature(secret, &request.scope, &signed);
    if expected.ct_eq(signature).into() { Ok(()) } else { Err(SigV4Error::Mismatch) }
}

/// The same for a request signed with a node's own key (agent-registration §4.1).
///
/// # Errors
/// [`SigV4Error`], always the caller's fault; see its variants.
pub fn verify_with_node_key(
    request: &SignedRequest,
    body: &[u8],
    key: &NodePublicKey,
    now_unix_millis: u64,
    policy: &VerifyPolicy<'_>,
) -> Result<(), SigV4Error> {
    let Signature::NodeKey(signature) = &request.signature else {
        return Err(SigV4Error::WrongScheme("this call is signed with the node's registered key; use its node id"));
    };
    let signed = checked_string_to_sign(request, body, now_unix_millis, policy)?;
    key.verify(signed.as_bytes(), signature).map_err(|_| SigV4Error::Mismatch)
}

fn checked_string_to_sign(
    request: &SignedRequest,
    body: &[u8],
    now_unix_millis: u64,
    policy: &VerifyPolicy<'_>,
) -> Result<String, SigV4Error> {
    check_clock(request, Timestamp::from_millis(now_unix_millis), policy.max_skew)?;
    check_scope(request, policy)?;
    let payload = match request.claimed_body {
        ClaimedBody::Unsigned if policy.allow_unsigned_payload => UNSIGNED_PAYLOAD.to_owned(),
        ClaimedBody::Unsigned => return Err(SigV4Error::UnsignedPayload),
        ClaimedBody::Sha256(claimed) => {
            let hash = sha256(body);
            if claimed != hash {
                return Err(SigV4Error::BodyHashMismatch);
            }
            hex::encode(hash)
        }
        ClaimedBody::Unsaid => hex::encode(sha256(body)),
    };
    Ok(string_to_sign(request.signed_at, &request.scope, &request.canonical_head, &payload))
}

fn check_clock(request: &SignedRequest, now: Timestamp, max_skew: Duration) -> Result<(), SigV4Error> {
    let signed_at = request.signed_at;
    let skew_seconds = max_skew.as_secs();
    let newest = Timestamp::from_seconds(now.seconds().saturating_add(skew_seconds));
    if signed_at > newest {
        return Err(SigV4Error::NotYetCurrent { signed_at, newest, now, skew_seconds });
    }
    // A presigned request has a life of its own, to which the tolerance for clocks is not added.
    if let (Scheme::Presigned, Some(life)) = (request.scheme, request.expires_seconds) {
        let expires_at = Timestamp::from_seconds(signed_at.seconds().saturating_add(life));
        return if now > expires_at { Err(SigV4Error::PresignExpired { expires_at, now }) } else { Ok(()) };
    }
    let oldest = Timestamp::from_seconds(now.seconds().saturating_sub(skew_seconds));
    if signed_at < oldest {
        return Err(SigV4Error::Expired { signed_at, oldest, now, skew_seconds });
    }
    Ok(())
}

fn check_scope(request: &SignedRequest, policy: &VerifyPolicy<'_>) -> Result<(), SigV4Error> {
    let scope = &request.scope;
    if scope.region != policy.region {
        return Err(SigV4Error::ScopeRegion { expected: policy.region.to_owned(), found: scope.region.clone() });
    }
    if !policy.services.contains(&scope.service.as_str()) {
        return Err(SigV4Error::ScopeService {
            expected: policy.services.join("' or '"),
            found: scope.service.clone(),
        });
    }
    Ok(())
}
