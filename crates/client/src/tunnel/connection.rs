//! Connections of local programs, and the waits for them that are under way.

use std::io;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::FuturesUnordered;
use postern_protocol::mux::{ResetReason, StreamId};
use postern_transport::LocalStream;

/// A local program's connection that a tunnel is to carry.
pub struct Arrival {
    /// The connection.
    pub stream: LocalStream,
    /// What the program is told first, once its destination is reached.
    pub on_connected: Bytes,
    /// What it is told when that fails. Without a reason the node did not give one.
    pub on_failed: fn(Option<ResetReason>) -> Bytes,
}

impl Arrival {
    /// A connection whose program expects nothing but its destination's bytes.
    pub fn plain(stream: LocalStream) -> Arrival {
        Arrival { stream, on_connected: Bytes::new(), on_failed: |_| Bytes::new() }
    }

    /// Closes it, with the words for a destination that is not reached.
    pub fn refuse(self, reason: Option<ResetReason>) {
        refuse(&self.stream, (self.on_failed)(reason));
    }
}

/// Says the words, or where there are none lets a reset speak.
pub(super) fn refuse(stream: &LocalStream, mut words: Bytes) {
    // So little fits into any socket, and a program that is gone needs no words.
    if words.is_empty() || stream.try_write(&mut words).is_err() {
        stream.reset_on_drop();
    }
}

/// One connection in the tunnel.
pub(super) struct Connection {
    pub(super) stream: Rc<LocalStream>,
    pub(super) on_connected: Bytes,
    pub(super) on_failed: fn(Option<ResetReason>) -> Bytes,
    /// What the program did not take yet.
    pub(super) unwritten: Bytes,
    pub(super) is_connected: bool,
    /// The other end has broken off; the program is told when it has taken what is unwritten.
    pub(super) is_broken: bool,
    /// The program has ended its side.
    pub(super) has_sent_all: bool,
    /// The program was told that nothing more comes.
    pub(super) has_received_all: bool,
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
    read_wait: Option<AbortHandle>,
    write_wait: Option<AbortHandle>,
}

impl Connection {
    pub(super) fn new(arrival: Arrival) -> Connection {
        Connection {
            stream: Rc::new(arrival.stream),
            on_connected: arrival.on_connected,
            on_failed: arrival.on_failed,
            unwritten: Bytes::new(),
            is_connected: false,
            is_broken: false,
            has_sent_all: false,
            has_received_all: false,
            sent_bytes: 0,
            received_bytes: 0,
            read_wait: None,
            write_wait: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.has_sent_all && self.has_received_all
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for wait in [&self.read_wait, &self.write_wait].into_iter().flatten() {
            wait.abort();
        }
    }
}

/// Which side of a connection has become ready. Failures show at the next read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    ToRead(StreamId),
    ToWrite(StreamId),
}

type Wait = Abortable<Pin<Box<dyn Future<Output = Ready>>>>;

/// The waits for all connections.
#[derive(Default)]
pub(super) struct Waits(FuturesUnordered<Wait>);

impl Waits {
    /// Waits until the program has sent something.
    pub(super) fn for_input(&mut self, id: StreamId, connection: &mut Connection) {
        if connection.read_wait.is_none() {
            let stream = Rc::clone(&connection.stream);
            connection.read_wait = Some(self.push(async move {
                let _: io::Result<()> = stream.readable().await;
                Ready::ToRead(id)
            }));
        }
    }

    /// Waits until the program takes something.
    pub(super) fn for_room(&mut self, id: StreamId, connection: &mut Connection) {
        if connection.write_wait.is_none() {
            let stream = Rc::clone(&connection.stream);
            connection.write_wait = Some(self.push(async move {
                let _: io::Result<()> = stream.writable().await;
                Ready::ToWrite(id)
            }));
        }
    }

    fn push(&mut self, wait: impl Future<Output = Ready> + 'static) -> AbortHandle {
        let (handle, registration) = AbortHandle::new_pair();
        self.0.push(Abortable::new(Box::pin(wait), registration));
        handle
    }

    /// The next one that is over. Cancel-safe.
    pub(super) async fn next(&mut self) -> Ready {
        loop {
            match self.0.next().await {
                Some(Ok(ready)) => return ready,
                // Its connection is gone.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }
}

impl Connection {
    /// The wait that brought this is over.
    pub(super) fn waited(&mut self, ready: Ready) {
        match ready {
            Ready::ToRead(_) => self.read_wait = None,
            Ready::ToWrite(_) => self.write_wait = None,
        }
    }
}
