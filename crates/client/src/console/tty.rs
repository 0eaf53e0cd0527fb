//! A terminal read and written by the session's own task, through file descriptions of our own: those that we were
//! started with are shared with the shell that started us, and must stay blocking.
//!
//! tokio's pipe ends serve as the non-blocking files: they ask of a descriptor only that it can be polled.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use bytes::{Buf as _, Bytes};
use rustix::fs::OFlags;
use tokio::net::unix::pipe;

use super::input::{Input, READ_BYTES};
use super::output::{Batch, joined};

/// What a person types.
pub(crate) struct TerminalInput {
    file: pipe::Receiver,
    buffer: Box<[u8]>,
}

impl TerminalInput {
    /// The terminal of standard input; none if it is no terminal, or belongs to somebody else (as after `su`).
    pub(super) fn of_process() -> Option<TerminalInput> {
        let file = reopen(&name_of(io::stdin())?, OpenOptions::new().read(true)).ok()?;
        Some(TerminalInput {
            file: pipe::Receiver::from_file_unchecked(file).ok()?,
            buffer: vec![0; READ_BYTES].into(),
        })
    }

    /// The next keys. Cancel-safe.
    pub(super) async fn next(&mut self) -> Input {
        loop {
            if self.file.readable().await.is_err() {
                return Input::End;
            }
            match self.file.try_read(&mut self.buffer) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                // A terminal that is gone reads as an error or as nothing.
                Err(_) | Ok(0) => return Input::End,
                Ok(read) => {
                    return Input::Bytes(Bytes::copy_from_slice(self.buffer.get(..read).unwrap_or_default()));
                }
            }
        }
    }
}

/// A screen. What it does not take at once waits here, one batch at most.
pub(crate) struct TerminalOutput {
    file: pipe::Sender,
    rest: Bytes,
    failure: Option<io::Error>,
}

impl TerminalOutput {
    /// The terminal that both standard output and standard error go to; none if there is no such one.
    pub(super) fn of_process() -> Option<TerminalOutput> {
        let name = name_of(io::stdout())?;
        if name_of(io::stderr())? != name {
            return None;
        }
        let file = reopen(&name, OpenOptions::new().write(true)).ok()?;
        let file = pipe::Sender::from_file_unchecked(file).ok()?;
        Some(TerminalOutput { file, rest: Bytes::new(), failure: None })
    }

    pub(super) fn is_idle(&self) -> bool {
        self.rest.is_empty() && self.failure.is_none()
    }

    /// Writes what the terminal takes now. Only while idle.
    pub(super) fn write(&mut self, batch: Batch) {
        self.rest = joined(&batch);
        self.failure = self.write_some().err();
    }

    /// Waits for the rest to be written. Cancel-safe; never ready while idle.
    pub(super) async fn written(&mut self) -> io::Result<()> {
        if self.is_idle() {
            return std::future::pending().await;
        }
        while self.failure.is_none() && !self.rest.is_empty() {
            self.failure = self.file.writable().await.and_then(|()| self.write_some()).err();
        }
        match self.failure.take() {
            Some(failure) => {
                self.rest.clear();
                Err(failure)
            }
            None => Ok(()),
        }
    }

    /// Writes until all is written or the terminal takes no more.
    fn write_some(&mut self) -> io::Result<()> {
        while !self.rest.is_empty() {
            match self.file.try_write(&self.rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => self.rest.advance(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn name_of(file: impl AsFd) -> Option<Vec<u8>> {
    rustix::termios::ttyname(file, Vec::new()).ok().map(std::ffi::CString::into_bytes)
}

fn reopen(name: &[u8], options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    options.custom_flags(flags.bits().cast_signed()).open(Path::new(std::ffi::OsStr::from_bytes(name)))
}
