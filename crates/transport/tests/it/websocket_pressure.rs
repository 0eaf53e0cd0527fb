//! The websocket under pressure: peers that do not read, owners that change their mind, many messages at once.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use postern_protocol::wire::websocket::{Message, Role};
use postern_transport::{WebSocket, WsEvent};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::net::{TcpListener, TcpStream};

use crate::websocket::{MAX_MESSAGE_BYTES, next_message};
use crate::within;

/// What a message of 1 KiB takes on the wire at most.
const WIRE_BYTES: usize = 1024 + 8;

async fn tcp_pair() -> (WebSocket<TcpStream>, WebSocket<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let websocket = |io, role| WebSocket::from_io(io, role, BytesMut::new(), MAX_MESSAGE_BYTES);
    (websocket(client.unwrap(), Role::Client), websocket(server.unwrap().0, Role::Server))
}

fn numbered(number: u32) -> Message {
    let mut payload = vec![0; 1024];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    Message::Binary(payload.into())
}

fn number(message: &Message) -> u32 {
    let Message::Binary(payload) = message else { panic!("{message:?} is not numbered") };
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

/// Polls once and drops the future, as a `select!` does whose other branch wins. Gives way first: tokio's sockets stop
/// answering to a task that never does.
async fn poll_once<IO: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocket<IO>) -> Option<WsEvent> {
    tokio::task::yield_now().await;
    let mut next = pin!(socket.next());
    std::future::poll_fn(|cx| match next.as_mut().poll(cx) {
        Poll::Ready(event) => Poll::Ready(Some(event.unwrap())),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn what_waits_for_a_peer_that_does_not_read_is_bounded() {
    let (mut sender, mut receiver) = tcp_pair().await;
    let mut fed = 0;
    // The sockets' own buffers fill first. Full and nothing written any more: that is the end of it.
    let stuck_at = loop {
        while sender.can_feed() {
            sender.feed(numbered(fed));
            fed += 1;
        }
        let before = sender.pending_bytes();
        assert!(before < 64 * 1024 + WIRE_BYTES, "{before} bytes wait");
        let quiet = tokio::time::timeout(std::time::Duration::from_millis(200), sender.next()).await;
        if quiet.is_err() && !sender.can_feed() {
            break sender.pending_bytes();
        }
    };
    assert!(stuck_at >= 60 * 1024);
    // A control message still finds room, and the peer's pings are answered once, not each.
    sender.feed(Message::Ping(Bytes::new()));
    for _ in 0..5_000 {
        receiver.feed(Message::Ping(Bytes::from_static(b"flood")));
        receiver.set_read_enabled(false);
        poll_once(&mut receiver).await;
        assert!(!matches!(poll_once(&mut sender).await, Some(WsEvent::Closed)));
    }
    assert!(sender.pending_bytes() < 64 * 1024 + 4 * WIRE_BYTES, "{}", sender.pending_bytes());

    // The peer reads again: all comes, in order, and the sender hears that there is room.
    receiver.set_read_enabled(true);
    let (mut expected, mut heard) = (0, false);
    while expected < fed {
        tokio::select! {
            event = within(receiver.next()) => if let WsEvent::Message(message @ Message::Binary(_)) = event.unwrap() {
                assert_eq!(number(&message), expected);
                expected += 1;
            },
            event = within(sender.next()) => heard |= matches!(event.unwrap(), WsEvent::Writable),
        }
    }
    while !heard {
        heard = matches!(within(sender.next()).await.unwrap(), WsEvent::Writable);
    }
    assert!(sender.can_feed() && sender.pending_bytes() == 0);
}

#[tokio::test]
async fn two_peers_that_only_write_do_not_wait_for_each_other() {
    let (mut left, mut right) = tcp_pair().await;
    const EACH: u32 = 20_000;
    let talk = |socket: &mut WebSocket<TcpStream>, sent: &mut u32| {
        while *sent < EACH && socket.can_feed() {
            socket.feed(numbered(*sent));
            *sent += 1;
        }
    };
    let (mut left_sent, mut right_sent, mut left_got, mut right_got) = (0, 0, 0, 0);
    while left_got < EACH || right_got < EACH {
        talk(&mut left, &mut left_sent);
        talk(&mut right, &mut right_sent);
        let (event, got) = tokio::select! {
            event = within(left.next()) => (event, &mut left_got),
            event = within(right.next()) => (event, &mut right_got),
        };
        if let WsEvent::Message(message) = event.unwrap() {
            assert_eq!(number(&message), *got);
            *got += 1;
        }
    }
}

#[tokio::test]
async fn reading_stops_and_goes_on_without_loss() {
    let (mut sender, mut receiver) = tcp_pair().await;
    for count in 0..30 {
        sender.feed(numbered(count));
    }
    within(sender.flush()).await.unwrap();
    assert_eq!(number(&next_message(&mut receiver).await), 0);
    receiver.set_read_enabled(false);
    for _ in 0..100 {
        assert!(poll_once(&mut receiver).await.is_none(), "nothing is handed over while reading is off");
    }
    // Writing goes on meanwhile.
    receiver.feed(numbered(7));
    assert!(matches!(within(receiver.next()).await.unwrap(), WsEvent::Writable));
    assert_eq!(number(&next_message(&mut sender).await), 7);
    receiver.set_read_enabled(true);
    for expected in 1..30 {
        assert_eq!(number(&next_message(&mut receiver).await), expected);
    }
}

#[tokio::test]
async fn dropping_next_at_any_moment_loses_nothing() {
    // Three bytes of room: every poll stops in the middle of something.
    let (left, right) = duplex(3);
    let mut sender = WebSocket::from_io(left, Role::Client, BytesMut::new(), MAX_MESSAGE_BYTES);
    let mut receiver = WebSocket::from_io(right, Role::Server, BytesMut::new(), MAX_MESSAGE_BYTES);
    let (mut sent, mut got, mut answered) = (0, 0, 0);
    let work = async {
        while answered < 20 {
            if sent < 20 && sender.can_feed() {
                sender.feed(numbered(sent));
                sent += 1;
            }
            if let Some(WsEvent::Message(message)) = poll_once(&mut receiver).await {
                assert_eq!(number(&message), got);
                receiver.feed(numbered(got));
                got += 1;
            }
            if let Some(WsEvent::Message(message)) = poll_once(&mut sender).await {
                assert_eq!(number(&message), answered);
                answered += 1;
            }
        }
    };
    within(work).await;
}

/// Counts the calls that would be system calls.
struct Counting {
    io: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counting {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, out)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let all = slices.iter().map(|slice| &**slice).collect::<Vec<_>>().concat();
        Pin::new(&mut self.get_mut().io).poll_write(cx, &all)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn everything_fed_leaves_in_one_write() {
    let (io, peer) = duplex(1024 * 1024);
    let writes = Arc::new(AtomicUsize::new(0));
    let counting = Counting { io, writes: writes.clone() };
    let mut server = WebSocket::from_io(counting, Role::Server, BytesMut::new(), MAX_MESSAGE_BYTES);
    let mut client = WebSocket::from_io(peer, Role::Client, BytesMut::new(), MAX_MESSAGE_BYTES);

    let large = Bytes::from(vec![7; 20_000]);
    for _ in 0..30 {
        server.feed(numbered(1));
    }
    server.feed(Message::Binary(large.clone()));
    server.feed(numbered(2));
    assert!(matches!(within(server.next()).await.unwrap(), WsEvent::Writable));
    assert_eq!(writes.load(Ordering::SeqCst), 1);
    for _ in 0..30 {
        assert_eq!(number(&next_message(&mut client).await), 1);
    }
    assert_eq!(next_message(&mut client).await, Message::Binary(large));
    assert_eq!(number(&next_message(&mut client).await), 2);

    // A burst of messages is taken first; the answers to all of them then share a write.
    for count in 0..50 {
        client.feed(numbered(count));
    }
    within(client.flush()).await.unwrap();
    let before = writes.load(Ordering::SeqCst);
    for _ in 0..50 {
        let message = next_message(&mut server).await;
        server.feed(message);
    }
    within(server.flush()).await.unwrap();
    let used = writes.load(Ordering::SeqCst) - before;
    assert!(used <= 5, "{used} writes for 50 answers");
}
