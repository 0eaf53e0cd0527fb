//! Ciphertexts that say which key opens them, and how they are made.
//!
//! ```text
//! version  1 byte    1
//! key id   16 bytes  the digits of the UUID
//! salt     32 bytes  random
//! sealed   the text under AES-256-GCM, and its tag of 16 bytes
//! ```
//!
//! Key and nonce of AES-GCM are derived from the key's material and the salt (HKDF-SHA256), so that each text has a key
//! of its own and the same key of ours can be used without counting. Version, key id and encryption context are
//! authenticated with the text: whatever is changed, nothing opens.

use postern_iam::{KeyId, SecretBytes};
use postern_model::kms::EncryptionContext;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = postern_iam::ids::KEY_ID_BYTES;
pub(super) const SALT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const MATERIAL_BYTES: usize = 32;
const LABEL: &[u8] = b"postern kms text, 1";

/// What a ciphertext grows by.
pub(crate) const OVERHEAD_BYTES: usize = 1 + KEY_ID_BYTES + SALT_BYTES + TAG_BYTES;

/// A key that can be used: 32 bytes that are nowhere else in the clear.
pub(crate) struct Material {
    key_id: KeyId,
    bytes: SecretBytes,
}

impl Material {
    /// The key with these 32 bytes. Nothing if they are not so many.
    pub(crate) fn new(key_id: KeyId, bytes: SecretBytes) -> Option<Self> {
        (bytes.len() == MATERIAL_BYTES).then_some(Self { key_id, bytes })
    }

    /// Encrypts a text, bound to a context. `salt` must be random.
    pub(crate) fn encrypt(&self, text: &SecretBytes, context: &EncryptionContext, salt: &[u8; SALT_BYTES]) -> Vec<u8> {
        let header = header(&self.key_id);
        let (key, nonce) = self.derive(salt);
        let mut blob = Vec::with_capacity(text.len() + OVERHEAD_BYTES);
        blob.extend_from_slice(&header);
        blob.extend_from_slice(salt);
        let sealed_from = blob.len();
        blob.extend_from_slice(text.expose());
        let tag = key
            .seal_in_place_separate_tag(nonce, aad(&header, context), &mut blob[sealed_from..])
            .expect("a text is far shorter than what AES-GCM can encrypt");
        blob.extend_from_slice(tag.as_ref());
        blob
    }

    /// Opens what [`Material::encrypt`] made. Nothing if anything about it is not as it was.
    pub(crate) fn decrypt(&self, blob: &[u8], context: &EncryptionContext) -> Option<SecretBytes> {
        let (header, rest) = blob.split_first_chunk::<{ 1 + KEY_ID_BYTES }>()?;
        if *header != self::header(&self.key_id) {
            return None;
        }
        let (salt, sealed) = rest.split_first_chunk::<SALT_BYTES>()?;
        let (key, nonce) = self.derive(salt);
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let text = key.open_in_place(nonce, aad(header, context), &mut buffer).ok()?;
        Some(SecretBytes::new(text.to_vec()))
    }

    fn derive(&self, salt: &[u8; SALT_BYTES]) -> (LessSafeKey, Nonce) {
        struct Length;
        impl hkdf::KeyType for Length {
            fn len(&self) -> usize {
                MATERIAL_BYTES + NONCE_LEN
            }
        }
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(self.bytes.expose());
        let mut derived = Zeroizing::new([0; MATERIAL_BYTES + NONCE_LEN]);
        secret
            .expand(&[LABEL], Length)
            .and_then(|derivation| derivation.fill(&mut *derived))
            .expect("44 bytes are two output blocks of HKDF-SHA256");
        let (key, nonce) = derived.split_at(MATERIAL_BYTES);
        let key = UnboundKey::new(&AES_256_GCM, key).expect("AES-256-GCM takes keys of 32 bytes");
        let nonce = Nonce::try_assume_unique_for_key(nonce).expect("12 bytes are left");
        (LessSafeKey::new(key), nonce)
    }
}

/// The key that a ciphertext says it was made with. Nothing if it is none of ours.
pub(crate) fn key_of(blob: &[u8]) -> Option<KeyId> {
    let ([VERSION], rest) = blob.split_first_chunk()? else { return None };
    let (id, rest) = rest.split_first_chunk::<KEY_ID_BYTES>()?;
    (rest.len() >= SALT_BYTES + TAG_BYTES).then(|| KeyId::from_bytes(id))
}

fn header(key_id: &KeyId) -> [u8; 1 + KEY_ID_BYTES] {
    let mut header = [VERSION; 1 + KEY_ID_BYTES];
    header[1..].copy_from_slice(&key_id.to_bytes());
    header
}

