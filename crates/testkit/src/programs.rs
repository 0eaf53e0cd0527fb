//! Finding the project's programs and running them to their end.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The path of one of the project's programs (`postern`, `posternd`, `postern-agent`, `postern-stream-peer`).
///
/// `POSTERN_BIN_DIR` names their folder (the test command sets it); without it they are built once, by
/// cargo, into the folder this test itself was built into.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| match std::env::var_os("POSTERN_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => build_programs(),
    });
    folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn build_programs() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    // target/<profile>/deps/<test>: the programs are two folders up.
    let folder = test.ancestors().nth(2).expect("cargo puts tests into target/<profile>/deps").to_path_buf();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet"]);
    for package in ["postern", "posternd", "postern-agent", "postern-testkit"] {
        cargo.args(["--package", package]);
    }
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo runs: it started this test");
    assert!(status.success(), "the project's programs do not build");
    folder
}

/// A program of the system's, also one that is installed where only root looks. `None`, after saying so, where it is
/// missing; with `CI=true` that is a panic.
pub fn system_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/bin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{name} is not installed");
        crate::skip(&format!("{name} is not installed"));
    }
    found
}

/// A folder of its own for one test, removed at its end.
pub fn temporary_folder() -> TempDir {
    tempfile::Builder::new().prefix("postern-test-").tempdir().expect("the temporary folder is writable")
}

/// The SHA-256 of these bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}

/// What a program printed and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Standard output, as text.
    pub stdout: String,
    /// Standard error, as text.
    pub stderr: String,
    /// The exit status; `None` when a signal ended it.
    pub status: Option<i32>,
}

impl Output {
    /// Panics with everything the program printed unless it ended with status 0.
    pub fn expect_success(self, what: &str) -> Self {
        assert_eq!(self.status, Some(0), "{what}: {self:#?}");
        self
    }
}

/// Runs a program to its end with `environment` added, and kills it after `patience`.
///
/// Standard input is empty.
pub fn run<S: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = S>,
    environment: &[(String, String)],
    patience: Duration,
) -> Output {
    let (mut child, stdout, stderr) = start(program, arguments, environment);
    let (stdout, stderr) = (drain(stdout), drain(stderr));
    let deadline = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child is ours to wait for") {
            break status.code();
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            let (out, err) = (join(stdout), join(stderr));
            panic!("{} did not end within {patience:?}\nstdout: {out}\nstderr: {err}", program.display());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Output { stdout: join(stdout), stderr: join(stderr), status }
}

/// Starts a program with `environment` added and nothing on its standard input. Its outputs are for the caller to read.
pub(crate) fn start<S: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = S>,
    environment: &[(String, String)],
) -> (Child, ChildStdout, ChildStderr) {
    let mut child = Command::new(program)
        .args(arguments)
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    (child, stdout.expect("stdout is a pipe"), stderr.expect("stderr is a pipe"))
}

fn drain(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // A read error means the same as the end here: there is nothing more to show.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn join(reader: std::thread::JoinHandle<Vec<u8>>) -> String {
    let bytes = reader.join().expect("reading a pipe does not panic");
    String::from_utf8_lossy(&bytes).into_owned()
}
