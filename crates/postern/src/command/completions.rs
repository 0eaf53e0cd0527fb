//! `postern completions`: a script that teaches a shell our command line.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::table;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The shell
    shell: clap_complete::Shell,
}

/// Prints the script on standard output.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "postern", &mut script);
    table::write_lines(String::from_utf8_lossy(&script).lines().map(str::to_owned))?;
    Ok(ExitCode::SUCCESS)
}
