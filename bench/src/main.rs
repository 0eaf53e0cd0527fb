//! Whole-process measurements of Postern, interleaved in one run with OpenSSH as the yardstick.
//!
//! `cargo xtask bench` builds everything in release mode and runs this. Nothing here is a pass or a fail: it
//! prints what was measured, beside the goal, and the reader judges. Wall-clock figures of a busy machine are
//! lower bounds; trust the ratios inside one run.

mod idle;
mod memory;
mod stats;
mod terminals;
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
    /// Only these cases: terminals, memory, idle.
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
    if options.wants("memory") {
        rows.extend(memory::measure()?);
    }
    if options.wants("idle") {
        rows.extend(idle::measure(&options.nodes)?);
    }
    let mut table = Table::new();
    table.set_header(["measure", "result", "goal"]);
    for row in rows {
        table.add_row([row.measure.as_str(), row.result.as_str(), row.goal]);
    }
    println!("{table}");
    println!("Nothing is recorded yet; the sessions of the terminal cases run over TLS.");
    Ok(())
}
