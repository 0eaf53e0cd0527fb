//! A program in a terminal: login shells, and command lines that want one.
//!
//! One loop over five things that can happen. Output is read only as far as the channel's window takes it, so a slow
//! client slows the program down, as a slow terminal would. Input goes its own way: `^C` reaches the program while
//! its output waits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use postern_protocol::Clock as _;
use postern_protocol::channel::data_channel::Event;
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{ClientOffer, JsonPayload as _, Size};
use postern_pty::{Child, ExitStatus, Killer, Program, Signal, Terminal, TerminalSize, spawn_terminal};
use postern_transport::{SystemClock, sleep_until};
use tokio::sync::mpsc;

use super::channel::SessionChannel;
use super::{End, KILL_GRACE, Terminate};
use crate::link::Connect;

/// How long a client that made no offer has to tell its terminal's size. Stock clients tell it at once.
const SIZE_PATIENCE: Duration = Duration::from_millis(500);
/// One payload. Nothing waits to fill it.
const OUTPUT_BYTES: usize = 32 * 1024;
/// Input taken from the channel (and so acknowledged) that the program has not taken yet.
const PENDING_INPUT_BYTES: usize = 64 * 1024;
/// How long output is looked for after the program's end while none comes. The kernel reports the end of the output
/// at once; this is for a program that handed its terminal on.
const LAST_OUTPUT_PATIENCE: Duration = Duration::from_secs(2);
/// How often a job that was told to end is looked for.
const JOB_POLL: Duration = Duration::from_millis(20);

/// Runs the program to its end.
pub(super) async fn run<C: Connect>(
    channel: &mut SessionChannel<C>,
    program: &Program,
    offer: Option<&ClientOffer>,
    profile: &str,
    mailbox: &mut mpsc::Receiver<Terminate>,
) -> End {
    let mut input = Input::default();
    let size = match offer.and_then(|offer| offer.terminal_size) {
        Some(size) => terminal_size(size),
        None => tokio::select! {
            first = first_size(channel, &mut input) => match first {
                Ok(size) => size,
                Err(end) => return end,
            },
            _ = mailbox.recv() => return End::Terminated,
        },
    };
    let terminal = match spawn_terminal(program, size) {
        Ok(terminal) => terminal,
        Err(error) => {
            let program = program.program.to_string_lossy();
            return End::Failed(format!("Unable to start command: {program} cannot be executed: {error}"));
        }
    };
    if !profile.is_empty() {
        input.pending.push_front(Bytes::from(format!("{profile}\n")));
        input.pending_bytes += profile.len() + 1;
    }
    let reports_exit = offer.is_some_and(|offer| offer.exit_status);
    Session { channel, terminal, input, exit: None, has_output_ended: false, last_output: None }
        .run(reports_exit, mailbox)
        .await
}

/// What was typed and not yet read by the program.
#[derive(Default)]
struct Input {
    pending: VecDeque<Bytes>,
    pending_bytes: usize,
}

struct Session<'a, C: Connect> {
    channel: &'a mut SessionChannel<C>,
    terminal: Terminal,
    input: Input,
    exit: Option<ExitStatus>,
    has_output_ended: bool,
    /// When output was last seen after the program's end.
    last_output: Option<Instant>,
}

