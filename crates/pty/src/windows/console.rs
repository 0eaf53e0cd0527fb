//! A program in a pseudo console.
//!
//! The recipe (two pipes, flags 0, the attribute list, standard handles set to null) was proved under wine; why each
//! step is needed stands beside it. The console is closed by a thread, because closing waits for its last output.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;
use windows_sys::Win32::Foundation::{HANDLE, S_OK};
use windows_sys::Win32::System::Console::{COORD, ClosePseudoConsole, CreatePseudoConsole, HPCON, ResizePseudoConsole};
use windows_sys::Win32::System::Threading::{
    CREATE_UNICODE_ENVIRONMENT, CreateProcessW, DeleteProcThreadAttributeList, EXTENDED_STARTUPINFO_PRESENT,
    InitializeProcThreadAttributeList, LPPROC_THREAD_ATTRIBUTE_LIST, PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE,
    PROCESS_INFORMATION, STARTF_USESTDHANDLES, STARTUPINFOEXW, UpdateProcThreadAttribute,
};

use super::pipe::{PipeReader, PipeWriter};
use super::process::{Child, Killer, raw};
use crate::{Program, TerminalSize};

/// A started program with its console.
#[derive(Debug)]
pub struct Terminal {
    /// Reads what the program prints, writes what is typed, resizes.
    pub master: Master,
    /// Waits for the program's end.
    pub child: Child,
    /// Ends it.
    pub killer: Killer,
}

/// The outer side of the console. Dropping it closes the console, which ends what runs in it.
#[derive(Debug)]
pub struct Master {
    console: Arc<Console>,
    output: AsyncMutex<PipeReader>,
    input: PipeWriter,
}

/// Starts `program` in a console of this size. When the program ends, the console is closed, so that reading its
/// output comes to an end as it does on Unix.
pub fn spawn_terminal(program: &Program, size: TerminalSize) -> io::Result<Terminal> {
    let (input_reader, input_writer) = io::pipe()?;
    let (output_reader, output_writer) = io::pipe()?;
    let (console_input, console_output) = (OwnedHandle::from(input_reader), OwnedHandle::from(output_writer));
    let console = Arc::new(Console::create(size, &console_input, &console_output)?);
    // The console has handles of its own now; ours would keep the output from ever ending.
    drop((console_input, console_output));
    let process = console.spawn(program)?;
    let closing = Arc::clone(&console);
    // Blocks until the last output was read, so it has a thread to do it on.
    let (child, killer) = Child::new(process, move || closing.close())?;
    Ok(Terminal {
        master: Master {
            console,
            output: AsyncMutex::new(PipeReader::new(File::from(OwnedHandle::from(output_reader)))?),
            input: PipeWriter::new(File::from(OwnedHandle::from(input_writer)))?,
        },
        child,
        killer,
    })
}

impl Master {
    /// Reads what the program printed; 0 is the end. Cancel-safe.
    pub async fn read(&self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.output.lock().await.read(out).await)
    }

    /// Reads what is there now; `None` when that is nothing (yet), `Some(0)` at the end.
    pub fn try_read(&self, out: &mut [u8]) -> io::Result<Option<usize>> {
        Ok(self.output.try_lock().ok().and_then(|mut output| output.try_read(out)))
    }

    /// Types `bytes`, as many as are taken now, waiting until any are. Cancel-safe.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.input.write(bytes).await
    }

    /// Tells the console its new size.
    pub fn resize(&self, size: TerminalSize) -> io::Result<()> {
        self.console.resize(size)
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let console = Arc::clone(&self.console);
        // Closing waits for the output to be read, which the reading thread does even when nobody listens. Without
        // a thread the console stays until the process ends, and that is all there is to do about it.
        let _ = std::thread::Builder::new().name("console-close".into()).spawn(move || console.close());
    }
}

/// The pseudo console handle; `None` once closed.
#[derive(Debug)]
struct Console {
    handle: Mutex<Option<HPCON>>,
}

impl Console {
    fn create(size: TerminalSize, input: &OwnedHandle, output: &OwnedHandle) -> io::Result<Self> {
        let mut handle: HPCON = 0;
        // SAFETY: both handles are open for the call and `handle` outlives it. Flags 0: INHERIT_CURSOR would wait
        // for an answer to a cursor query, which a service never gives.
        let result = unsafe { CreatePseudoConsole(coordinates(size), raw(input), raw(output), 0, &mut handle) };
        checked(result)?;
        Ok(Self { handle: Mutex::new(Some(handle)) })
    }

    fn resize(&self, size: TerminalSize) -> io::Result<()> {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        match *handle {
            // SAFETY: the lock keeps the handle from being closed during the call.
            Some(handle) => checked(unsafe { ResizePseudoConsole(handle, coordinates(size)) }),
            None => Ok(()),
        }
    }

