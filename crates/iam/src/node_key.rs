//! The keys with which managed nodes prove their identity.
//!
//! A stock agent registers an RSA-2048 key (`PublicKeyType` `Rsa`) and signs with RSASSA-PSS; ours registers an Ed25519
//! key (`PublicKeyType` `Ed25519`). Both public keys travel as base64 of a DER SubjectPublicKeyInfo, the form seen in
//! capture 01. The arithmetic is ring's; what is here is the wrapping, bounded and total.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};

use crate::secret::SecretBytes;

/// The longest registered key taken from anybody, in bytes of base64. RSA-4096 needs 736.
const MAX_PUBLIC_KEY_BASE64: usize = 1024;
/// What a verification may cost us bounds the modulus; the lower bound is ring's.
const RSA_MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// DER of `SubjectPublicKeyInfo` for Ed25519 up to the 32 key bytes (RFC 8410 §4).
const ED25519_SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// DER of `PrivateKeyInfo` for Ed25519 up to the 32 seed bytes (RFC 8410 §7).
const ED25519_PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// The object identifier rsaEncryption (1.2.840.113549.1.1.1), content bytes.
const RSA_ENCRYPTION: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Why a node's key or signature is not accepted. The fault is always the node's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeKeyError {
    /// `PublicKeyType` names no kind we know.
    #[error("PublicKeyType must be Rsa or Ed25519")]
    UnknownType,
    /// Not base64, not DER, or not a key of the stated type.
    #[error("PublicKey must be the base64 of a DER SubjectPublicKeyInfo holding a key of the given PublicKeyType")]
    Malformed,
    /// RSA modulus outside 2048 to 4096 bits.
    #[error("an RSA PublicKey must have 2048 to 4096 bits, this one has {0}; register again with a new key")]
    ModulusSize(usize),
    /// The signature was not made by this key over this message.
    #[error("the signature was not made with the node's registered key")]
    BadSignature,
}

/// A node's registered public key.
#[derive(Clone, PartialEq, Eq)]
pub enum NodePublicKey {
    /// RSASSA-PSS with SHA-256, MGF1-SHA-256 and 32 bytes of salt. The bytes are the whole SubjectPublicKeyInfo.
    Rsa(Box<[u8]>),
    /// Ed25519, the raw key.
    Ed25519([u8; 32]),
}

impl NodePublicKey {
    /// Reads the `PublicKey` and `PublicKeyType` members of `RegisterManagedInstance` (or the `New…` pair of
    /// `UpdateManagedInstancePublicKey`).
    ///
    /// # Errors
    /// [`NodeKeyError`] when the type is unknown, the key malformed or of a size not accepted.
    pub fn from_registration(public_key: &str, key_type: &str) -> Result<Self, NodeKeyError> {
        if public_key.len() > MAX_PUBLIC_KEY_BASE64 {
            return Err(NodeKeyError::Malformed);
        }
        let der = STANDARD.decode(public_key).map_err(|_| NodeKeyError::Malformed)?;
        match key_type {
            "Rsa" => {
                let key = rsa_public_key(&der).ok_or(NodeKeyError::Malformed)?;
                let bits = rsa_modulus_bits(key).ok_or(NodeKeyError::Malformed)?;
                if !RSA_MODULUS_BITS.contains(&bits) {
                    return Err(NodeKeyError::ModulusSize(bits));
                }
                Ok(Self::Rsa(der.into()))
            }
            "Ed25519" => der
                .strip_prefix(&ED25519_SPKI_PREFIX)
                .and_then(|key| key.try_into().ok())
                .map(Self::Ed25519)
                .ok_or(NodeKeyError::Malformed),
            _ => Err(NodeKeyError::UnknownType),
        }
    }

    /// The `PublicKeyType` that was registered.
    #[must_use]
    pub fn key_type(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "Rsa",
            Self::Ed25519(_) => "Ed25519",
        }
    }

    /// The `PublicKey` member: base64 of the DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn to_registration(&self) -> String {
        match self {
            Self::Rsa(der) => STANDARD.encode(der),
            Self::Ed25519(key) => STANDARD.encode([&ED25519_SPKI_PREFIX[..], key].concat()),
        }
    }

    /// Checks a signature over a message.
    ///
    /// # Errors
    /// [`NodeKeyError::BadSignature`], whatever was wrong with it.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), NodeKeyError> {
        let verified = match self {
            Self::Rsa(der) => {
                let key = rsa_public_key(der).ok_or(NodeKeyError::Malformed)?;
                UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key).verify(message, signature)
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        };
        verified.map_err(|_| NodeKeyError::BadSignature)
    }
}

impl fmt::Debug for NodePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodePublicKey({})", self.key_type())
    }
}

/// Our agent's own key: Ed25519, made from a seed that the agent draws and keeps.
pub struct NodeKeyPair {
    pair: Ed25519KeyPair,
    seed: SecretBytes,
}

