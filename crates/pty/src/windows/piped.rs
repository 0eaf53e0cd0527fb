//! A program behind plain pipes: no console, a job of its own.

use std::fs::File;
use std::io;
use std::os::windows::io::OwnedHandle;
use std::os::windows::process::CommandExt;
use std::process::Stdio;

use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW};

use super::pipe::{PipeReader, PipeWriter};
use super::process::{Child, Killer};
use crate::{Pipes, Program};

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
    /// Ends it.
    pub killer: Killer,
}

/// The reading end of a pipe.
#[derive(Debug)]
pub struct Output {
    reader: PipeReader,
}

/// The writing end of a pipe.
#[derive(Debug)]
pub struct Input {
    writer: PipeWriter,
}

/// Starts `program` behind these pipes.
pub fn spawn_piped(program: &Program, pipes: Pipes) -> io::Result<Piped> {
    let mut command = std::process::Command::new(&program.program);
    command
        .args(&program.args)
        .env_clear()
        .envs(program.env.iter().map(|(key, value)| (key, value)))
        .current_dir(&program.directory)
        .creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP);
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
    let process = command.stdout(Stdio::from(writer)).spawn()?;
    let (child, killer) = Child::new(OwnedHandle::from(process), || ())?;
    Ok(Piped {
        stdin: stdin.map(Input::new).transpose()?,
        stdout: Output::new(stdout)?,
        stderr: stderr.map(Output::new).transpose()?,
        child,
        killer,
    })
}

impl Output {
    fn new(reader: io::PipeReader) -> io::Result<Self> {
        Ok(Self { reader: PipeReader::new(File::from(OwnedHandle::from(reader)))? })
    }

    /// Reads what the program wrote; 0 when every writer is gone. Cancel-safe.
    pub async fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.reader.read(out).await)
    }
}

impl Input {
    fn new(writer: io::PipeWriter) -> io::Result<Self> {
        Ok(Self { writer: PipeWriter::new(File::from(OwnedHandle::from(writer)))? })
    }

    /// Gives the program as much as there is room for, and waits until that is something. A broken pipe means that
    /// nobody reads any more. Cancel-safe.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes).await
    }
}
