//! `cargo xtask compat`: the compatibility page, made from what tests recorded and from nothing else.
//!
//! Its rows are the behaviours of `crates/testkit/behaviours.txt`. Tests record into a file (`postern_testkit::Behaviour`)
//! which `cargo xtask test` keeps in the target folder; what did not run there reads *not verified*. The check that is
//! part of `cargo xtask test` needs none of AWS's programs: it compares rows with the tests' sources, and the cells of
//! those programs that did run.

mod behaviours;
mod page;
mod results;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::cargo::{target_dir, workspace_root};
use behaviours::Section;
use results::Results;

const PAGE: &str = "docs/compatibility.md";
const LIST: &str = "crates/testkit/behaviours.txt";
const TESTS: &str = "tests/tests";

#[derive(Args)]
pub(crate) struct Options {
    /// What tests recorded, instead of what the last `cargo xtask test` kept
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Only say whether the page is stale
    #[arg(long)]
    check: bool,
}

/// The file into which `cargo xtask test` has its tests record.
pub(crate) fn results_file(target: &Path) -> PathBuf {
    target.join("postern-compat-results")
}

/// Writes the page, or checks it.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let results = match &options.results {
        Some(file) => file.clone(),
        None => results_file(&target_dir()?),
    };
    if options.check {
        return check(&results);
    }
    let results = Results::read(&results)?;
    ensure!(!results.is_empty(), "nothing was recorded: run `cargo xtask test` first, without --quick");
    let file = workspace_root().join(PAGE);
    fs::write(&file, page::write(&sections()?, &results)).with_context(|| format!("{PAGE} cannot be written"))?;
    println!("{PAGE} is written");
    Ok(true)
}

/// Prints what makes the page stale; tells whether nothing does.
pub(crate) fn check(results: &Path) -> Result<bool> {
    let sections = sections()?;
    let mut stale = behaviours::check(&sections, &workspace_root().join(TESTS))?;
    let text = fs::read_to_string(workspace_root().join(PAGE)).unwrap_or_default();
    stale.extend(page::check(&text, &sections, &Results::read(results)?));
    for sentence in &stale {
        eprintln!("compatibility: {sentence}");
    }
    if !stale.is_empty() {
        eprintln!("compatibility: when the tests are right, `cargo xtask compat` writes {PAGE} anew");
    }
    Ok(stale.is_empty())
}

fn sections() -> Result<Vec<Section>> {
    let text = fs::read_to_string(workspace_root().join(LIST)).with_context(|| format!("{LIST} cannot be read"))?;
    behaviours::parse(&text)
}
