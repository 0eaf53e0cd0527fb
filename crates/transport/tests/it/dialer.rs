//! Connecting, and the words for not connecting.

use std::time::Duration;

use postern_transport::{Dialer, Endpoint, Fault, NetStream, Proxy, TransportError, Trust, listen};
use tokio::net::TcpListener;

use crate::{PATIENCE, within};

fn dialer() -> Dialer {
    Dialer::new(Trust::WebPki, Proxy::none())
}

#[tokio::test]
async fn a_name_with_two_addresses_reaches_the_one_that_listens() {
    // "localhost" has an IPv4 and usually an IPv6 address; only one of them is served.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Endpoint::parse(&format!("http://localhost:{}", listener.local_addr().unwrap().port())).unwrap();
    let stream = within(dialer().dial(&url, PATIENCE)).await.unwrap();
    assert!(matches!(stream, NetStream::Plain(_)));
    assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let error = within(dialer().dial(&url, PATIENCE)).await.unwrap_err();
    assert!(matches!(error, TransportError::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port} does not accept connections")), "{error}");
    assert_eq!(error.fault(), Fault::Network);

    let url = Endpoint::parse("http://name.invalid").unwrap();
    let error = within(dialer().dial(&url, PATIENCE)).await.unwrap_err();
    assert!(error.to_string().contains("name.invalid"), "{error}");
    assert_eq!(error.fault(), Fault::Network);
}

#[tokio::test]
async fn a_silent_peer_costs_no_more_than_the_time_allowed() {
    // Accepts by the kernel's queue, never answers the TLS hello.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Endpoint::parse(&format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port())).unwrap();
    let error = within(dialer().dial(&url, Duration::from_millis(200))).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("waiting for the TLS handshake") && text.contains("after 0.2 s"), "{text}");
}

#[tokio::test]
async fn listening_twice_on_one_port_is_an_error() {
    let first = listen("127.0.0.1:0").unwrap();
    let address = first.local_addr().unwrap().to_string();
    assert_eq!(listen(&address).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    drop(first);
    listen(&address).unwrap();
    assert!(listen("no port here").is_err());
}
