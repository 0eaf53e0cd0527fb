//! One session from the user's side: the task that owns the terminal, the data channel's state machine and the
//! socket, and moves bytes between them. Nothing in it blocks, and what it holds is bounded by the channel's window,
//! one batch of output and a few reads of input.

mod ended;
mod events;
mod manner;
mod user;

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::open::Token;
use postern_protocol::{Clock as _, Now};
use postern_transport::{Dialer, SystemClock, sleep_until};

pub use self::ended::{Cause, Ended, SessionError};
pub use self::manner::Manner;
use self::user::{User, next_input};
use crate::access::{Access, DataKey};
use crate::console::{Batch, Console, Input, Stream};
use crate::encryption::Encryption;
use crate::handshake::{Answer, SessionType};
use crate::leg::{Leg, LegEvent};
use crate::link::{Link, Target};
use crate::printable::printable;
use crate::signals::Signal;
use crate::tunnel::{Tunnel, plugin};

/// Input that may be unacknowledged: enough for any paste to flow, little enough for the service to hold.
const SEND_WINDOW_BYTES: usize = 512 * 1024;

/// The same for a program's connection: 40 MB/s over 100 ms.
const STREAM_WINDOW_BYTES: usize = 4 * 1024 * 1024;

/// Output that may wait here for the terminal; with more, the socket is read no further.
const READ_BELOW_BYTES: usize = 256 * 1024;

/// Output handed to the terminal, and thereby acknowledged, at a time.
const BATCH_BYTES: usize = 16 * 1024;

/// The same for a program's connection, which nobody reads line by line.
const STREAM_BATCH_BYTES: usize = 256 * 1024;

/// ^D, the end of input as a terminal has it.
const END_OF_TRANSMISSION: Bytes = Bytes::from_static(b"\x04");

/// From the first connection to the end of the handshake. The service itself gives up after 30 s.
pub(crate) const HANDSHAKE_WITHIN: Duration = Duration::from_secs(45);

/// How often a shell is told that its input has ended. Once is not enough: one that has just begun to read, or that had
/// started another program, does not see a ^D that came before.
const END_OF_INPUT_EVERY: Duration = Duration::from_millis(500);

/// How long AWS's agent may take nothing of what ssh says at once, before the user is told what that may mean.
const UNTAKEN_AFTER: Duration = Duration::from_secs(5);

/// How long what was read before the end of standard input may take to reach the node.
const DELIVER_WITHIN: Duration = Duration::from_secs(30);

/// After its exit code a command has nothing to say but its end; one that was refused even less.
const END_WITHIN: Duration = Duration::from_secs(5);

/// What opens a session: the answer to StartSession.
pub struct Ticket {
    /// The session.
    pub session_id: String,
    /// Opens the data channel.
    pub token: Token,
    /// Where.
    pub stream_url: String,
    /// The node, as StartSession was told.
    pub target: String,
}

/// A session that is ready to run.
pub struct SessionRunner<A> {
    /// The service.
    pub access: Rc<A>,
    /// How sockets are opened.
    pub dialer: Dialer,
    /// What opens the session.
    pub ticket: Ticket,
    /// Whose habits are followed.
    pub manner: Manner,
    /// The user.
    pub console: Console,
}

