//! One of many connections: a stream of the multiplexer on one side, a socket on the other.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use postern_protocol::mux::{Multiplexer, Read, Reset, ResetReason, StreamId};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::Notify;

use crate::forward::Destination;

/// One read of a socket. The buffer is shared by all connections, so an idle one holds none.
const READ_BYTES: usize = 64 * 1024;
/// How long a destination is listened to that nobody hears any more, so that it can read the last words to it.
const LAST_WORDS_PATIENCE: Duration = Duration::from_secs(10);

/// What the connections and the session have in common.
pub(super) struct Shared {
    state: Mutex<State>,
    /// There is something to send, or a connection has ended.
    pub(super) wake: Notify,
}

pub(super) struct State {
    pub(super) mux: Multiplexer,
    /// Connections that have ended.
    pub(super) ended: Vec<StreamId>,
    /// Connections that could not be made and of which a stock client has not been told.
    pub(super) not_connected: usize,
    buffer: BytesMut,
}

/// How the session wakes a connection.
#[derive(Default)]
pub(super) struct Signals {
    pub(super) readable: Notify,
    pub(super) writable: Notify,
    /// The client has dropped the stream.
    pub(super) dropped: Notify,
}

impl Shared {
    pub(super) fn new(mux: Multiplexer) -> Self {
        let state = State { mux, ended: Vec::new(), not_connected: 0, buffer: BytesMut::with_capacity(READ_BYTES) };
        Self { state: Mutex::new(state), wake: Notify::new() }
    }

    /// Never held over an await. A panic while it was held has ended the session's process already.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection, from its opening to its end.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) signals: Arc<Signals>,
    pub(super) id: StreamId,
}

impl Connection {
    pub(super) async fn run(self, destination: Arc<Destination>) {
        tokio::select! {
            connected = destination.connect() => match connected {
                Ok(stream) => self.carry(stream).await,
                Err(error) => {
                    tracing::info!(stream = self.id.0, reason = %error, "no connection");
                    let mut state = self.shared.lock();
                    state.not_connected += 1;
                    state.mux.reset(self.id, Reset::from(&error));
                }
            },
            () = self.signals.dropped.notified() => {}
        }
        self.shared.lock().ended.push(self.id);
        self.shared.wake.notify_one();
    }

    async fn carry(&self, mut stream: TcpStream) {
        let has_half_close = {
            let mut state = self.shared.lock();
            state.mux.accept(self.id);
            state.mux.has_half_close()
        };
        self.shared.wake.notify_one();
        let (mut reading, mut writing) = stream.split();
        let carried = if has_half_close {
            tokio::select! {
                carried = self.both_ways(&reading, &mut writing) => carried,
                () = self.signals.dropped.notified() => Err(io::ErrorKind::ConnectionAborted.into()),
            }
        } else {
            let carried = tokio::select! {
                carried = self.to_client(&reading) => carried,
                carried = self.to_destination(&mut writing) => match carried {
                    Ok(()) => {
                        self.finish();
                        listen_to_the_end(&mut reading).await;
                        Ok(())
                    }
                    failed => {
                        let _ = self.to_client(&reading).await;
                        failed
                    }
                },
            };
            self.finish();
            carried
        };
        if let Err(error) = carried {
            let mut state = self.shared.lock();
            state.mux.break_off(self.id, Reset::new(ResetReason::Broken, format!("the connection broke off: {error}")));
            drop(state);
            // The destination must not take what it got for all there was: it is reset, not ended.
            let _ = stream.set_zero_linger();
        }
    }

    /// Moves bytes both ways, until both have ended or one has broken.
    async fn both_ways(&self, reading: &ReadHalf<'_>, writing: &mut WriteHalf<'_>) -> io::Result<()> {
        let mut to_client = std::pin::pin!(self.to_client(reading));
        let mut to_destination = std::pin::pin!(self.to_destination(writing));
        tokio::select! {
            carried = &mut to_client => {
                carried?;
                to_destination.await
            }
            carried = &mut to_destination => {
                // Whoever takes no more has often said why: a web server that refuses what is sent to it.
                let heard = to_client.await;
                carried.and(heard)
            }
        }
    }

    fn finish(&self) {
        self.shared.lock().mux.finish(self.id);
        self.shared.wake.notify_one();
    }

    /// Moves what the destination says, until it ends.
    async fn to_client(&self, reading: &ReadHalf<'_>) -> io::Result<()> {
        loop {
            let room = self.shared.lock().mux.write_capacity(self.id);
            if room == 0 {
                self.signals.writable.notified().await;
                continue;
            }
            reading.readable().await?;
            let read = self.read_socket(reading, room);
            match read {
                Ok(0) => {
                    self.finish();
                    return Ok(());
                }
                Ok(_) => self.shared.wake.notify_one(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the socket into the stream. Nothing is waited for.
    fn read_socket(&self, reading: &ReadHalf<'_>, room: usize) -> io::Result<usize> {
        let state = &mut *self.shared.lock();
        state.buffer.reserve(READ_BYTES);
        let count = reading.try_read_buf(&mut (&mut state.buffer).limit(room.min(READ_BYTES)))?;
        if count > 0 {
            let data = if count < READ_BYTES / 2 {
                // A small read does not keep a large buffer alive.
                let data = Bytes::copy_from_slice(&state.buffer);
                state.buffer.clear();
                data
            } else {
                state.buffer.split().freeze()
            };
            // A stream that takes nothing is gone; whoever dropped it ends the connection.
            let _ = state.mux.write(self.id, data);
        }
        Ok(count)
    }

    /// Moves what the client says, until it ends.
    async fn to_destination(&self, writing: &mut WriteHalf<'_>) -> io::Result<()> {
        loop {
            let (read, has_transmit) = {
                let mut state = self.shared.lock();
                (state.mux.read(self.id), state.mux.has_transmit())
            };
            if has_transmit {
                self.shared.wake.notify_one();
            }
            match read {
                Read::Data(data) => writing.write_all(&data).await?,
                Read::Nothing => self.signals.readable.notified().await,
                Read::Finished => return writing.shutdown().await,
            }
        }
    }
}

/// A socket that is closed with something unread in it is reset, and takes the last words to its peer with it.
async fn listen_to_the_end(reading: &mut ReadHalf<'_>) {
    let _ = tokio::time::timeout(LAST_WORDS_PATIENCE, async {
        let mut ignored = [0; 1024];
        while matches!(tokio::io::AsyncReadExt::read(reading, &mut ignored).await, Ok(1..)) {}
    })
    .await;
}
