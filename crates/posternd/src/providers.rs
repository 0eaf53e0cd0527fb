//! The adapter of `control`'s port `WebDocuments`: what providers of identities publish, over HTTPS.
//!
//! Whoever may make a provider names an address that this machine then asks. So private and link-local addresses are
//! refused unless the settings allow them, where the name is resolved; redirects are not followed, and answers are small.

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use postern_control::WebDocuments;
use postern_transport::{Dialer, Endpoint, HttpClient, HttpRequest, Proxy, Reach, TransportError, Trust};
use tokio::sync::Semaphore;

use crate::config::Config;

/// A document of discovery has two kilobytes, and a key one.
const MAX_BYTES: usize = 256 * 1024;
/// For one document, with the name, the connection and TLS.
const PATIENCE: Duration = Duration::from_secs(5);
/// As many are asked at once; each provider is asked by one.
const AT_ONCE: usize = 8;

/// What providers publish.
pub(crate) struct Published {
    dialer: Dialer,
    turns: Semaphore,
}

impl Published {
    /// Opens nothing yet.
    pub(crate) fn new(config: &Config) -> Self {
        let trust = config.identity_provider_ca_file.clone().map_or_else(Trust::from_env, Trust::CaFile);
        let reach = if config.identity_provider_private_addresses { Reach::Anywhere } else { Reach::Public };
        Self { dialer: Dialer::new(trust, Proxy::from_env()).reaching(reach), turns: Semaphore::new(AT_ONCE) }
    }
}

#[async_trait]
impl WebDocuments for Published {
    async fn fetch(&self, url: &str) -> Result<Bytes, String> {
        let endpoint = Endpoint::parse(url).map_err(|error| error.to_string())?;
        if !url.starts_with("https://") {
            return Err(format!("{url} is not https"));
        }
        let _turn = tokio::time::timeout(PATIENCE, self.turns.acquire())
            .await
            .map_err(|_| "too many providers are slow".to_owned())?
            .expect("nobody closes it");
        // A client of its own: nothing that one provider said is kept for another.
        let client = HttpClient::new(self.dialer.clone()).with_body_limit(MAX_BYTES);
        let answer = client.send(HttpRequest::get(endpoint), PATIENCE).await.map_err(|error| sentence(&error))?;
        match answer.status.as_u16() {
            200 => Ok(answer.body),
            status => Err(format!("{url} answered with HTTP status {status}; redirects are not followed")),
        }
    }
}

/// An error and its causes.
fn sentence(error: &TransportError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
