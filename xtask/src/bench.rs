//! `cargo xtask bench`: builds the programs in release mode, and the agent as packages ship it besides, and lets
//! `postern-bench` measure them.

use std::path::Path;
use std::process::{Command, Stdio};

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
    let mut build = cargo(&["build", "--profile", "dist", "--locked", "--package", "postern-agent"]);
    if !succeeds(&mut build)? {
        return Ok(false);
    }
    let target = target_dir()?;
    let programs = target.join("release");
    let mut bench = with_bare_home(&programs.join("postern-bench"));
    bench.args(&options.arguments);
    bench.env("POSTERN_BIN_DIR", &programs).env("POSTERN_DIST_DIR", target.join("dist"));
    succeeds(&mut bench)
}

/// A command that runs `program` where the shell's start files in the home folder are empty, so that a time to prompt
/// is not that of somebody's profile. Only root can have such a view of its own; for others the profile counts, the same
/// for all that is measured.
fn with_bare_home(program: &Path) -> Command {
    const SCRIPT: &str = "for name in .profile .bash_profile .bash_login .bashrc; do \
                            [ ! -e \"$HOME/$name\" ] || mount --bind /dev/null \"$HOME/$name\" || exit; \
                          done; exec \"$0\" \"$@\"";
    let namespace = ["--mount", "--propagation", "private"];
    let works = Command::new("unshare").args(namespace).arg("true").stderr(Stdio::null()).status();
    if !works.is_ok_and(|status| status.success()) {
        eprintln!("bench: the home folder's start files count (emptying them needs root and unshare)");
        return Command::new(program);
    }
    let mut command = Command::new("unshare");
    command.args(namespace).args(["sh", "-c", SCRIPT]).arg(program);
    command
}
