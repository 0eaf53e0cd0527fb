//! The session's data channel with everything that keeps it going: its websocket, reconnects, pings, deadlines.
//!
//! [`SessionChannel::drive`] moves it by one step and may be dropped at any point; between two steps the owner takes
//! events and writes output. Sending never blocks the owner: what does not fit the socket waits in the channel, and
//! the channel's window bounds what can wait.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use postern_protocol::channel::cipher::{CipherError, SessionCipher};
use postern_protocol::channel::data_channel::{Config, DataChannel, Event, Role, WINDOW_PER_MILLISECOND};
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{
    EncChallenge, ExitCode, HandshakeComplete, HandshakeRequest, JsonPayload as _, SessionState,
};
use postern_protocol::wire::websocket::Message;
use postern_protocol::{Clock as _, Entropy as _, Now};
use postern_transport::{Backoff, SystemClock, SystemEntropy, sleep_until};

use super::End;
use super::document::SessionType;
use crate::link::{Connect, Link, LinkEvent};

/// Output that may be under way. For a terminal it is also what still comes after `^C`, so it is small, and smaller
/// where the client is near.
const TERMINAL_WINDOW_BYTES: usize = 192 * 1024;
const NEAR_TERMINAL_WINDOW_BYTES: usize = 16 * 1024;
const COMMAND_WINDOW_BYTES: usize = 512 * 1024;
/// A tunnel carries 40 MB/s over 100 ms. Near by, a small answer waits behind what is under way, so that is little where
/// there is somebody to send one, and more where there is not.
const PORT_WINDOW_BYTES: usize = 4 * 1024 * 1024;
const NEAR_PORT_WINDOW_BYTES: usize = 768 * 1024;
const SHARED_PORT_WINDOW_BYTES: usize = 48 * 1024;
const PORT_WINDOW_PER_MILLISECOND: usize = 40 * 1024;
/// Files: as fast over a long path as a tunnel, and nobody waits behind them.
const NEAR_COPY_WINDOW_BYTES: usize = 1024 * 1024;
/// With this much input that the program has not taken the socket is read no further.
const RECEIVE_WINDOW_BYTES: usize = 1024 * 1024;
/// What is read beyond it is lost and has to come again, so there is room for all that a client that copies files can have
/// under way.
const COPY_RECEIVE_WINDOW_BYTES: usize = 6 * 1024 * 1024;
/// The service ends a session whose client does not come; this is for a service that does not.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);
/// Somebody is waiting in front of a terminal: a short outage is followed closely, a long one is not made worse.
const RECONNECT_BASE: Duration = Duration::from_millis(200);
const RECONNECT_CAP: Duration = Duration::from_secs(2);
const RECONNECT_SLOW_CAP: Duration = Duration::from_secs(10);
/// Without any service for this long nobody will come back for the session.
const UNSERVED_LIMIT: Duration = Duration::from_secs(30 * 60);
/// A silent socket is asked for a sign of life, and given up without one.
const PING_AFTER: Duration = Duration::from_secs(15);
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// How long the end waits for acknowledgements while none comes.
const DRAIN_PATIENCE: Patience = Patience {
    // The service has it all, keeps it for the client, and says so if that does not come.
    kept: Duration::from_secs(60),
    // A client that is away, or does not read, has the agent paused. The service ends such a session after its idle time,
    // an hour at most, and says why; this is for a service that does not.
    unsent: Duration::from_secs(65 * 60),
};
/// How long a last message may take to leave.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(1);

/// How long acknowledgements are waited for.
#[derive(Clone, Copy)]
struct Patience {
    /// Of what was sent.
    kept: Duration,
    /// When not everything could be sent.
    unsent: Duration,
}

/// A session's data channel over a link.
pub(super) struct SessionChannel<C: Connect> {
    session_id: String,
    channel: DataChannel,
    link: Link<C>,
    /// When the service was last connected.
    served_at: Instant,
    /// When the socket last gave a sign of life.
    heard_at: Instant,
    /// When it was asked for one.
    asked_at: Option<Instant>,
    has_announced: bool,
    is_reading: bool,
    patience: Patience,
}

