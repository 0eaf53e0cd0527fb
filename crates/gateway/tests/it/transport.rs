//! The listener: what it takes, what it refuses before it costs anything, and TLS.

use std::time::Duration;

use postern_gateway::Limits;
use postern_transport::{Dialer, Endpoint, HttpClient, HttpRequest, Proxy, Trust, tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Options, PATIENCE, Service};

/// Sends bytes and reads until the other end closes.
async fn exchange(service: &Service, parts: &[&str]) -> String {
    let mut stream = TcpStream::connect(service.endpoint.host_and_port()).await.unwrap();
    for part in parts {
        // It may have heard enough.
        let _ = stream.write_all(part.as_bytes()).await;
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_announced_or_not() {
    let limits = Limits { body_bytes: 1000, ..Limits::default() };
    let service = Service::with(Options { limits, ..Options::default() }).await;
    let announced = exchange(&service, &["POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n"]).await;
    assert!(announced.starts_with("HTTP/1.1 413 "), "{announced}");
    assert!(announced.contains("\"RequestEntityTooLargeException\""), "{announced}");
    let chunk = format!("258\r\n{}\r\n", "x".repeat(600));
    let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = exchange(&service, &[head, &chunk, &chunk, "0\r\n\r\n"]).await;
    assert!(chunked.starts_with("HTTP/1.1 413 "), "{chunked}");
}

#[tokio::test]
async fn a_chunked_body_is_read() {
    let service = Service::start().await;
    let head = "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSSM.RegisterManagedInstance\r\n\
                Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let answer = exchange(&service, &[head, "2\r\n{}\r\n", "0\r\n\r\n"]).await;
    assert!(answer.contains("ValidationException"), "{answer}");
}

#[tokio::test]
async fn a_body_or_header_that_does_not_come_is_not_waited_for() {
    let limits = Limits {
        body_timeout: Duration::from_millis(200),
        header_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let service = Service::with(Options { limits, ..Options::default() }).await;
    let body = exchange(&service, &["POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"]).await;
    assert!(body.starts_with("HTTP/1.1 408 "), "{body}");
    let header = exchange(&service, &["POST / HTTP/1.1\r\nHost:"]).await;
    assert!(header.is_empty() || header.starts_with("HTTP/1.1 408 "), "{header}");
    let nothing = exchange(&service, &[]).await;
    assert!(nothing.is_empty() || nothing.starts_with("HTTP/1.1 408 "), "{nothing}");
}

#[tokio::test]
async fn a_header_that_is_too_large_is_refused() {
    let service = Service::start().await;
    let header = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(40_000));
    let answer = exchange(&service, &[&header]).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

fn certificate() -> (Vec<u8>, std::sync::Arc<rustls::ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let chain = made.cert.pem();
    let config = tls::server_config(chain.as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap();
    (chain.into_bytes(), config)
}

#[tokio::test]
async fn tls_is_served_and_plain_text_is_not() {
    let (chain, config) = certificate();
    let service = Service::with(Options { tls: Some(config), ..Options::default() }).await;
    let url = Endpoint::parse(&format!("https://localhost:{}/healthz", service.endpoint.port())).unwrap();
    let client = HttpClient::new(Dialer::new(Trust::CaPem(chain), Proxy::none()));
    let request = HttpRequest { method: http::Method::GET, url, headers: vec![], body: "".into() };
    assert_eq!(client.send(request, PATIENCE).await.unwrap().body, "ok\n");
    let answer = exchange(&service, &["GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"]).await;
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn half_open_handshakes_keep_nobody_out() {
    let (chain, config) = certificate();
    let limits = Limits { concurrent_handshakes: 2, handshake_timeout: Duration::from_secs(1), ..Limits::default() };
    let service = Service::with(Options { tls: Some(config), limits, ..Options::default() }).await;
    let address = format!("127.0.0.1:{}", service.endpoint.port());
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    for _ in 0..4 {
        let mut stalled = TcpStream::connect(&address).await.unwrap();
        // The beginning of a handshake record, and no more of it.
        stalled.write_all(&[22, 3, 1, 2, 0]).await.unwrap();
        silent.push(stalled);
    }
    let url = Endpoint::parse(&format!("https://localhost:{}/healthz", service.endpoint.port())).unwrap();
    let client = HttpClient::new(Dialer::new(Trust::CaPem(chain), Proxy::none()));
    let request = HttpRequest { method: http::Method::GET, url, headers: vec![], body: "".into() };
    assert_eq!(client.send(request, PATIENCE).await.unwrap().status, 200);
}
