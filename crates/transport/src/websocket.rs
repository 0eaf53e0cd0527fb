//! A websocket over any byte stream: the protocol's codec, and the one task that owns the connection.
//!
//! The owner calls [`WebSocket::next`] in a `select!` branch. It reads and writes at the same time, so two peers that
//! both have much to say cannot wait for each other, and it may be dropped at any moment without losing a byte.
//! What was fed goes out together: nothing is written while complete messages still wait to be taken, then everything
//! pending leaves in one write.
//!
//! An idle connection holds no buffer: bytes are read onto the stack first, and the heap is used only while a message
//! is incomplete or the peer is sending more at a time than one small read takes.

mod incoming;
mod outgoing;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use postern_protocol::wire::websocket::{CloseHandshake, Decoder, Message, Role, WebSocketError};
use tokio::io::{AsyncRead, AsyncWrite};

use self::incoming::{IDLE_READ_BYTES, Incoming};
use self::outgoing::Outgoing;
use crate::error::TransportError;

/// Above this, [`WebSocket::can_feed`] says no. Two large messages, or many small ones, then stay below the 64 KiB that TLS
/// takes at once and a read brings at most; a little more would cost both ends as much again.
const PENDING_LIMIT_BYTES: usize = 60 * 1024;
/// Small answers to a peer that sends in bulk wait for what has come already, up to so many reads: in TLS each brings at
/// most a record of 16 KiB.
const MAX_UNANSWERED_READS: u8 = 4;
/// What still counts as a small answer.
const SMALL_ANSWER_BYTES: usize = 1024;

/// What [`WebSocket::next`] has to tell.
#[derive(Debug)]
pub enum WsEvent {
    /// A message came. A ping has been answered already; it is handed over as a sign of life.
    Message(Message),
    /// What was fed has gone out (or there is room again after the limit was reached).
    Writable,
    /// The connection has ended in both directions. Every later call says so again.
    Closed,
}

/// One side of a websocket connection.
pub struct WebSocket<IO> {
    io: IO,
    role: Role,
    decoder: Decoder,
    incoming: Incoming,
    outgoing: Outgoing,
    /// Made while small answers waited.
    unanswered_reads: u8,
    read_enabled: bool,
    closing: CloseHandshake,
    /// Writing failed; what had come before is still being read.
    broken: Option<io::Error>,
    /// The stream itself was shut down or is gone.
    ended: bool,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> WebSocket<IO> {
    /// Takes over a stream whose upgrade is complete. `leftover` are bytes that came behind the upgrade's head.
    /// Messages of the peer larger than `max_message_bytes` end the connection before they are held.
    #[must_use]
    pub fn from_io(io: IO, role: Role, leftover: BytesMut, max_message_bytes: usize) -> Self {
        Self {
            io,
            role,
            decoder: Decoder::new(role, max_message_bytes),
            incoming: Incoming { buffer: leftover, next_read_bytes: IDLE_READ_BYTES },
            outgoing: Outgoing::default(),
            unanswered_reads: 0,
            read_enabled: true,
            closing: CloseHandshake::default(),
            broken: None,
            ended: false,
        }
    }

    /// Queues a message; [`WebSocket::next`] sends it. Nothing is sent after a close message.
    ///
    /// The queue is bounded by asking [`WebSocket::can_feed`] first; a control message may be fed without asking.
    pub fn feed(&mut self, message: Message) {
        if self.closing.is_closing() || self.broken.is_some() || self.ended {
            return;
        }
        if let Message::Close(reason) = &message {
            let (code, text) = reason.as_ref().map_or((0, ""), |(code, text)| (*code, text.as_str()));
            let _ = self.closing.close(code, text);
        }
        self.outgoing.push(message, self.role);
        self.outgoing.owes_writable = true;
    }

    /// Whether there is room for another message.
    #[must_use]
    pub fn can_feed(&self) -> bool {
        self.outgoing.pending_bytes < PENDING_LIMIT_BYTES && !self.closing.is_closing()
    }

    /// Bytes fed and not yet taken by the stream.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.outgoing.pending_bytes
    }

