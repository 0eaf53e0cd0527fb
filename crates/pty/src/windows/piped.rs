//! A program behind plain pipes: no console, empty standard input, a job of its own.

use std::fs::File;
use std::io;
use std::os::windows::io::OwnedHandle;
use std::os::windows::process::CommandExt;
use std::process::Stdio;

use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW};

use super::pipe::PipeReader;
use super::process::{Child, Killer};
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
    /// Ends it.
    pub killer: Killer,
}

/// The reading end of a pipe.
#[derive(Debug)]
pub struct Output {
    reader: PipeReader,
}

/// Starts `program` with nothing on its standard input. `separate` gives standard error a pipe of its own; else
/// both streams share one, in the order they were written.
pub fn spawn_piped(program: &Program, separate: bool) -> io::Result<Piped> {
    let mut command = std::process::Command::new(&program.program);
    command
        .args(&program.args)
        .env_clear()
        .envs(program.env.iter().map(|(key, value)| (key, value)))
        .current_dir(&program.directory)
        .creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP);
    let (stdout, writer) = io::pipe()?;
    let stderr = if separate {
        let (stderr, stderr_writer) = io::pipe()?;
        command.stderr(Stdio::from(stderr_writer));
        Some(stderr)
    } else {
        command.stderr(Stdio::from(writer.try_clone()?));
        None
    };
    let process = command.stdin(Stdio::null()).stdout(Stdio::from(writer)).spawn()?;
    let (child, killer) = Child::new(OwnedHandle::from(process), || ())?;
    Ok(Piped { stdout: Output::new(stdout)?, stderr: stderr.map(Output::new).transpose()?, child, killer })
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
