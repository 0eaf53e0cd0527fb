//! A program behind plain pipes: no terminal, a process group of its own.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use tokio::net::unix::pipe;

use super::before_exec::{BeforeExec, Session};
use super::process::{Child, Killer};
use super::terminal::command;
use crate::{Pipes, Program};

/// What a pipe of data holds. An account may have 64 MiB in all its pipes; beyond that, new ones are tiny.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 256 * 1024;

/// A started program with its pipes.
#[derive(Debug)]
pub struct Piped {
    /// Standard input, when it was asked for; dropping it is the end of input.
    pub stdin: Option<Input>,
    /// Standard output; with both streams on one pipe, everything.
    pub stdout: Output,
    /// Standard error, when it was asked for separately.
    pub stderr: Option<Output>,
    /// Waits for the program's end.
    pub child: Child,
    /// Signals it.
    pub killer: Killer,
}

/// The reading end of a pipe.
#[derive(Debug)]
pub struct Output {
    receiver: pipe::Receiver,
}

/// The writing end of a pipe.
#[derive(Debug)]
pub struct Input {
    sender: pipe::Sender,
}

/// Starts `program` behind these pipes. On Linux the program ends with the thread that started it. Must be called
/// inside a tokio runtime.
pub fn spawn_piped(program: &Program, pipes: Pipes) -> io::Result<Piped> {
    let before_exec = BeforeExec::new(Session::Piped, program.run_as.clone(), Some(&program.directory))?;
    let mut command = command(program);
    let (stdout, writer) = io::pipe()?;
    let stderr = if pipes.stderr {
        let (stderr, stderr_writer) = io::pipe()?;
        command.stderr(Stdio::from(stderr_writer));
        Some(stderr)
    } else {
        command.stderr(Stdio::from(writer.try_clone()?));
        None
    };
    let stdin = if pipes.stdin {
        let (reader, stdin) = io::pipe()?;
        command.stdin(Stdio::from(reader));
        Some(stdin)
    } else {
        command.stdin(Stdio::null());
        None
    };
    command.stdout(Stdio::from(writer));
    widen(&stdout);
    stdin.iter().for_each(widen);
    // SAFETY: `BeforeExec::run` makes only async-signal-safe calls on data prepared before the fork (see there).
    unsafe { command.pre_exec(move || before_exec.run()) };
    let child = tokio::process::Command::from(command).spawn()?;
    let (child, killer) = Child::new(child, None)?;
    Ok(Piped {
        stdin: stdin.map(Input::new).transpose()?,
        stdout: Output::new(stdout)?,
        stderr: stderr.map(Output::new).transpose()?,
        child,
        killer,
    })
}

/// Lets both ends of a pipe work at the same time: with the usual 64 KiB each waits until the other has filled or
/// emptied it. What the system does not allow is left as it is.
#[cfg(target_os = "linux")]
fn widen(pipe: &impl AsFd) {
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES);
}

#[cfg(not(target_os = "linux"))]
fn widen(_: &impl AsFd) {}

impl Output {
    fn new(reader: io::PipeReader) -> io::Result<Self> {
        Ok(Self { receiver: pipe::Receiver::from_owned_fd(OwnedFd::from(reader))? })
    }

    /// Reads what the program wrote; 0 when every writer is gone. Cancel-safe.
    pub async fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            self.receiver.readable().await?;
            match self.receiver.try_read(out) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }
}

impl Input {
    fn new(writer: io::PipeWriter) -> io::Result<Self> {
        Ok(Self { sender: pipe::Sender::from_owned_fd(OwnedFd::from(writer))? })
    }

    /// Gives the program as much as its pipe takes, and waits until that is something. A broken pipe means that
    /// nobody reads any more. Cancel-safe.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.sender.writable().await?;
            match self.sender.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }
}
