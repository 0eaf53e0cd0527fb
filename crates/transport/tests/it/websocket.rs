//! Our websocket against tungstenite, an independent implementation, in both roles over TCP.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Request, Response};
use http_body_util::{Empty, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use postern_protocol::wire::websocket::{Message, Role};
use postern_transport::{
    Dialer, Endpoint, NetStream, Proxy, TransportError, Trust, UpgradeRequest, WebSocket, WsEvent, connect_websocket,
    upgraded_websocket,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message as Theirs;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

use crate::authority::Authority;
use crate::server::{HttpServer, ok};
use crate::{PATIENCE, within};

pub(crate) const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// Sizes around every boundary: empty, the three header lengths, our copy and read sizes.
const SIZES: [usize; 14] =
    [0, 1, 125, 126, 1_023, 4_095, 4_096, 4_097, 8_192, 65_535, 65_536, 65_537, 300_000, 1_000_000];

fn payload(length: usize) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// The next message that carries data, answering `Writable` by going on.
pub(crate) async fn next_message<IO>(socket: &mut WebSocket<IO>) -> Message
where
    IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        match within(socket.next()).await.unwrap() {
            WsEvent::Message(message) => return message,
            WsEvent::Writable => {}
            WsEvent::Closed => panic!("closed before the message came"),
        }
    }
}

/// Our client and their server, connected by a real upgrade.
async fn our_client() -> (WebSocket<NetStream>, WebSocketStream<TcpStream>, HeaderMap) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Endpoint::parse(&format!("ws://{}/v1/x?role=a", listener.local_addr().unwrap())).unwrap();
    let seen = Arc::new(Mutex::new(None));
    let record = seen.clone();
    let server = async move {
        let (stream, _) = listener.accept().await.unwrap();
        #[expect(clippy::result_large_err, reason = "tungstenite's own signature")]
        let callback = move |request: &Request<()>, response| {
            assert_eq!(request.uri(), "/v1/x?role=a");
            *record.lock().unwrap() = Some(request.headers().clone());
            Ok(response)
        };
        accept_hdr_async(stream, callback).await.unwrap()
    };
    let dialer = Dialer::new(Trust::WebPki, Proxy::none());
    let headers = vec![("x-signature".to_owned(), "s".to_owned())];
    let client = connect_websocket(&dialer, &url, headers, MAX_MESSAGE_BYTES, PATIENCE);
    let (theirs, ours) = within(async { tokio::join!(server, client) }).await;
    let headers = seen.lock().unwrap().take().unwrap();
    (ours.unwrap(), theirs, headers)
}

