//! Events for somebody's web address, signed so that the receiver knows whose they are.
//!
//! A request is a POST of `{"Records": [event, …]}`. `Postern-Timestamp` is the time of sending in seconds since the epoch,
//! `Postern-Signature` is `v1=` and the HMAC-SHA256, in hex, of the timestamp, a dot and the body under the secret, and
//! `Postern-Events` the numbers of the first and the last event: those that come again have them again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use postern_control::KeptEvent;
use postern_iam::SecretString;
use postern_protocol::Clock as _;
use postern_transport::{Dialer, Endpoint, HttpClient, HttpRequest, Proxy, SystemClock, Trust};
use sha2::Sha256;

use super::Sink;

/// What a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long somebody may take to show that they are there.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// What it may answer. Nobody reads it.
const ANSWER_BYTES: usize = 64 * 1024;
/// Shorter secrets can be guessed.
const MIN_SECRET_BYTES: usize = 16;

/// The address and its secret.
pub(crate) struct Webhook {
    url: Endpoint,
    secret_file: PathBuf,
    client: HttpClient,
}

impl Webhook {
    /// Opens nothing yet. The proxy and the certificate authorities are those that the environment names.
    pub(crate) fn new(url: Endpoint, secret_file: PathBuf) -> Self {
        let client = HttpClient::new(Dialer::new(Trust::from_env(), Proxy::from_env())).with_body_limit(ANSWER_BYTES);
        Self { url, secret_file, client }
    }
}

impl Webhook {
    /// Whether somebody is there, without sending anything that counts.
    ///
    /// # Errors
    /// A sentence with the cause and the fix.
    pub(crate) async fn check(url: &Endpoint) -> Result<String, String> {
        let client = HttpClient::new(Dialer::new(Trust::from_env(), Proxy::from_env())).with_body_limit(ANSWER_BYTES);
        let head = HttpRequest { method: Method::HEAD, ..HttpRequest::get(url.clone()) };
        match client.send(head, CHECK_TIMEOUT).await {
            // What it says to such a question is its own affair.
            Ok(_) => Ok(format!("{url} answers")),
            Err(error) => Err(format!("{url}: {error}; check the address, and that the receiver runs")),
        }
    }
}

/// Reads the secret, without the line's end.
///
/// # Errors
/// A sentence with the cause and the fix.
pub(crate) fn secret(file: &Path) -> Result<SecretString, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read the webhook's secret in {}: {error}", file.display()))?;
    let text = SecretString::new(text);
    let secret = text.expose().trim();
    match secret.len() {
        MIN_SECRET_BYTES.. => Ok(SecretString::new(secret)),
        _ => Err(format!(
            "the secret in {} has less than {MIN_SECRET_BYTES} bytes; make one with `openssl rand -hex 32`",
            file.display()
        )),
    }
}

fn signature(secret: &SecretString, timestamp: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("any length is a key");
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[async_trait]
impl Sink for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    async fn take(&mut self, events: &[KeptEvent]) -> Result<(), String> {
        let [first, last] = [events.first(), events.last()].map(|event| event.map_or(0, |event| event.number));
        let records: Vec<&str> = events.iter().map(|event| event.record.as_str()).collect();
        let body = format!("{{\"Records\":[{}]}}", records.join(","));
        // A secret that was changed counts from the next request on.
        let secret = secret(&self.secret_file)?;
        let timestamp = SystemClock.now().unix_millis / 1000;
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("postern-events", format!("{first}-{last}")),
            ("postern-timestamp", timestamp.to_string()),
            ("postern-signature", signature(&secret, timestamp, body.as_bytes())),
        ];
        let request = HttpRequest {
            method: Method::POST,
            url: self.url.clone(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body: Bytes::from(body),
        };
        let answer = self.client.send(request, TIMEOUT).await.map_err(|error| error.to_string())?;
        match answer.status.is_success() {
            true => Ok(()),
            false => Err(format!("the receiver answered {}", answer.status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_over_the_time_and_the_body() {
        // printf '%s' '1700000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let secret = SecretString::new("0123456789abcdef");
        assert_eq!(signature(&secret, 1_700_000_000, b"{}"), SIGNATURE);
    }

    const SIGNATURE: &str = "v1=e4f8e2ecae2295b2ddb2f0b5584c8275e226c0ebe9b3b819e70156bb67122e3e";
}
