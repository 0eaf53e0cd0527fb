//! `postern nodes`: the managed nodes.

use std::process::ExitCode;

use super::listing::text;
use super::node_name;
use crate::context::ServiceFlags;
use crate::table;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON: a list with the members of AWS's InstanceInformation
    #[arg(long)]
    json: bool,
}

/// Prints them.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let nodes = node_name::nodes(&flags.service()?, &[]).await?;
    if arguments.json {
        table::print_json(&nodes)?;
        return Ok(ExitCode::SUCCESS);
    }
    if nodes.is_empty() {
        eprintln!("no managed nodes yet; `postern activation create` prints the command that registers one");
        return Ok(ExitCode::SUCCESS);
    }
    let members = ["InstanceId", "Name", "ComputerName", "PlatformName", "PingStatus", "AgentVersion", "IPAddress"];
    let rows = nodes.iter().map(|node| members.iter().map(|member| text(node, member)).collect()).collect();
    table::print(&["NODE", "NAME", "COMPUTER", "PLATFORM", "STATE", "AGENT", "ADDRESS"], rows)?;
    for node in &nodes {
        if let Some(conflict) = node["PosternIdentityConflict"].as_str() {
            eprintln!("{}: {conflict}", text(node, "InstanceId"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
