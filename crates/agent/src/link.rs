//! A websocket that is wanted for ever: connected, lost, connected again.
//!
//! Used by the control channel and by every session's data channel. It waits between attempts (exponential, with
//! jitter) and says what happened; what is sent, and when to stop wanting it, is its owner's business.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use postern_protocol::wire::websocket::Message;
use postern_transport::{Backoff, SystemEntropy, WebSocket, WsEvent, sleep_until};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::chain::error_chain;

/// A connection that held this long was a success, whatever ended it: a service that is restarted twice in a row finds
/// its nodes as quick the second time. One that drops everybody at once is still tried ever more rarely.
const HELD: Duration = Duration::from_secs(1);
/// This many attempts are made at the quick pace.
const QUICK_ATTEMPTS: u32 = 30;

/// An attempt under way.
pub(crate) type Connecting<Io> = Pin<Box<dyn Future<Output = Result<WebSocket<Io>, ConnectError>> + Send>>;

/// How a link's websocket is opened.
pub(crate) trait Connect {
    /// The stream below the websocket.
    type Io: AsyncRead + AsyncWrite + Unpin;

    /// Starts one attempt. The opening message must have been fed when it succeeds.
    fn connect(&self) -> Connecting<Self::Io>;
}

/// An attempt that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The service says that what the link is for has ended: there is nothing to connect to any more.
    #[error("the service says that it is over")]
    Over,
    /// Everything else; worth another attempt.
    #[error("{0}")]
    Failed(String),
}

impl ConnectError {
    pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Failed(error_chain(error))
    }
}

/// What happened to a link.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// The websocket is open.
    Opened,
    /// A message came.
    Message(Message),
    /// There is room for more.
    Writable,
    /// The websocket is gone, or an attempt failed; the next attempt follows by itself.
    Lost {
        /// Why, in words for the log.
        reason: String,
        /// Whether it had been open.
        was_open: bool,
    },
    /// See [`ConnectError::Over`]. Nothing follows.
    Over,
}

enum State<Io> {
    Waiting { until: Instant },
    Connecting(Connecting<Io>),
    Open { socket: Box<WebSocket<Io>>, since: Instant, was_heard: bool },
    Over,
}

/// The link. Its first attempt starts when it is first polled.
pub(crate) struct Link<C: Connect> {
    connect: C,
    quick: Backoff,
    slow: Backoff,
    state: State<C::Io>,
}

impl<C: Connect> Link<C> {
    /// A link that comes back at the `quick` pace from an outage that is short, and at the `slow` one from a long one.
    pub(crate) fn new(connect: C, quick: Backoff, slow: Backoff) -> Self {
        let state = State::Connecting(connect.connect());
        Self { connect, quick, slow, state }
    }

    /// The open websocket.
    pub(crate) fn socket(&mut self) -> Option<&mut WebSocket<C::Io>> {
        match &mut self.state {
            State::Open { socket, .. } => Some(socket),
            _ => None,
        }
    }

    /// Gives the websocket up as dead. The next attempt follows.
    pub(crate) fn drop_connection(&mut self, now: Instant) {
        if let State::Open { since, was_heard, .. } = self.state {
            self.lost(was_heard || now.duration_since(since) >= HELD, now);
        }
    }

    /// The next thing that happens. Cancel-safe.
    pub(crate) async fn next(&mut self, clock: impl Fn() -> Instant) -> LinkEvent {
        loop {
            match &mut self.state {
                State::Waiting { until } => {
                    sleep_until(Some(*until)).await;
                    self.state = State::Connecting(self.connect.connect());
                }
                State::Connecting(attempt) => match attempt.await {
                    Ok(socket) => {
                        self.state = State::Open { socket: Box::new(socket), since: clock(), was_heard: false };
                        return LinkEvent::Opened;
                    }
                    Err(ConnectError::Over) => self.state = State::Over,
                    Err(ConnectError::Failed(reason)) => {
                        self.lost(false, clock());
                        return LinkEvent::Lost { reason, was_open: false };
                    }
                },
                State::Open { socket, since, was_heard } => {
                    let reason = match socket.next().await {
                        Ok(WsEvent::Message(message)) => {
                            *was_heard = true;
                            return LinkEvent::Message(message);
                        }
                        Ok(WsEvent::Writable) => return LinkEvent::Writable,
                        Ok(WsEvent::Closed) => "the service closed the connection".to_owned(),
                        Err(error) => error_chain(&error),
                    };
                    let now = clock();
                    let was_success = *was_heard || now.duration_since(*since) >= HELD;
                    self.lost(was_success, now);
                    return LinkEvent::Lost { reason, was_open: true };
                }
                State::Over => return LinkEvent::Over,
            }
        }
    }

    fn lost(&mut self, was_success: bool, now: Instant) {
        if was_success {
            self.quick.reset();
            self.slow.reset();
        }
        let is_quick = self.quick.failures() < QUICK_ATTEMPTS;
        let pace = if is_quick { &mut self.quick } else { &mut self.slow };
        self.state = State::Waiting { until: now + pace.next_delay(&SystemEntropy) };
    }
}
