//! A session, as the process that runs it sees it: the data channel on one side, a program on the other.
//!
//! It knows nothing of the agent's main process. What it needs from outside is a way to connect, what to run, and a
//! mailbox through which it can be told to end.

mod account;
mod channel;
mod command;
mod copy;
mod document;
mod encryption;
mod handshake;
mod port;
mod program;
mod terminal;
#[cfg(test)]
mod tests;

use std::time::Duration;

use postern_protocol::wire::payload::SessionStart;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::chain::error_chain;
use crate::forward::{Destination, ForwardPolicy};
use crate::link::Connect;

pub(crate) use account::AccountPolicy;
use account::{AccountError, Asked};
use channel::SessionChannel;
use document::{SessionPlan, Work};
pub(crate) use encryption::DataKeys;
use encryption::Encryption;
use port::PortUse;

/// How long a program that was told to end may take before it is killed.
const KILL_GRACE: Duration = Duration::from_secs(3);

/// Why a session came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// What ran has ended, and its output is on its way.
    Finished,
    /// Somebody ended it: the service, an administrator, a limit.
    Terminated,
    /// It could not be, or go on.
    Failed(String),
}

/// What the service is told about a session that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SessionResult {
    /// Whether it failed; a program's own failure does not count.
    pub(crate) is_failed: bool,
    /// The reason of a failure, for the user.
    pub(crate) output: String,
}

impl From<End> for SessionResult {
    fn from(end: End) -> Self {
        match end {
            End::Finished | End::Terminated => Self { is_failed: false, output: String::new() },
            End::Failed(output) => Self { is_failed: true, output },
        }
    }
}

/// A request to end the session, from the agent's main process.
#[derive(Debug)]
pub(crate) struct Terminate;

/// The node that a session runs on, as far as the session asks.
pub(crate) struct Node<'a, K> {
    /// Its id.
    pub(crate) id: &'a str,
    /// The key service, for sessions that are encrypted.
    pub(crate) keys: &'a K,
}

/// Runs the session to its end. `copy_files` is this program's own subcommand that has files in hand.
pub(crate) async fn run<C: Connect, K: DataKeys>(
    start: &SessionStart,
    policy: &AccountPolicy,
    forwarding: &ForwardPolicy,
    copy_files: &str,
    connect: C,
    node: Node<'_, K>,
    mailbox: &mut mpsc::Receiver<Terminate>,
) -> End {
    let plan = match SessionPlan::read(start) {
        Ok(plan) => plan,
        Err(error) => return End::Failed(error_chain(&error)),
    };
    let asked = Asked::read(start, &plan);
    if let Work::Port { host, port, port_use } = &plan.work {
        if let Err(error) = asked.and_then(|asked| asked.check(policy)) {
            return no_account(&error);
        }
        let destination = Destination::new(host.clone(), *port, forwarding.clone());
        return forward(start, &plan, destination, *port_use, connect, mailbox).await;
    }
    let login = match asked {
        Ok(asked) => asked.login(policy).await,
        Err(error) => Err(error),
    };
    let login = match login {
        Ok(login) => login,
        Err(error) => return no_account(&error),
    };
    tracing::info!(session.id = start.session_id, user = login.account.name, "session begins");
    let key_id = plan.inputs.kms_key_id.as_str();
    let encryption = (!key_id.is_empty()).then(|| Encryption::new(node.keys, key_id, &start.session_id, node.id));
    let mut channel = SessionChannel::open(&start.session_id, plan.session_type, connect);
    let offer = tokio::select! {
        client = handshake::perform(&mut channel, &plan, encryption) => match client {
            Ok(client) => client.offer,
            Err(end) => return end,
        },
        _ = mailbox.recv() => return End::Terminated,
    };
    let term = offer.as_ref().and_then(|offer| program::accepted_term(offer.term.as_deref()?));
    match plan.work {
        Work::Shell { profile } => {
            let program = program::login_shell(&login, term);
            terminal::run(&mut channel, &program, offer.as_ref(), &profile, mailbox).await
        }
        Work::Interactive { commands, .. } => {
            let program = program::interactive_command(&login, &commands, term);
            terminal::run(&mut channel, &program, offer.as_ref(), "", mailbox).await
        }
        Work::Command { commands, output, .. } => {
            let program = program::direct_command(&login, &commands);
            command::run(&mut channel, program, output, offer.as_ref(), mailbox).await
        }
        Work::Port { .. } => unreachable!("a port session needs no account and has left above"),
        Work::Copy => {
            let program = program::copier(&login, copy_files);
            copy::run(&mut channel, program, &login.account.name, mailbox).await
        }
    }
}

fn no_account(error: &AccountError) -> End {
    End::Failed(format!("Unable to start command: {}", error_chain(error)))
}

/// Runs a session that moves bytes and runs nothing.
async fn forward<C: Connect>(
    start: &SessionStart,
    plan: &SessionPlan,
    destination: Destination,
    port_use: PortUse,
    connect: C,
    mailbox: &mut mpsc::Receiver<Terminate>,
) -> End {
    let begun = async {
        port::judge(&destination).await?;
        tracing::info!(session.id = start.session_id, "port session begins");
        let mut channel = SessionChannel::open(&start.session_id, plan.session_type, connect);
        let client = handshake::perform(&mut channel, plan, encryption::none()).await?;
        Ok((channel, client))
    };
    let (mut channel, client) = tokio::select! {
        begun = begun => match begun {
            Ok(begun) => begun,
            Err(end) => return end,
        },
        _ = mailbox.recv() => return End::Terminated,
    };
    port::run(&mut channel, destination, port_use, &client, mailbox).await
}
