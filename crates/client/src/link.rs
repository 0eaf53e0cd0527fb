//! The client's leg of the data channel: opened, watched, lost, and opened again for as long as the session can
//! live. It never looks into the binary messages and never gives up earlier than the service would.

use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use postern_protocol::wire::open::{ClientOpen, MESSAGE_SCHEMA_VERSION, Token};
use postern_protocol::wire::websocket::{Message, close_code};
use postern_protocol::wire::{MAX_FRAME_BYTES, MessageIds};
use postern_protocol::{CLIENT_VERSION, Clock as _, Entropy as _};
use postern_transport::{
    Backoff, Dialer, NetStream, SystemClock, SystemEntropy, WebSocket, WsEvent, connect_websocket, sleep_until,
};

use crate::access::{Access, AccessError};
use crate::sentence::sentence;
use crate::stream_url::{self, StreamUrlError};

/// The text of every ping (data-channel.md §3).
const KEEPALIVE: Bytes = Bytes::from_static(b"keepalive");

/// Often enough that three lost pings are noticed within [`SILENCE`].
const PING_EVERY: Duration = Duration::from_secs(8);

/// A peer that has not even answered a ping for this long is gone.
const SILENCE: Duration = Duration::from_secs(25);

/// Resolving, connecting, TLS and upgrade together.
const OPEN_WITHIN: Duration = Duration::from_secs(15);

/// How long the first connection is tried: the token it uses is short-lived, and a person is waiting.
const FIRST_OPEN_WITHIN: Duration = Duration::from_secs(10);

/// No session outlives this without its client: 60 minutes is the longest idle timeout that can be set.
const RESUME_WITHIN: Duration = Duration::from_secs(65 * 60);

const BACKOFF_BASE: Duration = Duration::from_millis(100);
const BACKOFF_CAP: Duration = Duration::from_secs(5);

/// A connection that held for this long was a good one: the next loss starts with a quick attempt again.
const GOOD_AFTER: Duration = Duration::from_secs(1);

/// What there is to open.
pub(crate) struct Target {
    pub(crate) session_id: String,
    pub(crate) token: Token,
    pub(crate) stream_url: String,
}

/// What happened on the leg.
pub(crate) enum LinkEvent {
    /// A connection is open; the opening message is on its way.
    Opened,
    /// A binary message.
    Frame(Bytes),
    /// There is room for more.
    Writable,
    /// The connection is gone; another one is being made.
    Lost,
    /// The service says that the session has ended.
    Ended,
    /// There will be no connection.
    Failed(LinkError),
}

/// Why there will be no connection.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The stream URL is not one to send a token to.
    #[error(transparent)]
    StreamUrl(#[from] StreamUrlError),
    /// The service does not let this client in, and would not the next time: its token is not good for it.
    #[error("the service refuses the data channel: {0}")]
    Refused(String),
    /// The first connection did not come about.
    #[error("cannot open the data channel: {0}")]
    Unreachable(String),
    /// The connection was lost, and there is no way back.
    #[error("lost the connection to the session and cannot resume it: {0}")]
    NotResumable(String),
    /// Nobody answered for longer than any session waits for its client.
    #[error("no connection to the session for {minutes} minutes: {cause}", minutes = RESUME_WITHIN.as_secs() / 60)]
    GaveUp {
        /// Why the last attempt failed.
        cause: String,
    },
}

type Socket = WebSocket<NetStream>;
type Attempt = Pin<Box<dyn Future<Output = Result<Opened, AttemptError>>>>;

struct Opened {
    socket: Socket,
    /// What a ResumeSession before it has changed.
    resumed: Option<(Token, String)>,
}

enum AttemptError {
    Ended,
    Final(LinkError),
    Again(String),
}

enum State {
    Opening(Attempt),
    Waiting(Instant),
    Up(Box<Up>),
}

struct Up {
    socket: Socket,
    since: Instant,
    last_heard: Instant,
    next_ping: Instant,
    reading: bool,
}

/// One session's leg.
pub(crate) struct Link<A> {
    access: Rc<A>,
    dialer: Dialer,
    target: Target,
    client_id: String,
    request_ids: MessageIds,
    state: State,
    backoff: Backoff,
    /// When the leg was lost, or first tried.
    down_since: Option<Instant>,
    was_up: bool,
    /// A message has come: the service has let this client in.
    served: bool,
    trouble: String,
}