impl<C: Connect> SessionChannel<C> {
    pub(super) fn open(session_id: &str, session_type: SessionType, connect: C) -> Self {
        let mut seed = [0; 8];
        SystemEntropy.fill(&mut seed);
        let (send_window_bytes, near_window_bytes) = match session_type {
            SessionType::StandardStream | SessionType::InteractiveCommands => {
                (TERMINAL_WINDOW_BYTES, NEAR_TERMINAL_WINDOW_BYTES)
            }
            SessionType::NonInteractiveCommands => (COMMAND_WINDOW_BYTES, COMMAND_WINDOW_BYTES),
            SessionType::FileTransfer => (PORT_WINDOW_BYTES, NEAR_COPY_WINDOW_BYTES),
            SessionType::Port => (PORT_WINDOW_BYTES, NEAR_PORT_WINDOW_BYTES),
        };
        let config = Config {
            send_window_bytes,
            near_window_bytes,
            window_per_millisecond: match session_type {
                SessionType::Port | SessionType::FileTransfer => PORT_WINDOW_PER_MILLISECOND,
                _ => WINDOW_PER_MILLISECOND,
            },
            receive_window_bytes: match session_type {
                SessionType::FileTransfer => COPY_RECEIVE_WINDOW_BYTES,
                _ => RECEIVE_WINDOW_BYTES,
            },
            handshake_timeout: HANDSHAKE_TIMEOUT,
            ..Config::new(Role::Agent, u64::from_le_bytes(seed))
        };
        let now = now().instant;
        Self {
            session_id: session_id.to_owned(),
            channel: DataChannel::new(config),
            link: Link::new(
                connect,
                Backoff::new(RECONNECT_BASE, RECONNECT_CAP),
                Backoff::new(RECONNECT_CAP, RECONNECT_SLOW_CAP),
            ),
            served_at: now,
            heard_at: now,
            asked_at: None,
            has_announced: false,
            is_reading: true,
            patience: DRAIN_PATIENCE,
        }
    }

    #[cfg(test)]
    pub(super) fn with_patience(mut self, kept: Duration, unsent: Duration) -> Self {
        self.patience = Patience { kept, unsent };
        self
    }

