//! OpenSSH's own server, with keys and a configuration of a test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::service::free_address;
use crate::{eventually, run, system_program, temporary_folder};

const PATIENCE: Duration = Duration::from_secs(60);

/// An `sshd` on loopback that lets in the user who runs the test, by one key. Ended on drop.
pub struct SshServer {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl SshServer {
    /// Starts it and waits until it listens. `None`, after saying why, where OpenSSH is not installed.
    pub fn start() -> Option<Self> {
        let (sshd, keygen) = (system_program("sshd")?, system_program("ssh-keygen")?);
        let folder = temporary_folder();
        for name in ["host", "user"] {
            let file = folder.path().join(name).display().to_string();
            run(&keygen, ["-q", "-t", "ed25519", "-N", "", "-f", &file], &[], PATIENCE).expect_success("ssh-keygen");
        }
        let port = free_address().port();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nMaxStartups 100\n\
             Subsystem sftp internal-sftp\n",
            at("host"),
            at("user.pub"),
        );
        std::fs::write(folder.path().join("config"), config).expect("the folder is writable");
        // Where it drops its rights; only root's needs it, and only root can make it.
        let _ = std::fs::create_dir_all("/run/sshd");
        let child = Command::new(sshd)
            .args(["-D", "-e", "-f", &at("config")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).expect("the folder is writable"))
            .spawn()
            .expect("sshd starts");
        let server = Self { folder, port, child };
        eventually("sshd to listen", PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Some(server)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A folder for the test's own files. It holds the key `user`, and `host.pub`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The name of the user who runs the test, and may log in.
    pub fn user(&self) -> String {
        run(Path::new("id"), ["-un"], &[], PATIENCE).expect_success("id").stdout.trim().to_string()
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.file("log")).unwrap_or_default()
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- sshd's log\n{}", self.log());
        }
    }
}
