//! An SSH connection through a session: the system's own `ssh` and `sshd` at its ends.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use postern_testkit::{run, temporary_folder};

use crate::pair::{PATIENCE, Pair, system_program, wait_until_no_session_is_active};

/// An `sshd` with keys of its own, ended on drop.
struct SshServer {
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl SshServer {
    fn start(sshd: &Path) -> Self {
        let folder = temporary_folder();
        for name in ["host", "user"] {
            let file = folder.path().join(name).display().to_string();
            run(Path::new("ssh-keygen"), ["-q", "-t", "ed25519", "-N", "", "-f", &file], &[], PATIENCE)
                .expect_success("ssh-keygen");
        }
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n",
            at("host"),
            at("user.pub"),
        );
        std::fs::write(folder.path().join("config"), config).expect("the folder is writable");
        std::fs::create_dir_all("/run/sshd").expect("a stock agent's test runs as root");
        let child = Command::new(sshd)
            .args(["-D", "-e", "-f", &at("config")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sshd starts");
        Self { folder, port, child }
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn ssh_runs_through_a_session() {
    let Some(pair) = Pair::start() else { return };
    let (Some(sshd), Some(ssh)) = (system_program("sshd"), system_program("ssh")) else { return };
    let behaviour = pair.behaviour("AWS-StartSSHSession, as ProxyCommand of ssh");
    let server = SshServer::start(&sshd);
    let at = |name: &str| server.folder.path().join(name).display().to_string();
    // Word for word what AWS's manual has in ~/.ssh/config.
    let proxy = "ProxyCommand aws ssm start-session --target %h --document-name AWS-StartSSHSession \
                 --parameters portNumber=%p";
    let config = format!(
        "Host mi-*\n  {proxy}\n  IdentityFile {}\n  StrictHostKeyChecking no\n  UserKnownHostsFile {}\n  Port {}\n",
        at("user"),
        at("known"),
        server.port
    );
    std::fs::write(server.folder.path().join("ssh_config"), config).expect("the folder is writable");
    let destination = format!("root@{}", pair.agent.node_id());
    let environment = pair.client.environment(&pair.service);
    // Enough to fill every window on the way, both ways.
    let big: String = (0..60_000).map(|number| format!("{number}\n")).collect();
    std::fs::write(server.folder.path().join("big"), &big).expect("the folder is writable");
    let command = format!("{} -F {} {destination} 'cat; exit 5' < {}", ssh.display(), at("ssh_config"), at("big"));
    let done = run(Path::new("sh"), ["-c", &command], &environment, PATIENCE);
    assert_eq!(done.status, Some(5), "{}", done.stderr);
    assert!(done.stdout == big, "{} of {} bytes came back", done.stdout.len(), big.len());
    wait_until_no_session_is_active(&pair.service);
    behaviour.holds();
}
