//! A program in a pseudo terminal, as a person would see it: keys in, screen bytes out.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use sha2::{Digest as _, Sha256};

/// A running program and the terminal it runs in. Dropping it kills the program.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Screen>,
}

#[derive(Default)]
struct Screen {
    state: Mutex<ScreenState>,
    changed: Condvar,
}

#[derive(Default)]
struct ScreenState {
    bytes: Vec<u8>,
    digest: Sha256,
    /// How much of `bytes` an `expect` has already passed.
    seen: usize,
    ended: bool,
}

impl Terminal {
    /// Starts `program` in a terminal of 24 rows and 80 columns, with `environment` added.
    pub fn start(program: &Path, arguments: &[&str], environment: &[(String, String)]) -> Self {
        let pair = native_pty_system().openpty(size(24, 80)).expect("a pseudo terminal is to be had");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair
            .slave
            .spawn_command(command)
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("the master is open");
        let writer = pair.master.take_writer().expect("the writer is taken once");
        let screen = Arc::new(Screen::default());
        let sink = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = vec![0_u8; 65536];
            loop {
                let read = reader.read(&mut buffer).unwrap_or(0);
                let mut state = sink.state.lock().expect("no reader panics");
                state.bytes.extend_from_slice(&buffer[..read]);
                state.digest.update(&buffer[..read]);
                state.ended = read == 0;
                sink.changed.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { master: pair.master, writer, child, screen }
    }

    /// The process id of the program.
    pub fn process_id(&self) -> u32 {
        self.child.process_id().expect("the program was started")
    }

    /// Types `keys`.
    pub fn type_bytes(&mut self, keys: &[u8]) {
        self.writer.write_all(keys).expect("the terminal is open");
        self.writer.flush().expect("the terminal is open");
    }

    /// Types `text`.
    pub fn type_text(&mut self, text: &str) {
        self.type_bytes(text.as_bytes());
    }

    /// Changes the terminal's size; the program gets SIGWINCH.
    pub fn resize(&self, rows: u16, columns: u16) {
        self.master.resize(size(rows, columns)).expect("the terminal is open");
    }

    /// Waits until `text` appears after what earlier calls have passed; panics with the screen otherwise.
    /// Returns everything up to and including `text`.
    pub fn expect(&mut self, text: &str, patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        let mut state = self.screen.state.lock().expect("no reader panics");
        loop {
            let fresh = &state.bytes[state.seen..];
            if let Some(at) = find(fresh, text.as_bytes()) {
                let end = at + text.len();
                let passed = String::from_utf8_lossy(&fresh[..end]).into_owned();
                state.seen += end;
                return passed;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.ended {
                panic!(
                    "{text:?} did not appear within {patience:?}{}; the screen since then: {:?}",
                    if state.ended { " (the program ended)" } else { "" },
                    String::from_utf8_lossy(fresh)
                );
            }
            state = self.screen.changed.wait_timeout(state, left).expect("no reader panics").0;
        }
    }

    /// Takes the bytes that have arrived since the last call; waits up to `patience` for the first one.
    /// An empty answer means none came.
    pub fn read_some(&mut self, patience: Duration) -> Vec<u8> {
        let deadline = Instant::now() + patience;
        let mut state = self.screen.state.lock().expect("no reader panics");
        while state.seen == state.bytes.len() && !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.screen.changed.wait_timeout(state, left).expect("no reader panics").0;
        }
        let fresh = state.bytes[state.seen..].to_vec();
        // What was handed over is not needed again: long streams would fill the memory.
        state.bytes.clear();
        state.seen = 0;
        fresh
    }

    /// Waits for the program to end and returns its exit status.
    pub fn wait(&mut self, patience: Duration) -> u32 {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return status.exit_code();
            }
            assert!(
                Instant::now() < deadline,
                "the program did not end within {patience:?}; the screen: {:?}",
                self.screen()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The SHA-256 of every byte that the program has shown so far.
    pub fn digest(&self) -> [u8; 32] {
        self.screen.state.lock().expect("no reader panics").digest.clone().finalize().into()
    }

    /// Everything on the screen that no call has passed yet.
    pub fn screen(&self) -> String {
        let state = self.screen.state.lock().expect("no reader panics");
        String::from_utf8_lossy(&state.bytes[state.seen..]).into_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