impl<A: Access + 'static> SessionRunner<A> {
    /// Runs the session to its end. The terminal is as it was when this returns.
    pub async fn run(self) -> Result<Ended, SessionError> {
        let Ticket { session_id, token, stream_url, target } = self.ticket;
        let link_target = Target { session_id: session_id.clone(), token, stream_url };
        let link = Link::open(Rc::clone(&self.access), self.dialer, link_target)?;
        let begin_by = SystemClock.now().instant + HANDSHAKE_WITHIN;
        let mut session = Session {
            leg: Leg::new(link, SEND_WINDOW_BYTES),
            access: self.access,
            session_id: session_id.clone(),
            target,
            encryption: None,
            manner: self.manner,
            user: User::new(self.console),
            answered: None,
            ports_begin: None,
            session_type: None,
            begin_by,
            agent_is_ours: false,
            standard_input: StandardInput::Unknown,
            exit_status: None,
            notices: Batch::new(),
            end_of_input_at: None,
            input_has_ended: false,
            untaken_at: None,
            end_by: None,
            ending: None,
            leaving: false,
        };
        session.user.listen_before(self.manner).map_err(SessionError::Terminal)?;
        let outcome = session.run().await;
        let Session { leg, user, notices, .. } = session;
        // The terminal first: whoever reports the result writes to it.
        drop(user.raw);
        match outcome {
            Ok(Outcome::PortsBegin(answer)) => {
                let tunnel = Tunnel::new(leg, &answer);
                let user = plugin::User { output: user.output, signals: user.signals, notices };
                plugin::run(tunnel, answer.port, &session_id, user).await
            }
            Ok(Outcome::Ended(ended)) => Ok(ended),
            Err(error) => Err(error),
        }
    }
}

struct Session<A> {
    leg: Leg<A>,
    access: Rc<A>,
    session_id: String,
    target: String,
    /// The handshake waits for the key service.
    encryption: Option<Encryption>,
    manner: Manner,
    user: User,
    /// What the handshake request said, and the answer to it.
    answered: Option<Box<Answer>>,
    /// It is a session of ports, which another loop runs.
    ports_begin: Option<Box<Answer>>,
    /// Set when the session has begun: from here on input may be sent.
    session_type: Option<SessionType>,
    /// When it must have begun.
    begin_by: Instant,
    agent_is_ours: bool,
    standard_input: StandardInput,
    exit_status: Option<i64>,
    /// Words for the user, to be written with the next batch.
    notices: Batch,
    /// When the shell is told (again) that there is no more input.
    end_of_input_at: Option<Instant>,
    /// Nothing more comes from a program that had a connection; what came is still to be delivered.
    input_has_ended: bool,
    /// When to look whether the node has taken anything, in a session where it would not say that it does not.
    untaken_at: Option<Instant>,
    /// When and how the session ends if nothing else happens.
    end_by: Option<(Instant, Result<Cause, String>)>,
    ending: Option<Result<Cause, SessionError>>,
    /// The user wants to be gone: output is no longer waited for.
    leaving: bool,
}

/// How the loop is left.
enum Outcome {
    Ended(Ended),
    /// The session is one of ports.
    PortsBegin(Box<Answer>),
}

/// How far a command's standard input has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StandardInput {
    /// The agent knows none, or nobody asked.
    Unknown,
    /// Sent as it is read.
    Open,
    /// Ours has ended; the node is to hear of it behind the last of it.
    Ending,
    /// Everything is sent.
    Ended,
}

/// What the one wait of the loop can bring.
enum Woken {
    Leg(LegEvent),
    Written(std::io::Result<()>),
    Input(Option<Input>),
    Signal(Signal),
    DataKey(Result<DataKey, String>),
    Time,
}

