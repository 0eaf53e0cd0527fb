//! An SSH connection through a session: the system's own `ssh` and `sshd` at its ends.

use std::path::Path;

use postern_testkit::{SshServer, run, system_program};

use crate::pair::{OurNode, PATIENCE, Pair, Scene, wait_until_no_session_is_active};

#[test]
fn with_a_stock_agent_ssh_runs_through_a_session() {
    let Some(pair) = Pair::start() else { return };
    ssh_runs_through_a_session(pair.scene());
}

#[test]
fn with_our_agent_ssh_runs_through_a_session() {
    let Some(node) = OurNode::start() else { return };
    ssh_runs_through_a_session(node.scene());
}

fn ssh_runs_through_a_session(scene: Scene<'_>) {
    let (Some(server), Some(ssh)) = (SshServer::start(), system_program("ssh")) else { return };
    let behaviour = scene.behaviour("AWS-StartSSHSession, as ProxyCommand of ssh");
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
    let destination = format!("{}@{}", server.user(), scene.node_id());
    let environment = scene.client.environment(scene.service);
    // Enough to fill every window on the way, both ways.
    let big: String = (0..60_000).map(|number| format!("{number}\n")).collect();
    std::fs::write(server.file("big"), &big).expect("the folder is writable");
    let command = format!("{} -F {} {destination} 'cat; exit 5' < {}", ssh.display(), at("ssh_config"), at("big"));
    let done = run(Path::new("sh"), ["-c", &command], &environment, PATIENCE);
    assert_eq!(done.status, Some(5), "{}", done.stderr);
    assert!(done.stdout == big, "{} of {} bytes came back", done.stdout.len(), big.len());
    wait_until_no_session_is_active(scene.service);
    behaviour.holds();
}
