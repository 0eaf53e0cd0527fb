//! What a child does between fork and exec, in the order that matters: signals, descriptors, session, terminal,
//! user, directory.

use std::ffi::CString;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::account::RunAs;

/// Which session the program belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Session {
    /// A new one whose controlling terminal is standard input.
    Terminal,
    /// A new one without a terminal, ended by the kernel should the parent die.
    Piped,
    /// A new one without a terminal that outlives the parent.
    Detached,
}

/// Prepared before the fork, so that the child allocates nothing and asks nobody.
pub(super) struct BeforeExec {
    session: Session,
    run_as: Option<RunAs>,
    directory: Option<CString>,
}

impl BeforeExec {
    pub(super) fn new(session: Session, run_as: Option<RunAs>, directory: Option<&Path>) -> io::Result<Self> {
        let directory = directory
            .map(|path| CString::new(path.as_os_str().as_bytes()))
            .transpose()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a directory name contains NUL"))?;
        Ok(Self { session, run_as, directory })
    }

    /// Runs in the forked child. Everything called here is a plain system call: no allocation, no lock, no name
    /// service. The standard streams are already in place.
    pub(super) fn run(&self) -> io::Result<()> {
        reset_signals();
        close_on_exec_from(3);
        rustix::process::setsid()?;
        if self.session == Session::Terminal {
            // SAFETY: descriptor 0 is open in this child (the spawner put the terminal there) until exec.
            let terminal = unsafe { BorrowedFd::borrow_raw(0) };
            rustix::process::ioctl_tiocsctty(terminal)?;
        }
        if let Some(run_as) = &self.run_as {
            become_user(run_as)?;
        }
        // After the change of user, which clears it.
        #[cfg(target_os = "linux")]
        if self.session == Session::Piped {
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        }
        if let Some(directory) = &self.directory
            && rustix::process::chdir(directory.as_c_str()).is_err()
        {
            rustix::process::chdir(c"/")?;
        }
        Ok(())
    }
}

/// An ignored signal stays ignored across exec: an agent started by nohup would give its shells deaf ears.
fn reset_signals() {
    for signal in 1..32 {
        // SAFETY: setting the default disposition installs no handler; KILL and STOP fail harmlessly.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Descriptors that somebody opened without close-on-exec must not reach a user's shell.
fn close_on_exec_from(first: libc::c_uint) {
    #[cfg(target_os = "linux")]
    // SAFETY: marks descriptors, closes none; a kernel without the call (before 5.11) refuses it, and then the
    // flags that every descriptor of ours is opened with have to do.
    unsafe {
        libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = first;
}

/// Groups first, user last: afterwards there is no privilege left to do the rest with.
fn become_user(run_as: &RunAs) -> io::Result<()> {
    // SAFETY: the pointer and the length belong to the same vector.
    let done = unsafe {
        libc::setgroups(run_as.groups.len() as _, run_as.groups.as_ptr()) == 0
            && libc::setgid(run_as.gid) == 0
            && libc::setuid(run_as.uid) == 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}
