//! An SSH connection through a session: the system's own `ssh` and `sshd` at its ends.

use std::path::Path;

use postern_testkit::{SshServer, run, system_program};

use crate::pair::{PATIENCE, Pair, wait_until_no_session_is_active};

#[test]
fn ssh_runs_through_a_session() {
    let Some(pair) = Pair::start() else { return };
    let (Some(server), Some(ssh)) = (SshServer::start(), system_program("ssh")) else { return };
    let behaviour = pair.behaviour("AWS-StartSSHSession, as ProxyCommand of ssh");
    let at = |name: &str| server.file(name).display().to_string();
    // Word for word what AWS's manual has in ~/.ssh/config.
    let proxy = "ProxyCommand aws ssm start-session --target %h --document-name AWS-StartSSHSession \
                 --parameters portNumber=%p";
    let config = format!(
        "Host mi-*\n  {proxy}\n  IdentityFile {}\n  StrictHostKeyChecking no\n  UserKnownHostsFile {}\n  Port {}\n",
        at("user"),
        at("known"),
        server.port()
    );
    std::fs::write(server.file("ssh_config"), config).expect("the folder is writable");
    let destination = format!("{}@{}", server.user(), pair.agent.node_id());
    let environment = pair.client.environment(&pair.service);
    // Enough to fill every window on the way, both ways.
    let big: String = (0..60_000).map(|number| format!("{number}\n")).collect();
    std::fs::write(server.file("big"), &big).expect("the folder is writable");
    let command = format!("{} -F {} {destination} 'cat; exit 5' < {}", ssh.display(), at("ssh_config"), at("big"));
    let done = run(Path::new("sh"), ["-c", &command], &environment, PATIENCE);
    assert_eq!(done.status, Some(5), "{}", done.stderr);
    assert!(done.stdout == big, "{} of {} bytes came back", done.stdout.len(), big.len());
    wait_until_no_session_is_active(&pair.service);
    behaviour.holds();
}
