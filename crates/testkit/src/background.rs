//! A program that runs beside the test, whose lines the test waits for.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A running program. Dropping it kills it.
pub struct Background {
    child: Child,
    said: Arc<Said>,
}

#[derive(Default)]
struct Said {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Background {
    /// Starts `program` with `environment` added and nothing on its standard input. Both its outputs are heard.
    pub fn start(program: &Path, arguments: &[&str], environment: &[(String, String)]) -> Self {
        let (child, stdout, stderr) = crate::programs::start(program, arguments, environment);
        let said = Arc::new(Said::default());
        hear(stdout, Arc::clone(&said));
        hear(stderr, Arc::clone(&said));
        Self { child, said }
    }

    /// Waits for a line with `text` in it, said at any time.
    pub fn expect(&self, text: &str, patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        let mut lines = self.said.lines.lock().expect("no reader panics");
        loop {
            if let Some(line) = lines.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{text:?} was not said within {patience:?}, but {lines:#?}");
            lines = self.said.more.wait_timeout(lines, left).expect("no reader panics").0;
        }
    }

    /// What it has said so far.
    pub fn lines(&self) -> Vec<String> {
        self.said.lines.lock().expect("no reader panics").clone()
    }

    /// What ^C does.
    pub fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success(), "the program has ended already: {:#?}", self.lines());
    }

    /// Waits for its end and returns its exit status.
    pub fn wait(&mut self, patience: Duration) -> Option<i32> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the program did not end within {patience:?}: {:#?}", self.lines());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the program beside the test said\n{}", self.lines().join("\n"));
        }
    }
}

fn hear(pipe: impl Read + Send + 'static, said: Arc<Said>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            said.lines.lock().expect("no reader panics").push(line);
            said.more.notify_all();
        }
    });
}
