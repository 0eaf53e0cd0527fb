//! The task of one leg of a session: a socket on one side, the session's relay on the other.
//!
//! It moves messages in batches and looks at none of them. What is to be sent is a branch of its loop and never a wait
//! in the middle of it, so two legs cannot wait for each other; a full relay stops the reading, a full socket stops the
//! taking, and both are bounded.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use postern_control::lifecycle::Departure;
use postern_protocol::channel::PeerError;
use postern_protocol::wire::FRAME_OVERHEAD;
use postern_protocol::wire::websocket::Message;
use postern_transport::{TransportError, WsEvent, sleep_until};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use super::opening::{self, GOING_AWAY, NORMAL, Socket, UNACCEPTABLE};
use super::session::{Attachment, Then};

/// What one turn takes from the socket, and a message more: two large ones, as many as the other leg sends in one write.
/// The relay's hard bound has to leave room for it.
const BATCH_BYTES: usize = 60 * 1024;
const BATCH_MESSAGES: usize = 128;
/// Malformed messages after which a peer is not worth listening to.
const MAX_BAD_MESSAGES: u32 = 32;
/// How long the last messages may take to leave: a slow terminal has up to a relay's bound to read.
const LAST_WORDS: Duration = Duration::from_secs(15);
/// Our ping, as the stock ends name theirs.
const KEEPALIVE: Bytes = Bytes::from_static(b"keepalive");

/// How a leg ended, for the log.
#[derive(Debug)]
pub(crate) enum LegEnd {
    /// The peer is gone.
    Gone,
    /// Nothing came for so long that nobody can be there.
    Silent,
    /// A newer connection of the same side came.
    Displaced,
    /// The session is over and the peer was told.
    Finished,
    /// This process stops; the session goes on.
    Shutdown,
    /// The peer sent what no data channel carries.
    Refused(String),
    /// The stream failed.
    Failed(TransportError),
}

impl LegEnd {
    fn departure(&self) -> Departure {
        match self {
            Self::Gone => Departure::Closed,
            Self::Failed(error) if error.is_closed_by_peer() => Departure::Closed,
            _ => Departure::Lost,
        }
    }
}

/// How long nothing has come.
struct Quiet {
    patience: Duration,
    /// When it has been too long; never where silence says nothing.
    due: Option<Instant>,
}

impl Quiet {
    fn heard(&mut self, now: Instant) {
        self.due = self.due.map(|_| now + self.patience);
    }