    fn close(&self) {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            // SAFETY: taken out of its place, so nobody uses or closes it again.
            unsafe { ClosePseudoConsole(handle) };
        }
    }

    fn spawn(&self, program: &Program) -> io::Result<OwnedHandle> {
        let guard = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = guard.ok_or(io::ErrorKind::BrokenPipe)?;
        let mut attributes = AttributeList::for_console(handle)?;
        let mut command_line = command_line(program);
        let environment = environment_block(program);
        let directory = wide(program.directory.as_os_str());
        // SAFETY: a C struct of integers and pointers, for which all zeroes is a valid value.
        let mut startup: STARTUPINFOEXW = unsafe { std::mem::zeroed() };
        startup.StartupInfo.cb = u32::try_from(size_of::<STARTUPINFOEXW>()).map_err(io::Error::other)?;
        // Null standard handles, said explicitly: else a parent whose own are redirected leaks them into the child,
        // which then prints past its console.
        startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
        startup.lpAttributeList = attributes.pointer();
        // SAFETY: as above.
        let mut process: PROCESS_INFORMATION = unsafe { std::mem::zeroed() };
        // SAFETY: every pointer is to a NUL-terminated buffer or struct that outlives the call; no handle is inherited.
        let created = unsafe {
            CreateProcessW(
                std::ptr::null(),
                command_line.as_mut_ptr(),
                std::ptr::null(),
                std::ptr::null(),
                0,
                EXTENDED_STARTUPINFO_PRESENT | CREATE_UNICODE_ENVIRONMENT,
                environment.as_ptr().cast(),
                directory.as_ptr(),
                &startup.StartupInfo,
                &mut process,
            )
        };
        if created == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: both handles were just made for us; the thread's is not needed.
        unsafe {
            drop(OwnedHandle::from_raw_handle(process.hThread));
            Ok(OwnedHandle::from_raw_handle(process.hProcess))
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.close();
    }
}

/// A process attribute list with one entry: the console.
struct AttributeList {
    /// Words, because the list wants the alignment of a pointer.
    buffer: Vec<usize>,
}

impl AttributeList {
    fn for_console(console: HPCON) -> io::Result<Self> {
        let mut bytes = 0;
        // SAFETY: asks for the size only; failing with "buffer too small" is how it answers.
        unsafe { InitializeProcThreadAttributeList(std::ptr::null_mut(), 1, 0, &mut bytes) };
        let mut list = Self { buffer: vec![0; bytes.div_ceil(size_of::<usize>())] };
        // SAFETY: the buffer has the size asked for and the alignment of a pointer.
        if unsafe { InitializeProcThreadAttributeList(list.buffer.as_mut_ptr().cast(), 1, 0, &mut bytes) } == 0 {
            // Not initialised, so not to be deleted either.
            let error = io::Error::last_os_error();
            list.buffer = Vec::new();
            return Err(error);
        }
        // SAFETY: the list is initialised with room for one attribute; for this one the value is the handle itself.
        let updated = unsafe {
            UpdateProcThreadAttribute(
                list.pointer(),
                0,
                PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE as usize,
                console as *const core::ffi::c_void,
                size_of::<HPCON>(),
                std::ptr::null_mut(),
                std::ptr::null(),
            )
        };
        if updated == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(list)
    }

    fn pointer(&mut self) -> LPPROC_THREAD_ATTRIBUTE_LIST {
        self.buffer.as_mut_ptr().cast()
    }
}

impl Drop for AttributeList {
    fn drop(&mut self) {
        if !self.buffer.is_empty() {
            // SAFETY: initialised, and never used after this.
            unsafe { DeleteProcThreadAttributeList(self.pointer()) };
        }
    }
}

fn checked(result: i32) -> io::Result<()> {
    if result == S_OK {
        Ok(())
    } else {
        // HRESULT_FROM_WIN32 keeps the code in the low half.
        Err(io::Error::from_raw_os_error(result & 0xFFFF))
    }
}

fn coordinates(size: TerminalSize) -> COORD {
    let clamp = |value: u16| i16::try_from(value.max(1)).unwrap_or(i16::MAX);
    COORD { X: clamp(size.cols), Y: clamp(size.rows) }
}

fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}

/// `KEY=value` entries, each ended by NUL, all of them by another.
fn environment_block(program: &Program) -> Vec<u16> {
    let mut block = Vec::new();
    for (key, value) in &program.env {
        block.extend(key.encode_wide());
        block.push(u16::from(b'='));
        block.extend(value.encode_wide());
        block.push(0);
    }
    if block.is_empty() {
        block.push(0);
    }
    block.push(0);
    block
}

/// Quotes as `CommandLineToArgvW` and the C runtime take it apart again: backslashes count only before a quote.
fn command_line(program: &Program) -> Vec<u16> {
    let (quote, backslash) = (u16::from(b'"'), u16::from(b'\\'));
    let mut line: Vec<u16> = Vec::new();
    let words: Vec<&OsString> = std::iter::once(&program.program).chain(&program.args).collect();
    for word in words {
        if !line.is_empty() {
            line.push(u16::from(b' '));
        }
        line.push(quote);
        let mut backslashes = 0;
        for unit in word.encode_wide() {
            if unit == quote {
                line.extend(std::iter::repeat_n(backslash, backslashes + 1));
            }
            backslashes = if unit == backslash { backslashes + 1 } else { 0 };
            line.push(unit);
        }
        line.extend(std::iter::repeat_n(backslash, backslashes));
        line.push(quote);
    }
    line.push(0);
    line
}

const _: () = assert!(size_of::<HANDLE>() == size_of::<HPCON>());
