//! The keys of a recording, each certified by the one before it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

use crate::{hex, sha256};

/// The most that a recording names.
const MAX_KEYS: usize = 4096;

/// The public bytes of keys, the oldest first. All of them are vouched for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys(Vec<[u8; 32]>);

impl Keys {
    /// The keys of this JSON, which begin as these do.
    pub(crate) fn followed_by(&self, json: &[u8]) -> Result<Self, String> {
        let certificates: Vec<Value> = serde_json::from_slice(json).map_err(|_| "it names no keys")?;
        if certificates.is_empty() || certificates.len() > MAX_KEYS {
            return Err("it names no keys, or too many".to_owned());
        }
        let mut keys: Vec<[u8; 32]> = Vec::new();
        for (certificate, place) in certificates.iter().zip(1..) {
            let bytes = |name: &str| STANDARD.decode(certificate[name].as_str()?).ok();
            let key = bytes("publicKey").and_then(|bytes| bytes.try_into().ok());
            let (Some(key), Some(signature), Some(created_at)) =
                (key, bytes("signature"), certificate["createdAt"].as_u64())
            else {
                return Err(format!("key {place} is none"));
            };
            let issuer = keys.last().unwrap_or(&key);
            let signed = [&b"postern recording key 1\0"[..], &created_at.to_be_bytes(), &key].concat();
            if UnparsedPublicKey::new(&ED25519, issuer).verify(&signed, &signature).is_err() {
                return Err(format!("nobody vouches for key {place}"));
            }
            keys.push(key);
        }
        match self.0.iter().zip(&keys).all(|(before, now)| before == now) {
            true => Ok(Self(keys)),
            false => Err("its keys come from others than those before".to_owned()),
        }
    }

    /// Whether one of them, of this name, has signed this.
    pub(crate) fn verify(&self, name: &[u8; 16], signed: &[u8], signature: &[u8]) -> bool {
        let is_named = |key: &&[u8; 32]| sha256(&[key.as_slice()]).starts_with(name);
        let key = self.0.iter().find(is_named);
        key.is_some_and(|key| UnparsedPublicKey::new(&ED25519, key).verify(signed, signature).is_ok())
    }

    /// What to write down on the day the service is set up.
    pub(crate) fn fingerprint(&self) -> String {
        self.0.first().map(|first| format!("SHA256:{}", hex(&sha256(&[first])))).unwrap_or_default()
    }
}
