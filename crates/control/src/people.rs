//! Who credentials are of, without asking the store everything at each request.
//!
//! What is kept was read under one number, which the store raises with every change of identities, groups, keys and
//! policies (see `live`). Every request asks for that number before anything else, and what was read under another one is
//! forgotten. So a change counts from the next request on, by whatever process it was made. The number is read before
//! what is kept under it: something that changes in between is kept as it is by then, and forgotten once too often.
//!
//! Nothing is kept about credentials that are not accepted, so that nobody fills the memory with guesses.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postern_iam::{AccessKeyId, SecretString};
use postern_store::{KeyUse, UnixMillis};
use ring::digest::{SHA256, digest};

use crate::caller::Person;
use crate::halves::{HalfSize, Halves};

/// People whose policies others have as well count 2 to 3 KiB, so each half holds some thousands.
const HALF: HalfSize = HalfSize { entries: 8192, bytes: 8 << 20 };

/// Somebody as the store says now.
pub(crate) struct Found {
    pub(crate) person: Arc<Person>,
    /// About what it takes in memory that nobody else does.
    pub(crate) bytes: usize,
}

impl Found {
    pub(crate) fn new(person: Person, policy_bytes: usize) -> Self {
        const PERSON: usize = 1024;
        let tags = person.tags.iter().map(|tag| tag.key.len() + tag.value.len());
        Self { bytes: PERSON + tags.sum::<usize>() + policy_bytes, person: Arc::new(person) }
    }
}

/// Recognises a session token, which is not kept.
pub(crate) type TokenDigest = [u8; 32];

/// An access key that is good, and whose it is.
pub(crate) struct KnownKey {
    pub(crate) secret: SecretString,
    pub(crate) person: Arc<Person>,
    pub(crate) uses: Uses,
}

/// When a use of a key was last noted. The store has it too; this spares asking.
pub(crate) struct Uses(AtomicU64);

/// Somebody notes a use. Whoever is interrupted before the note is stored leaves it to the next one.
pub(crate) struct Noting<'a> {
    uses: &'a Uses,
    before: UnixMillis,
    is_stored: bool,
}

impl Uses {
    pub(crate) fn new(last: Option<&KeyUse>) -> Self {
        Self(last.map_or(0, |last| last.at).into())
    }

    /// Whether a use at this moment is to be noted, since the last note is older than `every` milliseconds: one request
    /// is told so, and the others are not while it is at it.
    pub(crate) fn begin(&self, now: UnixMillis, every: UnixMillis) -> Option<Noting<'_>> {
        let before = self.0.load(Ordering::Relaxed);
        let is_due = before == 0 || now >= before.saturating_add(every);
        let is_mine = is_due && self.0.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        is_mine.then_some(Noting { uses: self, before, is_stored: false })
    }
}

impl Noting<'_> {
    pub(crate) fn stored(mut self) {
        self.is_stored = true;
    }
}

impl Drop for Noting<'_> {
    fn drop(&mut self) {
        if !self.is_stored {
            self.uses.0.store(self.before, Ordering::Relaxed);
        }
    }
}

/// What is known of people.
pub(crate) struct People(Mutex<Known>);

struct Known {
    generation: u64,
    keys: Halves<AccessKeyId, Arc<KnownKey>>,
    holders: Halves<TokenDigest, Arc<Person>>,
}

impl Default for People {
    fn default() -> Self {
        Self(Mutex::new(Known { generation: 0, keys: Halves::new(HALF), holders: Halves::new(HALF) }))
    }
}

impl People {
    /// `generation` is the store's number, read for this request.
    pub(crate) fn key(&self, generation: u64, id: &AccessKeyId) -> Option<Arc<KnownKey>> {
        self.at(generation).keys.find(id)
    }

    /// `generation` is the number that was read before the key was, which counts `bytes` in memory.
    pub(crate) fn keep_key(&self, generation: u64, id: AccessKeyId, key: Arc<KnownKey>, bytes: usize) {
        self.at(generation).keys.keep(id, key, bytes);
    }

    /// Who holds a token, as [`People::key`].
    pub(crate) fn holder(&self, generation: u64, token: &TokenDigest) -> Option<Arc<Person>> {
        self.at(generation).holders.find(token)
    }

    /// As [`People::keep_key`].
    pub(crate) fn keep_holder(&self, generation: u64, token: TokenDigest, found: &Found) {
        self.at(generation).holders.keep(token, Arc::clone(&found.person), found.bytes);
    }

    /// What was read under this number, and nothing that was read under another one, older or newer: a request that is
    /// slower than a change costs others what was kept, and gives nobody what was.
    fn at(&self, generation: u64) -> MutexGuard<'_, Known> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.generation != generation {
            known.keys.forget_all();
            known.holders.forget_all();
            known.generation = generation;
        }
        known
    }
}

/// Recognises a token.
pub(crate) fn digest_of(session_token: &SecretString) -> TokenDigest {
    digest(&SHA256, session_token.expose().as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes")
}
