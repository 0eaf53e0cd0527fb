//! The keys that are derived from the root key, one for each purpose, and the sealing of stored secrets.
//!
//! The root key itself is used for nothing but deriving, and is not kept. A key for one purpose says nothing about the
//! others (HKDF-SHA256, RFC 5869), so a label is never reused for a second purpose.

use postern_iam::SecretString;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

/// The 32 bytes from which everything is derived. Losing them means new node credentials and new access keys.
pub type RootKey = [u8; 32];

/// One key for each purpose.
pub(crate) struct Keys {
    /// Signs channel tokens.
    pub(crate) channel_token: hmac::Key,
    /// Signs the session tokens of node credentials.
    pub(crate) role_token: hmac::Key,
    /// Turns a session token into its secret access key.
    pub(crate) role_secret: hmac::Key,
    /// Seals the session tokens of users and of whoever acts as a role.
    pub(crate) session_token: SealingKey,
    /// Turns such a token into its secret access key.
    pub(crate) session_secret: hmac::Key,
    /// Seals the seeds of devices that make one-time codes.
    pub(crate) device_seed: SealingKey,
    /// Makes the access key ids of such tokens, which say that they are ours.
    pub(crate) session_key_id: hmac::Key,
    /// Hashes activation codes.
    pub(crate) activation_code: hmac::Key,
    /// Seals the tokens with which listings go on.
    pub(crate) page_token: SealingKey,
    /// Seals the keys of the key service.
    pub(crate) key_material: SealingKey,
    /// Seals the data keys of recordings.
    pub(crate) recording_data: SealingKey,
    /// Seals the keys that sign recordings.
    pub(crate) recording_seed: SealingKey,
    stored_secret: SealingKey,
}

impl Keys {
    pub(crate) fn derive(root: &RootKey) -> Self {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"postern").extract(root);
        let mac = |label: &str| hmac::Key::new(hmac::HMAC_SHA256, &expand(&root, label));
        Self {
            channel_token: mac("channel tokens, 1"),
            role_token: mac("role session tokens, 1"),
            role_secret: mac("role secret access keys, 1"),
            session_token: SealingKey::new(&expand(&root, "session tokens, 1")),
            session_secret: mac("session secret access keys, 1"),
            device_seed: SealingKey::new(&expand(&root, "seeds of one-time codes, 1")),
            session_key_id: mac("session access key ids, 1"),
            activation_code: mac("activation codes, 1"),
            page_token: SealingKey::new(&expand(&root, "page tokens, 1")),
            key_material: SealingKey::new(&expand(&root, "keys of the key service, 1")),
            recording_data: SealingKey::new(&expand(&root, "data keys of recordings, 1")),
            recording_seed: SealingKey::new(&expand(&root, "signing keys of recordings, 1")),
            stored_secret: SealingKey::new(&expand(&root, "sealing stored secrets, 1")),
        }
    }

    /// Encrypts a secret for the store. It opens again only under the same `context`, which names the record it is in:
    /// moved to another record, it is worthless. `nonce` must be random.
    pub(crate) fn seal(&self, context: &str, secret: &SecretString, nonce: [u8; NONCE_LEN]) -> Vec<u8> {
        self.stored_secret.seal(context, secret.expose().as_bytes(), nonce)
    }

    /// Decrypts what [`Keys::seal`] made. Nothing if it was not made with this root key for this context.
    pub(crate) fn unseal(&self, context: &str, sealed: &[u8]) -> Option<SecretString> {
        let plain = self.stored_secret.unseal(context, sealed)?;
        Some(SecretString::new(std::str::from_utf8(&plain).ok()?))
    }
}

/// Encrypts for ourselves, and proves that it was us and in which context (AES-256-GCM).
pub(crate) struct SealingKey(LessSafeKey);

impl SealingKey {
    fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256-GCM takes keys of 32 bytes")))
    }

    /// Opens again only under the same `context`. `nonce` must be random.
    pub(crate) fn seal(&self, context: &str, plain: &[u8], nonce: [u8; NONCE_LEN]) -> Vec<u8> {
        let mut sealed = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut sealed)
            .expect("what is sealed is far shorter than what AES-GCM can encrypt");
        [&nonce[..], &sealed].concat()
    }

    /// What was sealed. Nothing if it was not sealed with this key in this context.
    pub(crate) fn unseal(&self, context: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(context), &mut buffer).ok()?.len();
        buffer.truncate(length);
        Some(buffer)
    }
}

fn expand(root: &hkdf::Prk, label: &str) -> [u8; 32] {
    let mut key = [0; 32];
    root.expand(&[label.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|material| material.fill(&mut key))
        .expect("32 bytes are one output block of HKDF-SHA256");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_in_its_own_record() {
        let keys = Keys::derive(&[7; 32]);
        let secret = SecretString::new("wJalrXUtnFEMI");
        let sealed = keys.seal("access key PKIA1", &secret, [1; NONCE_LEN]);
        assert_eq!(keys.unseal("access key PKIA1", &sealed), Some(secret));
        assert_eq!(keys.unseal("access key PKIA2", &sealed), None);
        assert_eq!(Keys::derive(&[8; 32]).unseal("access key PKIA1", &sealed), None);
        assert_eq!(keys.unseal("access key PKIA1", &sealed[..11]), None);
        assert_eq!(keys.key_material.unseal("access key PKIA1", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(keys.unseal("access key PKIA1", &changed), None, "byte {at}");
        }
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        let keys = Keys::derive(&[7; 32]);
        let macs = [
            &keys.channel_token,
            &keys.role_token,
            &keys.role_secret,
            &keys.session_secret,
            &keys.session_key_id,
            &keys.activation_code,
        ];
        let tags = macs.map(|key| hmac::sign(key, b"same").as_ref().to_vec());
        for (at, tag) in tags.iter().enumerate() {
            assert!(!tags[..at].contains(tag));
        }
    }
}
