//! `postern forward`: ports of a node, or of hosts that the node can reach, at ports of this machine.
//!
//! Every destination is a session of its own, so that policy decides about each and audit shows each
//! (docs/decisions/0006-one-session-per-destination.md).

mod carry;
mod forwarder;
mod report;
mod socks;
mod spec;

use std::process::ExitCode;
use std::rc::Rc;

use anyhow::Context as _;
use postern_transport::{LocalListener, raise_file_limit};

use self::forwarder::Forwarder;
use self::report::Report;
use self::spec::{Destination, Local, SocksSpec, Spec};
use super::node_name;
use crate::context::ServiceFlags;
use crate::stop::until_told_to_stop;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Id, name or computer name of the node, or tag:KEY=VALUE if one node has it
    node: String,
    /// What to forward: PORT of the node, LOCAL:PORT, LOCAL:HOST:PORT of a host that the node can reach, or
    /// BIND:LOCAL:HOST:PORT. LOCAL 0 lets the system choose; a path makes a socket file. IPv6 addresses in brackets
    #[arg(value_name = "SPEC", required_unless_present = "socks")]
    specs: Vec<Spec>,
    /// A SOCKS 5 proxy at this port; its destinations are reached from the node, which also resolves their names
    #[arg(short = 'D', long = "socks", value_name = "[BIND:]PORT")]
    socks: Vec<SocksSpec>,
    /// Why, for whoever reads the list of sessions
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Say what happens as JSON on standard output, one object a line
    #[arg(long)]
    json: bool,
}

/// One local end and what it leads to.
pub(crate) struct Way {
    pub(crate) listener: Rc<LocalListener>,
    /// None: whatever a SOCKS client asks for.
    pub(crate) destination: Option<Destination>,
}

/// Forwards until it is told to stop.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    raise_file_limit();
    // Every local end first: what cannot be listened on is known before anything is started.
    let mut ways = Vec::new();
    for spec in arguments.specs {
        ways.push(Way { listener: listen(&spec.local)?, destination: Some(spec.destination) });
    }
    for SocksSpec(local) in arguments.socks {
        ways.push(Way { listener: listen(&local)?, destination: None });
    }
    let service = flags.service()?;
    let node_id = node_name::resolve(&service, &arguments.node).await?;
    let report = Rc::new(Report::new(arguments.node, arguments.json, &ways));
    let mut forwarder = Forwarder::new(Rc::new(service), node_id, arguments.reason, ways, Rc::clone(&report));
    let result = tokio::select! {
        failure = forwarder.run() => Err(failure),
        told = until_told_to_stop() => told,
    };
    forwarder.stop().await;
    report.finish();
    result.map(|()| ExitCode::SUCCESS)
}

fn listen(local: &Local) -> anyhow::Result<Rc<LocalListener>> {
    let listener = match local {
        Local::Tcp(address, port) => LocalListener::tcp(*address, *port)
            .with_context(|| format!("cannot listen on {}", std::net::SocketAddr::new(*address, *port))),
        Local::Unix(path) => LocalListener::unix(path).with_context(|| format!("cannot listen on {}", path.display())),
    };
    Ok(Rc::new(listener?))
}
