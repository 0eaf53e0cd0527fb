//! The keys that sign recordings: made when there is none, and replaced when they are old.

use std::sync::Arc;

use postern_recording::signing::{Certificate, KeyChain, SigningKey};
use postern_store::RecordingKeyRecord;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::{Control, millis};

/// What a recording is signed with.
#[derive(Clone)]
pub(crate) struct Signing {
    pub(crate) key: Arc<SigningKey>,
    pub(crate) chain: KeyChain,
    created_at: u64,
}

/// The keys as this process knows them.
#[derive(Default)]
pub(crate) struct SigningKeys(Mutex<Option<Signing>>);

impl Control {
    /// The key of now and the chain that leads to it. A new one is made when the last is older than the settings say.
    pub(crate) async fn signing_keys(&self) -> Result<Signing, String> {
        let mut known = self.signing.0.lock().await;
        let is_old = |signing: &Signing| {
            self.unix_millis() >= signing.created_at.saturating_add(millis(self.settings.recording_key_life))
        };
        if let Some(signing) = known.as_ref().filter(|signing| !is_old(signing)) {
            return Ok(signing.clone());
        }
        // Somebody else may be making one at this moment; then theirs is taken.
        for _ in 0..3 {
            let stored = self.read_signing_keys().await?;
            if let Some(signing) = stored.as_ref().filter(|signing| !is_old(signing)) {
                *known = stored.clone();
                return Ok(signing.clone());
            }
            self.make_signing_key(stored).await?;
        }
        Err("the key that signs recordings cannot be made: others make one all the time".to_owned())
    }

    /// Makes a new key now, whatever the age of the last. Answers how many there were, and the fingerprint of the first.
    ///
    /// # Errors
    /// One sentence for operators.
    pub async fn rotate_recording_key(&self) -> Result<(usize, String), String> {
        let mut known = self.signing.0.lock().await;
        let stored = self.read_signing_keys().await?;
        if !self.make_signing_key(stored).await? {
            return Err("another process has made a new key at this moment".to_owned());
        }
        *known = self.read_signing_keys().await?;
        let chain = known.as_ref().map(|signing| &signing.chain).ok_or("the new key is not in the database")?;
        let keys = chain.check().map_err(|error| error.to_string())?;
        Ok((chain.certificates().len(), keys.fingerprint()))
    }

    /// The chain of keys, for whoever checks recordings.
    pub(crate) async fn recording_key_chain(&self) -> Result<KeyChain, String> {
        self.signing_keys().await.map(|signing| signing.chain)
    }

    async fn read_signing_keys(&self) -> Result<Option<Signing>, String> {
        let records = self.store.recording_keys().await.map_err(|error| error.to_string())?;
        let Some(last) = records.last() else { return Ok(None) };
        let damaged =
            || "the keys that sign recordings are damaged in the database; restore it from a backup".to_owned();
        let certificates: Option<Vec<Certificate>> =
            records.iter().map(|record| serde_json::from_str(&record.certificate).ok()).collect();
        let certificates = certificates.ok_or_else(damaged)?;
        let created_at = certificates.last().map_or(0, |certificate| certificate.created_at);
        let seed = last.sealed_seed.as_deref().and_then(|sealed| self.unseal_seed(last.place, sealed));
        let seed = seed.ok_or_else(damaged)?;
        let chain = KeyChain::new(certificates);
        chain.check().map_err(|_| damaged())?;
        Ok(Some(Signing { key: Arc::new(SigningKey::from_seed(&seed)), chain, created_at }))
    }

    /// False if somebody else was faster.
    async fn make_signing_key(&self, before: Option<Signing>) -> Result<bool, String> {
        let seed = Zeroizing::new(self.random::<32>());
        let next = SigningKey::from_seed(&seed);
        let now = self.unix_millis();
        let (place, certificate) = match &before {
            Some(signing) => (signing.chain.certificates().len() + 1, signing.key.certify(&next, now)),
            None => (1, next.certify(&next, now)),
        };
        let place = u32::try_from(place).map_err(|error| error.to_string())?;
        let sealed_seed = Some(self.keys.recording_seed.seal(&seed_context(place), seed.as_slice(), self.random()));
        let certificate = serde_json::to_string(&certificate).map_err(|error| error.to_string())?;
        let added = self.store.add_recording_key(RecordingKeyRecord { place, certificate, sealed_seed }).await;
        added.map_err(|error| error.to_string())
    }

    fn unseal_seed(&self, place: u32, sealed: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let plain = self.keys.recording_seed.unseal(&seed_context(place), sealed)?;
        let mut seed = Zeroizing::new([0; 32]);
        (plain.len() == seed.len()).then(|| seed.copy_from_slice(&plain))?;
        Some(seed)
    }
}

fn seed_context(place: u32) -> String {
    format!("key {place} of recordings")
}