impl NodeKeyPair {
    /// The key that belongs to a seed. 32 fresh random bytes make a new key.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("every 32 bytes are an Ed25519 seed");
        Self { pair, seed: SecretBytes::new(seed) }
    }

    /// Reads what [`NodeKeyPair::to_pkcs8`] wrote.
    ///
    /// # Errors
    /// [`NodeKeyError::Malformed`] for anything else.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, NodeKeyError> {
        let seed = der.strip_prefix(&ED25519_PKCS8_PREFIX).and_then(|seed| seed.try_into().ok());
        seed.map(Self::from_seed).ok_or(NodeKeyError::Malformed)
    }

    /// The private key as DER PKCS #8 (RFC 8410 §7), the form other tools read.
    #[must_use]
    pub fn to_pkcs8(&self) -> SecretBytes {
        let mut der = Vec::with_capacity(ED25519_PKCS8_PREFIX.len() + 32);
        der.extend_from_slice(&ED25519_PKCS8_PREFIX);
        der.extend_from_slice(self.seed.expose());
        SecretBytes::new(der)
    }

    /// The public half, to be registered.
    #[must_use]
    pub fn public_key(&self) -> NodePublicKey {
        let key = self.pair.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes");
        NodePublicKey::Ed25519(key)
    }

    /// Signs a message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for NodeKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKeyPair(***)")
    }
}

/// The `RSAPublicKey` inside a SubjectPublicKeyInfo: the form ring wants.
fn rsa_public_key(spki: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    let (info, rest) = der_element(spki, SEQUENCE)?;
    let (algorithm, bits) = der_element(info, SEQUENCE)?;
    let (oid, parameters) = der_element(algorithm, 0x06)?;
    let (key, after) = der_element(bits, 0x03)?;
    let complete = rest.is_empty() && after.is_empty() && parameters == [0x05, 0x00];
    // The first content byte of a BIT STRING counts unused bits; a key has none.
    key.strip_prefix(&[0]).filter(|_| complete && oid == RSA_ENCRYPTION)
}

fn rsa_modulus_bits(key: &[u8]) -> Option<usize> {
    let (numbers, rest) = der_element(key, 0x30)?;
    let (modulus, exponent) = der_element(numbers, 0x02)?;
    let (exponent, after) = der_element(exponent, 0x02)?;
    if !rest.is_empty() || !after.is_empty() || exponent.is_empty() {
        return None;
    }
    let digits = match modulus {
        [0, digits @ ..] => digits,
        digits => digits,
    };
    let first = *digits.first()?;
    Some(digits.len() * 8 - first.leading_zeros() as usize)
}

/// Cuts one DER element with this tag off the front: its content, and what follows it.
fn der_element(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, input) = input.split_first()?;
    let (&first, mut input) = input.split_first()?;
    let length = if first < 0x80 {
        usize::from(first)
    } else {
        // Two length bytes are enough for every key accepted here.
        let (bytes, rest) = input.split_at_checked(usize::from(first & 0x7f))?;
        input = rest;
        match *bytes {
            [low] if low >= 0x80 => usize::from(low),
            [high, low] if high > 0 => usize::from(high) << 8 | usize::from(low),
            _ => return None,
        }
    };
    if found == tag { input.split_at_checked(length) } else { None }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn our_key_registers_signs_and_survives_storage() {
        let pair = NodeKeyPair::from_seed([7; 32]);
        let public = NodePublicKey::from_registration(&pair.public_key().to_registration(), "Ed25519").unwrap();
        let signature = NodeKeyPair::from_pkcs8(pair.to_pkcs8().expose()).unwrap().sign(b"message");
        assert_eq!(public.verify(b"message", &signature), Ok(()));
        assert_eq!(public.verify(b"massage", &signature), Err(NodeKeyError::BadSignature));
        assert_eq!(public.verify(b"message", &signature[1..]), Err(NodeKeyError::BadSignature));
        let other = NodeKeyPair::from_seed([8; 32]).public_key();
        assert_eq!(other.verify(b"message", &signature), Err(NodeKeyError::BadSignature));
    }

    /// RFC 8032 §7.1, test 1: seed, public key and signature of the empty message.
    #[test]
    fn ed25519_matches_its_published_vector() {
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let pair = NodeKeyPair::from_seed(seed.try_into().unwrap());
        let public = hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap();
        assert_eq!(pair.public_key(), NodePublicKey::Ed25519(public.try_into().unwrap()));
        assert_eq!(
            hex::encode(pair.sign(b"")),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        );
    }

    #[test]
    fn malformed_keys_are_refused_by_kind() {
        let register = NodePublicKey::from_registration;
        assert_eq!(register("AAAA", "Dsa"), Err(NodeKeyError::UnknownType));
        let too_long = "A".repeat(2000);
        for key in ["", "====", "AAAA", too_long.as_str()] {
            assert_eq!(register(key, "Rsa"), Err(NodeKeyError::Malformed));
            assert_eq!(register(key, "Ed25519"), Err(NodeKeyError::Malformed));
        }
        let ours = NodeKeyPair::from_seed([1; 32]).public_key().to_registration();
        assert_eq!(register(&ours, "Rsa"), Err(NodeKeyError::Malformed));
    }
}
