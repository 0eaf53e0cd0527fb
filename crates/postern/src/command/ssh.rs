//! `postern ssh`: OpenSSH through a session (spec session-types.md §6.3). The session is under ssh as its ProxyCommand:
//! ssh's own keys, configuration, agent and multiplexing work as ever, and so does everything that is built on ssh.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};

use anyhow::Context as _;
use postern_client::Manner;
use postern_model::session::StartSessionRequest;

use super::node_name;
use super::session::{self, Expectation};
use crate::context::ServiceFlags;

/// AWS's document for a connection to a port, as standard input and output.
const DOCUMENT: &str = "AWS-StartSSHSession";

/// How ids of managed nodes begin: those that were registered, and EC2's. Older versions of ssh take any text for a
/// host, also one out of a link that somebody has sent, and hand it to the shell that starts the ProxyCommand: it is
/// quoted there, and what could end the quotes is no node.
const NODE_IDS: &str = r#""mi-*,i-*,!*'*""#;

/// The host, for ssh's ProxyCommand; where that is no matter of a shell, ssh takes quotes as they are.
const HOST: &str = if cfg!(windows) { "%h" } else { "'%h'" };

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Id, name or computer name of the node, or tag:KEY=VALUE if one node has it; USER@ before it is for ssh
    #[arg(value_name = "[USER@]NODE")]
    destination: String,
    /// Options of ssh, and a command for the node
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SSH ARGUMENTS")]
    ssh_arguments: Vec<String>,
}

#[derive(clap::Args)]
pub(crate) struct ProxyArguments {
    /// Id, name or computer name of the node, or tag:KEY=VALUE if one node has it
    node: String,
    /// Port of the SSH server on the node
    #[arg(default_value = "22", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

/// Becomes ssh.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (user, name) = match arguments.destination.rsplit_once('@') {
        Some((user, name)) => (Some(user), name),
        None => (None, arguments.destination.as_str()),
    };
    let node_id = node_name::resolve(&flags.service()?, name).await?;
    let mut ssh = Command::new("ssh");
    ssh.arg("-o").arg(format!("ProxyCommand={}", proxy_command(flags, &node_id)?));
    // The same node under any of its names has one key.
    ssh.arg("-o").arg(format!("HostKeyAlias={node_id}"));
    if let Some(user) = user {
        ssh.arg("-l").arg(user);
    }
    ssh.arg(node_id).args(arguments.ssh_arguments);
    become_program(ssh)
}

#[cfg(unix)]
fn become_program(mut ssh: Command) -> anyhow::Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    Err(ssh.exec()).context("cannot run ssh; install OpenSSH's client")
}

#[cfg(not(unix))]
fn become_program(mut ssh: Command) -> anyhow::Result<ExitCode> {
    let status = ssh.status().context("cannot run ssh; install OpenSSH's client")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(crate::failure::OWN_FAILURE)))
}

/// Prints the lines for `~/.ssh/config`.
pub(crate) fn print_config(flags: &ServiceFlags) -> anyhow::Result<ExitCode> {
    let lines = [
        "# Managed nodes, by their ids, under which ssh also keeps their host keys. To give one a name, write above this:"
            .to_owned(),
        "#     Host web-1".to_owned(),
        "#         Hostname mi-0123456789abcdef0".to_owned(),
        format!("Match host {NODE_IDS}"),
        format!("    ProxyCommand {}", proxy_command(flags, HOST)?),
    ];
    crate::table::write_lines(lines.into_iter())?;
    Ok(ExitCode::SUCCESS)
}

/// This program as ssh's ProxyCommand, for ssh's own placeholders and the shell that ssh starts it with.
fn proxy_command(flags: &ServiceFlags, node: &str) -> anyhow::Result<String> {
    let program = std::env::current_exe().context("cannot tell where this program lies")?;
    let program = program.into_os_string().into_string();
    let mut words = vec![program.map_err(|_| anyhow::anyhow!("this program lies in a folder whose name is no UTF-8"))?];
    words.extend(flags.words()?);
    words.push("ssh-proxy".to_owned());
    Ok(format!("{} {node} %p", shell_words::join(&words).replace('%', "%%")))
}

/// Runs the connection under ssh.
pub(crate) async fn run_proxy(flags: &ServiceFlags, arguments: ProxyArguments) -> anyhow::Result<ExitCode> {
    let service = flags.service()?;
    let target = node_name::resolve(&service, &arguments.node).await?;
    let request = StartSessionRequest {
        target,
        document_name: Some(DOCUMENT.parse().expect("the name of AWS's own document is a document's name")),
        reason: None,
        parameters: BTreeMap::from([("portNumber".to_owned(), vec![arguments.port.to_string()])]),
    };
    let expectation = Expectation { manner: Manner::Stream, needs_status: false, timeout: None };
    session::run(service, &request, expectation).await
}
