//! Where a client is sent for its data channel: to the host it called, unless the operator named one.
//!
//! A client that reached us by some name reaches the stream by the same name; whatever it put into `Host` can mislead
//! only itself.

use axum::http::HeaderMap;
use axum::http::header::HOST;

/// `url` with scheme and host of the request. Unchanged if the request has no usable `Host`.
pub(crate) fn follow_host(url: &str, headers: &HeaderMap, encrypted: bool) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_authority(host));
    match (host, path_of(url)) {
        (Some(host), Some(path)) => format!("{}://{host}{path}", if encrypted { "wss" } else { "ws" }),
        _ => url.to_owned(),
    }
}

fn path_of(url: &str) -> Option<&str> {
    let authority = url.find("://")? + 3;
    let path = url[authority..].find('/')?;
    Some(&url[authority + path..])
}

/// Host and port, with nothing that could make another URL of it.
fn is_authority(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    (1..=260).contains(&host.len()) && host.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    const URL: &str = "wss://ssm.example.org/v1/data-channel/s-1?role=publish_subscribe";

    fn followed(host: &'static str, encrypted: bool) -> String {
        let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
        follow_host(URL, &headers, encrypted)
    }

    #[test]
    fn the_stream_is_where_the_client_called() {
        assert_eq!(followed("127.0.0.1:8022", false), "ws://127.0.0.1:8022/v1/data-channel/s-1?role=publish_subscribe");
        assert_eq!(followed("[::1]:8443", true), "wss://[::1]:8443/v1/data-channel/s-1?role=publish_subscribe");
    }

    #[test]
    fn a_host_that_is_none_changes_nothing() {
        for host in ["", "evil.example/path", "user@host", "a b"] {
            assert_eq!(followed(host, true), URL, "{host:?}");
        }
        assert_eq!(follow_host(URL, &HeaderMap::new(), true), URL);
    }
}
