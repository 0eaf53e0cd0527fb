//! `cargo xtask mutants`: changes one operator, constant or function at a time in what decides who may do what, and looks
//! whether a test notices.
//!
//! A change that no test can notice, since no answer depends on it, stands in `mutants.toml` with the reason. Any other
//! that survives is a test that is missing. All of it takes hours, so it is no part of `test`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};

use crate::cargo::{cargo, target_dir, workspace_root};

#[derive(Args)]
pub(crate) struct Options {
    /// What to change; everything if nothing is named
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Only in files whose path fits, as `**/evaluate.rs`
    #[arg(long, value_name = "GLOB")]
    file: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    /// The policy engine
    Policy,
    /// Signature Version 4
    Signatures,
    /// Who may do what to what
    Authorisation,
    /// Temporary credentials
    Tokens,
}

impl Part {
    fn package(self) -> &'static str {
        match self {
            Self::Policy => "postern-policy",
            Self::Signatures => "postern-iam",
            Self::Authorisation | Self::Tokens => "postern-control",
        }
    }

    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Policy => &["crates/policy/src/**"],
            Self::Signatures => &["crates/iam/src/sigv4.rs", "crates/iam/src/sigv4/**"],
            Self::Authorisation => &["crates/control/src/authz.rs", "crates/control/src/authz/**"],
            Self::Tokens => &["crates/control/src/session_token.rs", "crates/control/src/session_token/**"],
        }
    }

    /// The tests that notice most of it, and are built and run first.
    fn quick_tests(self) -> &'static [&'static str] {
        match self {
            Self::Policy => &["--test=corpus"],
            Self::Signatures => &["--lib", "-E", "test(sigv4)"],
            Self::Authorisation => &["--lib", "-E", "test(authz)"],
            Self::Tokens => &["--lib", "-E", "test(session_token)"],
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    for tool in ["mutants", "nextest"] {
        // cargo-mutants knows its version only when cargo calls it.
        let found = cargo(&[tool, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        ensure!(
            found.is_ok_and(|status| status.success()),
            "cargo-{tool} is missing; cargo install cargo-{tool} --locked"
        );
    }
    let parts = if options.parts.is_empty() { Part::value_variants() } else { &options.parts };
    let mut is_clean = true;
    for &part in parts {
        is_clean &= survivors(part, &options.file)?;
    }
    Ok(is_clean)
}

/// Whether nothing survives: first the quick tests, then for what is left all tests of the package.
fn survivors(part: Part, files: &[String]) -> Result<bool> {
    let name = part.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let output = target_dir()?.join("mutants").join(name);
    let first = mutants(part, files, &output, part.quick_tests(), false)?;
    Ok(first || mutants(part, files, &output, &[], true)?)
}

fn mutants(part: Part, files: &[String], output: &Path, tests: &[&str], is_second: bool) -> Result<bool> {
    let config: PathBuf = workspace_root().join("xtask/mutants.toml");
    std::fs::create_dir_all(output)?;
    let mut command = cargo(&["mutants", "--test-tool=nextest", "--baseline=skip", "--timeout=600", "--no-shuffle"]);
    command.env("NEXTEST_PROFILE", "mutants").args(["--package", part.package()]);
    command.arg("--config").arg(config).arg("--output").arg(output);
    if files.is_empty() {
        command.args(part.files().iter().flat_map(|file| ["--file", file]));
    } else {
        command.args(files.iter().flat_map(|file| ["--file", file]));
    }
    command.args(tests.iter().map(|test| format!("--cargo-test-arg={test}")));
    if is_second {
        command.arg("--iterate");
    }
    // 2: some survive; 3: some do not come to an end, which the tests' own deadline should have said before.
    let status = command.status()?;
    match status.code() {
        Some(0) => Ok(true),
        Some(2 | 3) => Ok(false),
        _ => anyhow::bail!("cargo mutants failed: {status}"),
    }
}
