//! The hash chain: each record is linked to all before it.

use ring::digest::{Context, SHA256};

use crate::FORMAT;

/// A SHA-256.
pub type Hash = [u8; 32];

/// Where a chain is: after `count` records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Records so far.
    pub count: u64,
    /// The hash of them all: of the format's name before the first, and then of the hash before, the number of the
    /// record (u64, big-endian, the first is 0) and the record's bytes.
    pub hash: Hash,
}

/// A signed link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// What is signed: everything before the head's own record.
    pub link: Link,
    /// When, in microseconds since the recording began.
    pub time: u64,
    /// Which key signed.
    pub key: crate::signing::KeyId,
    /// Ed25519, over the text that `docs/recordings.md` gives.
    pub signature: [u8; 64],
}

impl Head {
    /// What a head signs. It cannot be taken for anything else that is signed, and the chain's first record says which
    /// session it is about.
    #[must_use]
    pub(crate) fn signed_text(link: &Link, time: u64) -> Vec<u8> {
        let Link { count, hash } = link;
        [b"postern recording head 1\0".as_slice(), &count.to_be_bytes(), hash, &time.to_be_bytes()].concat()
    }
}

impl Link {
    /// Before the first record of a recording.
    #[must_use]
    pub fn start() -> Self {
        Self::start_of(FORMAT)
    }

    /// Before the first record of a chain of another kind. Its format's name keeps the two apart.
    #[must_use]
    pub fn start_of(format: &[u8]) -> Self {
        Self { count: 0, hash: hash(&[format]) }
    }

    /// The link behind a record of these bytes.
    #[must_use]
    pub fn after(&self, encoded: &[u8]) -> Self {
        Self { count: self.count + 1, hash: hash(&[&self.hash, &self.count.to_be_bytes(), encoded]) }
    }
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let digest = context.finish();
    digest.as_ref().try_into().expect("a SHA-256 has 32 bytes")
}

pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    hash(&[bytes])
}
