//! The user's side of a session as the session sees it: what comes in, and where output goes.
//!
//! A terminal or pipe may block for as long as it likes, and a stopped terminal must not keep ^C from the node. So a
//! terminal is opened anew for non-blocking use by the session's own task (`tty`), which saves a key two changes of
//! thread; where that cannot be, and for pipes and files, reading and writing happen on two threads of their own. Both
//! ways are bounded: a reader stops after a few reads that nobody took, a writer holds one batch.

mod input;
#[cfg(any(windows, test))]
mod keys;
mod output;
#[cfg(target_os = "linux")]
mod tty;

pub use input::Input;
pub(crate) use input::Keys;
pub(crate) use output::{Batch, Output, Stream};

use std::io::Write;

use tokio::sync::mpsc;

/// What a session is connected to on the user's side.
pub struct Console {
    /// Standard input is a terminal: raw mode, escapes, signals as bytes.
    pub(crate) typed: bool,
    pub(crate) source: Source,
    pub(crate) output: Output,
}

/// Where input comes from once the session wants it.
pub(crate) enum Source {
    /// Standard input, read only when the session has begun: keys typed before belong to the shell that started us.
    Process,
    /// Another part of the program.
    Given(mpsc::Receiver<Input>),
}

impl Console {
    /// Standard input, output and error of this process. Has to be called where tokio's I/O runs.
    pub fn of_process() -> std::io::Result<Console> {
        let output = Output::of_process()?;
        Ok(Console { typed: crate::terminal::is_typed(), source: Source::Process, output })
    }

    /// Other ends, for a program that has no terminal to give. The writers may block.
    pub fn new(
        input: mpsc::Receiver<Input>,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> std::io::Result<Console> {
        Ok(Console { typed: false, source: Source::Given(input), output: Output::start((out, err))? })
    }
}

impl Source {
    pub(crate) fn open(self, typed: bool) -> std::io::Result<Keys> {
        match self {
            Source::Process => Keys::of_process(typed),
            Source::Given(receiver) => Ok(Keys::Queue(receiver)),
        }
    }
}
