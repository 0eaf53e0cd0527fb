//! What the agent costs on a node: idle, and for each session.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use postern_testkit::{Agent, Scheme, Service, Terminal, program};

use crate::Row;

/// Memory of a process in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Resident set.
    pub(crate) rss: u64,
    /// Proportional set: shared pages divided by their sharers.
    pub(crate) pss: u64,
    /// Pages that no other process has.
    pub(crate) private: u64,
}

impl Memory {
    /// Of the process with this id, from `/proc/PID/smaps_rollup`.
    pub(crate) fn of(process_id: u32) -> Result<Self> {
        let path = format!("/proc/{process_id}/smaps_rollup");
        let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let field = |name: &str| -> u64 {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
                .unwrap_or(0)
                * 1024
        };
        Ok(Self { rss: field("Rss"), pss: field("Pss"), private: field("Private_Clean") + field("Private_Dirty") })
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The agent's rows.
pub(crate) fn measure() -> Result<Vec<Row>> {
    const SESSIONS: usize = 5;
    let service = Service::start(Scheme::Https);
    // What packages ship is built for size; without it the release build is measured.
    let shipped = std::env::var_os("POSTERN_DIST_DIR").map(|folder| PathBuf::from(folder).join("postern-agent"));
    let profile = if shipped.is_some() { "dist" } else { "release" };
    let file = shipped.unwrap_or_else(|| program("postern-agent"));
    let agent = Agent::start_program(file.clone(), &service, service.address());
    let idle = Memory::of(agent.process_id())?;
    let mut terminals = Vec::new();
    for _ in 0..SESSIONS {
        let mut terminal = Terminal::start(&program("postern"), &["start", agent.node_id()], &service.environment());
        terminal.type_text("echo ready-$((40+2))\r");
        terminal.expect("ready-42", Duration::from_secs(30));
        terminals.push(terminal);
    }
    let workers = agent.session_workers();
    let mut each = Memory::default();
    for worker in &workers {
        let memory = Memory::of(*worker)?;
        each.rss += memory.rss;
        each.pss += memory.pss;
        each.private += memory.private;
    }
    let count = workers.len().max(1) as u64;
    let busy = Memory::of(agent.process_id())?;
    let file = std::fs::metadata(file)?.len();
    let row = |measure: &str, result: String, goal: &'static str| Row { measure: measure.to_string(), result, goal };
    Ok(vec![
        row(
            "agent idle, RSS / private (MB)",
            format!("{:.1} / {:.1}", megabytes(idle.rss), megabytes(idle.private)),
            "P14: RSS <= 6 MB",
        ),
        row("agent main process with 5 sessions, RSS (MB)", format!("{:.1}", megabytes(busy.rss)), ""),
        row(
            "each session worker, RSS / PSS / private (MB)",
            format!(
                "{:.1} / {:.1} / {:.1}",
                megabytes(each.rss / count),
                megabytes(each.pss / count),
                megabytes(each.private / count)
            ),
            "P14: private <= 1 MB",
        ),
        row(&format!("agent file, {profile} profile (MB)"), format!("{:.1}", megabytes(file)), "P14: <= 12 MB"),
    ])
}
