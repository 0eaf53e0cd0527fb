//! `cargo xtask test`: everything that must hold, in the order in which it fails fastest.

mod counts;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::cargo::{cargo, is_installed, target_dir};
use crate::report::{Counts, Outcome, Report};
use crate::{compat, is_ci, layering, succeeds};

/// A second TLS provider costs minutes of C and a second set of vulnerabilities.
const UNWANTED: [&str; 4] = ["aws-lc-sys", "aws-lc-rs", "openssl-sys", "native-tls"];
/// How long each fuzz target runs in CI. Those that read what strangers send first take four times as long.
const FUZZ_SECONDS: &str = "5";
/// The tests of the whole: real programs, real clients.
const WHOLE: &str = "postern-e2e";

#[derive(Args)]
pub(crate) struct Options {
    /// Leave out the tests of whole programs, the documentation and what needs other tools
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let target = target_dir()?;
    let mut report = Report::default();
    report.step("format", || passes(&["fmt", "--all", "--", "--check"]));
    report.step("layering", || layering::run().map(Outcome::of));
    report.step("tls provider", only_one_tls_provider);
    if !options.quick {
        report.step("deny", deny);
    }
    report.step("clippy", || passes(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]));
    // Programs and tests in one go, so that both are built with the same features. The tests of the whole find the
    // programs through POSTERN_BIN_DIR.
    let built = report.step("build", || passes(&["build", "--workspace", "--bins", "--tests", "--locked"]));
    if built {
        report.step("tests", || tests(options, &target));
        report.step("compatibility", || compat::check(&compat::results_file(&target)).map(Outcome::of));
        if has_nextest() {
            report.step("doc tests", || passes(&["test", "--workspace", "--doc", "--locked"]));
        }
    }
    if !options.quick {
        report.step("docs", || {
            let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
            Ok(Outcome::of(succeeds(doc.env("RUSTDOCFLAGS", "-D warnings"))?))
        });
    }
    Ok(report.finish())
}

fn passes(arguments: &[&str]) -> Result<Outcome> {
    Ok(Outcome::of(succeeds(&mut cargo(arguments))?))
}

fn only_one_tls_provider() -> Result<Outcome> {
    let mut found = false;
    for package in UNWANTED {
        let tree = ["tree", "--workspace", "--all-features", "--target", "all", "--locked", "--invert", package];
        let output = cargo(&tree).output().context("cargo tree cannot be started")?;
        let error = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            eprintln!("{package} has crept in:\n{}", String::from_utf8_lossy(&output.stdout));
            found = true;
        } else if !error.contains("did not match any packages") {
            eprintln!("{error}");
            return Ok(Outcome::Failed);
        }
    }
    Ok(Outcome::of(!found))
}

fn deny() -> Result<Outcome> {
    if !is_installed("cargo-deny") {
        let reason = "cargo-deny is not installed; `cargo install cargo-deny --locked` does it";
        if is_ci() {
            eprintln!("error: {reason}");
            return Ok(Outcome::Failed);
        }
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    // Advisories need a clone of their database; maintainers with a network run `cargo deny check advisories`.
    passes(&["deny", "--offline", "--locked", "--workspace", "--all-features", "check", "bans", "licenses", "sources"])
}

fn has_nextest() -> bool {
    is_installed("cargo-nextest")
}

/// Unit, integration and end-to-end tests. Tests that skip themselves say so in a file, because runners show nothing
/// of what a passing test prints.
fn tests(options: &Options, target: &Path) -> Result<Outcome> {
    let nextest = has_nextest();
    let mut command = if nextest {
        let mut command = cargo(&["nextest", "run", "--workspace", "--locked", "--no-fail-fast", "--color", "never"]);
        command.args(["--status-level", "slow", "--final-status-level", "fail"]);
        command
    } else {
        cargo(&["test", "--workspace", "--locked", "--no-fail-fast"])
    };
    if options.quick {
        command.args(["--exclude", WHOLE]);
    }
    let skips = target.join("postern-skipped-tests");
    fs::write(&skips, "").with_context(|| format!("{} cannot be written", skips.display()))?;
    command.env("POSTERN_BIN_DIR", target.join("debug"));
    command.env("POSTERN_SKIPPED_TESTS", &skips);
    let results = compat::results_file(target);
    fs::write(&results, "").with_context(|| format!("{} cannot be written", results.display()))?;
    command.env("POSTERN_COMPAT_RESULTS", &results);
    command.env("INSTA_UPDATE", "no");
    if is_ci() {
        command.env("POSTERN_FUZZ_SECONDS", FUZZ_SECONDS);
    }
    // Each runner writes its results to another stream.
    let (succeeded, lines) = watched(&mut command, nextest)?;
    let mut counts = counts::of_lines(lines.iter().map(String::as_str), nextest);
    let skipped = skipped_tests(&skips)?;
    for line in &skipped {
        eprintln!("skipped: {line}");
    }
    counts.skipped += skipped.len();
    counts.passed = counts.passed.saturating_sub(skipped.len());
    if !succeeded && counts.failed == 0 {
        // The runner itself failed, before or between tests.
        counts.failed = 1;
    }
    Ok(if counts == Counts::default() { Outcome::Failed } else { Outcome::Counted(counts) })
}

/// Runs a command, passes on what it prints, and returns the lines of the one stream that holds the results.
fn watched(command: &mut Command, results_on_stderr: bool) -> Result<(bool, Vec<String>)> {
    if results_on_stderr {
        command.stderr(Stdio::piped());
    } else {
        command.stdout(Stdio::piped());
    }
    let mut child = command.spawn().context("cargo cannot be started")?;
    let results: Box<dyn std::io::Read> = match (child.stdout.take(), child.stderr.take()) {
        (Some(stdout), _) => Box::new(stdout),
        (_, Some(stderr)) => Box::new(stderr),
        (None, None) => unreachable!("one of both was piped above"),
    };
    let mut lines = Vec::new();
    for line in BufReader::new(results).split(b'\n') {
        let line = line?;
        let mut stderr = std::io::stderr().lock();
        stderr.write_all(&line)?;
        stderr.write_all(b"\n")?;
        let line = String::from_utf8_lossy(&line).into_owned();
        if counts::is_result(&line) {
            lines.push(line);
        }
    }
    Ok((child.wait()?.success(), lines))
}

/// One line for each test that skipped itself: its name and the reason.
fn skipped_tests(file: &PathBuf) -> Result<Vec<String>> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines.dedup();
    Ok(lines)
}
