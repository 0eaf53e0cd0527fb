//! The arithmetic of Signature Version 4: hashes, the derived key, the string to sign.

use ring::digest::{Context, SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, Tag, sign};

use super::claim::CredentialScope;
use super::timestamp::Timestamp;
use super::{ALGORITHM, TERMINATOR};
use crate::secret::SecretString;

/// SHA-256 of a body.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    into_array(digest(&SHA256, bytes).as_ref())
}

/// What is signed: the algorithm, when, for what, and the hash of the canonical request. The canonical request comes in
/// two pieces, because its last line (the payload) is known later than the rest.
pub(super) fn string_to_sign(signed_at: Timestamp, scope: &CredentialScope, head: &[u8], payload: &str) -> String {
    let mut canonical = Context::new(&SHA256);
    canonical.update(head);
    canonical.update(payload.as_bytes());
    let hash = hex::encode(canonical.finish());
    format!("{ALGORITHM}\n{signed_at}\n{scope}\n{hash}")
}

/// The HMAC form: four rounds to narrow the secret to date, region and service, a fifth to sign.
pub(super) fn hmac_signature(secret: &SecretString, scope: &CredentialScope, string_to_sign: &str) -> [u8; 32] {
    let key = zeroize::Zeroizing::new(format!("AWS4{}", secret.expose()));
    let date = hmac(key.as_bytes(), &scope.date);
    let region = hmac(date.as_ref(), &scope.region);
    let service = hmac(region.as_ref(), &scope.service);
    let signing = hmac(service.as_ref(), TERMINATOR);
    into_array(hmac(signing.as_ref(), string_to_sign).as_ref())
}

fn hmac(key: &[u8], message: &str) -> Tag {
    sign(&Key::new(HMAC_SHA256, key), message.as_bytes())
}

fn into_array(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("SHA-256 has 32 bytes")
}
