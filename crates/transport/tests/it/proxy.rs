//! CONNECT through a small proxy.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Method;
use postern_transport::{Dialer, Endpoint, HttpClient, HttpRequest, Proxy, TransportError, Trust};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::authority::Authority;
use crate::server::{HttpServer, ok};
use crate::{PATIENCE, within};

/// Answers every CONNECT with `answer` and then joins the client with `target`, whatever name was asked for.
struct TestProxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl TestProxy {
    async fn start(target: u16, answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    assert_ne!(client.read_buf(&mut head).await.unwrap(), 0, "the head ended early");
                }
                seen.lock().unwrap().push(String::from_utf8(head).unwrap());
                // In pieces, as networks deliver.
                for piece in answer.as_bytes().chunks(7) {
                    client.write_all(piece).await.unwrap();
                    client.flush().await.unwrap();
                }
                if answer.contains(" 200 ") {
                    let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                    tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
                }
            }
        });
        Self { address, heads, accepting }
    }

    fn setting(&self) -> Proxy {
        let url = format!("http://user:secret@{}", self.address);
        Proxy::from_lookup(|name| matches!(name, "https_proxy" | "http_proxy").then(|| url.clone()))
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn get(trust: Trust, proxy: &TestProxy, url: &str) -> Result<Bytes, TransportError> {
    let client = HttpClient::new(Dialer::new(trust, proxy.setting()));
    let url = Endpoint::parse(url).unwrap();
    let request = HttpRequest { method: Method::GET, url, headers: Vec::new(), body: Bytes::new() };
    within(client.send(request, PATIENCE)).await.map(|response| response.body)
}

const ACCEPTED: &str = "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n";

#[tokio::test]
async fn tls_is_checked_end_to_end_through_the_tunnel() {
    let authority = Authority::new();
    let server = HttpServer::start(Some(authority.server("service.example")), |_| ok("through")).await;
    let proxy = TestProxy::start(server.port(), ACCEPTED).await;
    let body = get(Trust::CaPem(authority.pem()), &proxy, "https://service.example:8443/x").await.unwrap();
    assert_eq!(body, "through");
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with("CONNECT service.example:8443 HTTP/1.1\r\nHost: service.example:8443\r\n"));
    assert!(heads[0].contains("\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"));
}

#[tokio::test]
async fn plain_http_goes_through_a_tunnel_too() {
    let server = HttpServer::start(None, |request| ok(request.headers()["host"].as_bytes().to_vec())).await;
    let proxy = TestProxy::start(server.port(), ACCEPTED).await;
    assert_eq!(get(Trust::WebPki, &proxy, "http://service.example/").await.unwrap(), "service.example");
    assert!(proxy.heads()[0].starts_with("CONNECT service.example:80 "));
}

#[tokio::test]
async fn loopback_does_not_ask_the_proxy() {
    let server = HttpServer::start(None, |_| ok("direct")).await;
    let proxy = TestProxy::start(server.port(), ACCEPTED).await;
    let url = format!("http://127.0.0.1:{}/", server.port());
    assert_eq!(get(Trust::WebPki, &proxy, &url).await.unwrap(), "direct");
    assert!(proxy.heads().is_empty());
}

#[tokio::test]
async fn a_refusal_is_told_in_the_proxys_own_words() {
    for (answer, expected) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 Proxy Authentication Required"),
        ("HTTP/1.1 503 \r\n\r\n", "503"),
        ("SOCKS?\r\n\r\n", "SOCKS?"),
        ("HTTP/1.1 200 OK\r\n\r\nearly bytes", "bytes before we spoke"),
    ] {
        // Nobody listens on the target: only the answer matters.
        let server = HttpServer::start(None, |_| ok("")).await;
        let proxy = TestProxy::start(server.port(), answer).await;
        let error = get(Trust::WebPki, &proxy, "https://service.example/").await.unwrap_err().to_string();
        let names_both = error.contains(&proxy.address.to_string()) && error.contains("service.example:443");
        assert!(names_both && error.contains(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
