//! Standard input. Bytes pass as they are.

use bytes::Bytes;
use tokio::sync::mpsc;

/// Large enough that a paste of a megabyte is a few dozen reads; a key is a read of its own all the same.
#[cfg(unix)]
pub(super) const READ_BYTES: usize = 32 * 1024;

/// Reads that wait for the session at most.
const QUEUED_READS: usize = 4;

/// What came from the user.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// Bytes for the node.
    Bytes(Bytes),
    /// The window has another size. On Unix a signal says so.
    Resized,
    /// There will be no more.
    End,
}

/// Where input comes from, opened.
pub(crate) enum Keys {
    /// The terminal, read by whoever asks for the next keys.
    #[cfg(target_os = "linux")]
    Terminal(super::tty::TerminalInput),
    /// Another part of the program, or a thread that reads.
    Queue(mpsc::Receiver<Input>),
}

impl Keys {
    pub(super) fn of_process(typed: bool) -> std::io::Result<Keys> {
        #[cfg(target_os = "linux")]
        if typed && let Some(terminal) = super::tty::TerminalInput::of_process() {
            return Ok(Keys::Terminal(terminal));
        }
        read_process(typed).map(Keys::Queue)
    }

    /// The next of it; `None` when its sender is gone. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Input> {
        match self {
            #[cfg(target_os = "linux")]
            Keys::Terminal(terminal) => Some(terminal.next().await),
            Keys::Queue(queue) => queue.recv().await,
        }
    }
}

/// Starts reading. The thread ends with the process: a read cannot be called off.
fn read_process(typed: bool) -> std::io::Result<mpsc::Receiver<Input>> {
    let (sender, receiver) = mpsc::channel(QUEUED_READS);
    let read = reader(typed)?;
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        read(&sender);
        // The session may be over already.
        let _ = sender.blocking_send(Input::End);
    })?;
    Ok(receiver)
}

#[cfg(unix)]
fn reader(_typed: bool) -> std::io::Result<impl FnOnce(&mpsc::Sender<Input>) + Send + 'static> {
    use std::os::fd::AsFd as _;
    let mut stdin = std::fs::File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    Ok(move |sender: &mpsc::Sender<Input>| read_bytes(&mut stdin, sender))
}

#[cfg(unix)]
fn read_bytes(stdin: &mut std::fs::File, sender: &mpsc::Sender<Input>) {
    use std::io::{ErrorKind, Read as _};
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match stdin.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => {
                let bytes = Bytes::copy_from_slice(buffer.get(..read).unwrap_or_default());
                if sender.blocking_send(Input::Bytes(bytes)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Somebody who shares this terminal has made it non-blocking.
            Err(error) if error.kind() == ErrorKind::WouldBlock => super::output::wait_until(stdin, true),
            Err(_) => return,
        }
    }
}

/// A Windows console gives key events, which become the bytes a Unix terminal would have sent.
#[cfg(windows)]
fn reader(typed: bool) -> std::io::Result<impl FnOnce(&mpsc::Sender<Input>) + Send + 'static> {
    Ok(move |sender: &mpsc::Sender<Input>| if typed { read_events(sender) } else { read_pipe(sender) })
}

#[cfg(windows)]
fn read_events(sender: &mpsc::Sender<Input>) {
    use crossterm::event::{Event, poll, read};
    // A paste arrives as keys, too; those that wait travel together.
    const TOGETHER_BYTES: usize = 16 * 1024;
    let mut keys = Vec::new();
    while let Ok(event) = read() {
        match event {
            Event::Key(key) => keys.extend_from_slice(&super::keys::bytes_of(&key).unwrap_or_default()),
            Event::Resize(..) => {
                if sender.blocking_send(Input::Resized).is_err() {
                    return;
                }
            }
            _ => {}
        }
        let more = keys.len() < TOGETHER_BYTES && poll(std::time::Duration::ZERO).unwrap_or(false);
        if !more && !keys.is_empty() && sender.blocking_send(Input::Bytes(std::mem::take(&mut keys).into())).is_err() {
            return;
        }
    }
}

#[cfg(windows)]
fn read_pipe(sender: &mpsc::Sender<Input>) {
    use std::io::Read as _;
    let mut buffer = vec![0; 32 * 1024];
    let mut stdin = std::io::stdin().lock();
    while let Ok(read @ 1..) = stdin.read(&mut buffer) {
        let bytes = Bytes::copy_from_slice(buffer.get(..read).unwrap_or_default());
        if sender.blocking_send(Input::Bytes(bytes)).is_err() {
            return;
        }
    }
}
