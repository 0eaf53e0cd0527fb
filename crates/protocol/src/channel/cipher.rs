//! The encryption of a session from end to end (spec data-channel §7): AES-256-GCM with one key for each direction, a
//! 12-byte nonce in front of the text and a 16-byte tag behind it, no associated data. The broker has no part in it.

use std::fmt;

use bytes::{Bytes, BytesMut};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey};

use super::data_channel::Role;
use crate::wire::PayloadType;

/// Bytes of the data key that KMS makes: half of it for each direction.
pub const DATA_KEY_BYTES: usize = 64;
/// Bytes that encryption adds to a payload.
pub const CIPHER_OVERHEAD_BYTES: usize = NONCE_LEN + TAG_BYTES;

const TAG_BYTES: usize = 16;

/// What cannot be opened or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// The key service gave another number of bytes than it was asked for.
    #[error("a session's data key has {DATA_KEY_BYTES} bytes, not {0}")]
    KeyLength(usize),
    /// The payload was not encrypted with this session's key, or was changed on its way.
    #[error("an encrypted payload cannot be opened: it was changed on its way, or made with another key")]
    Payload,
}

/// Both directions of one end.
pub struct SessionCipher {
    seal: LessSafeKey,
    open: LessSafeKey,
    /// Of the next payload, a little-endian number that is counted up. Two keys have two senders, so no nonce is used
    /// twice with one key while fewer than 2^96 payloads are sent.
    nonce: [u8; NONCE_LEN],
}

/// Keys are not shown.
impl fmt::Debug for SessionCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionCipher")
    }
}

impl SessionCipher {
    /// The cipher of this end. `first_nonce` is random.
    ///
    /// # Errors
    /// If the data key has not [`DATA_KEY_BYTES`].
    pub fn new(role: Role, data_key: &[u8], first_nonce: [u8; NONCE_LEN]) -> Result<Self, CipherError> {
        if data_key.len() != DATA_KEY_BYTES {
            return Err(CipherError::KeyLength(data_key.len()));
        }
        let (of_agent, of_client) = data_key.split_at(DATA_KEY_BYTES / 2);
        let key = |bytes| UnboundKey::new(&AES_256_GCM, bytes).map(LessSafeKey::new);
        let wrong = |_| CipherError::KeyLength(data_key.len());
        let (of_agent, of_client) = (key(of_agent).map_err(wrong)?, key(of_client).map_err(wrong)?);
        let (seal, open) = match role {
            Role::Agent => (of_agent, of_client),
            Role::Client => (of_client, of_agent),
        };
        Ok(Self { seal, open, nonce: first_nonce })
    }

    /// Whether payloads of this type are encrypted once the handshake is through; sizes, flags and the handshake
    /// itself are not.
    pub(super) const fn covers(payload_type: PayloadType) -> bool {
        matches!(payload_type, PayloadType::OUTPUT | PayloadType::STD_ERR | PayloadType::EXIT_CODE)
    }

    /// Encrypts one payload.
    pub fn seal(&mut self, plaintext: &[u8]) -> Bytes {
        let nonce = self.nonce;
        self.count();
        let mut out = BytesMut::with_capacity(plaintext.len() + CIPHER_OVERHEAD_BYTES);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plaintext);
        let tag = self
            .seal
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut out[NONCE_LEN..])
            .expect("a payload is far below the 64 GiB that the cipher can take");
        out.extend_from_slice(tag.as_ref());
        out.freeze()
    }

    /// Opens one payload.
    ///
    /// # Errors
    /// If it is not what the other end has sent.
    pub fn open(&self, payload: &[u8]) -> Result<Bytes, CipherError> {
        let (nonce, rest) = payload.split_at_checked(NONCE_LEN).ok_or(CipherError::Payload)?;
        let (text, tag) =
            rest.len().checked_sub(TAG_BYTES).map(|end| rest.split_at(end)).ok_or(CipherError::Payload)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CipherError::Payload)?;
        let tag = Tag::try_from(tag).map_err(|_| CipherError::Payload)?;
        let mut text = BytesMut::from(text);
        self.open
            .open_in_place_separate_tag(nonce, Aad::empty(), tag, &mut text, 0..)
            .map_err(|_| CipherError::Payload)?;
        Ok(text.freeze())
    }

    fn count(&mut self) {
        for byte in &mut self.nonce {
            let (next, overflows) = byte.overflowing_add(1);
            *byte = next;
            if !overflows {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::Value;

    use super::*;

    fn vectors() -> Vec<Value> {
        let all: Value = serde_json::from_str(include_str!("../../tests/channel_vectors/crypto.json")).unwrap();
        all["vectors"].as_array().unwrap().clone()
    }

    fn bytes(vector: &Value, key: &str) -> Vec<u8> {
        hex::decode(vector[key].as_str().unwrap()).unwrap()
    }

    fn cipher(role: Role, vector: &Value) -> SessionCipher {
        let nonce = bytes(vector, "nonce_hex").try_into().unwrap();
        SessionCipher::new(role, &bytes(vector, "data_key_hex"), nonce).unwrap()
    }

    fn sender(vector: &Value) -> Role {
        if vector["name"].as_str().unwrap().starts_with("agent") { Role::Agent } else { Role::Client }
    }

    #[test]
    fn payloads_are_those_of_the_stock_ends() {
        let vectors = vectors();
        assert!(vectors.iter().any(|vector| sender(vector) == Role::Client), "both ends are there");
        for vector in &vectors {
            let (text, payload) = (bytes(vector, "plaintext_hex"), bytes(vector, "hex"));
            let role = sender(vector);
            let other = if role == Role::Agent { Role::Client } else { Role::Agent };
            assert_eq!(cipher(role, vector).seal(&text), payload, "{}", vector["name"]);
            assert_eq!(cipher(other, vector).open(&payload).unwrap(), text, "{}", vector["name"]);
            assert_eq!(
                cipher(role, vector).open(&payload),
                Err(CipherError::Payload),
                "a direction is not its reverse"
            );
        }
    }

    #[test]
    fn nonces_are_counted_as_the_stock_agent_counts() {
        let vectors: Vec<Value> = vectors().into_iter().filter(|vector| sender(vector) == Role::Agent).collect();
        assert!(vectors.len() > 2, "the series crosses a carry");
        let mut cipher = cipher(Role::Agent, &vectors[0]);
        for vector in &vectors {
            assert_eq!(cipher.seal(&bytes(vector, "plaintext_hex")), bytes(vector, "hex"), "{}", vector["name"]);
        }
    }

    #[test]
    fn what_was_changed_or_is_too_short_is_not_opened() {
        let vector = &vectors()[0];
        let payload = bytes(vector, "hex");
        for index in 0..payload.len() {
            let mut changed = payload.clone();
            changed[index] ^= 1;
            assert_eq!(cipher(Role::Client, vector).open(&changed), Err(CipherError::Payload), "byte {index}");
            assert_eq!(
                cipher(Role::Client, vector).open(&payload[..index]),
                Err(CipherError::Payload),
                "{index} bytes"
            );
        }
        for length in [0, 32, 63, 65] {
            let made = SessionCipher::new(Role::Agent, &vec![0; length], [0; NONCE_LEN]);
            assert_eq!(made.err(), Some(CipherError::KeyLength(length)));
        }
    }
}
