//! A running program: waiting for it, and signalling it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use rustix::process::Pid;
use tokio::io::unix::AsyncFd;

use crate::{ExitStatus, Signal};

/// The program itself. Dropping it neither ends the program nor waits for it.
#[derive(Debug)]
pub struct Child {
    inner: tokio::process::Child,
    reaped: Arc<AtomicBool>,
}

/// Sends signals. It holds neither the terminal nor the program alive.
#[derive(Clone, Debug)]
pub struct Killer {
    leader: Pid,
    reaped: Arc<AtomicBool>,
    terminal: Option<Weak<AsyncFd<OwnedFd>>>,
}

impl Child {
    pub(super) fn new(
        inner: tokio::process::Child,
        terminal: Option<&Arc<AsyncFd<OwnedFd>>>,
    ) -> io::Result<(Self, Killer)> {
        let leader = inner
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .ok_or_else(|| io::Error::other("the program ended before it had a process id"))?;
        let reaped = Arc::new(AtomicBool::new(false));
        let killer = Killer { leader, reaped: Arc::clone(&reaped), terminal: terminal.map(Arc::downgrade) };
        Ok((Self { inner, reaped }, killer))
    }

    /// Waits for the end. Cancel-safe; may be called again afterwards.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.inner.wait().await?;
        self.reaped.store(true, Ordering::Release);
        Ok(match (status.code(), status.signal()) {
            (Some(code), _) => ExitStatus::Code(code),
            (None, Some(signal)) => ExitStatus::Signal(signal),
            (None, None) => ExitStatus::Code(1),
        })
    }
}

impl Killer {
    /// Signals whatever runs in the foreground: the job that `^C` would reach in a terminal, otherwise the
    /// program's own group.
    pub fn signal_foreground(&self, signal: Signal) -> io::Result<()> {
        match self.foreground() {
            Some(group) => kill_group(group, signal),
            None => self.signal_group(signal),
        }
    }

    /// Signals the program's own process group, unless the program has ended: its number may be somebody else's.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        if self.reaped.load(Ordering::Acquire) {
            return Ok(());
        }
        kill_group(self.leader, signal)
    }

    /// The job in the terminal's foreground, to be ended together with the program; it may outlive the program.
    /// `None`: the program itself is in the foreground, or there is no terminal.
    pub fn foreground_job(&self) -> Option<Job> {
        self.foreground().filter(|group| *group != self.leader).map(|group| Job { group })
    }

    /// Signals the group of a piped program even after the program itself has ended. Only for as long as one of
    /// its pipes is open: while a member of the group lives, the kernel gives its number to nobody else.
    pub fn signal_remaining(&self, signal: Signal) -> io::Result<()> {
        kill_group(self.leader, signal)
    }

    fn foreground(&self) -> Option<Pid> {
        let terminal = self.terminal.as_ref()?.upgrade()?;
        rustix::termios::tcgetpgrp(terminal.get_ref().as_fd()).ok()
    }
}

/// A process group that ran in a terminal's foreground.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    group: Pid,
}

impl Job {
    /// Whether any process of it is left. While one is, the kernel gives the group's number to nobody else; so ask
    /// and signal in quick succession.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        rustix::process::test_kill_process_group(self.group).is_ok()
    }

    /// Signals all of it.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        kill_group(self.group, signal)
    }
}

fn kill_group(group: Pid, signal: Signal) -> io::Result<()> {
    let signal = match signal {
        Signal::Hangup => rustix::process::Signal::HUP,
        Signal::Interrupt => rustix::process::Signal::INT,
        Signal::Quit => rustix::process::Signal::QUIT,
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    match rustix::process::kill_process_group(group, signal) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => other.map_err(Into::into),
    }
}
