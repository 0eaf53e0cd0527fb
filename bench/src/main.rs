//! Whole-process measurements of Postern, interleaved in one run with OpenSSH as the yardstick.
//!
//! `cargo xtask bench` builds everything in release mode and runs this. Nothing here is a pass or a fail: it
//! prints what was measured, beside the goal, and the reader judges. Wall-clock figures of a busy machine are
//! lower bounds; trust the ratios inside one run.

mod copies;
mod cpu;
mod fleet;
mod idle;
mod memory;
mod recording;
mod relay;
mod sessions;
mod stats;
mod stock_agents;
mod terminals;
mod tunnels;
mod yardstick;

use anyhow::Result;
use clap::Parser;
use comfy_table::Table;

/// What to measure and how often.
#[derive(Parser)]
struct Options {
    /// Rounds of each interleaved case.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Keys typed in each round of the echo case.
    #[arg(long, default_value_t = 200)]
    keys: usize,
    /// Megabytes of terminal output in each round.
    #[arg(long, default_value_t = 20)]
    megabytes: usize,
    /// Idle control channels to hold, smallest first.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
    nodes: Vec<usize>,
    /// Stock agents that poll, and for how many seconds they are watched in each of two phases.
    #[arg(long, default_value_t = 1000)]
    agents: usize,
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Messages of 1 KiB that pass the broker in each round of the relay case.
    #[arg(long, default_value_t = 200_000)]
    messages: u32,
    /// Megabytes of each bulk transfer through a tunnel, and of each where one of AWS's programs sends.
    #[arg(long, default_value_t = 300)]
    tunnel_megabytes: u64,
    #[arg(long, default_value_t = 4)]
    aws_megabytes: u64,
    /// Small requests of each kind in each round of the tunnel case.
    #[arg(long, default_value_t = 400)]
    requests: usize,
    /// Whole sessions in each half of each round of the sessions case.
    #[arg(long, default_value_t = 1000)]
    sessions: u32,
    /// Megabytes of the large file, and the number of small ones, in each round of the copies case.
    #[arg(long, default_value_t = 1000)]
    copy_megabytes: u64,
    #[arg(long, default_value_t = 5000)]
    copy_files: usize,
    /// Megabytes of each transfer over a long path.
    #[arg(long, default_value_t = 20)]
    far_megabytes: u64,
    #[arg(long, hide = true)]
    in_namespace: bool,
    /// Only these cases: terminals, recording, tunnels, far, copies, sessions, memory, idle, stock-agents,
    /// relay.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

impl Options {
    fn wants(&self, case: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == case)
    }
}

/// One line of the result.
struct Row {
    measure: String,
    result: String,
    goal: &'static str,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let mut rows = Vec::new();
    if options.wants("terminals") {
        rows.extend(terminals::measure(options.rounds, options.keys, options.megabytes)?);
    }
    if options.wants("recording") {
        rows.extend(recording::measure(options.rounds, options.keys, options.megabytes)?);
    }
    if options.wants("tunnels") {
        let amounts = tunnels::Amounts {
            bulk_bytes: options.tunnel_megabytes * 1_000_000,
            slow_bytes: options.aws_megabytes * 1_000_000,
            requests: options.requests,
        };
        rows.extend(tunnels::measure(options.rounds, amounts)?);
    }
    if options.in_namespace {
        rows.extend(tunnels::far::measure_here(options.rounds, options.far_megabytes, options.requests)?);
    } else if options.wants("far") {
        tunnels::far::measure(options.rounds, options.far_megabytes, options.requests)?;
    }
    if options.wants("copies") {
        rows.extend(copies::measure(options.rounds, options.copy_megabytes * 1_000_000, options.copy_files)?);
    }
    if options.wants("sessions") {
        rows.extend(sessions::measure(options.rounds, options.sessions)?);
    }
    if options.wants("memory") {
        rows.extend(memory::measure()?);
    }
    if options.wants("idle") {
        rows.extend(idle::measure(&options.nodes)?);
    }
    if options.wants("stock-agents") {
        rows.extend(stock_agents::measure(options.agents, options.seconds)?);
    }
    if options.wants("relay") {
        rows.extend(relay::measure(options.rounds, options.messages)?);
    }
    let mut table = Table::new();
    table.set_header(["measure", "result", "goal"]);
    for row in rows {
        table.add_row([row.measure.as_str(), row.result.as_str(), row.goal]);
    }
    println!("{table}");
    println!("Shells and commands are recorded, where nothing else is said; tunnels and copies are not. All over TLS.");
    Ok(())
}
