//! The user's side of a session as the session sees it: what comes in, and where output goes.
//!
//! Reading and writing happen on two threads of their own, because a terminal or pipe may block for as long as it
//! likes: a stopped terminal must not keep ^C from the node. Both are bounded: the reader stops after a few reads
//! that nobody took, the writer holds one batch.

mod input;
#[cfg(any(windows, test))]
mod keys;
mod output;

pub(crate) use input::Input;
pub(crate) use output::{Batch, Output, Stream};

use tokio::sync::mpsc;

/// The two ends a session is connected to.
pub struct Console {
    /// Standard input is a terminal: raw mode, escapes, signals as bytes.
    pub(crate) typed: bool,
    pub(crate) input: InputSource,
    pub(crate) output: Output,
}

/// Where input comes from once the session wants it.
pub(crate) enum InputSource {
    /// Standard input, read only when the session has begun: keys typed before belong to the shell that started us.
    Process,
    /// A test's script.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests have scripts"))]
    Given(mpsc::Receiver<Input>),
}

impl Console {
    /// Standard input, output and error of this process.
    pub fn of_process() -> std::io::Result<Console> {
        let output = Output::start(output::process_streams()?)?;
        Ok(Console { typed: crate::terminal::is_typed(), input: InputSource::Process, output })
    }
}

impl InputSource {
    pub(crate) fn open(self, typed: bool) -> std::io::Result<mpsc::Receiver<Input>> {
        match self {
            InputSource::Process => input::read_process(typed),
            InputSource::Given(receiver) => Ok(receiver),
        }
    }
}
