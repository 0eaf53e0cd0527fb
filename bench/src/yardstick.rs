//! OpenSSH from the distribution's package: a server on loopback, reached directly and through itself as bastion.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use postern_testkit::{eventually, temporary_folder};
use tempfile::TempDir;

/// A running sshd with keys of its own. Dropping it kills it.
pub(crate) struct OpenSsh {
    folder: TempDir,
    server: Child,
    port: u16,
}

impl OpenSsh {
    /// Starts it; `None`, with a word on standard error, when it is not installed.
    pub(crate) fn start() -> Result<Option<Self>> {
        let program = Path::new("/usr/sbin/sshd");
        if !program.exists() {
            eprintln!("skipped: OpenSSH's server is not installed (Debian: openssh-server)");
            return Ok(None);
        }
        let folder = temporary_folder();
        let at = |name: &str| folder.path().join(name);
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(at(key))
                .status()
                .context("ssh-keygen")?;
            ensure!(made.success(), "ssh-keygen failed");
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {user}.pub\n\
             PidFile none\nStrictModes no\nUsePAM no\nPrintMotd no\nPrintLastLog no\n\
             Subsystem sftp internal-sftp\n",
            host = at("host").display(),
            user = at("user").display(),
        );
        std::fs::write(at("sshd_config"), server)?;
        let client = format!(
            "Host *\n HostName 127.0.0.1\n Port {port}\n IdentityFile {user}\n IdentitiesOnly yes\n \
             StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n LogLevel ERROR\n\
             Host jumped\n ProxyCommand ssh -F {config} -W 127.0.0.1:{port} direct\n",
            user = at("user").display(),
            config = at("ssh_config").display(),
        );
        std::fs::write(at("ssh_config"), client)?;
        // Debian's sshd wants this folder for its privilege separation; it makes it at boot only.
        let _ = std::fs::create_dir_all("/run/sshd");
        let server = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(at("sshd_config"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("sshd")?;
        eventually("sshd to listen", Duration::from_secs(10), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Ok(Some(Self { folder, server, port }))
    }

    /// The process id of the server.
    pub(crate) fn process_id(&self) -> u32 {
        self.server.id()
    }

    /// Where the server listens.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The client's configuration; it knows the hosts `direct` and `jumped`.
    pub(crate) fn client_config(&self) -> PathBuf {
        self.folder.path().join("ssh_config")
    }
}

impl Drop for OpenSsh {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
