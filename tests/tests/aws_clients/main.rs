//! AWS's own clients and independent ones, as the package indexes carry them, against a real service and agent.
//!
//! What a test shows is recorded for the compatibility page (`postern_testkit::Behaviour`).

mod boto3;
mod command_line;
mod groups;
mod identities;
mod javascript;
mod keys_and_logs;
mod roles;
mod web_identity;

use std::path::{Path, PathBuf};
use std::time::Duration;

use postern_testkit::{Behaviour, Output};

const PATIENCE: Duration = Duration::from_secs(60);

/// One of the scripts beside this file.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws_clients").join(name)
}

/// Runs a script that prints `shown<TAB>behaviour` after each of these behaviours of `program`, and records them.
fn expect_shown(behaviours: &[&str], program: (&str, &str), run: impl FnOnce() -> Output) {
    let named: Vec<_> = behaviours.iter().map(|name| (*name, Behaviour::of(name, &[program]))).collect();
    let done = run();
    let shown: Vec<&str> = done.stdout.lines().filter_map(|line| line.strip_prefix("shown\t")).collect();
    for (name, behaviour) in named {
        if shown.contains(&name) {
            behaviour.holds();
        }
    }
    assert_eq!(shown, behaviours, "{done:#?}");
    done.expect_success("the script");
}
