//! What tests recorded: `behaviour<TAB>program<TAB>version<TAB>result`, a line for each time it was tried.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// Behaviour and program.
type Key = (String, String);

/// Every result; of several tries with one version the worst counts.
#[derive(Default)]
pub(crate) struct Results(BTreeMap<Key, BTreeMap<String, bool>>);

impl Results {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut results = Self::default();
        for line in text.lines() {
            let cells: Vec<&str> = line.split('\t').collect();
            let [behaviour, program, version, result] = cells[..] else { anyhow::bail!("{line:?} is no result") };
            ensure!(matches!(result, "passed" | "failed"), "{line:?} is no result");
            let versions = results.0.entry((behaviour.to_owned(), program.to_owned())).or_default();
            *versions.entry(version.to_owned()).or_insert(true) &= result == "passed";
        }
        Ok(results)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The versions of a program that anything was tried with.
    pub(crate) fn versions(&self, program: &str) -> BTreeSet<&str> {
        let of_program = self.0.iter().filter(|((_, of), _)| of == program);
        of_program.flat_map(|(_, versions)| versions.keys()).map(String::as_str).collect()
    }

    /// What the page says of a behaviour and a program. Versions are named where there are several.
    pub(crate) fn cell(&self, behaviour: &str, program: &str) -> String {
        let Some(versions) = self.0.get(&(behaviour.to_owned(), program.to_owned())) else {
            return "*not verified*".to_owned();
        };
        let word = |passed: bool| if passed { "passed" } else { "**failed**" };
        let are_many = self.versions(program).len() > 1;
        let cells = versions.iter().map(|(version, passed)| match are_many {
            true => format!("{} ({version})", word(*passed)),
            false => word(*passed).to_owned(),
        });
        cells.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_outweighs_many_successes_and_nothing_is_no_success() {
        let text = "shell\taws\t1\tpassed\nshell\taws\t1\tfailed\nshell\taws\t1\tpassed\nshell\tpostern\t2\tpassed\n";
        let results = Results::parse(text).expect("results");
        assert_eq!(results.cell("shell", "aws"), "**failed**");
        assert_eq!(results.cell("shell", "postern"), "passed");
        assert_eq!(results.cell("shell", "boto3"), "*not verified*");
        let two = Results::parse("shell\taws\t1\tpassed\nshell\taws\t2\tfailed\n").expect("results");
        assert_eq!(two.cell("shell", "aws"), "passed (1), **failed** (2)");
        assert!(Results::parse("shell\taws\t1\tperhaps\n").is_err());
        assert!(Results::parse("shell\taws\t1\n").is_err());
    }
}