/// Their client and our server behind hyper.
async fn our_server() -> (WebSocket<TcpStream>, WebSocketStream<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (upgrades, mut upgrade) = tokio::sync::mpsc::channel(1);
        let service = service_fn(move |mut request: Request<hyper::body::Incoming>| {
            let asked = UpgradeRequest::parse(request.method(), request.headers()).unwrap();
            upgrades.try_send(hyper::upgrade::on(&mut request)).unwrap();
            let mut response = Response::new(Empty::<Bytes>::new());
            *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().extend(asked.response_headers());
            async { Ok::<_, Infallible>(response) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
        let socket = async {
            let upgrade = upgrade.recv().await.unwrap();
            upgraded_websocket::<TcpStream>(upgrade, MAX_MESSAGE_BYTES, PATIENCE).await.unwrap()
        };
        let (served, socket) = tokio::join!(connection, socket);
        served.unwrap();
        socket
    };
    let client = async {
        let stream = TcpStream::connect(address).await.unwrap();
        client_async(format!("ws://{address}/"), stream).await.unwrap().0
    };
    within(async { tokio::join!(server, client) }).await
}

#[tokio::test]
async fn the_upgrade_request_says_what_it_must() {
    let (_ours, _theirs, headers) = our_client().await;
    assert_eq!(headers["x-signature"], "s");
    assert_eq!(headers["sec-websocket-version"], "13");
    assert!(headers["host"].to_str().unwrap().starts_with("127.0.0.1:"));
    for absent in ["sec-websocket-extensions", "sec-websocket-protocol", "origin"] {
        assert!(!headers.contains_key(absent), "{absent}");
    }
}

/// Everything goes there and comes back while both sides send at once.
async fn echo_all_sizes<IO>(ours: &mut WebSocket<IO>, mut theirs: WebSocketStream<TcpStream>)
where
    IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let echo = tokio::spawn(async move {
        while let Some(Ok(message)) = theirs.next().await {
            if message.is_binary() || message.is_text() {
                theirs.feed(message).await.unwrap();
                theirs.flush().await.unwrap();
            }
        }
    });
    for size in SIZES {
        ours.feed(Message::Binary(payload(size)));
        ours.feed(Message::Text("ü".repeat(size / 2)));
    }
    for size in SIZES {
        assert_eq!(next_message(ours).await, Message::Binary(payload(size)), "{size}");
        assert_eq!(next_message(ours).await, Message::Text("ü".repeat(size / 2)), "{size}");
    }
    ours.feed(Message::Close(Some((1000, "done".to_owned()))));
    assert!(matches!(next_message(ours).await, Message::Close(Some((1000, _)))));
    assert!(matches!(within(ours.next()).await.unwrap(), WsEvent::Closed));
    assert!(matches!(within(ours.next()).await.unwrap(), WsEvent::Closed));
    within(echo).await.unwrap();
}

#[tokio::test]
async fn our_client_and_their_server_exchange_all_sizes() {
    let (mut ours, theirs, _) = our_client().await;
    echo_all_sizes(&mut ours, theirs).await;
}

#[tokio::test]
async fn our_server_and_their_client_exchange_all_sizes() {
    let (mut ours, theirs) = our_server().await;
    echo_all_sizes(&mut ours, theirs).await;
}

#[tokio::test]
async fn pings_are_answered_and_handed_over() {
    let (mut ours, mut theirs) = our_server().await;
    within(theirs.send(Theirs::Ping(Bytes::from_static(b"keepalive")))).await.unwrap();
    assert_eq!(next_message(&mut ours).await, Message::Ping(Bytes::from_static(b"keepalive")));
    // The pong leaves with the next poll; the other side of `select!` is what receives it.
    let pong = tokio::select! {
        pong = within(theirs.next()) => pong.unwrap().unwrap(),
        event = ours.next() => panic!("nothing else happens: {event:?}"),
    };
    assert_eq!(pong, Theirs::Pong(Bytes::from_static(b"keepalive")));
}

#[tokio::test]
async fn their_close_is_answered_with_their_code() {
    let (mut ours, mut theirs, _) = our_client().await;
    let frame = CloseFrame { code: 1001.into(), reason: "going away".into() };
    within(theirs.send(Theirs::Close(Some(frame)))).await.unwrap();
    assert_eq!(next_message(&mut ours).await, Message::Close(Some((1001, "going away".to_owned()))));
    assert!(!ours.can_feed());
    ours.feed(Message::Binary(payload(10)));
    assert_eq!(ours.pending_bytes(), 8, "only the close frame waits to be sent");
    let (ended, answer) = within(async { tokio::join!(ours.next(), theirs.next()) }).await;
    assert!(matches!(ended.unwrap(), WsEvent::Closed));
    assert!(matches!(answer.unwrap().unwrap(), Theirs::Close(Some(frame)) if frame.code == 1001.into()));
}

#[tokio::test]
async fn fragments_are_put_together_with_pings_in_between() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let mut ours = WebSocket::from_io(server.unwrap().0, Role::Server, BytesMut::new(), MAX_MESSAGE_BYTES);
    let mut raw = client.unwrap();
    // text "Hel", ping, continuation "lo"; masked with zeros.
    let bytes = b"\x01\x83\0\0\0\0Hel\x89\x80\0\0\0\0\x80\x82\0\0\0\0lo";
    for byte in bytes {
        tokio::io::AsyncWriteExt::write_all(&mut raw, &[*byte]).await.unwrap();
    }
    assert_eq!(next_message(&mut ours).await, Message::Ping(Bytes::new()));
    assert_eq!(next_message(&mut ours).await, Message::Text("Hello".to_owned()));
}

#[tokio::test]
async fn bytes_behind_the_upgrade_are_not_lost() {
    let (io, _peer) = tokio::io::duplex(1024);
    let leftover = BytesMut::from(&b"\x82\x01A\x82\x01B"[..]);
    let mut ours = WebSocket::from_io(io, Role::Client, leftover, MAX_MESSAGE_BYTES);
    assert_eq!(next_message(&mut ours).await, Message::Binary(Bytes::from_static(b"A")));
    assert_eq!(next_message(&mut ours).await, Message::Binary(Bytes::from_static(b"B")));
}

#[tokio::test]
async fn a_peer_that_breaks_the_rules_is_told_and_left() {
    let (mut ours, mut theirs) = our_server().await;
    within(theirs.send(Theirs::Binary(payload(MAX_MESSAGE_BYTES + 1)))).await.ok();
    let error = within(ours.next()).await.unwrap_err();
    assert!(matches!(error, TransportError::WebSocket(_)), "{error:?}");
    assert!(matches!(within(ours.next()).await.unwrap(), WsEvent::Closed));
    let answer = within(theirs.next()).await.unwrap().unwrap();
    assert!(matches!(answer, Theirs::Close(Some(frame)) if frame.code == 1009.into()));
}

#[tokio::test]
async fn a_peer_that_vanishes_is_the_end() {
    let (mut ours, theirs, _) = our_client().await;
    drop(theirs);
    assert!(matches!(within(ours.next()).await, Ok(WsEvent::Closed) | Err(TransportError::Io(_))));
    assert!(matches!(within(ours.next()).await.unwrap(), WsEvent::Closed));
}