    /// The next thing for the session.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.channel.poll_event(now())
    }

    /// What waits of this type behind the data that was not taken yet.
    pub(super) fn waiting(&self, payload_type: PayloadType) -> impl Iterator<Item = &Bytes> {
        self.channel.waiting(payload_type)
    }

    /// Encrypts what the session is about from here on, and asks the client to prove that it holds the same keys.
    pub(super) fn encrypt(&mut self, mut cipher: SessionCipher, challenge: &[u8]) {
        let challenge = EncChallenge { challenge: STANDARD.encode(cipher.seal(challenge)) };
        self.channel.encrypt(cipher);
        self.write(PayloadType::ENC_CHALLENGE_REQUEST, &challenge.encode());
    }

    /// Opens what the client has encrypted.
    pub(super) fn decipher(&mut self, payload: &[u8]) -> Result<Bytes, CipherError> {
        self.channel.cipher().ok_or(CipherError::Payload)?.open(payload)
    }

    /// Whether the service has ended the session, which [`Self::poll_event`] then says before all that waits.
    pub(super) const fn is_closing(&self) -> bool {
        self.channel.is_closing()
    }

    /// Opens the handshake.
    pub(super) fn request_handshake(&mut self, request: HandshakeRequest) {
        self.channel.request_handshake(request, now());
    }

    /// Ends it; the session begins.
    pub(super) fn complete_handshake(&mut self, complete: HandshakeComplete) {
        self.channel.complete_handshake(complete, now());
    }

    /// Of a tunnel: whether a connection's next few bytes may come while others send in bulk.
    pub(super) const fn share_window(&mut self, is_shared: bool) {
        let near = if is_shared { SHARED_PORT_WINDOW_BYTES } else { NEAR_PORT_WINDOW_BYTES };
        self.channel.set_send_window(PORT_WINDOW_BYTES, near);
    }

    /// How much output may be written now.
    pub(super) fn write_capacity(&self) -> usize {
        self.channel.write_capacity()
    }

    /// Writes output, at most [`Self::write_capacity`] of it.
    pub(super) fn write(&mut self, payload_type: PayloadType, output: &[u8]) {
        self.write_bytes(payload_type, Bytes::copy_from_slice(output));
    }

    /// As [`Self::write`], without a copy.
    pub(super) fn write_bytes(&mut self, payload_type: PayloadType, output: Bytes) {
        let written = self.channel.write(payload_type, output, now());
        if let Err(error) = written {
            // The owner asks for the capacity first, so only a closed channel gets here, and then nobody reads.
            tracing::debug!(session.id = self.session_id, %error, "output was not taken");
        }
    }

    /// How much may be written and leaves at once; 0 while anything else waits for the socket.
    pub(super) fn payload_room(&mut self) -> usize {
        self.pump();
        let takes_more = self.link.socket().is_some_and(|socket| socket.can_feed()) && !self.channel.has_transmit();
        if takes_more { self.channel.write_capacity() } else { 0 }
    }

    /// Reports how the program ended.
    pub(super) fn write_exit_code(&mut self, code: i64) {
        self.write(PayloadType::EXIT_CODE, &ExitCode(code).encode());
    }

    /// Waits until the client has everything, then tells the service that the program has ended. A client that is
    /// away and gives no sign is not waited for longer than the patience.
    pub(super) async fn finish(&mut self) -> End {
        match self.drain().await {
            Ok(()) => {
                self.announce_end().await;
                End::Finished
            }
            Err(end) => end,
        }
    }

    /// Waits until the client has everything, or the service has it all and the client gives no sign.
    ///
    /// # Errors
    /// The session was ended meanwhile, or a part of the output is lost.
    pub(super) async fn drain(&mut self) -> Result<(), End> {
        let mut left = self.channel.unacknowledged_bytes();
        let mut since = now().instant;
        let mut had_unsent = self.channel.has_unsent();
        loop {
            // Late input has nobody to go to; taking it is what acknowledges it.
            while let Some(event) = self.channel.poll_event(now()) {
                if matches!(event, Event::ChannelClosed(_)) {
                    return Err(End::Terminated);
                }
            }
            if self.channel.is_drained() {
                return Ok(());
            }
            if self.channel.unacknowledged_bytes() < left {
                left = self.channel.unacknowledged_bytes();
                since = now().instant;
            }
            let has_unsent = self.channel.has_unsent();
            if std::mem::replace(&mut had_unsent, has_unsent) && !has_unsent {
                // The last of it has just left: from here on it is the service's to deliver.
                since = now().instant;
            }
            let patience = if has_unsent { self.patience.unsent } else { self.patience.kept };
            tokio::select! {
                driven = self.drive() => driven?,
                () = sleep_until(Some(since + patience)) => {
                    if !has_unsent {
                        return Ok(());
                    }
                    tracing::warn!(session.id = self.session_id, bytes = left, "the client did not take the last output");
                    let minutes = patience.as_secs() / 60;
                    let lost = format!(
                        "The last output ({left} bytes) is lost: the client has taken none of it for {minutes} min."
                    );
                    return Err(End::Failed(lost));
                }
            }
        }
    }

    /// Tells the service that the program has ended, and waits a moment for it to go out. A commands session does so
    /// even when somebody else ended it (spec session-types §5).
    pub(super) async fn announce_end(&mut self) {
        self.channel.send_session_state(SessionState::Terminating, &self.session_id, now());
        self.pump();
        if let Some(socket) = self.link.socket() {
            let _ = tokio::time::timeout(GOODBYE_PATIENCE, socket.flush()).await;
        }
    }

    /// Moves the channel on until something has happened. Cancel-safe.
    pub(super) async fn drive(&mut self) -> Result<(), End> {
        self.pump();
        let deadline = self.deadline();
        let event = tokio::select! {
            event = self.link.next(|| now().instant) => Some(event),
            () = sleep_until(Some(deadline)) => None,
        };
        let now = now();
        match event {
            None => self.handle_timeout(now)?,
            Some(LinkEvent::Over) => return Err(End::Terminated),
            Some(LinkEvent::Opened) => self.handle_opened(now),
            Some(LinkEvent::Message(message)) => self.handle_message(message, now),
            Some(LinkEvent::Writable) => {}
            Some(LinkEvent::Lost { reason, was_open }) => {
                tracing::info!(session.id = self.session_id, %reason, "the data channel is not connected");
                if was_open {
                    self.channel.handle_disconnected(now);
                    self.served_at = now.instant;
                }
            }
        }
        Ok(())
    }

    fn handle_opened(&mut self, now: Now) {
        self.heard_at = now.instant;
        self.asked_at = None;
        if !std::mem::replace(&mut self.has_announced, true) {
            self.channel.send_session_state(SessionState::Connected, &self.session_id, now);
        }
        self.channel.handle_connected(now);
    }

    fn handle_message(&mut self, message: Message, now: Now) {
        self.heard_at = now.instant;
        self.asked_at = None;
        // A ping was answered by the socket; a close is followed by the loss of the connection; text is never sent
        // to agents, and one that came would be no frame.
        if let Message::Binary(frame) = message
            && let Err(error) = self.channel.handle_message(frame, now)
        {
            tracing::debug!(session.id = self.session_id, %error, "a message was dropped");
        }
    }

    /// When time itself makes something happen.
    fn deadline(&mut self) -> Instant {
        let of_link = match self.link.socket() {
            None => self.served_at + UNSERVED_LIMIT,
            Some(_) => self.asked_at.map_or(self.heard_at + PING_AFTER, |asked| asked + PONG_WITHIN),
        };
        self.channel.poll_timeout().map_or(of_link, |of_channel| of_channel.min(of_link))
    }

    fn handle_timeout(&mut self, now: Now) -> Result<(), End> {
        self.channel.handle_timeout(now);
        if self.link.socket().is_none() {
            if now.instant >= self.served_at + UNSERVED_LIMIT {
                let minutes = UNSERVED_LIMIT.as_secs() / 60;
                return Err(End::Failed(format!("the node could not reach the service for {minutes} minutes")));
            }
        } else if !self.is_reading {
            // What we do not read cannot tell us that the peer is alive.
            self.heard_at = now.instant;
            self.asked_at = None;
        } else if self.asked_at.is_some_and(|asked| now.instant >= asked + PONG_WITHIN) {
            tracing::info!(session.id = self.session_id, "the data channel is dead: no answer to a ping");
            self.link.drop_connection(now.instant);
            self.channel.handle_disconnected(now);
            self.served_at = now.instant;
        } else if self.asked_at.is_none() && now.instant >= self.heard_at + PING_AFTER {
            self.asked_at = Some(now.instant);
            if let Some(socket) = self.link.socket() {
                socket.feed(Message::Ping(Bytes::from_static(b"keepalive")));
            }
        }
        Ok(())
    }

    /// Gives the socket what the channel has for it.
    fn pump(&mut self) {
        // Not reading holds a client back whose input the program does not take. But acknowledgements come the same
        // way: while output waits for them, reading must go on, or a program that echoes what is pasted into it
        // would wait for its output, and its input for it.
        let is_reading =
            self.channel.receive_backlog_bytes() < RECEIVE_WINDOW_BYTES || self.channel.unacknowledged_bytes() > 0;
        self.is_reading = is_reading;
        let Some(socket) = self.link.socket() else { return };
        socket.set_read_enabled(is_reading);
        while socket.can_feed() {
            match self.channel.poll_transmit(now()) {
                Some(frame) => socket.feed(Message::Binary(frame)),
                None => return,
            }
        }
    }
}

fn now() -> Now {
    SystemClock.now()
}
