//! The Windows half: the pseudo console, job objects, and threads for pipes that cannot be waited on together.

mod account;
mod console;
mod pipe;
mod piped;
mod process;

pub use account::{Account, RunAs};
pub use console::{Master, Terminal, spawn_terminal};
pub use piped::{Input, Output, Piped, spawn_piped};
pub use process::{Child, Job, Killer};

use std::io;
use std::os::windows::process::CommandExt;

use windows_sys::Win32::System::Threading::{CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW};

/// Makes `command` start its program without a console and outside the caller's process group and job, so that it
/// outlives the caller.
pub fn detach(command: &mut std::process::Command) -> io::Result<()> {
    command.creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP | CREATE_BREAKAWAY_FROM_JOB);
    Ok(())
}