impl<A: Access + 'static> Link<A> {
    /// Begins to open the leg at once.
    pub(crate) fn open(access: Rc<A>, dialer: Dialer, target: Target) -> Result<Link<A>, LinkError> {
        stream_url::check(&target.stream_url)?;
        let mut seed = [0; 8];
        SystemEntropy.fill(&mut seed);
        let mut ids = MessageIds::new(u64::from_le_bytes(seed));
        let now = SystemClock.now().instant;
        let mut link = Link {
            access,
            dialer,
            target,
            client_id: ids.next().to_string(),
            request_ids: ids,
            state: State::Waiting(now),
            backoff: Backoff::new(BACKOFF_BASE, BACKOFF_CAP),
            down_since: Some(now),
            was_up: false,
            served: false,
            trouble: String::new(),
        };
        link.attempt();
        Ok(link)
    }

    /// Since when there is no connection.
    pub(crate) fn down_since(&self) -> Option<Instant> {
        self.down_since
    }

    /// Why the last attempt failed or the connection ended.
    pub(crate) fn trouble(&self) -> &str {
        &self.trouble
    }

    /// Whether another frame may be fed now.
    pub(crate) fn can_feed(&self) -> bool {
        matches!(&self.state, State::Up(up) if up.socket.can_feed())
    }

    /// Queues a frame; `next` sends it. Only while `can_feed`.
    pub(crate) fn feed(&mut self, frame: Bytes) {
        if let State::Up(up) = &mut self.state {
            up.socket.feed(Message::Binary(frame));
        }
    }

    /// Back-pressure: a session whose output nobody takes does not read on.
    pub(crate) fn set_reading(&mut self, reading: bool) {
        if let State::Up(up) = &mut self.state
            && up.reading != reading
        {
            up.reading = reading;
            up.socket.set_read_enabled(reading);
            // Answers to pings lie unread in the socket: silence counts from now.
            up.last_heard = SystemClock.now().instant;
        }
    }

    /// The next thing that happens. Cancel-safe.
    pub(crate) async fn next(&mut self) -> LinkEvent {
        loop {
            match &mut self.state {
                State::Opening(attempt) => {
                    let result = attempt.await;
                    if let Some(event) = self.attempted(result) {
                        return event;
                    }
                }
                State::Waiting(until) => {
                    sleep_until(Some(*until)).await;
                    self.attempt();
                }
                State::Up(up) => match up.next().await {
                    // A session that was served before is asked for again, with a new token.
                    Ok(LinkEvent::Failed(error)) if self.served => {
                        self.lost(error.to_string());
                        return LinkEvent::Lost;
                    }
                    Ok(event) => {
                        self.served |= matches!(event, LinkEvent::Frame(_));
                        return event;
                    }
                    Err(cause) => {
                        self.lost(cause);
                        return LinkEvent::Lost;
                    }
                },
            }
        }
    }

    fn attempt(&mut self) {
        let opening = Opening {
            access: Rc::clone(&self.access),
            dialer: self.dialer.clone(),
            session_id: self.target.session_id.clone(),
            open: ClientOpen {
                message_schema_version: MESSAGE_SCHEMA_VERSION.to_owned(),
                request_id: self.request_ids.next().to_string(),
                token_value: self.target.token.clone(),
                client_id: self.client_id.clone(),
                client_version: Some(CLIENT_VERSION.to_owned()),
                ending_warnings: true,
            },
            stream_url: self.target.stream_url.clone(),
            resume: self.was_up,
        };
        self.state = State::Opening(Box::pin(opening.run()));
    }

    fn attempted(&mut self, result: Result<Opened, AttemptError>) -> Option<LinkEvent> {
        let now = SystemClock.now().instant;
        match result {
            Ok(Opened { socket, resumed }) => {
                if let Some((token, stream_url)) = resumed {
                    self.target.token = token;
                    self.target.stream_url = stream_url;
                }
                self.was_up = true;
                self.down_since = None;
                let next_ping = now + PING_EVERY;
                self.state = State::Up(Box::new(Up { socket, since: now, last_heard: now, next_ping, reading: true }));
                Some(LinkEvent::Opened)
            }
            Err(AttemptError::Ended) => Some(LinkEvent::Ended),
            Err(AttemptError::Final(error)) => Some(LinkEvent::Failed(error)),
            Err(AttemptError::Again(cause)) => {
                let down_for = now.duration_since(self.down_since.unwrap_or(now));
                let (limit, error): (_, fn(String) -> LinkError) = match self.was_up {
                    true => (RESUME_WITHIN, |cause| LinkError::GaveUp { cause }),
                    false => (FIRST_OPEN_WITHIN, LinkError::Unreachable),
                };
                if down_for >= limit {
                    return Some(LinkEvent::Failed(error(cause)));
                }
                self.trouble = cause;
                self.state = State::Waiting(now + self.backoff.next_delay(&SystemEntropy));
                None
            }
        }
    }

    fn lost(&mut self, cause: String) {
        let now = SystemClock.now().instant;
        if let State::Up(up) = &self.state
            && now.duration_since(up.since) >= GOOD_AFTER
        {
            self.backoff.reset();
        }
        self.down_since = Some(now);
        self.trouble = cause;
        // The first loss after a good time is answered at once; it counts all the same.
        let first = self.backoff.failures() == 0;
        let delay = self.backoff.next_delay(&SystemEntropy);
        if first { self.attempt() } else { self.state = State::Waiting(now + delay) }
    }
}