/// A program that exits with unread bytes in its socket resets the connection right behind its last words.
#[tokio::test]
async fn what_a_peer_said_before_it_reset_the_connection_is_heard() {
    let (mut ours, mut theirs) = our_server().await;
    theirs.get_ref().set_nodelay(true).unwrap();
    for word in ["one", "two"] {
        within(theirs.send(Theirs::binary(word))).await.unwrap();
    }
    socket2::SockRef::from(theirs.get_ref()).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(theirs);
    // The first write after the reset fails, and whoever writes first learns of it first.
    eventually_reset(ours.get_ref()).await;
    ours.feed(Message::Binary(payload(100)));
    for word in ["one", "two"] {
        assert_eq!(next_message(&mut ours).await, Message::Binary(Bytes::from(word)));
    }
    let end = within(ours.next()).await;
    assert!(matches!(end, Err(TransportError::Io(_))), "{end:?}");
    assert!(matches!(within(ours.next()).await, Ok(WsEvent::Closed)));
}

/// Waits until the reset has arrived, without taking it away.
async fn eventually_reset(socket: &TcpStream) {
    within(socket.ready(tokio::io::Interest::ERROR)).await.unwrap();
}

#[tokio::test]
async fn secure_websockets() {
    let authority = Authority::new();
    let config = authority.server("localhost");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Endpoint::parse(&format!("wss://localhost:{}/", listener.local_addr().unwrap().port())).unwrap();
    let server = async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = NetStream::accept_tls(config, stream, PATIENCE).await.unwrap();
        tokio_tungstenite::accept_async(stream).await.unwrap()
    };
    let dialer = Dialer::new(Trust::Fingerprint(authority.fingerprint()), Proxy::none());
    let client = connect_websocket(&dialer, &url, Vec::new(), MAX_MESSAGE_BYTES, PATIENCE);
    let (mut theirs, ours) = within(async { tokio::join!(server, client) }).await;
    let mut ours = ours.unwrap();
    let echo = tokio::spawn(async move {
        while let Some(Ok(message)) = theirs.next().await {
            theirs.send(message).await.ok();
        }
    });
    for size in SIZES {
        ours.feed(Message::Binary(payload(size)));
    }
    for size in SIZES {
        assert_eq!(next_message(&mut ours).await, Message::Binary(payload(size)));
    }
    drop(ours);
    within(echo).await.unwrap();
}

/// Stock agents end so: no close frame, no TLS goodbye.
#[tokio::test]
async fn a_tls_connection_cut_without_a_word_is_an_end_and_no_error() {
    let authority = Authority::new();
    let config = authority.server("localhost");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Endpoint::parse(&format!("https://localhost:{}/", listener.local_addr().unwrap().port())).unwrap();
    let dialer = Dialer::new(Trust::CaPem(authority.pem()), Proxy::none());
    let (client, server) = within(async {
        tokio::join!(dialer.dial(&url, PATIENCE), async {
            let (stream, _) = listener.accept().await.unwrap();
            NetStream::accept_tls(config, stream, PATIENCE).await.unwrap()
        })
    })
    .await;
    let mut ours = WebSocket::from_io(server, Role::Server, BytesMut::new(), MAX_MESSAGE_BYTES);
    drop(client.unwrap());
    assert!(matches!(within(ours.next()).await.unwrap(), WsEvent::Closed));
}

/// What waits in the buffers is what users type.
#[tokio::test]
async fn nothing_typed_can_be_printed() {
    let (io, _peer) = tokio::io::duplex(1024);
    let mut ours = WebSocket::from_io(io, Role::Server, BytesMut::from(&b"hunter2"[..]), MAX_MESSAGE_BYTES);
    ours.feed(Message::Binary(Bytes::from_static(b"hunter2")));
    let printed = format!("{ours:?}");
    assert!(printed.contains("buffered_bytes: 7, pending_bytes: 9") && !printed.contains("hunter2"), "{printed}");
}

#[tokio::test]
async fn a_refused_upgrade_says_why() {
    let server = HttpServer::start(None, |_| {
        Response::builder().status(403).body(Full::new(Bytes::from("no such\nnode"))).unwrap()
    })
    .await;
    let dialer = Dialer::new(Trust::WebPki, Proxy::none());
    let url = server.url("ws", "127.0.0.1", "/");
    let error = within(connect_websocket(&dialer, &url, Vec::new(), 1024, PATIENCE)).await.unwrap_err();
    assert_eq!(error.status(), Some(403));
    assert!(error.to_string().ends_with("refused the websocket with HTTP status 403: no such node"), "{error}");

    let server = HttpServer::start(None, |_| ok("hello")).await;
    let url = server.url("ws", "127.0.0.1", "/");
    let error = within(connect_websocket(&dialer, &url, Vec::new(), 1024, PATIENCE)).await.unwrap_err();
    assert_eq!(error.status(), Some(200));
}
