//! Tunnels: our client, as AWS's plugin and as itself, with our agent and the stock one, and real programs at both ends.

mod forward;
mod nodes;
mod plugin;
mod programs;
mod ssh;
mod thousand;

use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