    /// Bytes received and not yet decoded.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.incoming.buffer.len()
    }

    /// Back-pressure: while disabled nothing is read, so the peer is slowed by its own socket. [`WebSocket::next`]
    /// then only writes; it notices a peer that is gone only by a failing write.
    pub fn set_read_enabled(&mut self, enabled: bool) {
        self.read_enabled = enabled;
    }

    /// Changes the bound for messages that have not begun to arrive, once the peer is no longer a stranger.
    pub fn set_max_message_bytes(&mut self, max_message_bytes: usize) {
        self.decoder.set_max_message_bytes(max_message_bytes);
    }

    /// The stream below, for its addresses.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// The next thing that happened. Cancel-safe: dropping the future loses nothing.
    ///
    /// # Errors
    /// The stream failed, or the peer broke the protocol (it is told by a close frame as far as the socket takes it).
    /// The connection is of no use afterwards.
    pub async fn next(&mut self) -> Result<WsEvent, TransportError> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Writes until everything fed has gone out, without taking messages.
    ///
    /// # Errors
    /// The stream failed. The caller gives the deadline.
    pub async fn flush(&mut self) -> Result<(), TransportError> {
        Ok(std::future::poll_fn(|cx| self.poll_write_out(cx)).await?)
    }

    /// As [`WebSocket::next`], for callers that poll.
    ///
    /// # Errors
    /// As [`WebSocket::next`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<WsEvent, TransportError>> {
        if self.ended {
            return Poll::Ready(Ok(WsEvent::Closed));
        }
        let polled = self.poll_step(cx);
        if let Poll::Ready(Ok(WsEvent::Closed) | Err(_)) = polled {
            self.ended = true;
            self.incoming.buffer = BytesMut::new();
            self.outgoing = Outgoing::default();
        }
        polled
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<WsEvent, TransportError>> {
        // Complete messages first: the owner answers them, and all answers leave in one write.
        if self.can_feed()
            && let Some(message) = self.decode(cx)?
        {
            return Poll::Ready(Ok(WsEvent::Message(message)));
        }
        while self.answers_can_wait() {
            let missing = self.decoder.missing_bytes(&self.incoming.buffer);
            match self.incoming.poll_fill(&mut self.io, missing, cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(WsEvent::Closed)),
                Poll::Ready(Ok(_)) => self.unanswered_reads += 1,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => break,
            }
            if let Some(message) = self.decode(cx)? {
                return Poll::Ready(Ok(WsEvent::Message(message)));
            }
        }
        let written = self.poll_write_out(cx).map(|written| self.note_broken(written));
        if written.is_ready() {
            self.unanswered_reads = 0;
        }
        if self.outgoing.take_writable(written.is_ready()) {
            return Poll::Ready(Ok(WsEvent::Writable));
        }
        if self.closing.is_complete() {
            // Our close frame is out, the peer's has come: nothing is left to say.
            ready!(written);
            let _ = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
            return Poll::Ready(Ok(WsEvent::Closed));
        }
        while self.read_enabled {
            if let Some(message) = self.decode(cx)? {
                return Poll::Ready(Ok(WsEvent::Message(message)));
            }
            let missing = self.decoder.missing_bytes(&self.incoming.buffer);
            match self.incoming.poll_fill(&mut self.io, missing, cx) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                _ if self.broken.is_some() => break,
                Poll::Ready(Ok(_)) => return Poll::Ready(Ok(WsEvent::Closed)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => return Poll::Pending,
            }
        }
        match self.broken.take() {
            Some(error) => Poll::Ready(Err(error.into())),
            None => Poll::Pending,
        }
    }

    /// One write then answers many reads.
    fn answers_can_wait(&self) -> bool {
        self.incoming.next_read_bytes > IDLE_READ_BYTES
            && self.unanswered_reads < MAX_UNANSWERED_READS
            && (1..SMALL_ANSWER_BYTES).contains(&self.outgoing.pending_bytes)
            && self.read_enabled
            && self.broken.is_none()
            && !self.closing.is_closing()
    }

    /// A program that exits with unread bytes in its socket resets the connection right behind its last words, and a
    /// write may hear of that before they were read. So it is not the end yet.
    fn note_broken(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.broken = Some(error);
            self.outgoing = Outgoing::default();
        }
    }

    fn decode(&mut self, cx: &mut Context<'_>) -> Result<Option<Message>, TransportError> {
        if !self.read_enabled || self.closing.is_complete() || self.incoming.buffer.is_empty() {
            return Ok(None);
        }
        let message = match self.decoder.decode(&mut self.incoming.buffer) {
            Ok(message) => message,
            Err(error) => return Err(self.refuse(error, cx)),
        };
        match &message {
            Some(Message::Ping(payload)) if !self.closing.is_closing() => self.outgoing.pong = Some(payload.clone()),
            Some(Message::Close(reason)) => {
                if let Some(answer) = self.closing.handle_close(reason.as_ref()) {
                    self.outgoing.push(answer, self.role);
                }
            }
            _ => {}
        }
        Ok(message)
    }

    /// Tells the peer what it did wrong, as far as the socket takes it at once.
    fn refuse(&mut self, error: WebSocketError, cx: &mut Context<'_>) -> TransportError {
        if let Some(close) = self.closing.close(error.close_code(), "") {
            self.outgoing.push(close, self.role);
        }
        let _ = self.poll_write_out(cx);
        error.into()
    }

    /// Ready when everything fed has left this process.
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.poll_write_out(&mut self.io, self.role, cx)
    }
}

