//! The keys of providers of identities: asked for when a token needs them, and kept for a while.
//!
//! [`WebDocuments`] is the port; a program names the adapter, which decides what addresses may be asked at all. Here is
//! how often: a provider's keys are good for ten minutes, and for an hour while it does not answer. A token that names a key
//! that is not among them has them asked for again, though not by every such token.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use postern_iam::jwt::{KeySet, Unverified};
use serde_json::Value;
use tokio::sync::Mutex;

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
pub(crate) type ProviderKeys = std::sync::Mutex<BTreeMap<String, Arc<Mutex<Known>>>>;

#[derive(Default)]
pub(crate) struct Known {
    keys: Option<(Arc<KeySet>, Instant)>,
    asked_at: Option<Instant>,
}

impl Control {
    /// The keys that a token of this provider may be signed with. Nothing, if the provider does not tell.
    pub(crate) async fn provider_keys(&self, url: &str, token: &Unverified<'_>) -> Option<Arc<KeySet>> {
        let known = {
            let mut all = self.provider_keys.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that are gone make room by and by: whoever is asked for again is asked again.
            if all.len() > PROVIDERS {
                all.clear();
            }
            Arc::clone(all.entry(url.to_owned()).or_default())
        };
        // One asks, and those who come meanwhile wait for what it hears.
        let mut known = known.lock().await;
        let now = self.clock.now().instant;
        let age = known.keys.as_ref().map(|(_, since)| now.saturating_duration_since(*since));
        let has_key = known.keys.as_ref().is_some_and(|(keys, _)| token.names_a_key_of(keys));
        let may_ask = known.asked_at.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE);
        if may_ask && !(has_key && age.is_some_and(|age| age < FRESH)) {
            known.asked_at = Some(now);
            match self.ask_for_keys(url).await {
                Ok(keys) => known.keys = Some((Arc::new(keys), now)),
                Err(reason) => tracing::warn!(provider = url, "a provider's keys cannot be had: {reason}"),
            }
        }
        let (keys, since) = known.keys.as_ref()?;
        (now.saturating_duration_since(*since) < STALE).then(|| Arc::clone(keys))
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