impl Up {
    async fn next(&mut self) -> Result<LinkEvent, String> {
        loop {
            let event = tokio::select! {
                biased;
                event = self.socket.next() => event,
                () = sleep_until(Some(self.next_ping)) => {
                    self.ping()?;
                    continue;
                }
            };
            self.last_heard = SystemClock.now().instant;
            match event {
                Ok(WsEvent::Message(Message::Binary(frame))) => return Ok(LinkEvent::Frame(frame)),
                Ok(WsEvent::Message(Message::Close(Some((close_code::UNSUPPORTED, reason))))) => {
                    return Ok(LinkEvent::Failed(LinkError::Refused(reason)));
                }
                Ok(WsEvent::Message(Message::Close(Some((code, reason))))) => {
                    return Err(format!("the service closed the connection ({code} {reason})"));
                }
                Ok(WsEvent::Message(Message::Close(None)) | WsEvent::Closed) => {
                    return Err("the service closed the connection".to_owned());
                }
                // Pings are answered by the socket, pongs are heard; text has no meaning here (messages.md §1).
                Ok(WsEvent::Message(_)) => {}
                Ok(WsEvent::Writable) => return Ok(LinkEvent::Writable),
                Err(error) => return Err(sentence(&error)),
            }
        }
    }

    fn ping(&mut self) -> Result<(), String> {
        let now = SystemClock.now().instant;
        if self.reading && now.duration_since(self.last_heard) >= SILENCE {
            return Err(format!("the service has been silent for {} s", SILENCE.as_secs()));
        }
        self.socket.feed(Message::Ping(KEEPALIVE));
        self.next_ping = now + PING_EVERY;
        Ok(())
    }
}

/// Everything one attempt needs, so that it borrows nothing while it runs.
struct Opening<A> {
    access: Rc<A>,
    dialer: Dialer,
    session_id: String,
    open: ClientOpen,
    stream_url: String,
    resume: bool,
}

impl<A: Access> Opening<A> {
    async fn run(mut self) -> Result<Opened, AttemptError> {
        let mut resumed = None;
        if self.resume {
            let answer = self.access.resume(&self.session_id).await.map_err(|error| match error {
                AccessError::Final(cause) => AttemptError::Final(LinkError::NotResumable(cause)),
                AccessError::Failed(cause) => AttemptError::Again(cause),
            })?;
            let Some(answer) = answer else { return Err(AttemptError::Ended) };
            self.open.token_value = answer.token.clone();
            if let Some(stream_url) = answer.stream_url {
                self.stream_url = stream_url;
            }
            resumed = Some((answer.token, self.stream_url.clone()));
        }
        let endpoint = stream_url::check(&self.stream_url).map_err(|error| AttemptError::Final(error.into()))?;
        let headers = match stream_url::is_presigned(&endpoint) {
            true => Vec::new(),
            false => self.access.sign_upgrade(&endpoint).await,
        };
        let mut socket = connect_websocket(&self.dialer, &endpoint, headers, MAX_FRAME_BYTES, OPEN_WITHIN)
            .await
            .map_err(|error| AttemptError::Again(sentence(&error)))?;
        socket.feed(Message::Ping(KEEPALIVE));
        socket.feed(Message::Text(self.open.to_json()));
        Ok(Opened { socket, resumed })
    }
}
