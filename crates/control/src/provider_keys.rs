//! The keys of providers of identities: asked for when a token needs them, and kept for a while.
//!
//! [`WebDocuments`] is the port; a program names the adapter, which decides what addresses may be asked at all. Here is
//! how often: a provider's keys are good for ten minutes, and for an hour while it does not answer. A token that names a key
//! that is not among them has them asked for again, though not by every such token. Whoever has a token of a key that is
//! known waits for nobody else's: anybody can make up a token that names another one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use postern_iam::jwt::{KeySet, Unverified};
use serde_json::Value;

use crate::Control;

/// How long keys are good without asking again.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// How long keys are good while the provider does not answer.
const STALE: Duration = Duration::from_secs(60 * 60);
/// A provider is asked no more often than this, whatever tokens name and however it fails.
const PAUSE: Duration = Duration::from_secs(10);
/// As many providers as an account may have.
const PROVIDERS: usize = 100;

/// Documents of providers of identities.
#[async_trait]
pub trait WebDocuments: Send + Sync {
    /// The document at this `https` address. It takes no longer than some seconds, holds a bounded answer, follows no
    /// redirects, and refuses addresses that the operator does not allow.
    ///
    /// # Errors
    /// One sentence for whoever operates the service, with the cause and the fix.
    async fn fetch(&self, url: &str) -> Result<Bytes, String>;
}

/// What is known of each provider, by its address.
pub(crate) type ProviderKeys = Mutex<BTreeMap<String, Arc<Provider>>>;

/// What is known of a provider.
#[derive(Default)]
pub(crate) struct Provider {
    known: Mutex<Known>,
    /// One asks, and those who want to ask meanwhile wait for what it hears.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: Option<(Arc<KeySet>, Instant)>,
    asked_at: Option<Instant>,
}

impl Provider {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys that are no older than this.
    fn keys(&self, now: Instant, life: Duration) -> Option<Arc<KeySet>> {
        let known = self.known();
        let (keys, since) = known.keys.as_ref()?;
        (now.saturating_duration_since(*since) < life).then(|| Arc::clone(keys))
    }

    /// Keys that are enough for this token.
    fn fresh(&self, now: Instant, token: &Unverified<'_>) -> Option<Arc<KeySet>> {
        self.keys(now, FRESH).filter(|keys| token.names_a_key_of(keys))
    }

    /// Whether the provider may be asked now; if so, that is noted.
    fn may_ask(&self, now: Instant) -> bool {
        let mut known = self.known();
        let may = known.asked_at.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE);
        if may {
            known.asked_at = Some(now);
        }
        may
    }
}

impl Control {
    /// The keys that a token of this provider may be signed with. Nothing, if the provider does not tell.
    pub(crate) async fn provider_keys(&self, url: &str, token: &Unverified<'_>) -> Option<Arc<KeySet>> {
        let provider = {
            let mut all = self.provider_keys.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that are gone make room by and by: whoever is asked for again is asked again.
            if all.len() > PROVIDERS {
                all.clear();
            }
            Arc::clone(all.entry(url.to_owned()).or_default())
        };
        if let Some(keys) = provider.fresh(self.clock.now().instant, token) {
            return Some(keys);
        }
        let _asking = provider.asking.lock().await;
        let now = self.clock.now().instant;
        if let Some(keys) = provider.fresh(now, token) {
            return Some(keys);
        }
        if provider.may_ask(now) {
            match self.ask_for_keys(url).await {
                Ok(keys) => provider.known().keys = Some((Arc::new(keys), now)),
                Err(reason) => tracing::warn!(provider = url, "a provider's keys cannot be had: {reason}"),
            }
        }
        provider.keys(now, STALE)
    }

    async fn ask_for_keys(&self, url: &str) -> Result<KeySet, String> {
        let Some(web) = &self.web else { return Err("this program asks no providers".to_owned()) };
        let address = format!("{}/.well-known/openid-configuration", url.trim_end_matches('/'));
        let discovery = web.fetch(&address).await?;
        let discovery: Value =
            serde_json::from_slice(&discovery).map_err(|_| format!("what is at {address} is no JSON"))?;
        // A document that speaks for another issuer may be anybody's.
        if discovery.get("issuer").and_then(Value::as_str) != Some(url) {
            return Err(format!("what is at {address} is another issuer's; the provider's address must be its issuer"));
        }
        let keys = discovery.get("jwks_uri").and_then(Value::as_str).filter(|url| url.starts_with("https://"));
        let Some(keys) = keys else { return Err(format!("what is at {address} has no jwks_uri with https://")) };
        KeySet::parse(&web.fetch(keys).await?).map_err(|error| error.to_string())
    }
}
