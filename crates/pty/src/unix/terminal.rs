//! A program in a pseudo terminal of its own, and the master side of that terminal.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::sync::Arc;

use rustix::termios::Winsize;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::before_exec::{BeforeExec, Session};
use super::process::{Child, Killer};
use crate::{Program, TerminalSize};

/// A started program with its terminal.
#[derive(Debug)]
pub struct Terminal {
    /// Reads what the program prints, writes what is typed, resizes.
    pub master: Master,
    /// Waits for the program's end.
    pub child: Child,
    /// Signals it.
    pub killer: Killer,
}

/// The master side. Dropping it hangs the terminal up: the kernel tells the session leader and the foreground job.
#[derive(Debug)]
pub struct Master {
    descriptor: Arc<AsyncFd<OwnedFd>>,
}

/// Starts `program` as the leader of a new session whose controlling terminal has this size from the start.
/// Must be called inside a tokio runtime.
pub fn spawn_terminal(program: &Program, size: TerminalSize) -> io::Result<Terminal> {
    let (master, slave) = open_pair()?;
    rustix::termios::tcsetwinsize(&master, winsize(size))?;
    if let Some(run_as) = &program.run_as {
        // As sshd does: programs such as screen and mesg expect to own their terminal.
        rustix::fs::fchown(&slave, Some(rustix::fs::Uid::from_raw(run_as.uid)), None)?;
    }
    let before_exec = BeforeExec::new(Session::Terminal, program.run_as.clone(), Some(&program.directory))?;
    let mut command = command(program);
    command.stdin(Stdio::from(slave.try_clone()?)).stdout(Stdio::from(slave.try_clone()?)).stderr(Stdio::from(slave));
    // SAFETY: `BeforeExec::run` makes only async-signal-safe calls on data prepared before the fork (see there).
    unsafe { command.pre_exec(move || before_exec.run()) };

    rustix::io::ioctl_fionbio(&master, true)?;
    // SAFETY: an `OwnedFd` is open for as long as it lives, and `AsyncFd` keeps it without replacing it.
    let descriptor = Arc::new(unsafe { AsyncFd::register(master)? });
    // The command holds the slave; it must be gone when this returns, or the end of the program would never be
    // an end of file for us.
    let child = tokio::process::Command::from(command).spawn()?;
    let (child, killer) = Child::new(child, Some(&descriptor))?;
    Ok(Terminal { master: Master { descriptor }, child, killer })
}

/// What both kinds of program have in common.
pub(super) fn command(program: &Program) -> std::process::Command {
    let mut command = std::process::Command::new(&program.program);
    command.args(&program.args).env_clear().envs(program.env.iter().map(|(key, value)| (key, value)));
    if let Some(argv0) = &program.argv0 {
        command.arg0(argv0);
    }
    command
}

impl Master {
    /// Reads what the program printed: waits for something, then takes all that is there and fits. 0 is the end:
    /// nobody has the terminal open any more. Cancel-safe.
    pub async fn read(&self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            let tried = ready.try_io(|descriptor| read_available(descriptor.as_fd(), out));
            if let Ok(result) = tried {
                return result;
            }
        }
    }

    /// Reads what is there now; `None` when that is nothing (yet), `Some(0)` at the end.
    pub fn try_read(&self, out: &mut [u8]) -> io::Result<Option<usize>> {
        match read_available(self.descriptor.as_fd(), out) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Types `bytes`, as many as the terminal takes now, waiting until it takes any. Cancel-safe.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.descriptor
            .async_io(Interest::WRITABLE, |descriptor| {
                rustix::io::retry_on_intr(|| rustix::io::write(descriptor, bytes)).map_err(Into::into)
            })
            .await
    }

    /// Tells the terminal its new size; the foreground job gets SIGWINCH.
    pub fn resize(&self, size: TerminalSize) -> io::Result<()> {
        rustix::termios::tcsetwinsize(self.descriptor.as_fd(), winsize(size)).map_err(Into::into)
    }
}

/// A read returns at most one kernel buffer (4 KiB on Linux), so one wake-up reads on while there is more: payloads
/// grow with the flood and nothing waits to fill one. Linux says EIO where others say end of file.
fn read_available(descriptor: impl AsFd, out: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match rustix::io::retry_on_intr(|| rustix::io::read(descriptor.as_fd(), &mut out[filled..])) {
            Ok(0) | Err(rustix::io::Errno::IO) => break,
            Ok(count) => filled += count,
            // Found again by the next call, which then has nothing to give before it.
            Err(_) if filled > 0 => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}

fn winsize(size: TerminalSize) -> Winsize {
    Winsize { ws_col: size.cols, ws_row: size.rows, ws_xpixel: 0, ws_ypixel: 0 }
}

#[cfg(target_os = "linux")]
fn open_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    // Asking the master for its peer works in every mount namespace; a path under /dev/pts may lead elsewhere.
    let slave = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    Ok((master, slave))
}

/// Without flags that open with close-on-exec at once, another thread's fork may slip in between and keep the
/// master open; the agent's session workers have a single thread.
#[cfg(not(target_os = "linux"))]
fn open_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::fs::{Mode, OFlags, open};
    use rustix::io::{FdFlags, fcntl_setfd};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    fcntl_setfd(&master, FdFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let slave =
        open(ptsname(&master, Vec::new())?.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    Ok((master, slave))
}
