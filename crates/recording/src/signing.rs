//! The keys that sign heads, and the chain that says where they come from.
//!
//! Keys rotate. Each new one is certified by the one before it, so whoever knows the first one, from the day the service
//! was set up, can follow the chain to the one that signed a recording; nobody needs to trust the service for that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::chain::{Head, Link, sha256};
use crate::record::Record;

/// The longest chain of keys that is read: with a new key a day, more than ten years.
pub const MAX_KEYS: usize = 4096;

/// What a key is called: the first 16 bytes of the SHA-256 of its public half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 16]);

impl KeyId {
    fn of(public_key: &[u8]) -> Self {
        let (id, _) = sha256(public_key).split_first_chunk().map_or(([0; 16], ()), |(id, _)| (*id, ()));
        Self(id)
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A public key, and who vouches for it. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// The public key, 32 bytes, base64.
    pub public_key: String,
    /// When it was made.
    pub created_at: u64,
    /// Ed25519 by the key before it in the chain (by itself, if it is the first) over the text that `docs/recordings.md`
    /// gives, base64.
    pub signature: String,
}

impl Certificate {
    fn signed_text(public_key: &[u8], created_at: u64) -> Vec<u8> {
        [b"postern recording key 1\0".as_slice(), &created_at.to_be_bytes(), public_key].concat()
    }

    fn public_key(&self) -> Option<[u8; 32]> {
        BASE64.decode(&self.public_key).ok()?.try_into().ok()
    }
}

/// What is wrong with a chain of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyChainError {
    /// There is none, or too many.
    #[error("a chain has 1 to {MAX_KEYS} keys, and this one {0}")]
    Length(usize),
    /// Not a key.
    #[error("key {0} of the chain is no Ed25519 key")]
    Key(usize),
    /// The key before it did not certify it.
    #[error("key {0} of the chain is not certified by the one before it")]
    Signature(usize),
}

/// All keys so far, the oldest first. Serializes to the list of certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyChain(Vec<Certificate>);

/// A chain that was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownKeys(Vec<(KeyId, [u8; 32])>);

impl KeyChain {
    /// A chain as it was stored. Nothing is known of it before [`KeyChain::check`].
    #[must_use]
    pub fn new(certificates: Vec<Certificate>) -> Self {
        Self(certificates)
    }

    /// The certificates, the oldest first.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.0
    }

    /// Follows the chain from its first key to its last.
    ///
    /// # Errors
    /// [`KeyChainError`], naming the first bad key, counted from 1.
    pub fn check(&self) -> Result<KnownKeys, KeyChainError> {
        if self.0.is_empty() || self.0.len() > MAX_KEYS {
            return Err(KeyChainError::Length(self.0.len()));
        }
        let mut known: Vec<(KeyId, [u8; 32])> = Vec::new();
        for (certificate, place) in self.0.iter().zip(1..) {
            let public_key = certificate.public_key().ok_or(KeyChainError::Key(place))?;
            let signature = BASE64.decode(&certificate.signature).map_err(|_| KeyChainError::Signature(place))?;
            let issuer = known.last().map_or(public_key, |(_, issuer)| *issuer);
            let text = Certificate::signed_text(&public_key, certificate.created_at);
            let verified = UnparsedPublicKey::new(&ED25519, issuer).verify(&text, &signature);
            verified.map_err(|_| KeyChainError::Signature(place))?;
            known.push((KeyId::of(&public_key), public_key));
        }
        Ok(KnownKeys(known))
    }
}

impl KnownKeys {
    /// The fingerprint of the first key: what an auditor writes down when the service is set up. `SHA256:` and hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let Some((_, first)) = self.0.first() else { return String::new() };
        format!("SHA256:{}", hex::encode(sha256(first)))
    }

    /// Whether a head was signed with one of these.
    #[must_use]
    pub fn verifies(&self, head: &Head) -> bool {
        self.0.iter().find(|(id, _)| *id == head.key).is_some_and(|(_, public_key)| {
            UnparsedPublicKey::new(&ED25519, public_key)
                .verify(&Head::signed_text(&head.link, head.time), &head.signature)
                .is_ok()
        })
    }

    /// Whether one chain continues the other: they begin with the same keys.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(one, other)| one == other)
    }
}

