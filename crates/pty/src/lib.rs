//! Programs in a terminal of their own, programs behind plain pipes, and the accounts they run as.
//!
//! Master, child and killer are separate handles because they have three owners: the task that moves bytes,
//! the task that waits for the end, and whoever decides that it is time to end. One name, two platform modules
//! behind it. Everything a child inherits is listed here: its three standard streams and nothing else.
//!
//! This crate refuses to choose: no default shell, no default user, no environment beyond what it is given.
#![allow(
    unsafe_code,
    reason = "what runs between fork and exec, the passwd functions of libc and the pseudo console have no safe interface; every block says why it holds"
)]

use std::ffi::OsString;
use std::path::PathBuf;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as platform;

pub use platform::{
    Account, Child, Input, Job, Killer, Master, Output, Piped, RunAs, Terminal, detach, spawn_piped, spawn_terminal,
};

/// A terminal's size in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl Default for TerminalSize {
    /// What a terminal is taken to be until somebody says otherwise.
    fn default() -> Self {
        Self { cols: 80, rows: 24 }
    }
}

/// The pipes of a program without a terminal. Standard output always has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pipes {
    /// Standard input has one; else there is nothing to read there.
    pub stdin: bool,
    /// Standard error has one of its own; else it shares that of standard output, in the order of writing.
    pub stderr: bool,
}

/// A program to start. Nothing is inherited: the environment is exactly `env`.
#[derive(Clone, Debug)]
pub struct Program {
    /// What to execute: a path, or a bare name that is looked up in the `PATH` of `env`.
    pub program: OsString,
    /// The name the program sees as its own; a leading `-` makes a shell a login shell. Unix only.
    pub argv0: Option<OsString>,
    /// Arguments after the name.
    pub args: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Working directory, entered as the user the program runs as; `/` when it cannot be entered (as login(1) does).
    pub directory: PathBuf,
    /// Another account to run as (needs privilege), or the caller's own.
    pub run_as: Option<RunAs>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It exited with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

/// What can be asked of running programs; a platform without signals maps them to its nearest act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The terminal is gone.
    Hangup,
    /// `^C`.
    Interrupt,
    /// `^\`.
    Quit,
    /// Please end.
    Terminate,
    /// End now; cannot be refused.
    Kill,
}