impl<C: Connect> Session<'_, C> {
    async fn run(mut self, reports_exit: bool, mailbox: &mut mpsc::Receiver<Terminate>) -> End {
        match self.serve(mailbox).await {
            Ok(status) => {
                if reports_exit {
                    self.channel.write_exit_code(exit_code(status));
                }
                self.channel.finish().await
            }
            Err(end) => {
                let Terminal { master, child, killer } = self.terminal;
                // The terminal stays open meanwhile: a program that says good-bye must not block on it.
                hang_up(child, &killer, async {
                    let mut ignored = [0; 1024];
                    while matches!(master.read(&mut ignored).await, Ok(1..)) {}
                })
                .await;
                end
            }
        }
    }

    /// Moves bytes until the program and its output have ended.
    async fn serve(&mut self, mailbox: &mut mpsc::Receiver<Terminate>) -> Result<ExitStatus, End> {
        let mut buffer = vec![0; OUTPUT_BYTES];
        loop {
            self.take_input()?;
            if self.has_output_ended
                && let Some(status) = self.exit
            {
                return Ok(status);
            }
            let room = self.channel.write_capacity().min(buffer.len());
            let gives_up_at = match self.last_output {
                Some(last) if room > 0 => Some(last + LAST_OUTPUT_PATIENCE),
                _ => None,
            };
            let Terminal { master, child, .. } = &mut self.terminal;
            tokio::select! {
                driven = self.channel.drive() => driven?,
                read = master.read(&mut buffer[..room]), if room > 0 && !self.has_output_ended => match read {
                    Ok(count @ 1..) => {
                        self.channel.write(PayloadType::OUTPUT, &buffer[..count]);
                        self.last_output = self.exit.map(|_| SystemClock.now().instant);
                    }
                    Ok(0) | Err(_) => self.has_output_ended = true,
                },
                written = master.write(self.input.next()), if self.input.pending_bytes > 0 => match written {
                    Ok(count) => self.input.advance(count),
                    // Nobody will ever read it.
                    Err(_) => self.input.clear(),
                },
                status = child.wait(), if self.exit.is_none() => {
                    self.exit = Some(status.unwrap_or(ExitStatus::Code(1)));
                    self.last_output = Some(SystemClock.now().instant);
                    self.input.clear();
                }
                _ = mailbox.recv() => return Err(End::Terminated),
                () = sleep_until(gives_up_at) => self.has_output_ended = true,
            }
        }
    }

    /// Takes what the client sent, as long as there is room for input. What stays in the channel is not acknowledged.
    fn take_input(&mut self) -> Result<(), End> {
        while self.input.pending_bytes < PENDING_INPUT_BYTES {
            match self.channel.poll_event() {
                None => return Ok(()),
                Some(Event::ChannelClosed(_)) => return Err(End::Terminated),
                Some(Event::Undecipherable(error)) => return Err(End::Failed(error.to_string())),
                Some(Event::Data { payload_type: PayloadType::OUTPUT, payload }) if self.exit.is_none() => {
                    self.input.push(payload);
                }
                Some(Event::Data { payload_type: PayloadType::SIZE, payload }) => {
                    if let Ok(size) = Size::decode(&payload)
                        && let Err(error) = self.terminal.master.resize(terminal_size(size))
                    {
                        tracing::debug!(%error, "the terminal was not resized");
                    }
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// Waits a moment for the size that a client of AWS sends first. Whatever else it sends means that none will come.
async fn first_size<C: Connect>(channel: &mut SessionChannel<C>, input: &mut Input) -> Result<TerminalSize, End> {
    let deadline = SystemClock.now().instant + SIZE_PATIENCE;
    loop {
        while let Some(event) = channel.poll_event() {
            match event {
                Event::ChannelClosed(_) => return Err(End::Terminated),
                Event::Undecipherable(error) => return Err(End::Failed(error.to_string())),
                Event::Data { payload_type: PayloadType::SIZE, payload } => {
                    return Ok(Size::decode(&payload).map(terminal_size).unwrap_or_default());
                }
                Event::Data { payload_type: PayloadType::OUTPUT, payload } => {
                    input.push(payload);
                    return Ok(TerminalSize::default());
                }
                _ => {}
            }
        }
        tokio::select! {
            driven = channel.drive() => driven?,
            () = sleep_until(Some(deadline)) => return Ok(TerminalSize::default()),
        }
    }
}

impl Input {
    fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.pending_bytes += bytes.len();
            self.pending.push_back(bytes);
        }
    }

    fn next(&self) -> &[u8] {
        self.pending.front().map_or(&[], |bytes| bytes)
    }

    fn advance(&mut self, count: usize) {
        if let Some(front) = self.pending.front_mut() {
            front.advance(count);
            self.pending_bytes -= count;
            if front.is_empty() {
                self.pending.pop_front();
            }
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Ends the program and the job in the foreground: told first, killed when they do not listen. What was made to survive
/// a hangup in the background (`nohup … &`, `setsid`) is left alone. `meanwhile` keeps output from blocking the end.
async fn hang_up(mut child: Child, killer: &Killer, meanwhile: impl Future<Output = ()>) {
    let job = killer.foreground_job();
    let ended = async {
        let _ = killer.signal_group(Signal::Hangup);
        if let Some(job) = job {
            let _ = job.signal(Signal::Hangup);
        }
        let listened = async {
            let _ = child.wait().await;
            // Nobody tells when a group is empty, and this is the end of the session.
            while job.is_some_and(|job| job.is_alive()) {
                tokio::time::sleep(JOB_POLL).await;
            }
        };
        if tokio::time::timeout(KILL_GRACE, listened).await.is_err() {
            let _ = killer.signal_group(Signal::Kill);
            if let Some(job) = job {
                let _ = job.signal(Signal::Kill);
            }
            // Killed processes end, unless the kernel itself is stuck; then waiting would not help either.
            let _ = tokio::time::timeout(KILL_GRACE, child.wait()).await;
        }
    };
    let meanwhile = async {
        meanwhile.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = ended => {}
        () = meanwhile => {}
    }
}

/// A number as shells have it: a signal counts from 128.
pub(super) fn exit_code(status: ExitStatus) -> i64 {
    match status {
        ExitStatus::Code(code) => code.into(),
        ExitStatus::Signal(signal) => 128 + i64::from(signal),
    }
}

/// Agents cut both numbers to 16 bits (spec messages 5.4).
fn terminal_size(size: Size) -> TerminalSize {
    let cut = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
    TerminalSize { cols: cut(size.cols), rows: cut(size.rows) }
}
