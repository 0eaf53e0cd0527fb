//! What the session does with each thing that happens: events of the channel, input, signals.

use bytes::{Bytes, BytesMut};
use postern_protocol::Now;
use postern_protocol::channel::data_channel::Event;
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{
    CommandSignal, ExitCode, HandshakeComplete, HandshakeRequest, JsonPayload as _, StreamFlag,
};

use super::{
    Access, BATCH_BYTES, Batch, Cause, DELIVER_WITHIN, END_WITHIN, Input, Manner, STREAM_BATCH_BYTES,
    STREAM_WINDOW_BYTES, Session, SessionError, SessionType, Signal, StandardInput, Stream, UNTAKEN_AFTER,
};
use crate::access::DataKey;
use crate::encryption::{Encryption, answer_challenge};
use crate::ending;
use crate::escape::{self, Command};
use crate::handshake::{self, Ours, Purpose, SealedKey};
use crate::printable::printable_lines;
use crate::terminal;

impl<A: Access + 'static> Session<A> {
    /// Takes what the channel has to tell while the terminal takes it: taking output is what acknowledges it, so at
    /// most one batch is acknowledged and not yet shown.
    pub(super) fn take_events(&mut self, now: Now) {
        while self.user.output.is_idle() {
            let batch = self.next_batch(now);
            if batch.is_empty() {
                break;
            }
            self.user.output.write(batch);
        }
        self.pace_reading();
    }

    fn next_batch(&mut self, now: Now) -> Batch {
        let mut batch = Batch::new();
        let mut bytes = 0;
        let enough = if self.is_stream() { STREAM_BATCH_BYTES } else { BATCH_BYTES };
        while self.ending.is_none() && self.ports_begin.is_none() && bytes < enough {
            let Some(event) = self.leg.channel.poll_event(now) else { break };
            match event {
                Event::Data { payload_type, payload } => {
                    bytes += payload.len();
                    self.on_data(payload_type, payload, &mut batch, now);
                }
                Event::HandshakeRequest(request) => self.on_handshake_request(&request, now),
                Event::HandshakeComplete(complete) => self.on_handshake_complete(&complete, &mut batch, now),
                Event::SessionTypeAssumed if self.manner.accepts(SessionType::StandardStream) => {
                    self.begin(SessionType::StandardStream, now);
                }
                Event::SessionTypeAssumed => self.end(Err(SessionError::NoSessionType)),
                Event::Undecipherable(error) => self.end(Err(SessionError::Encryption(error))),
                Event::ChannelClosed(closed) => {
                    let ending = match self.end_by.take() {
                        Some((_, Err(failure))) => Err(SessionError::Refused(failure)),
                        _ => Ok(Cause::Closed { output: closed.output }),
                    };
                    self.end(ending);
                }
                Event::SessionEnding(ending) => self.notice(&ending::warning(&ending)),
                // The agent's half of the handshake does not come to a client.
                _ => {}
            }
        }
        batch.append(&mut self.notices);
        batch
    }

    fn on_data(&mut self, payload_type: PayloadType, payload: Bytes, batch: &mut Batch, now: Now) {
        if payload_type == PayloadType::ENC_CHALLENGE_REQUEST {
            match answer_challenge(&payload, &mut self.leg.channel) {
                Ok(answer) => self.write(PayloadType::ENC_CHALLENGE_RESPONSE, answer, now),
                Err(error) => self.end(Err(SessionError::Encryption(error))),
            }
            return;
        }
        if matches!(self.manner, Manner::Plugin { .. }) {
            // The stock plugin writes every payload as it came, whatever its type (session-types.md §2.3).
            batch.push((Stream::Out, payload));
            return;
        }
        match payload_type {
            PayloadType::OUTPUT => {
                self.untaken_at = None;
                batch.push((Stream::Out, payload));
            }
            // A port has no such stream, and what a node says must not steer the terminal of whoever runs ssh.
            PayloadType::STD_ERR if self.is_stream() => {}
            PayloadType::STD_ERR => batch.push((Stream::Err, payload)),
            PayloadType::EXIT_CODE => {
                self.exit_status = ExitCode::decode(&payload).ok().map(|code| code.0);
                self.end_by = Some((now.instant + END_WITHIN, Ok(Cause::Closed { output: String::new() })));
            }
            PayloadType::FLAG if StreamFlag::decode(&payload) == Ok(StreamFlag::EndOfInput) => self.end_input(),
            other => tracing::debug!(payload_type = other.0, "output of an unknown type was dropped"),
        }
    }

    /// The command reads no more, so neither do we.
    fn end_input(&mut self) {
        if self.standard_input != StandardInput::Unknown {
            self.standard_input = StandardInput::Ended;
            self.user.input = None;
            self.user.held.clear();
        }
    }

    fn on_handshake_request(&mut self, request: &HandshakeRequest, now: Now) {
        let is_old = self.manner == Manner::Plugin { legacy_cli: true };
        if !is_old {
            self.encryption = Encryption::begin(request, &self.access, &self.session_id, &self.target);
        }
        if self.encryption.is_none() {
            self.answer_handshake(request, None, now);
        }
    }

    /// The key service has answered, and so can we.
    pub(super) fn on_data_key(&mut self, key: Result<DataKey, String>, now: Now) {
        let Some(encryption) = self.encryption.take() else { return };
        let sealed = key.and_then(|key| encryption.establish(key, &mut self.leg.channel));
        self.answer_handshake(&encryption.request, Some(sealed), now);
    }

    fn answer_handshake(&mut self, request: &HandshakeRequest, data_key: Option<Result<SealedKey, String>>, now: Now) {
        self.user.size = terminal::size();
        let mut answer = handshake::answer(
            request,
            Ours {
                size: self.user.size,
                term: terminal::term(),
                exit_status: !matches!(self.manner, Manner::Plugin { .. }),
                standard_input: self.wants_standard_input(),
                purpose: Purpose::Session(self.manner),
                legacy_cli: self.manner == Manner::Plugin { legacy_cli: true },
                data_key,
            },
        );
        self.agent_is_ours = answer.agent_is_ours;
        if answer.standard_input {
            self.standard_input = StandardInput::Open;
        }
        if let Some(failure) = answer.failure.take() {
            // The agent ends the session on this answer; its own words would only repeat ours.
            self.end_by = Some((now.instant + END_WITHIN, Err(failure)));
        }
        self.leg.channel.respond_handshake(answer.response.clone(), now);
        self.answered = Some(Box::new(answer));
    }

    fn on_handshake_complete(&mut self, complete: &HandshakeComplete, batch: &mut Batch, now: Now) {
        let message = &complete.customer_message;
        if !message.is_empty() {
            let stream = if matches!(self.manner, Manner::Plugin { .. }) { Stream::Out } else { Stream::Err };
            batch.push((stream, Bytes::from(format!("{}\n", printable_lines(message)))));
        }
        match self.answered.as_ref().and_then(|answer| answer.session_type) {
            Some(SessionType::PortForwarding) => self.ports_begin = self.answered.take(),
            Some(session_type) => self.begin(session_type, now),
            None => self.end(Err(SessionError::NoSessionType)),
        }
    }

    fn is_stream(&self) -> bool {
        self.session_type == Some(SessionType::PortStream)
    }

    fn wants_standard_input(&self) -> bool {
        match self.manner {
            Manner::Plugin { .. } | Manner::Stream => false,
            Manner::Shell | Manner::Document => true,
            Manner::Command { standard_input } => standard_input,
        }
    }

    fn begin(&mut self, session_type: SessionType, now: Now) {
        // What is piped into a command that cannot take it must not be passed over in silence; a person at a terminal
        // sees that nothing happens.
        let reads = self.standard_input == StandardInput::Open || self.wants_standard_input() && !self.user.typed;
        if let Err(error) = self.user.begin(session_type, reads) {
            self.end(Err(SessionError::Terminal(error)));
            return;
        }
        self.session_type = Some(session_type);
        if self.is_stream() {
            self.leg.channel.set_send_window(STREAM_WINDOW_BYTES, STREAM_WINDOW_BYTES);
            if !self.agent_is_ours {
                self.untaken_at = Some(now.instant + UNTAKEN_AFTER);
            }
        }
        // Before the first byte of input, as the stock plugin does. Our agent has started the shell with it.
        let size = terminal::size();
        let known = self.agent_is_ours && size == self.user.size;
        if session_type.has_terminal() && !known {
            self.user.size = size;
            self.write(PayloadType::SIZE, size.encode(), now);
        }
    }

    pub(super) fn on_input(&mut self, input: Option<Input>, now: Now) {
        match input {
            Some(Input::Bytes(_)) if self.lacks_standard_input() => self.end(Err(SessionError::NoStandardInput)),
            Some(Input::Bytes(bytes)) => {
                let (bytes, command) = self.user.escapes.take(bytes);
                self.user.held = self.as_plugin_sends(bytes);
                match command {
                    Some(Command::Leave) => self.leave(Cause::Left),
                    Some(Command::Help) => self.notice(escape::HELP),
                    None => {}
                }
            }
            Some(Input::Resized) => self.resize(now),
            Some(Input::End) | None => {
                self.user.input = None;
                if self.standard_input == StandardInput::Open {
                    self.standard_input = StandardInput::Ending;
                    return;
                }
                match self.manner {
                    _ if self.is_stream() => {
                        self.input_has_ended = true;
                        self.end_by = Some((now.instant + DELIVER_WITHIN, Ok(Cause::StreamEnded)));
                    }
                    Manner::Plugin { .. } => self.end(Ok(Cause::InputEnded)),
                    // A terminal that is gone sends SIGHUP; a pipe that ends is ^D for the shell behind it.
                    Manner::Shell | Manner::Document if !self.user.typed && !self.lacks_standard_input() => {
                        self.end_of_input_at = Some(now.instant);
                    }
                    Manner::Shell | Manner::Document | Manner::Command { .. } | Manner::Stream => {}
                }
            }
        }
    }

    /// The session is a command without terminal whose agent would take input for signals.
    fn lacks_standard_input(&self) -> bool {
        let is_command = self.session_type == Some(SessionType::NonInteractiveCommands);
        is_command && self.standard_input == StandardInput::Unknown && !matches!(self.manner, Manner::Plugin { .. })
    }

    /// The stock plugin sends a lone LF as CR (messages.md §4); behind a pipe a shell may count on it.
    fn as_plugin_sends(&self, bytes: Bytes) -> Bytes {
        match (self.manner, &*bytes) {
            (Manner::Plugin { .. }, b"\n") if !self.is_stream() => Bytes::from_static(b"\r"),
            _ => bytes,
        }
    }

    /// Gives the channel what its window takes.
    pub(super) fn send_input(&mut self, now: Now) {
        while self.session_type.is_some() && !self.user.held.is_empty() {
            let take = self.leg.channel.write_capacity().min(self.user.held.len());
            if take == 0 {
                return;
            }
            let bytes = self.user.held.split_to(take);
            self.write(PayloadType::OUTPUT, bytes, now);
        }
        if self.session_type.is_some() && self.standard_input == StandardInput::Ending {
            self.standard_input = StandardInput::Ended;
            self.write(PayloadType::FLAG, StreamFlag::EndOfInput.encode(), now);
        }
    }

    pub(super) fn on_signal(&mut self, signal: Signal, now: Now) {
        match signal {
            Signal::Interrupt => self.send_key(0x03, Some(CommandSignal::Interrupt), now),
            Signal::Quit => self.send_key(0x1c, Some(CommandSignal::Quit), now),
            Signal::Suspend => self.send_key(0x1a, None, now),
            // With it OpenSSH's ssh dismisses its ProxyCommand when all is done.
            Signal::Hangup if self.manner == Manner::Stream => self.leave(Cause::StreamEnded),
            Signal::Terminate | Signal::Hangup => self.leave(Cause::Signalled(signal)),
            Signal::Resize => self.resize(now),
            Signal::Continue => {
                if let Some(raw) = &self.user.raw
                    && let Err(error) = raw.renew()
                {
                    self.end(Err(SessionError::Terminal(error)));
                }
                self.resize(now);
            }
        }
    }

    /// A key that came as a signal. Where it cannot reach the node, it means us.
    fn send_key(&mut self, key: u8, signal: Option<CommandSignal>, now: Now) {
        let reachable =
            self.session_type.is_some() && !self.is_stream() && !self.leg.is_missing() && self.ending.is_none();
        if !reachable {
            return self.leave(Cause::Left);
        }
        if let Some(signal) = signal.filter(|_| self.standard_input != StandardInput::Unknown) {
            // It does not wait for the window: what fills that may be what it is meant to end.
            return self.write(PayloadType::SIGNAL, signal.encode(), now);
        }
        if self.user.held.is_empty() && self.leg.channel.write_capacity() > 0 {
            return self.write(PayloadType::OUTPUT, Bytes::copy_from_slice(&[key]), now);
        }
        let mut held = BytesMut::from(&*self.user.held);
        held.extend_from_slice(&[key]);
        self.user.held = held.freeze();
    }

    fn resize(&mut self, now: Now) {
        let size = terminal::size();
        if self.session_type.is_some_and(SessionType::has_terminal) && size != self.user.size {
            self.user.size = size;
            self.write(PayloadType::SIZE, size.encode(), now);
        }
    }

    /// Whoever leaves does not wait for output that a stopped terminal may never take.
    fn leave(&mut self, cause: Cause) {
        self.ending = Some(Ok(cause));
        self.leaving = true;
    }
}
