//! The HTTP client against hyper's server and against sockets that misbehave.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use http_body_util::Full;
use postern_transport::{Dialer, Endpoint, HttpClient, HttpRequest, HttpResponse, Proxy, TransportError, Trust};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{HttpServer, ok};
use crate::{PATIENCE, within};

fn client() -> HttpClient {
    HttpClient::new(Dialer::new(Trust::WebPki, Proxy::none()))
}

fn post(url: Endpoint, body: &str) -> HttpRequest {
    let headers = vec![("x-test".to_owned(), "yes".to_owned())];
    HttpRequest { method: Method::POST, url, headers, body: Bytes::copy_from_slice(body.as_bytes()) }
}

async fn send(client: &HttpClient, request: HttpRequest) -> Result<HttpResponse, TransportError> {
    within(client.send(request, PATIENCE)).await
}

#[tokio::test]
async fn requests_arrive_whole_and_share_one_connection() {
    let server = HttpServer::start(None, |request| {
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        let seen = format!("{} {} {} {}", request.method(), request.uri(), header("host"), header("x-test"));
        ok([seen.as_bytes(), request.body()].concat())
    })
    .await;
    let client = client();
    for round in 0..20 {
        let body = "b".repeat(round * 10_000);
        let response = send(&client, post(server.url("http", "localhost", "/p?q=1"), &body)).await.unwrap();
        let expected = format!("POST /p?q=1 localhost:{} yes{body}", server.port());
        assert!(response.status.is_success() && response.body == expected, "round {round}");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closes_is_replaced() {
    let server = HttpServer::start(None, |_| {
        let mut response = ok("bye");
        response.headers_mut().insert("connection", "close".parse().unwrap());
        response
    })
    .await;
    let client = client();
    for _ in 0..5 {
        send(&client, post(server.url("http", "127.0.0.1", "/"), "x")).await.unwrap();
    }
    assert_eq!(server.connections(), 5);
}

/// Answers each connection's first request, then closes without saying so: what a restarted server looks like.
#[tokio::test]
async fn a_connection_that_died_while_idle_costs_no_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let server = tokio::spawn(async move {
        for _ in 0..5 {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        }
    });
    let client = client();
    for _ in 0..5 {
        send(&client, post(url.clone(), "x")).await.unwrap();
    }
    within(server).await.unwrap();
}

#[tokio::test]
async fn requests_at_the_same_time_do_not_wait_for_each_other() {
    let server = HttpServer::start(None, |request| ok(request.into_body())).await;
    let client = client();
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (client, request) = (client.clone(), post(server.url("http", "127.0.0.1", "/"), &number.to_string()));
        sending.spawn(async move { (number, send(&client, request).await.unwrap()) });
    }
    while let Some(done) = within(sending.join_next()).await {
        let (number, response) = done.unwrap();
        assert_eq!(response.body, number.to_string());
    }
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused() {
    let server = HttpServer::start(None, |_| ok(vec![b'x'; 1001])).await;
    let client = client().with_body_limit(1000);
    let error = send(&client, post(server.url("http", "127.0.0.1", "/"), "")).await.unwrap_err();
    assert!(matches!(error, TransportError::BodyTooLarge { limit_bytes: 1000, .. }), "{error:?}");
    let exact = client.with_body_limit(1001);
    let response = send(&exact, post(server.url("http", "127.0.0.1", "/"), "")).await.unwrap();
    assert_eq!(response.body.len(), 1001);
}

#[tokio::test]
async fn every_status_is_an_answer() {
    let server = HttpServer::start(None, |_| {
        Response::builder().status(307).header("location", "/elsewhere").body(Full::new(Bytes::new())).unwrap()
    })
    .await;
    let response = send(&client(), post(server.url("http", "127.0.0.1", "/"), "")).await.unwrap();
    assert_eq!(response.status.as_u16(), 307);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_and_one_that_never_comes() {
    for (answer, timeout, expected) in [
        (&b""[..], PATIENCE, "broke off before the answer was complete"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", PATIENCE, "broke off before the answer was complete"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", PATIENCE, "broke off before the answer was complete"),
        (b"HTTP/1.1 200 OK\r\n", Duration::from_millis(200), "waiting for the answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", Duration::from_millis(200), "waiting for the answer"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let stays_open = timeout < PATIENCE;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_head(&mut stream).await;
            stream.write_all(answer).await.unwrap();
            if stays_open {
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        });
        let error = within(client().send(post(url, ""), timeout)).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        within(server).await.unwrap();
    }
}

#[tokio::test]
async fn a_header_that_is_none_is_the_callers_mistake() {
    let server = HttpServer::start(None, |_| ok("")).await;
    let mut request = post(server.url("http", "127.0.0.1", "/"), "");
    request.headers.push(("x".to_owned(), "two\r\nlines".to_owned()));
    let error = send(&client(), request).await.unwrap_err();
    assert!(matches!(error, TransportError::Request { .. }), "{error:?}");
}

async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0, "the request ended early");
    }
}
