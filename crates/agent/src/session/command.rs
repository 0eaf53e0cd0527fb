//! A command without a terminal.
//!
//! With separate output streams each stream is sent as it comes, and the exit code at the end. Without them stock
//! agents collect everything in a file until the command has ended; here it is sent as it comes too: the client sees
//! the same bytes sooner, and nothing has to hold them.

mod input;

use std::io;

use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{ClientOffer, StreamFlag};
use postern_pty::{Child, ExitStatus, Killer, Output, Piped, Pipes, Program, Signal, spawn_piped};
use tokio::sync::mpsc;

use self::input::CommandInput;
use super::channel::SessionChannel;
use super::document::{CommandOutput, ShellWordsError};
use super::terminal::exit_code;
use super::{End, KILL_GRACE, Terminate};
use crate::link::Connect;

/// One payload. Nothing waits to fill it.
const OUTPUT_BYTES: usize = 32 * 1024;
/// What the stock agent reports for a command that a signal ended, and for one that did not start.
const STOCK_SIGNALLED: i64 = -1;
const STOCK_NOT_STARTED: i64 = 1;
/// The shell's own numbers for the latter.
const NOT_FOUND: i64 = 127;
const NOT_EXECUTABLE: i64 = 126;

/// Runs the command to its end.
pub(super) async fn run<C: Connect>(
    channel: &mut SessionChannel<C>,
    program: Result<Program, ShellWordsError>,
    output: CommandOutput,
    offer: Option<&ClientOffer>,
    mailbox: &mut mpsc::Receiver<Terminate>,
) -> End {
    let (is_separate, prefixes) = match output {
        CommandOutput::Together => (false, Default::default()),
        CommandOutput::Separate { stdout_prefix, stderr_prefix } => (true, (stdout_prefix, stderr_prefix)),
    };
    let knows_exit_status = offer.is_some_and(|offer| offer.exit_status);
    let reports_exit = is_separate || knows_exit_status;
    let pipes = Pipes { stdin: offer.is_some_and(|offer| offer.standard_input), stderr: is_separate };
    let started = program
        .map_err(|error| (error.to_string(), NOT_FOUND))
        .and_then(|program| spawn_piped(&program, pipes).map_err(|error| not_started(&program, &error)));
    let Piped { stdin, stdout, stderr, child, killer } = match started {
        Ok(piped) => piped,
        Err((reason, code)) => {
            let payload_type = if is_separate { PayloadType::STD_ERR } else { PayloadType::OUTPUT };
            channel.write(payload_type, format!("{reason}\n").as_bytes());
            if reports_exit {
                channel.write_exit_code(if knows_exit_status { code } else { STOCK_NOT_STARTED });
            }
            return channel.finish().await;
        }
    };
    let mut command = Command {
        channel,
        stdout: Stream::new(Some(stdout), PayloadType::OUTPUT, prefixes.0),
        stderr: Stream::new(stderr, PayloadType::STD_ERR, prefixes.1),
        input: CommandInput::new(stdin),
        child,
        killer,
        exit: None,
    };
    match command.serve(mailbox).await {
        Ok(status) => {
            if reports_exit {
                let code = match status {
                    ExitStatus::Signal(_) if !knows_exit_status => STOCK_SIGNALLED,
                    status => exit_code(status),
                };
                command.channel.write_exit_code(code);
            }
            command.channel.finish().await
        }
        Err(end) => {
            command.end().await;
            end
        }
    }
}

struct Command<'a, C: Connect> {
    channel: &'a mut SessionChannel<C>,
    stdout: Stream,
    stderr: Stream,
    input: CommandInput,
    child: Child,
    killer: Killer,
    exit: Option<ExitStatus>,
}