    fn is_over(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}

/// Reads from a leg's socket without ever holding more than a batch.
#[derive(Default)]
struct Batch {
    messages: VecDeque<Bytes>,
    bytes: usize,
    pong: bool,
    /// Anything came.
    heard: bool,
    ended: Option<LegEnd>,
}

/// Runs an opened leg until it ends: at the latest when it was silent for `silence`, if that is given.
pub(crate) async fn run(
    mut socket: Socket,
    attachment: Attachment,
    silence: Option<Duration>,
    shutdown: CancellationToken,
) -> LegEnd {
    let mut batch = Batch::default();
    let mut quiet =
        Quiet { patience: silence.unwrap_or_default(), due: silence.map(|silence| attachment.now() + silence) };
    let mut bad = BadMessages::default();
    let mut last_words = None;
    let end = loop {
        let room = socket.can_feed();
        let turn = attachment.turn(
            &mut batch.messages,
            std::mem::take(&mut batch.pong),
            |message| {
                socket.feed(Message::Binary(message));
                socket.can_feed()
            },
            room,
            |error| bad.note(&error),
        );
        batch.bytes = 0;
        if let Some(end) = batch.ended.take() {
            break end;
        }
        match turn.then {
            Then::Continue if bad.too_many() => break LegEnd::Refused("too many malformed messages".into()),
            Then::Continue => {}
            Then::Finish => break LegEnd::Finished,
            Then::Displaced => break LegEnd::Displaced,
        }
        if turn.closing && last_words.is_none() {
            last_words = Some(Box::pin(tokio::time::sleep(LAST_WORDS)));
        }
        if turn.ping {
            socket.feed(Message::Ping(KEEPALIVE));
        }
        socket.set_read_enabled(turn.read);
        let wake_at = turn.timeout.into_iter().chain(quiet.due).min();
        tokio::select! {
            () = poll_fn(|context| {
                let filled = batch.poll_fill(&mut socket, context);
                if std::mem::take(&mut batch.heard) {
                    quiet.heard(attachment.now());
                }
                filled
            }) => {}
            () = attachment.woken() => {}
            () = sleep_until(wake_at) => match turn.read {
                true if quiet.is_over(attachment.now()) => break LegEnd::Silent,
                true => {}
                // Signs of life may lie unread in the socket, so silence counts from now.
                false => quiet.heard(attachment.now()),
            },
            () = expired(&mut last_words) => break LegEnd::Finished,
            () = shutdown.cancelled() => break LegEnd::Shutdown,
        }
    };
    say_goodbye(socket, &end).await;
    attachment.leave(end.departure());
    end
}

async fn expired(timer: &mut Option<Pin<Box<Sleep>>>) {
    match timer {
        Some(timer) => timer.await,
        None => std::future::pending().await,
    }
}

async fn say_goodbye(socket: Socket, end: &LegEnd) {
    match end {
        LegEnd::Gone | LegEnd::Silent | LegEnd::Failed(_) => {}
        // Neither end may take this for the end of the session, so no word at all (spec data-channel 8.3).
        LegEnd::Displaced => {}
        LegEnd::Finished => opening::close(socket, NORMAL, "").await,
        LegEnd::Shutdown => opening::close(socket, GOING_AWAY, "the service is stopping; connect again").await,
        LegEnd::Refused(reason) => opening::close(socket, UNACCEPTABLE, reason).await,
    }
}

impl Batch {
    /// Ready when there is something new to take a turn for; what it found stays here, so it can be dropped any time.
    fn poll_fill(&mut self, socket: &mut Socket, context: &mut Context<'_>) -> Poll<()> {
        // Messages that the relay had no room for are waiting already; they are nothing new.
        let held = self.messages.len();
        while self.messages.len() - held < BATCH_MESSAGES && self.bytes < BATCH_BYTES {
            let event = socket.poll_next(context);
            self.heard |= matches!(event, Poll::Ready(Ok(WsEvent::Message(_))));
            match event {
                Poll::Ready(Ok(WsEvent::Message(Message::Binary(message)))) => {
                    self.bytes += message.len();
                    self.messages.push_back(message);
                }
                Poll::Ready(Ok(WsEvent::Message(Message::Pong(_)))) => self.pong = true,
                Poll::Ready(Ok(WsEvent::Message(Message::Text(_)))) => {
                    return self.end(LegEnd::Refused("a data channel carries binary messages only".into()));
                }
                // The socket answers pings by itself, and a close with a close.
                Poll::Ready(Ok(WsEvent::Message(Message::Ping(_) | Message::Close(_)))) => {}
                Poll::Ready(Ok(WsEvent::Writable)) => return Poll::Ready(()),
                Poll::Ready(Ok(WsEvent::Closed)) => return self.end(LegEnd::Gone),
                Poll::Ready(Err(error)) => return self.end(LegEnd::Failed(error)),
                Poll::Pending if self.messages.len() == held && !self.pong => return Poll::Pending,
                Poll::Pending => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    }

    /// The messages that came before the end are still delivered.
    fn end(&mut self, end: LegEnd) -> Poll<()> {
        self.ended = Some(end);
        Poll::Ready(())
    }
}

/// Counts what a peer did wrong; the first of them is logged, so that a hostile one cannot fill a disk.
#[derive(Default)]
struct BadMessages(u32);

impl BadMessages {
    fn note(&mut self, error: &PeerError) {
        if self.0 == 0 {
            tracing::warn!(error = %Chain(error), "a peer sent a bad message; it was dropped");
        }
        self.0 = self.0.saturating_add(1);
    }

    fn too_many(&self) -> bool {
        self.0 > MAX_BAD_MESSAGES
    }
}

/// An error with its causes, on one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// The largest message of a data channel: a payload of 1 MiB, which stock ends take too (spec data-channel 10).
pub(crate) const MAX_MESSAGE_BYTES: usize = 1024 * 1024 + FRAME_OVERHEAD;