impl<A: Access + 'static> Session<A> {
    async fn run(&mut self) -> Result<Outcome, SessionError> {
        loop {
            let now = SystemClock.now();
            self.handle_time(now);
            self.take_events(now);
            self.send_input(now);
            // What was taken is shown before the end is reported.
            let shown = self.user.output.is_idle() && self.notices.is_empty();
            if let Some(answer) = self.ports_begin.take() {
                return Ok(Outcome::PortsBegin(answer));
            }
            if (shown || self.leaving)
                && let Some(ending) = self.ending.take()
            {
                return ending.map(|cause| Outcome::Ended(Ended { cause, exit_status: self.exit_status }));
            }
            if self.input_has_ended && self.user.held.is_empty() && self.leg.channel.is_drained() {
                self.end(Ok(Cause::StreamEnded));
                continue;
            }
            let wake_at = self.wake_at();
            let takes_input =
                self.ending.is_none() && self.user.held.is_empty() && self.leg.channel.write_capacity() > 0;
            let User { input, output, signals, .. } = &mut self.user;
            let woken = tokio::select! {
                biased;
                event = self.leg.next(), if self.ending.is_none() => Woken::Leg(event),
                result = output.written() => Woken::Written(result),
                input = next_input(input), if takes_input => Woken::Input(input),
                signal = signals.next() => Woken::Signal(signal),
                key = Encryption::key(&mut self.encryption) => Woken::DataKey(key),
                () = sleep_until(wake_at) => Woken::Time,
            };
            let now = SystemClock.now();
            match woken {
                Woken::Leg(event) => self.on_leg(event),
                Woken::Written(result) => self.on_written(result),
                Woken::Input(input) => self.on_input(input, now),
                Woken::Signal(signal) => self.on_signal(signal, now),
                Woken::DataKey(key) => self.on_data_key(key, now),
                Woken::Time => {}
            }
        }
    }

    /// The first to end the session has the last word.
    fn end(&mut self, ending: Result<Cause, SessionError>) {
        self.ending.get_or_insert(ending);
    }

    fn wake_at(&self) -> Option<Instant> {
        let end = self.end_by.as_ref().map(|(at, _)| *at);
        let begin = self.session_type.is_none().then_some(self.begin_by);
        [end, begin, self.end_of_input_at, self.untaken_at].into_iter().flatten().min()
    }

    fn handle_time(&mut self, now: Now) {
        if self.end_by.as_ref().is_some_and(|(at, _)| *at <= now.instant)
            && let Some((_, ending)) = self.end_by.take()
        {
            self.end(ending.map_err(SessionError::Refused));
        }
        if self.end_of_input_at.is_some_and(|at| at <= now.instant) {
            self.end_of_input_at = Some(now.instant + END_OF_INPUT_EVERY);
            if self.user.held.is_empty() && self.leg.channel.write_capacity() > 0 {
                self.write(PayloadType::OUTPUT, END_OF_TRANSMISSION, now);
            }
        }
        if self.untaken_at.take_if(|at| *at <= now.instant).is_some()
            && !self.leg.channel.is_drained()
            && !self.leg.is_missing()
        {
            self.notice(&format!(
                "the node has taken nothing for {} s: where a port refuses connections AWS's agent stops without a word, \
                 and the session ends a minute later",
                UNTAKEN_AFTER.as_secs()
            ));
        }
        if self.session_type.is_none() && self.begin_by <= now.instant {
            self.end(Err(SessionError::HandshakeTimedOut));
        }
    }

    fn on_leg(&mut self, event: LegEvent) {
        match event {
            LegEvent::Moved => self.pace_reading(),
            LegEvent::Missing(cause) => {
                let leave = if self.user.raw.is_some() { " (Enter ~ . leaves)" } else { "" };
                self.notice(&format!("no connection to the session, trying again{leave}: {cause}"));
            }
            LegEvent::Back => self.notice("connected to the session again"),
            // Its exit status came last of all, so nothing is missing: only the word that it is over was lost.
            LegEvent::Ended if self.exit_status.is_some() => self.end(Ok(Cause::Closed { output: String::new() })),
            LegEvent::Ended => self.end(Ok(Cause::TimedOut)),
            LegEvent::Failed(error) => self.end(Err(error.into())),
        }
    }

    fn pace_reading(&mut self) {
        self.leg.read_below(READ_BELOW_BYTES);
    }

    fn on_written(&mut self, result: std::io::Result<()>) {
        if let Err(error) = result {
            // Nothing more can be shown, so nothing is worth waiting for.
            self.ending = Some(Err(SessionError::Output(error)));
            self.notices.clear();
        }
    }

    /// Says something to the user beside the session's own output. The plugin says nothing that AWS's would not.
    fn notice(&mut self, text: &str) {
        if matches!(self.manner, Manner::Plugin { .. }) {
            return;
        }
        let (before, after) = if self.user.raw.is_some() { ("\r\n", "\r\n") } else { ("", "\n") };
        self.notices.push((Stream::Err, Bytes::from(format!("{before}postern: {}{after}", printable(text)))));
    }

    fn write(&mut self, payload_type: PayloadType, payload: Bytes, now: Now) {
        if let Err(error) = self.leg.channel.write(payload_type, payload, now) {
            tracing::debug!(%error, "input was not sent");
        }
    }
}
