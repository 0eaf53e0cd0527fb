//! Copying files: bytes between the data channel and a process of our own that runs as the session's user. This one
//! opens no file of the user's and reads nothing of what is said.

use std::collections::VecDeque;
use std::io;

use bytes::{Buf as _, Bytes};
use postern_protocol::channel::data_channel::Event;
use postern_protocol::wire::PayloadType;
use postern_pty::{Child, ExitStatus, Input, Killer, Output, Piped, Pipes, Program, Signal, spawn_piped};
use tokio::sync::mpsc;

use super::channel::SessionChannel;
use super::terminal::exit_code;
use super::{End, KILL_GRACE, Terminate};
use crate::link::Connect;

/// One payload. Nothing waits to fill it.
const OUTPUT_BYTES: usize = 32 * 1024;
/// Input that was taken and does not fit the pipe yet. With more, nothing further is taken, nor acknowledged.
const MAX_PENDING_BYTES: usize = 128 * 1024;
/// What the process says of its own failure is a sentence.
const MAX_COMPLAINT_BYTES: usize = 1024;
/// The shell's number for a program that cannot be executed.
const NOT_EXECUTABLE: i64 = 126;

/// Runs the copy to its end.
pub(super) async fn run<C: Connect>(
    channel: &mut SessionChannel<C>,
    program: io::Result<Program>,
    user: &str,
    mailbox: &mut mpsc::Receiver<Terminate>,
) -> End {
    let started = program.and_then(|program| {
        let piped = spawn_piped(&program, Pipes { stdin: true, stderr: true });
        piped.map_err(|error| {
            let program = program.program.display();
            io::Error::new(error.kind(), format!("{program} cannot be executed by the account {user}: {error}"))
        })
    });
    let Piped { stdin, stdout, stderr, child, killer } = match started {
        Ok(piped) => piped,
        Err(error) => {
            channel.write(PayloadType::STD_ERR, format!("the node cannot copy files: {error}").as_bytes());
            channel.write_exit_code(NOT_EXECUTABLE);
            return channel.finish().await;
        }
    };
    let pending = Pending { chunks: VecDeque::new(), bytes: 0 };
    let mut copy = Copy {
        channel,
        stdin,
        pending,
        stdout: Some(stdout),
        stderr,
        complaint: Vec::new(),
        child,
        killer,
        exit: None,
    };
    match copy.serve(mailbox).await {
        Ok(status) => {
            if !copy.complaint.is_empty() {
                copy.channel.write(PayloadType::STD_ERR, &copy.complaint);
            }
            copy.channel.write_exit_code(exit_code(status));
            copy.channel.finish().await
        }
        Err(end) => {
            copy.end().await;
            end
        }
    }
}

struct Copy<'a, C: Connect> {
    channel: &'a mut SessionChannel<C>,
    stdin: Option<Input>,
    pending: Pending,
    stdout: Option<Output>,
    stderr: Option<Output>,
    complaint: Vec<u8>,
    child: Child,
    killer: Killer,
    exit: Option<ExitStatus>,
}

/// Input on its way to the pipe.
struct Pending {
    chunks: VecDeque<Bytes>,
    bytes: usize,
}

impl<C: Connect> Copy<'_, C> {
    async fn serve(&mut self, mailbox: &mut mpsc::Receiver<Terminate>) -> Result<ExitStatus, End> {
        let mut buffer = vec![0; OUTPUT_BYTES];
        let mut complaint = vec![0; MAX_COMPLAINT_BYTES];
        loop {
            self.take_input()?;
            if self.stdout.is_none()
                && self.stderr.is_none()
                && let Some(status) = self.exit
            {
                return Ok(status);
            }
            let room = self.channel.write_capacity().min(buffer.len());
            let Self { channel, stdin, pending, stdout, stderr, child, exit, .. } = self;
            tokio::select! {
                driven = channel.drive() => driven?,
                read = read(stdout, &mut buffer[..room]), if room > 0 && stdout.is_some() => match read {
                    Ok(count @ 1..) => self.channel.write(PayloadType::OUTPUT, &buffer[..count]),
                    Ok(0) | Err(_) => self.stdout = None,
                },
                read = read(stderr, &mut complaint), if stderr.is_some() => match read {
                    Ok(count @ 1..) => {
                        let left = MAX_COMPLAINT_BYTES - self.complaint.len();
                        self.complaint.extend_from_slice(&complaint[..count.min(left)]);
                    }
                    Ok(0) | Err(_) => self.stderr = None,
                },
                written = pending.write_to(stdin), if pending.bytes > 0 && stdin.is_some() => {
                    if written.is_err() {
                        // It reads no further; what it has to say is still coming.
                        self.stdin = None;
                    }
                }
                status = child.wait(), if exit.is_none() => {
                    self.exit = Some(status.unwrap_or(ExitStatus::Code(1)));
                }
                _ = mailbox.recv() => return Err(End::Terminated),
            }
        }
    }

    fn take_input(&mut self) -> Result<(), End> {
        while self.pending.bytes < MAX_PENDING_BYTES {
            match self.channel.poll_event() {
                None => break,
                Some(Event::ChannelClosed(_)) => return Err(End::Terminated),
                Some(Event::Undecipherable(error)) => return Err(End::Failed(error.to_string())),
                Some(Event::Data { payload_type: PayloadType::OUTPUT, payload }) if self.stdin.is_some() => {
                    self.pending.bytes += payload.len();
                    self.pending.chunks.push_back(payload);
                }
                Some(_) => {}
            }
            if self.stdin.is_none() {
                self.pending = Pending { chunks: VecDeque::new(), bytes: 0 };
            }
        }
        Ok(())
    }

    /// Without its pipes the process tidies up and ends: it keeps a beginning that is worth something to the next copy,
    /// and nothing else. One that does not is killed.
    async fn end(&mut self) {
        (self.stdin, self.stdout, self.stderr) = (None, None, None);
        if self.exit.is_none() && tokio::time::timeout(KILL_GRACE, self.child.wait()).await.is_err() {
            let _ = self.killer.signal_group(Signal::Kill);
            let _ = tokio::time::timeout(KILL_GRACE, self.child.wait()).await;
        }
        self.channel.announce_end().await;
    }
}

impl Pending {
    /// Writes what the pipe takes. Cancel-safe.
    async fn write_to(&mut self, stdin: &mut Option<Input>) -> io::Result<()> {
        while self.chunks.front().is_some_and(Bytes::is_empty) {
            self.chunks.pop_front();
        }
        let (Some(stdin), Some(chunk)) = (stdin, self.chunks.front_mut()) else { return Ok(()) };
        let written = stdin.write(chunk).await?;
        chunk.advance(written);
        self.bytes -= written;
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        Ok(())
    }
}

async fn read(output: &mut Option<Output>, buffer: &mut [u8]) -> io::Result<usize> {
    match output {
        Some(output) => output.read(buffer).await,
        None => Ok(0),
    }
}
