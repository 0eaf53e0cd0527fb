//! The list of behaviours, and whether it is the one that the tests' sources name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::page::PROGRAMS;

/// Behaviours that belong together: one table of the page.
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) behaviours: Vec<Behaviour>,
}

/// One row.
pub(crate) struct Behaviour {
    pub(crate) name: String,
    /// Who can show it.
    pub(crate) programs: Vec<String>,
}

/// Reads the list.
pub(crate) fn parse(text: &str) -> Result<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    let mut names = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(title) = line.strip_prefix("== ") {
            sections.push(Section { title: title.to_owned(), behaviours: Vec::new() });
            continue;
        }
        let (name, programs) = line.split_once(" | ").with_context(|| format!("{line:?} names no programs"))?;
        let programs: Vec<String> = programs.split(", ").map(str::to_owned).collect();
        for program in &programs {
            let is_known = PROGRAMS.iter().any(|(known, _)| known == program);
            ensure!(is_known, "{line:?} names {program:?}, which has no column");
        }
        ensure!(names.insert(name), "{name:?} is listed twice");
        let section = sections.last_mut().with_context(|| format!("{line:?} is in no section"))?;
        section.behaviours.push(Behaviour { name: name.to_owned(), programs });
    }
    Ok(sections)
}

/// What the list and the tests' sources disagree about. An operation's name (`ssm.StartSession`) stands in no source: a
/// test compares those with the service's own list.
pub(crate) fn check(sections: &[Section], tests: &Path) -> Result<Vec<String>> {
    let mut named = BTreeSet::new();
    collect(tests, &mut named)?;
    let listed: BTreeSet<&str> = sections.iter().flat_map(|s| &s.behaviours).map(|b| b.name.as_str()).collect();
    let is_operation =
        |name: &str| ["ssm.", "kms.", "logs.", "cloudtrail."].iter().any(|service| name.starts_with(service));
    let unlisted = named.iter().filter(|name| !listed.contains(name.as_str()));
    let unnamed = listed.iter().filter(|name| !is_operation(name) && !named.contains(**name));
    Ok(unlisted
        .map(|name| format!("a test records {name:?}, which behaviours.txt does not list"))
        .chain(unnamed.map(|name| format!("behaviours.txt lists {name:?}, which no test records")))
        .collect())
}

/// The texts that stand first in a call of `behaviour(` or `Behaviour::of(`, and those of lists called `behaviours`.
fn collect(folder: &Path, named: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, named)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            named.extend(in_source(&fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

fn in_source(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (mark, end) in [("Behaviour::of(", ','), (".behaviour(", ')'), ("let behaviours = [", ']')] {
        for call in source.split(mark).skip(1) {
            let arguments = call.split(end).next().unwrap_or_default();
            // Every other piece between quotation marks is a text; one that holds `end` is read to its own end.
            let arguments = if arguments.matches('"').count() % 2 == 0 { arguments } else { call };
            let texts = arguments.split('"').skip(1).step_by(2);
            let texts = texts.take(if end == ']' { usize::MAX } else { 1 });
            found.extend(texts.map(str::to_owned));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_name_what_they_record() {
        let source = r#"
            let behaviour = Behaviour::of("shell", &[("aws", "1")]);
            let behaviour =
                Behaviour::of(
                    "a command, its output, its status", &programs);
            pair.behaviour("a port (that refuses)");
            user.behaviour(name);
            let behaviours = ["times are times", "pages add up"];
        "#;
        let mut found = in_source(source);
        found.sort();
        let expected =
            ["a command, its output, its status", "a port (that refuses)", "pages add up", "shell", "times are times"];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_list_that_makes_no_sense_is_refused() {
        assert!(parse("== A\nshell | aws, postern\n# a remark\n").is_ok());
        for (text, fault) in [
            ("shell | aws", "in no section"),
            ("== A\nshell", "names no programs"),
            ("== A\nshell | telnet", "has no column"),
            ("== A\nshell | aws\nshell | postern", "listed twice"),
        ] {
            let error = parse(text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(fault), "{text:?}: {error}");
        }
    }
}
