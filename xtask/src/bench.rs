//! `cargo xtask bench`: builds the programs in release mode and lets `postern-bench` measure them.

use anyhow::Result;
use clap::Args;

use crate::cargo::{cargo, target_dir};
use crate::succeeds;

#[derive(Args)]
pub(crate) struct Options {
    /// Passed on to postern-bench; `cargo xtask bench -- --help` lists them
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let packages = ["postern", "posternd", "postern-agent", "postern-bench"];
    let mut build = cargo(&["build", "--release", "--locked"]);
    for package in packages {
        build.args(["--package", package]);
    }
    if !succeeds(&mut build)? {
        return Ok(false);
    }
    let programs = target_dir()?.join("release");
    let mut bench = std::process::Command::new(programs.join("postern-bench"));
    succeeds(bench.args(&options.arguments).env("POSTERN_BIN_DIR", &programs))
}
