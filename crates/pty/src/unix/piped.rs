//! A program behind plain pipes: no terminal, empty standard input, a process group of its own.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use tokio::net::unix::pipe;

use super::before_exec::{BeforeExec, Session};
use super::process::{Child, Killer};
use super::terminal::command;
use crate::Program;

/// A started program with its output.
#[derive(Debug)]
pub struct Piped {
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

/// Starts `program` with nothing on its standard input. `separate` gives standard error a pipe of its own; else
/// both streams share one, in the order they were written. On Linux the program ends with the thread that started
/// it. Must be called inside a tokio runtime.
pub fn spawn_piped(program: &Program, separate: bool) -> io::Result<Piped> {
    let before_exec = BeforeExec::new(Session::Piped, program.run_as.clone(), Some(&program.directory))?;
    let mut command = command(program);
    let (stdout, writer) = io::pipe()?;
    let stderr = if separate {
        let (stderr, stderr_writer) = io::pipe()?;
        command.stderr(Stdio::from(stderr_writer));
        Some(stderr)
    } else {
        command.stderr(Stdio::from(writer.try_clone()?));
        None
    };
    command.stdin(Stdio::null()).stdout(Stdio::from(writer));
    // SAFETY: `BeforeExec::run` makes only async-signal-safe calls on data prepared before the fork (see there).
    unsafe { command.pre_exec(move || before_exec.run()) };
    let child = tokio::process::Command::from(command).spawn()?;
    let (child, killer) = Child::new(child, None)?;
    Ok(Piped { stdout: Output::new(stdout)?, stderr: stderr.map(Output::new).transpose()?, child, killer })
}

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