/// What is authenticated with the text: the header, then every name and value of the context in the order of the names,
/// each with its length before it, so that no two contexts look alike.
fn aad(header: &[u8], context: &EncryptionContext) -> Aad<Vec<u8>> {
    let mut bytes = header.to_vec();
    for text in context.iter().flat_map(|(name, value)| [name, value]) {
        let length = u32::try_from(text.len()).expect("requests are bounded far below");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    Aad::from(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use proptest::prelude::*;

    use super::*;

    fn material(byte: u8) -> Material {
        let key_id = KeyId::generate(&[byte; 16]);
        Material::new(key_id, SecretBytes::new(vec![byte; 32])).unwrap()
    }

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Made by another implementation: HKDF spelled out with Python's hmac, AES-GCM of its package `cryptography`.
    #[test]
    fn a_known_ciphertext() {
        let key_id: KeyId = "1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap();
        let material = Material::new(key_id.clone(), SecretBytes::new((0..32).collect::<Vec<u8>>())).unwrap();
        let salt: [u8; 32] = std::array::from_fn(|at| 100 + u8::try_from(at).unwrap());
        let context =
            context(&[("aws:ssm:TargetId", "mi-0c83012b7aac4ccda"), ("aws:ssm:SessionId", "tester-852931819da34cd48")]);
        let text = SecretBytes::new(b"attack at dawn".to_vec());
        let blob = material.encrypt(&text, &context, &salt);
        assert_eq!(
            hex::encode(&blob),
            "011234abcd12ab34cd56ef1234567890ab6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283531684090\
             248767df20e46cf072fb32a6336dea23306341dc83912471a76"
        );
        assert_eq!(key_of(&blob), Some(key_id));
        assert_eq!(material.decrypt(&blob, &context), Some(text));
    }

    #[test]
    fn nothing_opens_when_anything_is_changed() {
        let (material, text) = (material(1), SecretBytes::new(b"attack at dawn".to_vec()));
        let bound = context(&[("a", "bc"), ("d", "")]);
        let blob = material.encrypt(&text, &bound, &[7; 32]);
        for at in 0..blob.len() {
            for bit in 0..8 {
                let mut changed = blob.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(material.decrypt(&changed, &bound), None, "bit {bit} of byte {at}");
            }
        }
        for length in 0..blob.len() {
            assert_eq!(material.decrypt(&blob[..length], &bound), None, "{length} bytes");
        }
        // The same letters in other places are another context.
        for other in [
            context(&[]),
            context(&[("a", "bc")]),
            context(&[("ab", "c"), ("d", "")]),
            context(&[("a", "b"), ("c", ""), ("d", "")]),
            context(&[("a", "bc"), ("d", " ")]),
            context(&[("a", "bc"), ("D", "")]),
        ] {
            assert_eq!(material.decrypt(&blob, &other), None, "{other:?}");
        }
        let same_id = Material::new(material.key_id.clone(), SecretBytes::new(vec![2; 32])).unwrap();
        assert_eq!(same_id.decrypt(&blob, &bound), None, "another key");
        let same_bytes = Material::new(KeyId::generate(&[9; 16]), SecretBytes::new(vec![1; 32])).unwrap();
        assert_eq!(same_bytes.decrypt(&blob, &bound), None, "another id");
    }

    #[test]
    fn only_32_bytes_are_a_key() {
        for length in [0, 16, 31, 33] {
            assert!(Material::new(KeyId::generate(&[1; 16]), SecretBytes::new(vec![0; length])).is_none());
        }
    }

    proptest! {
        #[test]
        fn what_is_encrypted_opens(
            text in prop::collection::vec(any::<u8>(), 0..4096), salt in any::<[u8; 32]>(), key in any::<u8>(),
            bound in prop::collection::btree_map(".{0,8}", ".{0,8}", 0..5),
        ) {
            let text = SecretBytes::new(text);
            let blob = material(key).encrypt(&text, &bound, &salt);
            prop_assert_eq!(blob.len(), text.len() + OVERHEAD_BYTES);
            prop_assert_eq!(material(key).decrypt(&blob, &bound), Some(text));
            prop_assert_eq!(material(key.wrapping_add(1)).decrypt(&blob, &bound), None);
        }

        #[test]
        fn another_context_opens_nothing(
            one in prop::collection::btree_map("[ab]{0,2}", "[ab]{0,2}", 0..4),
            other in prop::collection::btree_map("[ab]{0,2}", "[ab]{0,2}", 0..4),
        ) {
            let text = SecretBytes::new(b"x".to_vec());
            let blob = material(1).encrypt(&text, &one, &[0; 32]);
            prop_assert_eq!(material(1).decrypt(&blob, &other).is_some(), one == other);
        }

        #[test]
        fn any_bytes_are_answered(blob in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = key_of(&blob);
            prop_assert_eq!(material(1).decrypt(&blob, &EncryptionContext::new()), None);
        }
    }
}
