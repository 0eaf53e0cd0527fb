//! The Unix half: `openpty`, process groups and sessions, passwd.

mod account;
mod before_exec;
mod piped;
mod process;
mod terminal;

pub use account::{Account, RunAs};
pub use piped::{Input, Output, Piped, spawn_piped};
pub use process::{Child, Job, Killer};
pub use terminal::{Master, Terminal, spawn_terminal};

use std::io;
use std::os::unix::process::CommandExt;

use before_exec::{BeforeExec, Session};

/// Makes `command` start its program in a session of its own, without any descriptor but the standard three, so
/// that it outlives the caller, its terminal and its process group.
pub fn detach(command: &mut std::process::Command) -> io::Result<()> {
    let before_exec = BeforeExec::new(Session::Detached, None, None)?;
    // SAFETY: `BeforeExec::run` makes only async-signal-safe calls on data prepared before the fork (see there).
    unsafe { command.pre_exec(move || before_exec.run()) };
    Ok(())
}
