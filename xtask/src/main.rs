//! The project's chores, each one command: `cargo xtask test`, `layering`, `cross`, `bench`, `compat`, `mutants`.
//!
//! It needs nothing but cargo; what a chore needs beyond that is named when it is missing.

mod bench;
mod cargo;
mod compat;
mod cross;
mod layering;
mod mutants;
mod report;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's chores")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything that must hold before a change lands
    Test(test::Options),
    /// Check who may depend on whom
    Layering,
    /// Build agent and client for other systems
    Cross(cross::Options),
    /// Measure whole processes beside OpenSSH, in release mode
    Bench(bench::Options),
    /// Write docs/compatibility.md from what the last whole `test` recorded
    Compat(compat::Options),
    /// Change what decides, bit by bit, and look whether a test notices (hours)
    Mutants(mutants::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Test(options) => test::run(&options),
        Chore::Layering => layering::run(),
        Chore::Cross(options) => cross::run(&options),
        Chore::Bench(options) => bench::run(&options),
        Chore::Compat(options) => compat::run(&options),
        Chore::Mutants(options) => mutants::run(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether this runs where a missing tool is a failure and not a reason to skip.
fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Runs a command with its output on the terminal; tells whether it succeeded.
fn succeeds(command: &mut std::process::Command) -> Result<bool> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) => Ok(status.success()),
        Err(error) => Err(anyhow::Error::new(error).context(format!("{program} cannot be started"))),
    }
}