/// A key that signs. It cannot print itself.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    id: KeyId,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

impl SigningKey {
    /// The key of this seed, which must be random and is the caller's to wipe.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes are a seed of Ed25519");
        let id = KeyId::of(pair.public_key().as_ref());
        Self { pair, id }
    }

    /// What it is called.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Vouches for the next key; the first one vouches for itself.
    #[must_use]
    pub fn certify(&self, next: &Self, created_at: u64) -> Certificate {
        let public_key = next.pair.public_key();
        let text = Certificate::signed_text(public_key.as_ref(), created_at);
        let signature = self.pair.sign(&text);
        Certificate { public_key: BASE64.encode(public_key), created_at, signature: BASE64.encode(signature.as_ref()) }
    }

    pub(crate) fn sign(&self, link: Link, time: u64) -> Head {
        let signature = self.pair.sign(&Head::signed_text(&link, time));
        let signature = signature.as_ref().try_into().expect("an Ed25519 signature has 64 bytes");
        Head { link, time, key: self.id, signature }
    }
}

impl Head {
    pub(crate) const DATA_BYTES: usize = 16 + 64;

    pub(crate) fn data(&self) -> [u8; Self::DATA_BYTES] {
        let mut data = [0; Self::DATA_BYTES];
        let (key, signature) = data.split_at_mut(16);
        key.copy_from_slice(&self.key.0);
        signature.copy_from_slice(&self.signature);
        data
    }

    /// The head whose record this is, behind `link`.
    pub(crate) fn read(link: Link, record: &Record<'_>) -> Option<Self> {
        let (key, signature) = record.data.split_first_chunk()?;
        let signature = signature.try_into().ok()?;
        // Nothing signs the last head's record, so all of it must be known from the signature.
        (record.number == -1).then_some(Self { link, time: record.time, key: KeyId(*key), signature })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    #[test]
    fn a_chain_leads_from_its_first_key_to_its_last() {
        let (first, second, third) = (key(1), key(2), key(3));
        let chain = KeyChain::new(vec![first.certify(&first, 5), first.certify(&second, 6), second.certify(&third, 7)]);
        let known = chain.check().unwrap();
        for key in [&first, &second, &third] {
            assert!(known.verifies(&key.sign(Link::start(), 5)));
        }
        assert!(!known.verifies(&key(4).sign(Link::start(), 5)));
        assert!(known.fingerprint().starts_with("SHA256:"));
    }

    #[test]
    fn a_key_that_nobody_vouched_for_is_refused() {
        let (first, second, third) = (key(1), key(2), key(3));
        let stranger = KeyChain::new(vec![first.certify(&first, 5), third.certify(&second, 6)]);
        assert_eq!(stranger.check(), Err(KeyChainError::Signature(2)));
        let mut backdated = KeyChain::new(vec![first.certify(&first, 5)]);
        backdated.0[0].created_at = 4;
        assert_eq!(backdated.check(), Err(KeyChainError::Signature(1)));
        assert_eq!(KeyChain::new(Vec::new()).check(), Err(KeyChainError::Length(0)));
        let mut no_key = KeyChain::new(vec![first.certify(&first, 5)]);
        no_key.0[0].public_key = "AAAA".to_owned();
        assert_eq!(no_key.check(), Err(KeyChainError::Key(1)));
    }

    #[test]
    fn a_key_does_not_print_its_seed() {
        let shown = format!("{:?}", key(7));
        assert!(shown.starts_with("SigningKey(") && !shown.contains("07070707"), "{shown}");
    }
}