impl<C: Connect> Command<'_, C> {
    /// Moves output until the command and everything that shares its pipes have ended, as ssh does.
    async fn serve(&mut self, mailbox: &mut mpsc::Receiver<Terminate>) -> Result<ExitStatus, End> {
        let mut out_buffer = vec![0; OUTPUT_BYTES];
        let mut err_buffer = vec![0; if self.stderr.has_ended() { 0 } else { OUTPUT_BYTES }];
        loop {
            self.take_input()?;
            if self.stdout.has_ended()
                && self.stderr.has_ended()
                && let Some(status) = self.exit
            {
                return Ok(status);
            }
            let room = self.channel.write_capacity();
            tokio::select! {
                driven = self.channel.drive() => driven?,
                read = self.stdout.read(&mut out_buffer, room), if self.stdout.is_ready(room) => {
                    self.stdout.forward(self.channel, &out_buffer, read);
                }
                read = self.stderr.read(&mut err_buffer, room), if self.stderr.is_ready(room) => {
                    self.stderr.forward(self.channel, &err_buffer, read);
                }
                status = self.child.wait(), if self.exit.is_none() => {
                    self.exit = Some(status.unwrap_or(ExitStatus::Code(1)));
                }
                written = self.input.write(), if self.input.is_pending() => {
                    if written.is_err() {
                        self.input.close();
                        self.channel.write(PayloadType::FLAG, &StreamFlag::EndOfInput.encode());
                    }
                }
                _ = mailbox.recv() => return Err(End::Terminated),
            }
        }
    }

    fn take_input(&mut self) -> Result<(), End> {
        for signal in self.input.take(self.channel)? {
            if let Err(error) = self.signal(signal) {
                tracing::debug!(%error, "the command was not signalled");
            }
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        // The command itself may be gone while what it started keeps its pipes, and is meant just as well.
        if self.exit.is_some() { self.killer.signal_remaining(signal) } else { self.killer.signal_group(signal) }
    }

    /// Ends the command with everything in its group: told first, killed when it does not listen.
    async fn end(&mut self) {
        let _ = self.signal(Signal::Terminate);
        if self.exit.is_none()
            && let Ok(status) = tokio::time::timeout(KILL_GRACE, self.child.wait()).await
        {
            self.exit = status.ok();
        }
        if !(self.exit.is_some() && self.stdout.has_ended() && self.stderr.has_ended()) {
            let _ = self.killer.signal_remaining(Signal::Kill);
            let _ = tokio::time::timeout(KILL_GRACE, self.child.wait()).await;
        }
        self.channel.announce_end().await;
    }
}

/// One of the command's output streams.
struct Stream {
    output: Option<Output>,
    payload_type: PayloadType,
    prefix: String,
    /// The last chunk ended a line, or none has come yet.
    is_at_line_start: bool,
}

impl Stream {
    fn new(output: Option<Output>, payload_type: PayloadType, prefix: String) -> Self {
        Self { output, payload_type, prefix, is_at_line_start: true }
    }

    fn has_ended(&self) -> bool {
        self.output.is_none()
    }

    fn is_ready(&self, room: usize) -> bool {
        !self.has_ended() && room > self.prefix.len()
    }

    /// Reads behind the place of the prefix. Cancel-safe.
    async fn read(&mut self, buffer: &mut [u8], room: usize) -> io::Result<usize> {
        let end = room.min(buffer.len());
        match &mut self.output {
            Some(output) => output.read(&mut buffer[self.prefix.len()..end]).await,
            None => Ok(0),
        }
    }

    fn forward<C: Connect>(&mut self, channel: &mut SessionChannel<C>, buffer: &[u8], read: io::Result<usize>) {
        let Ok(count @ 1..) = read else {
            self.output = None;
            return;
        };
        let chunk = &buffer[self.prefix.len()..][..count];
        if self.is_at_line_start && !self.prefix.is_empty() {
            channel.write(self.payload_type, &[self.prefix.as_bytes(), chunk].concat());
        } else {
            channel.write(self.payload_type, chunk);
        }
        self.is_at_line_start = chunk.ends_with(b"\n");
    }
}

fn not_started(program: &Program, error: &io::Error) -> (String, i64) {
    let name = program.program.to_string_lossy();
    match error.kind() {
        io::ErrorKind::NotFound => (format!("{name}: command not found"), NOT_FOUND),
        _ => (format!("{name}: {error}"), NOT_EXECUTABLE),
    }
}
