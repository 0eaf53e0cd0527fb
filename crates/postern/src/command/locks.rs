//! `postern locks`: what is locked, by whom and why.

use std::process::ExitCode;

use postern_model::lock::ListLocksRequest;
use serde_json::Value;

use super::listing::{all, text, time};
use crate::context::ServiceFlags;
use crate::table;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON: a list with Kind, Name, Arn, Reason, LockedBy and LockedAt
    #[arg(long)]
    json: bool,
}

/// Prints them.
pub(crate) async fn run(flags: &ServiceFlags, Arguments { json }: Arguments) -> anyhow::Result<ExitCode> {
    let service = flags.service()?;
    let locks = all(&service, "Locks", |next_token| ListLocksRequest { max_results: Some(50), next_token }).await?;
    if json {
        table::print_json(&locks)?;
    } else if locks.is_empty() {
        crate::failure::say!("nothing is locked");
    } else {
        table::print(&["KIND", "NAME", "SINCE", "BY", "REASON"], locks.iter().map(row).collect())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(lock: &Value) -> Vec<String> {
    vec![text(lock, "Kind"), text(lock, "Name"), time(lock, "LockedAt"), text(lock, "LockedBy"), text(lock, "Reason")]
}
