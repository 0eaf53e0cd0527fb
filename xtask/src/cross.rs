//! `cargo xtask cross`: agent and client for systems that this machine is not.
//!
//! The standard library for them is built from source by Debian's compiler, so nothing is downloaded but ordinary
//! packages. Their compiler is newer than ours, so these builds have a target folder of their own.

mod platforms;
mod tools;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::cargo::{cargo, target_dir};
use crate::report::{Outcome, Report};
use crate::succeeds;
use platforms::{PLATFORMS, Platform};
use tools::Tools;

#[derive(Args)]
pub(crate) struct Options {
    /// Only these targets (Windows and macOS otherwise), by triple
    #[arg(long, value_name = "TRIPLE")]
    target: Vec<String>,
    /// The static Linux build and the one for arm64 Linux too
    #[arg(long)]
    all: bool,
    /// dev, release, or dist as packages are built
    #[arg(long, default_value = "dev")]
    profile: String,
}

/// What is built: the package and whether its default features belong to it. The client for other systems is the
/// client alone, without the service that quickstart starts.
const PROGRAMS: [(&str, bool); 2] = [("postern-agent", true), ("postern", false)];

pub(crate) fn run(options: &Options) -> Result<bool> {
    ensure!(cfg!(target_os = "linux"), "cross builds are made on Debian; on this system use `cargo build --target`");
    let chosen = chosen(options)?;
    let folder = target_dir()?.join("cross");
    let tools = Tools::ensure(&chosen, &folder)?;
    let mut report = Report::default();
    for platform in chosen {
        for (package, default_features) in PROGRAMS {
            let name = format!("{package} {}", platform.triple);
            report.step(&name, || {
                let mut build = build(platform, package, default_features, options, &folder, &tools);
                if !succeeds(&mut build)? {
                    return Ok(Outcome::Failed);
                }
                let program = program(platform, package, options, &folder);
                check(&program, platform)?;
                eprintln!("{} ({} kB)", program.display(), program.metadata()?.len() / 1000);
                Ok(Outcome::Passed)
            });
        }
    }
    Ok(report.finish())
}

fn chosen(options: &Options) -> Result<Vec<&'static Platform>> {
    if options.target.is_empty() {
        return Ok(PLATFORMS.iter().filter(|platform| platform.by_default || options.all).collect());
    }
    let by_triple = |triple: &String| {
        let known = PLATFORMS.iter().map(|platform| platform.triple).collect::<Vec<_>>().join(", ");
        PLATFORMS
            .iter()
            .find(|platform| platform.triple == triple)
            .with_context(|| format!("{triple} is not among the targets we build: {known}"))
    };
    options.target.iter().map(by_triple).collect()
}

fn build(
    platform: &Platform,
    package: &str,
    default_features: bool,
    options: &Options,
    folder: &Path,
    tools: &Tools,
) -> Command {
    let mut build = cargo(&[if platform.needs_zig { "zigbuild" } else { "build" }]);
    // Both panic strategies, whichever the profile chooses.
    build.args(["-Zbuild-std=std,panic_abort,panic_unwind", "--locked"]);
    build.args(["--target", platform.triple, "--package", package, "--profile", &options.profile]);
    build.arg("--target-dir").arg(folder);
    if !default_features {
        build.arg("--no-default-features");
    }
    // The unstable flag is for building std; the code itself uses nothing unstable. Only ever set here.
    build.env("RUSTC", tools::RUSTC).env("RUSTC_BOOTSTRAP", "1");
    build.envs(platform.environment.iter().copied());
    tools.add_to(&mut build);
    build
}

fn program(platform: &Platform, package: &str, options: &Options, folder: &Path) -> PathBuf {
    let profile = if options.profile == "dev" { "debug" } else { &options.profile };
    folder.join(platform.triple).join(profile).join(format!("{package}{}", platform.suffix))
}

/// A build that quietly made a program for this machine is no cross build.
fn check(program: &Path, platform: &Platform) -> Result<()> {
    let bytes = std::fs::read(program).with_context(|| format!("{} was not built", program.display()))?;
    ensure!(platform.format.is_of(&bytes), "{} is no program for {}", program.display(), platform.triple);
    Ok(())
}
