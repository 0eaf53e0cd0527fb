//! Message ids and where they come from.

use std::fmt;
use std::str::FromStr;

/// The UUID of one message, in the usual order of its text form.
///
/// On the wire the two 8-byte halves travel swapped; see [`MessageId::to_wire`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub [u8; 16]);

impl MessageId {
    /// The bytes as they stand in a header: least significant half first
    /// (spec messages 2.1; every vector of `messages_client.json` shows it).
    pub const fn to_wire(self) -> [u8; 16] {
        swap_halves(self.0)
    }

    /// The inverse of [`MessageId::to_wire`].
    pub const fn from_wire(wire: [u8; 16]) -> Self {
        Self(swap_halves(wire))
    }
}

const fn swap_halves(bytes: [u8; 16]) -> [u8; 16] {
    u128::from_be_bytes(bytes).rotate_left(64).to_be_bytes()
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a hyphenated UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message id is a hyphenated UUID such as 00112233-4455-4677-8899-aabbccddeeff")]
pub struct MessageIdError;

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        const HYPHENATED: usize = 36;
        if text.len() != HYPHENATED {
            return Err(MessageIdError);
        }
        let uuid = uuid::Uuid::try_parse(text).map_err(|_| MessageIdError)?;
        Ok(Self(uuid.into_bytes()))
    }
}

/// A seeded generator of version 4 message ids.
///
/// Message ids name messages in logs and acknowledgements; nothing is secret about them and no
/// receiver checks that they are unique, so SplitMix64 is enough. The seed comes from outside.
#[derive(Clone, Debug)]
pub struct MessageIds {
    state: u64,
}

impl MessageIds {
    /// Starts the sequence that belongs to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next id.
    #[expect(clippy::should_implement_trait, reason = "the sequence never ends, so an Option would only be noise")]
    pub fn next(&mut self) -> MessageId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next_u64().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next_u64().to_be_bytes());
        MessageId(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes())
    }

    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_halves_travel_swapped() {
        let id: MessageId = "00112233-4455-4677-8899-aabbccddeeff".parse().unwrap();
        let wire = id.to_wire();
        assert_eq!(hex::encode(wire), "8899aabbccddeeff0011223344554677");
        assert_eq!(MessageId::from_wire(wire), id);
        assert_eq!(id.to_string(), "00112233-4455-4677-8899-aabbccddeeff");
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        for text in [
            "",
            "00112233445546778899aabbccddeeff",
            "{00112233-4455-4677-8899-aabbccddeeff}",
            "urn:uuid:00112233-4455-4677-8899-aabbccddeeff",
            "00112233-4455-4677-8899-aabbccddeefg",
            "001122334-455-4677-8899-aabbccddeeff",
        ] {
            assert_eq!(text.parse::<MessageId>(), Err(MessageIdError), "{text}");
        }
    }

    #[test]
    fn generated_ids_are_version_4_and_follow_the_seed() {
        let mut ids = MessageIds::new(7);
        let mut same = MessageIds::new(7);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let id = ids.next();
            assert_eq!(id, same.next());
            assert_eq!(id.0[6] >> 4, 4, "version of {id}");
            assert_eq!(id.0[8] >> 6, 0b10, "variant of {id}");
            assert!(seen.insert(id), "{id} came twice");
        }
        assert_ne!(MessageIds::new(8).next(), MessageIds::new(7).next());
    }
}
