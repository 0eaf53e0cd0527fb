//! The command line of `postern`: its subcommands and flags, and nothing of what they do.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command::{
    activation, audit, completions, cp, document, exec, forward, lock, locks, nodes, policy, recordings, replay,
    sessions, ssh, start, tag, terminate,
};
use crate::context::ServiceFlags;
use crate::failure;

/// Shells and commands on managed nodes, through a Postern service or AWS Systems Manager
#[derive(Parser)]
#[command(name = "postern", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    service: ServiceFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try everything on this machine: service, agent and a shell in one command
    #[cfg(feature = "quickstart")]
    Quickstart(crate::quickstart::Arguments),
    /// Open a shell on a node
    Start(start::Arguments),
    /// Run a command on a node: its output, its exit status, nothing else
    Exec(exec::Arguments),
    /// Copy files to or from a node
    Cp(cp::Arguments),
    /// Reach ports of a node, or of hosts that it can reach, at ports of this machine
    Forward(forward::Arguments),
    /// OpenSSH's ssh to a node, through a session: no port is open, and host keys are kept by the node's id
    Ssh(ssh::Arguments),
    /// Print the lines for ~/.ssh/config with which ssh, scp, sftp, rsync and editors reach nodes by their ids
    SshConfig,
    /// The connection under ssh, as its ProxyCommand
    #[command(hide = true)]
    SshProxy(ssh::ProxyArguments),
    /// List the managed nodes
    Nodes(nodes::Arguments),
    /// List sessions
    Sessions(sessions::Arguments),
    /// End a session
    Terminate(terminate::Arguments),
    /// Show who did what, and what came of it
    Audit(audit::Arguments),
    /// Check and take along what sessions looked like
    #[command(subcommand)]
    Recordings(recordings::Arguments),
    /// Look at a session as its user saw it
    Replay(replay::Arguments),
    /// Stop a user or role, or sessions on a node, at once and whatever policies say
    Lock(lock::Arguments),
    /// Let it go on
    Unlock(lock::UnlockArguments),
    /// List what is locked
    Locks(locks::Arguments),
    /// Explain who may do what
    #[command(subcommand)]
    Policy(policy::Arguments),
    /// Make, list and delete activations, with which nodes register
    #[command(subcommand)]
    Activation(activation::Arguments),
    /// Keep documents: what sessions and commands do, and the preferences for sessions
    #[command(subcommand)]
    Document(document::Arguments),
    /// Tag nodes and documents
    #[command(subcommand)]
    Tag(tag::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
    /// One session of the agent inside quickstart
    #[cfg(feature = "quickstart")]
    #[command(hide = true)]
    AgentSessionWorker {
        /// The session's folder, so that a process list tells one worker from another
        session: std::path::PathBuf,
    },
    /// The files of one of its sessions
    #[cfg(feature = "quickstart")]
    #[command(hide = true)]
    AgentCopyFiles,
}

/// The name of the last of them.
#[cfg(feature = "quickstart")]
const COPY_FILES: &str = "agent-copy-files";

impl Cli {
    /// Does what was asked and gives the exit status.
    pub(crate) fn run(self) -> ExitCode {
        match self.command {
            #[cfg(feature = "quickstart")]
            Command::Quickstart(arguments) => done(crate::quickstart::run(arguments)),
            #[cfg(feature = "quickstart")]
            Command::AgentSessionWorker { session: _ } => postern_agent::session_worker_main(COPY_FILES),
            #[cfg(feature = "quickstart")]
            Command::AgentCopyFiles => postern_agent::copy_files_main(),
            Command::Completions(arguments) => done(completions::run(&arguments)),
            Command::Start(arguments) => on_runtime(start::run(&self.service, arguments)),
            Command::Exec(arguments) => on_runtime(exec::run(&self.service, arguments)),
            Command::Cp(arguments) => on_runtime(cp::run(&self.service, arguments)),
            Command::Forward(arguments) => on_runtime(forward::run(&self.service, arguments)),
            Command::Ssh(arguments) => on_runtime(ssh::run(&self.service, arguments)),
            Command::SshConfig => done(ssh::print_config(&self.service)),
            Command::SshProxy(arguments) => on_runtime(ssh::run_proxy(&self.service, arguments)),
            Command::Nodes(arguments) => on_runtime(nodes::run(&self.service, arguments)),
            Command::Sessions(arguments) => on_runtime(sessions::run(&self.service, arguments)),
            Command::Terminate(arguments) => on_runtime(terminate::run(&self.service, arguments)),
            Command::Audit(arguments) => on_runtime(audit::run(&self.service, arguments)),
            Command::Recordings(arguments) => on_runtime(recordings::run(&self.service, arguments)),
            Command::Replay(arguments) => on_runtime(replay::run(&self.service, arguments)),
            Command::Lock(arguments) => on_runtime(lock::lock(&self.service, arguments)),
            Command::Unlock(arguments) => on_runtime(lock::unlock(&self.service, arguments)),
            Command::Locks(arguments) => on_runtime(locks::run(&self.service, arguments)),
            Command::Policy(arguments) => on_runtime(policy::run(&self.service, arguments)),
            Command::Tag(arguments) => on_runtime(tag::run(&self.service, arguments)),
            Command::Activation(arguments) => on_runtime(activation::run(&self.service, arguments)),
            Command::Document(arguments) => on_runtime(document::run(&self.service, arguments)),
        }
    }
}

/// A client needs one thread: it is quicker to start than a pool, and nothing in it blocks.
fn on_runtime(work: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    done(runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let result = runtime.block_on(work);
        // A name that is still being resolved must not hold up the end.
        runtime.shutdown_background();
        result
    }))
}

fn done(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| failure::report(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
