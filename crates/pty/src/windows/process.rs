//! A running program and its descendants, held together by a job object.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::sync::Arc;

use tokio::sync::watch;
use windows_sys::Win32::Foundation::{HANDLE, WAIT_FAILED};
use windows_sys::Win32::System::JobObjects::{AssignProcessToJobObject, CreateJobObjectW, TerminateJobObject};
use windows_sys::Win32::System::Threading::{GetExitCodeProcess, INFINITE, WaitForSingleObject};

use crate::{ExitStatus, Signal};

/// What a killed program's exit code is: the one that `^C` leaves (STATUS_CONTROL_C_EXIT).
const KILLED: u32 = 0xC000_013A;

/// The program itself. Dropping it neither ends the program nor waits for it.
#[derive(Debug)]
pub struct Child {
    status: watch::Receiver<Option<u32>>,
}

/// Ends the program with everything it started.
#[derive(Clone, Debug)]
pub struct Killer {
    job: Arc<OwnedHandle>,
}

impl Child {
    /// Takes charge of a process that was created just now. `on_end` runs on the waiting thread after the end.
    pub(super) fn new(process: OwnedHandle, on_end: impl FnOnce() + Send + 'static) -> io::Result<(Self, Killer)> {
        // SAFETY: no name, default security; the returned handle is checked before it is owned.
        let job = unsafe { CreateJobObjectW(std::ptr::null(), std::ptr::null()) };
        if job.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a valid handle that nobody else owns.
        let job = unsafe { OwnedHandle::from_raw_handle(job) };
        // SAFETY: both handles are open for the call.
        if unsafe { AssignProcessToJobObject(raw(&job), raw(&process)) } == 0 {
            return Err(io::Error::last_os_error());
        }
        let (sender, status) = watch::channel(None);
        std::thread::Builder::new().name("process-wait".into()).stack_size(64 * 1024).spawn(move || {
            let mut code = 1;
            // SAFETY: the thread owns the handle, and `code` outlives the call.
            unsafe {
                if WaitForSingleObject(raw(&process), INFINITE) != WAIT_FAILED {
                    GetExitCodeProcess(raw(&process), &mut code);
                }
            }
            sender.send_replace(Some(code));
            on_end();
        })?;
        Ok((Self { status }, Killer { job: Arc::new(job) }))
    }

    /// Waits for the end. Cancel-safe; may be called again afterwards.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let code = self
            .status
            .wait_for(Option::is_some)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?
            .unwrap_or(1);
        Ok(if code == KILLED { ExitStatus::Signal(2) } else { ExitStatus::Code(code.cast_signed()) })
    }
}

impl Killer {
    /// Both interrupts end the program here (spec session-types §5); a hangup comes from closing the console.
    pub fn signal_foreground(&self, signal: Signal) -> io::Result<()> {
        self.signal_group(signal)
    }

    /// Ends the program and everything it started, except on a hangup.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        if signal == Signal::Hangup {
            return Ok(());
        }
        // SAFETY: the job handle is open for as long as `self` lives.
        if unsafe { TerminateJobObject(raw(&self.job), KILLED) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// The job object holds everything the program started, so nothing has to be ended beside it.
    pub fn foreground_job(&self) -> Option<Job> {
        None
    }

    /// See [`Self::signal_group`]; a job outlives the program that it was made for.
    pub fn signal_remaining(&self, signal: Signal) -> io::Result<()> {
        self.signal_group(signal)
    }
}

/// A job in a terminal's foreground. There are none here: a value of this type cannot exist.
#[derive(Clone, Copy, Debug)]
pub enum Job {}

impl Job {
    /// Never asked.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        match *self {}
    }

    /// Never asked.
    pub fn signal(&self, _signal: Signal) -> io::Result<()> {
        match *self {}
    }
}

pub(super) fn raw(handle: &OwnedHandle) -> HANDLE {
    handle.as_raw_handle()
}
