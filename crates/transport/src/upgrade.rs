//! The HTTP upgrade that a websocket begins with, from both sides (RFC 6455 §4).
//!
//! No extension is ever offered or accepted (so nothing is compressed), and no sub-protocol.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{Method, StatusCode};
use http_body_util::Full;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use postern_protocol::Entropy as _;
use postern_protocol::wire::websocket::{Role, accept_key, request_key};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::deadline::Deadline;
use crate::dialer::Dialer;
use crate::endpoint::Endpoint;
use crate::entropy::SystemEntropy;
use crate::error::TransportError;
use crate::http::{Driver, Http1, build_head, drive, excerpt};
use crate::stream::NetStream;
use crate::websocket::WebSocket;

/// Opens a websocket at `url` (`ws`/`wss`, or `http`/`https` meaning the same). `headers` go into the upgrade request,
/// a signature for example; the ones of the upgrade itself are added here.
///
/// # Errors
/// No connection, no agreement within `timeout`, or another answer than 101: its status and the beginning of its body
/// are in the error.
pub async fn connect_websocket(
    dialer: &Dialer,
    url: &Endpoint,
    headers: Vec<(String, String)>,
    max_message_bytes: usize,
    timeout: Duration,
) -> Result<WebSocket<NetStream>, TransportError> {
    Box::pin(connect_until(dialer, url, &headers, max_message_bytes, Deadline::after(timeout))).await
}

async fn connect_until(
    dialer: &Dialer,
    url: &Endpoint,
    headers: &[(String, String)],
    max_message_bytes: usize,
    deadline: Deadline,
) -> Result<WebSocket<NetStream>, TransportError> {
    let Http1 { mut sender, driver } = Http1::open(dialer, url, deadline).await?;
    let mut driver = driver.map(Driver::with_upgrades);
    let authority = url.host_and_port();
    let mut nonce = [0; 16];
    SystemEntropy.fill(&mut nonce);
    let key = request_key(nonce);
    let request = build_head(Method::GET, url, headers)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key)
        .body(Full::new(Bytes::new()))
        .map_err(|source| TransportError::Request { authority: authority.clone(), source })?;

    let agree = async {
        let broken = |source| TransportError::Exchange { authority: authority.clone(), source };
        let response = sender.send_request(request).await.map_err(broken)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let status = response.status().as_u16();
            let body = excerpt(response.into_body()).await;
            return Err(TransportError::UpgradeRefused { authority: authority.clone(), status, body });
        }
        check_answer(response.headers(), &key)
            .map_err(|reason| TransportError::NotAWebSocket { authority: authority.clone(), reason })?;
        hyper::upgrade::on(response).await.map_err(broken)
    };
    let step = || format!("waiting for {authority} to open the websocket");
    let upgraded = deadline.run(step, drive(&mut driver, agree)).await??;
    take_over(upgraded, Role::Client, max_message_bytes)
        .ok_or(TransportError::NotAWebSocket { authority, reason: "its connection cannot be taken over" })
}

/// What a `101` must say to be one.
fn check_answer(headers: &HeaderMap, key: &str) -> Result<(), &'static str> {
    if !has_token(headers, &UPGRADE, "websocket") || !has_token(headers, &CONNECTION, "upgrade") {
        return Err("its answer lacks the upgrade headers; a proxy in between may have removed them");
    }
    let expected = accept_key(key);
    if headers.get(SEC_WEBSOCKET_ACCEPT).is_none_or(|accept| accept.as_bytes() != expected.as_bytes()) {
        return Err("its answer is not to our request (Sec-WebSocket-Accept differs)");
    }
    if headers.contains_key("sec-websocket-extensions") || headers.contains_key("sec-websocket-protocol") {
        return Err("it chose an extension that was not offered");
    }
    Ok(())
}

/// A request that asks for a websocket, as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeRequest {
    accept_key: String,
}

/// Why a request cannot become a websocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpgradeRefusal {
    status: StatusCode,
    reason: &'static str,
}

impl UpgradeRequest {
    /// Checks a request's method and headers.
    ///
    /// # Errors
    /// It asks for no websocket, or for one of another version; the refusal has the status to answer with.
    pub fn parse(method: &Method, headers: &HeaderMap) -> Result<Self, UpgradeRefusal> {
        let refuse = |status, reason| Err(UpgradeRefusal { status, reason });
        if method != Method::GET {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "a websocket is opened with GET");
        }
        if !has_token(headers, &UPGRADE, "websocket") || !has_token(headers, &CONNECTION, "upgrade") {
            return refuse(
                StatusCode::UPGRADE_REQUIRED,
                "this address answers websockets only; send the upgrade headers",
            );
        }
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return refuse(StatusCode::UPGRADE_REQUIRED, "only version 13 of the websocket protocol is spoken here");
        }
        let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
        match (keys.next().and_then(|key| key.to_str().ok()), keys.next()) {
            // Like other servers we take any 24 characters: nothing depends on what they decode to.
            (Some(key), None) if key.len() == 24 => Ok(Self { accept_key: accept_key(key) }),
            _ => refuse(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key must be sent once and have 24 characters"),
        }
    }

    /// The headers of the answer, whose status is 101.
    #[must_use]
    pub fn response_headers(&self) -> [(HeaderName, HeaderValue); 3] {
        let accept = HeaderValue::from_str(&self.accept_key).expect("base64 is a header value");
        [
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_ACCEPT, accept),
        ]
    }
}

