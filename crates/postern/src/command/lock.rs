//! `postern lock` and `postern unlock`: users, roles and nodes, whatever policies say.

use std::process::ExitCode;

use postern_client::Service;
use postern_model::lock::{LockNodeRequest, LockPrincipalRequest, UnlockNodeRequest, UnlockPrincipalRequest};

use super::node_name;
use crate::context::ServiceFlags;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    on: On,
    /// Why, for other administrators; who is locked does not see it
    #[arg(long)]
    reason: Option<String>,
}

#[derive(clap::Args)]
pub(crate) struct UnlockArguments {
    #[command(flatten)]
    on: On,
}

#[derive(clap::Args)]
struct On {
    /// A node's id, `node/NAME`, `role/NAME`, an ARN, or a user's name
    #[arg(value_name = "NAME|NODE")]
    name: String,
}

/// What is meant.
enum Meant {
    Node(String),
    Principal(String),
}

impl On {
    /// A bare name is a user's: a node is named by its id, or expressly.
    async fn meant(&self, service: &Service) -> anyhow::Result<Meant> {
        if let Some(node) = self.name.strip_prefix("node/") {
            return Ok(Meant::Node(node_name::resolve(service, node).await?));
        }
        Ok(match node_name::is_id(&self.name) {
            true => Meant::Node(self.name.clone()),
            false => Meant::Principal(self.name.clone()),
        })
    }
}

/// Locks it.
pub(crate) async fn lock(flags: &ServiceFlags, Arguments { on, reason }: Arguments) -> anyhow::Result<ExitCode> {
    let service = flags.service()?;
    match on.meant(&service).await? {
        Meant::Node(target) => {
            service.call(&LockNodeRequest { target, reason }).await?;
            crate::failure::say!("{} is locked: it takes no sessions, and those on it end", on.name);
        }
        Meant::Principal(principal) => {
            service.call(&LockPrincipalRequest { principal, reason }).await?;
            crate::failure::say!("{} is locked: it may do nothing, and its sessions end", on.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Unlocks it.
pub(crate) async fn unlock(flags: &ServiceFlags, UnlockArguments { on }: UnlockArguments) -> anyhow::Result<ExitCode> {
    let service = flags.service()?;
    match on.meant(&service).await? {
        Meant::Node(target) => {
            service.call(&UnlockNodeRequest { target }).await?;
        }
        Meant::Principal(principal) => {
            service.call(&UnlockPrincipalRequest { principal }).await?;
        }
    }
    crate::failure::say!("{} is not locked", on.name);
    Ok(ExitCode::SUCCESS)
}
