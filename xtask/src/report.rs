//! What was checked and how it ended: a table for people, one closing line for machines.

use std::time::{Duration, Instant};

use anyhow::Result;

/// How one step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// Not run, and why.
    Skipped(String),
    /// Many tests at once.
    Counted(Counts),
}

/// Tests of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<(String, Outcome, Duration)>,
}

impl Report {
    /// Runs one step and remembers how it ended. A step that could not be run at all has failed.
    pub(crate) fn step(&mut self, name: &str, run: impl FnOnce() -> Result<Outcome>) -> bool {
        eprintln!("\n== {name}");
        let started = Instant::now();
        let outcome = run().unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            Outcome::Failed
        });
        let passed = match &outcome {
            Outcome::Failed => false,
            Outcome::Counted(counts) => counts.failed == 0,
            Outcome::Passed => true,
            Outcome::Skipped(reason) => {
                eprintln!("skipped: {reason}");
                true
            }
        };
        self.steps.push((name.to_owned(), outcome, started.elapsed()));
        passed
    }

    /// Prints everything and returns whether nothing failed. The closing line is the last one on standard output.
    pub(crate) fn finish(self) -> bool {
        let mut total = Counts::default();
        println!();
        for (name, outcome, took) in &self.steps {
            let said = match outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Failed => "FAILED".to_owned(),
                Outcome::Skipped(reason) => format!("skipped: {reason}"),
                Outcome::Counted(counts) => counts.to_string(),
            };
            println!("{name:<14} {:>6.1} s  {said}", took.as_secs_f64());
            let counts = outcome.counts();
            total.passed += counts.passed;
            total.failed += counts.failed;
            total.skipped += counts.skipped;
        }
        println!("\n{total}");
        total.failed == 0
    }
}

impl Outcome {
    pub(crate) fn of(succeeded: bool) -> Self {
        if succeeded { Self::Passed } else { Self::Failed }
    }

    fn counts(&self) -> Counts {
        match self {
            Self::Passed => Counts { passed: 1, ..Counts::default() },
            Self::Failed => Counts { failed: 1, ..Counts::default() },
            Self::Skipped(_) => Counts { skipped: 1, ..Counts::default() },
            Self::Counted(counts) => *counts,
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}