/// Shows sizes: what is buffered is what users type, or a token.
impl<IO> fmt::Debug for WebSocket<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("role", &self.role)
            .field("buffered_bytes", &self.incoming.buffer.len())
            .field("pending_bytes", &self.outgoing.pending_bytes)
            .field("read_enabled", &self.read_enabled)
            .field("closing", &self.closing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bytes::Bytes;
    use tokio::io::{DuplexStream, duplex};

    use super::incoming::MAX_READ_BYTES;
    use super::*;

    const MAX_MESSAGE_BYTES: usize = 256 * 1024;

    async fn poll_once(socket: &mut WebSocket<DuplexStream>) -> Option<WsEvent> {
        std::future::poll_fn(|cx| match socket.poll_next(cx) {
            Poll::Ready(event) => Poll::Ready(Some(event.unwrap())),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    fn held_bytes(socket: &WebSocket<DuplexStream>) -> usize {
        socket.incoming.buffer.capacity()
            + socket.outgoing.tail.capacity()
            + socket.outgoing.parts.capacity() * size_of::<Bytes>()
    }

    #[tokio::test]
    async fn idle_connections_hold_no_buffer() {
        let (left, right) = duplex(1024 * 1024);
        let mut client = WebSocket::from_io(left, Role::Client, BytesMut::new(), MAX_MESSAGE_BYTES);
        let mut server = WebSocket::from_io(right, Role::Server, BytesMut::new(), MAX_MESSAGE_BYTES);
        for length in [0, 10, 5_000, 200_000] {
            client.feed(Message::Binary(vec![1; length].into()));
            server.feed(Message::Binary(vec![2; length].into()));
            assert!(matches!(poll_once(&mut client).await, Some(WsEvent::Writable)));
            assert!(matches!(poll_once(&mut server).await, Some(WsEvent::Writable)));
            assert!(matches!(poll_once(&mut client).await, Some(WsEvent::Message(_))));
            assert!(matches!(poll_once(&mut server).await, Some(WsEvent::Message(_))));
            assert!(poll_once(&mut client).await.is_none());
            assert!(poll_once(&mut server).await.is_none());
            assert_eq!((held_bytes(&client), held_bytes(&server)), (0, 0), "after {length} bytes");
        }
    }

    /// Ten thousand of these wait in one process.
    #[test]
    fn the_struct_itself_is_small() {
        assert!(size_of::<WebSocket<()>>() <= 256, "{} bytes", size_of::<WebSocket<()>>());
    }

    #[tokio::test]
    async fn reads_grow_while_the_peer_fills_them_and_shrink_again() {
        let (left, right) = duplex(1024 * 1024);
        let mut client = WebSocket::from_io(left, Role::Client, BytesMut::new(), MAX_MESSAGE_BYTES);
        let mut server = WebSocket::from_io(right, Role::Server, BytesMut::new(), MAX_MESSAGE_BYTES);
        for _ in 0..200 {
            client.feed(Message::Binary(vec![1; 1_000].into()));
        }
        client.flush().await.unwrap();
        let mut largest = 0;
        while let Some(event) = poll_once(&mut server).await {
            assert!(matches!(event, WsEvent::Message(_)));
            largest = largest.max(server.incoming.next_read_bytes);
        }
        assert_eq!(largest, MAX_READ_BYTES, "a burst is taken in large reads");
        assert_eq!(held_bytes(&server), 0);
        let mut sizes = Vec::new();
        for _ in 0..5 {
            client.feed(Message::Binary(vec![1; 100].into()));
            client.flush().await.unwrap();
            while poll_once(&mut server).await.is_some() {}
            sizes.push(server.incoming.next_read_bytes / 1024);
        }
        assert!(sizes.is_sorted_by(|before, after| before >= after), "{sizes:?}");
        assert_eq!(sizes.last(), Some(&4), "a few small messages later it is as it was");
        assert_eq!(held_bytes(&server), 0);
    }
}