impl UpgradeRefusal {
    /// The status to answer with. 426 needs an `Upgrade` and a `Sec-WebSocket-Version` header beside it; see
    /// [`UpgradeRefusal::response_headers`].
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What 426 says about itself; nothing for other refusals.
    #[must_use]
    pub fn response_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        if self.status != StatusCode::UPGRADE_REQUIRED {
            return Vec::new();
        }
        vec![
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
        ]
    }
}

impl fmt::Display for UpgradeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl std::error::Error for UpgradeRefusal {}

/// The server's websocket once its 101 has been sent. `IO` is the stream that was given to hyper inside [`TokioIo`].
///
/// # Errors
/// The peer went away before the answer was out, or the answer did not come within `timeout`.
///
/// # Panics
/// `IO` is not what was given to hyper.
pub async fn upgraded_websocket<IO>(
    on_upgrade: OnUpgrade,
    max_message_bytes: usize,
    timeout: Duration,
) -> Result<WebSocket<IO>, TransportError>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let step = || "waiting for the upgrade's answer to go out".to_owned();
    let upgraded = Deadline::after(timeout)
        .run(step, on_upgrade)
        .await?
        .map_err(|source| TransportError::Exchange { authority: "the peer".to_owned(), source })?;
    Ok(take_over(upgraded, Role::Server, max_message_bytes).expect("the caller names the type it gave to hyper"))
}

fn take_over<IO>(upgraded: Upgraded, role: Role, max_message_bytes: usize) -> Option<WebSocket<IO>>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let parts = upgraded.downcast::<TokioIo<IO>>().ok()?;
    // A copy of its own: hyper's buffer is larger and would stay with the connection for life.
    let leftover = BytesMut::from(parts.read_buf.as_ref());
    Some(WebSocket::from_io(parts.io.into_inner(), role, leftover, max_message_bytes))
}

/// Whether a comma-separated header holds `token`, in any case and in any of its lines.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The example of RFC 6455 §1.3.
    const EXAMPLE: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn example_with(name: &'static str, value: Option<&'static str>) -> HeaderMap {
        let mut headers = headers(&EXAMPLE);
        headers.remove(name);
        if let Some(value) = value {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_rfcs_example_is_accepted() {
        let request = UpgradeRequest::parse(&Method::GET, &headers(&EXAMPLE)).unwrap();
        let [_, _, (name, value)] = request.response_headers();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    }

    #[test]
    fn header_values_may_be_lists_in_any_case() {
        let lists = example_with("connection", Some("keep-alive, UPGRADE"));
        assert!(UpgradeRequest::parse(&Method::GET, &lists).is_ok());
        assert!(UpgradeRequest::parse(&Method::GET, &example_with("upgrade", Some("h2c, WebSocket"))).is_ok());
    }

    #[test]
    fn what_is_no_websocket_is_refused_with_the_right_status() {
        for (name, value, status) in [
            ("upgrade", None, 426),
            ("upgrade", Some("h2c"), 426),
            ("connection", Some("close"), 426),
            ("sec-websocket-version", Some("8"), 426),
            ("sec-websocket-version", None, 426),
            ("sec-websocket-key", None, 400),
            ("sec-websocket-key", Some("short"), 400),
        ] {
            let refusal = UpgradeRequest::parse(&Method::GET, &example_with(name, value)).unwrap_err();
            assert_eq!(refusal.status().as_u16(), status, "{name}: {value:?}");
            assert_eq!(refusal.response_headers().is_empty(), status != 426);
        }
        let refusal = UpgradeRequest::parse(&Method::POST, &headers(&EXAMPLE)).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::METHOD_NOT_ALLOWED);
        let mut twice = headers(&EXAMPLE);
        twice.append(SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(UpgradeRequest::parse(&Method::GET, &twice).unwrap_err().status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn answers_are_checked() {
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let answer = [
            ("upgrade", "WebSocket"),
            ("connection", "upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ];
        assert_eq!(check_answer(&headers(&answer), key), Ok(()));
        assert!(check_answer(&headers(&answer[1..]), key).unwrap_err().contains("upgrade headers"));
        assert!(check_answer(&headers(&answer[..2]), key).unwrap_err().contains("Accept"));
        assert!(check_answer(&headers(&answer), "AAAAAAAAAAAAAAAAAAAAAA==").is_err());
        let mut extended = headers(&answer);
        extended.insert("sec-websocket-extensions", HeaderValue::from_static("permessage-deflate"));
        assert!(check_answer(&extended, key).unwrap_err().contains("not offered"));
    }
}
