//! The corpus in `tests/corpus`, case by case; its README says what the files are.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod corpus {
    pub(crate) mod cases;
    pub(crate) mod tables;
}

use std::fs;
use std::path::{Path, PathBuf};

/// The file's lines that say something, with their numbers.
fn lines(name: &str) -> Vec<(usize, String)> {
    let text = fs::read_to_string(folder().join(name)).unwrap();
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.to_owned()));
    lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#')).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Fails with every case that went wrong. Returns how many there were.
fn verdicts(name: &str, results: Vec<Result<(), String>>) -> usize {
    let count = results.len();
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{name}: {} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
    count
}

#[test]
fn conditions() {
    for name in ["conditions-string.table", "conditions-typed.table"] {
        verdicts(name, corpus::tables::conditions(&lines(name)));
    }
}

#[test]
fn actions() {
    verdicts("actions.table", corpus::tables::actions(&lines("actions.table")));
}

#[test]
fn resources() {
    verdicts("resources.table", corpus::tables::resources(&lines("resources.table")));
}

#[test]
fn refused() {
    verdicts("refused.table", corpus::tables::refused(&lines("refused.table")));
}

#[test]
fn warnings() {
    verdicts("warnings.table", corpus::tables::warnings(&lines("warnings.table")));
}

#[test]
fn decisions() {
    for name in ["spec-11.cases", "samples.cases", "layers.cases", "managed.cases"] {
        verdicts(name, corpus::cases::run(&lines(name)));
    }
}

/// A file that no test reads would be a file that nothing holds.
#[test]
fn every_file_is_run_and_there_are_enough_cases() {
    let known = [
        "README.md",
        "actions.table",
        "cases.rs",
        "conditions-string.table",
        "conditions-typed.table",
        "layers.cases",
        "managed.cases",
        "refused.table",
        "resources.table",
        "samples.cases",
        "spec-11.cases",
        "tables.rs",
        "warnings.table",
    ];
    let mut files: Vec<String> =
        fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, known);
    let cases: usize = known
        .iter()
        .filter(|name| name.ends_with(".table") || name.ends_with(".cases"))
        .map(|name| lines(name).iter().filter(|(_, line)| name.ends_with(".table") || line.starts_with("ask ")).count())
        .sum();
    assert!(cases >= 400, "{cases} cases");
}
