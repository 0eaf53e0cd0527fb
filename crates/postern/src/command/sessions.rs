//! `postern sessions`: who is or was where.

use std::process::ExitCode;

use postern_model::session::{DescribeSessionsRequest, SessionState};
use serde_json::Value;

use super::listing::{self, text, time};
use crate::context::ServiceFlags;
use crate::table;

/// The largest page the service gives.
const PAGE: u32 = 200;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The sessions that live (the default)
    #[arg(long, conflicts_with = "history")]
    active: bool,
    /// The sessions of the last 30 days that have ended
    #[arg(long)]
    history: bool,
    /// Print JSON: a list with the members of AWS's Session
    #[arg(long)]
    json: bool,
}

/// Prints them, newest first.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let request = |next_token| DescribeSessionsRequest {
        state: if arguments.history { SessionState::History } else { SessionState::Active },
        max_results: Some(PAGE),
        next_token,
        filters: Vec::new(),
    };
    let sessions = listing::all(&flags.service()?, "Sessions", request).await?;
    if arguments.json {
        table::print_json(&sessions)?;
    } else if sessions.is_empty() {
        crate::failure::say!("no {} sessions", if arguments.history { "past" } else { "active" });
    } else {
        let headings = ["SESSION", "NODE", "STATE", "STARTED", "ENDED", "OWNER", "REASON", "DETAILS"];
        table::print(&headings, sessions.iter().map(row).collect())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(session: &Value) -> Vec<String> {
    let owner = text(session, "Owner");
    // The ARN's last part is the name; the account is the reader's own.
    let name = owner.rsplit_once(":").map_or(owner.as_str(), |(_, name)| name);
    vec![
        text(session, "SessionId"),
        text(session, "Target"),
        text(session, "Status"),
        time(session, "StartDate"),
        time(session, "EndDate"),
        name.to_owned(),
        text(session, "Reason"),
        text(session, "Details"),
    ]
}
