//! Which stream URLs are opened. A token travels there, so it must not leave TLS: `wss` anywhere the service
//! named, plain `ws` only to this machine itself.

use postern_transport::{Endpoint, EndpointError, Scheme};

/// Query parameters by which a stream URL is already signed: such a URL is opened as it is (data-channel.md §2.1).
const SIGNATURE_PARAMETERS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
];

/// Why a stream URL is not opened.
#[derive(Debug, thiserror::Error)]
pub enum StreamUrlError {
    /// It is no URL.
    #[error("the service gave a stream URL that cannot be used")]
    Malformed(#[from] EndpointError),
    /// It is no websocket.
    #[error("the service gave a stream URL with {0}:// instead of wss://")]
    NotAWebSocket(&'static str),
    /// The token would travel in clear.
    #[error(
        "the service wants the session in clear over the network (ws://{0}); \
         let it serve TLS and give a wss:// stream URL"
    )]
    InClear(String),
}

/// Checks a stream URL against the rule above.
pub(crate) fn check(url: &str) -> Result<Endpoint, StreamUrlError> {
    let endpoint = Endpoint::parse(url)?;
    match endpoint.scheme() {
        Scheme::Wss => Ok(endpoint),
        Scheme::Ws if endpoint.is_loopback() => Ok(endpoint),
        Scheme::Ws => Err(StreamUrlError::InClear(endpoint.authority())),
        other => Err(StreamUrlError::NotAWebSocket(other.as_str())),
    }
}

/// Whether the URL carries its own signature.
pub(crate) fn is_presigned(endpoint: &Endpoint) -> bool {
    let names = endpoint.query().unwrap_or_default().split('&').filter_map(|pair| pair.split('=').next());
    names.into_iter().any(|name| SIGNATURE_PARAMETERS.contains(&name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn clear_text_stays_on_this_machine() {
        for good in [
            "wss://gateway.example.org/v1/data-channel/s",
            "ws://127.0.0.1:8022/x",
            "ws://[::1]:1/",
            "ws://localhost:1/",
        ] {
            check(good).unwrap();
        }
        for bad in [
            "ws://192.0.2.1/",
            "ws://localhost.example.org/",
            "ws://127.0.0.1.example.org/",
            "ws://gateway.example.org/",
            "https://gateway.example.org/",
            "ftp://x/",
            "no url",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_signature_in_the_url_is_noticed() {
        let endpoint = |url| Endpoint::parse(url).unwrap();
        assert!(is_presigned(&endpoint("wss://h/p?role=publish_subscribe&X-Amz-Signature=ab")));
        assert!(!is_presigned(&endpoint("wss://h/p?role=publish_subscribe&cell-number=X-Amz-Date")));
        assert!(!is_presigned(&endpoint("wss://h/p")));
    }
}
