//! The page: one table a section, a row for each behaviour, a column for each program that can show any of them.

use std::fmt::Write as _;

use super::behaviours::Section;
use super::results::Results;

/// The columns: how tests call a program, and how the page does.
pub(crate) const PROGRAMS: &[(&str, &str)] = &[
    ("aws", "aws CLI"),
    ("boto3", "boto3"),
    ("botocore", "botocore"),
    ("@aws-sdk/client-ssm", "@aws-sdk/client-ssm"),
    ("ssm-session", "ssm-session"),
    ("session-manager-plugin", "AWS's session-manager-plugin"),
    ("amazon-ssm-agent", "AWS's amazon-ssm-agent"),
    ("postern", "our client"),
    ("postern-agent", "our agent"),
];

const HEAD: &str = "\
# Compatibility

What the tests of this repository have shown with programs that are not ours, unmodified, and with ours beside them.
`cargo xtask compat` makes this page from what `cargo xtask test` recorded; nobody writes in it. *Not verified* means that
no test ran it when the page was made, not that it is known to fail. A dash: the program takes no part in it.

";

/// The whole page.
pub(crate) fn write(sections: &[Section], results: &Results) -> String {
    let mut page = HEAD.to_owned();
    page.push_str(&programs(results));
    for section in sections {
        page.push_str(&table(section, results));
    }
    page
}

fn programs(results: &Results) -> String {
    let mut table = "| program | version |\n| --- | --- |\n".to_owned();
    for (program, title) in PROGRAMS {
        let _ = writeln!(table, "{}", version_row(program, title, results));
    }
    table
}

fn version_row(program: &str, title: &str, results: &Results) -> String {
    let versions: Vec<&str> = results.versions(program).into_iter().collect();
    let versions = if versions.is_empty() { "*not run*".to_owned() } else { versions.join(", ") };
    format!("| {title} | {versions} |")
}

fn columns(section: &Section) -> impl Iterator<Item = (&'static str, &'static str)> {
    let takes_part = |program: &str| section.behaviours.iter().any(|b| b.programs.iter().any(|of| of == program));
    PROGRAMS.iter().copied().filter(move |(program, _)| takes_part(program))
}

fn table(section: &Section, results: &Results) -> String {
    let mut table = format!("\n## {}\n\n|  |", section.title);
    for (_, title) in columns(section) {
        let _ = write!(table, " {title} |");
    }
    table.push_str("\n| --- |");
    table.push_str(&" --- |".repeat(columns(section).count()));
    table.push('\n');
    for behaviour in &section.behaviours {
        let _ = write!(table, "| {} |", behaviour.name);
        for (program, _) in columns(section) {
            let takes_part = behaviour.programs.iter().any(|of| of == program);
            let cell = if takes_part { results.cell(&behaviour.name, program) } else { "–".to_owned() };
            let _ = write!(table, " {cell} |");
        }
        table.push('\n');
    }
    table
}

/// What the page says differently from what it would say now. Programs that did not run now are believed, wherever
/// they ran then: a page made on a machine that has all of them is right on one that has few.
pub(crate) fn check(page: &str, sections: &[Section], results: &Results) -> Vec<String> {
    let mut stale = Vec::new();
    let expected = write(sections, results);
    let (mut found, mut wanted) = (page.lines(), expected.lines());
    let mut header: Vec<&str> = Vec::new();
    loop {
        match (found.next(), wanted.next()) {
            (None, None) => return stale,
            (Some(found), Some(wanted)) => {
                if wanted.starts_with("|  |") {
                    header = cells(wanted);
                }
                if !agrees(found, wanted, &header, results) {
                    stale.push(format!("the page says {found:?}, and should say {wanted:?}"));
                }
            }
            (found, wanted) => {
                let line = found.or(wanted).unwrap_or_default();
                stale.push(format!("the page and the list of behaviours part at {line:?}"));
                return stale;
            }
        }
    }
}

/// Whether a line is the wanted one, but for cells of programs that did not run.
fn agrees(found: &str, wanted: &str, header: &[&str], results: &Results) -> bool {
    if found == wanted {
        return true;
    }
    let (found, wanted) = (cells(found), cells(wanted));
    if found.len() != wanted.len() || found.first() != wanted.first() || wanted.is_empty() {
        return false;
    }
    let ran = |title: &str| PROGRAMS.iter().any(|(program, of)| *of == title && !results.versions(program).is_empty());
    // In the first table the program is the row, in the others the column.
    let program = |at: usize| header.get(at).copied().unwrap_or(wanted[0]);
    let is_result = |cell: &str| cell != "–";
    (1..wanted.len())
        .all(|at| found[at] == wanted[at] || (!ran(program(at)) && is_result(found[at]) && is_result(wanted[at])))
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.strip_prefix("| ").or_else(|| line.strip_prefix("|")).and_then(|line| line.strip_suffix(" |"));
    inner.map(|inner| inner.split(" | ").map(str::trim).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::behaviours;
    use super::*;

    const LIST: &str = "== Sessions\nshell | aws, amazon-ssm-agent, postern\nport | amazon-ssm-agent\n";
    const ALL: &str = "shell\taws\t1.46\tpassed\nshell\tpostern\t0.1\tpassed\nshell\tamazon-ssm-agent\t3.3\tpassed\n\
                       port\tamazon-ssm-agent\t3.3\tfailed\n";
    const SOME: &str = "shell\taws\t1.46\tpassed\nshell\tpostern\t0.1\tpassed\n";

    fn page(list: &str, results: &str) -> String {
        write(&behaviours::parse(list).expect("a list"), &Results::parse(results).expect("results"))
    }

    fn stale(page: &str, list: &str, results: &str) -> Vec<String> {
        check(page, &behaviours::parse(list).expect("a list"), &Results::parse(results).expect("results"))
    }

    #[test]
    fn a_row_says_what_was_shown_and_what_was_not() {
        let page = page(LIST, ALL);
        assert!(page.contains("|  | aws CLI | AWS's amazon-ssm-agent | our client |"), "{page}");
        assert!(page.contains("| shell | passed | passed | passed |"), "{page}");
        assert!(page.contains("| port | – | **failed** | – |"), "{page}");
        assert!(page.contains("| boto3 | *not run* |") && page.contains("| aws CLI | 1.46 |"), "{page}");
        assert!(super::tests::page(LIST, SOME).contains("| shell | passed | *not verified* | passed |"));
    }

    #[test]
    fn a_page_made_with_all_programs_is_right_where_few_of_them_run() {
        assert_eq!(stale(&page(LIST, ALL), LIST, ALL), [""; 0]);
        assert_eq!(stale(&page(LIST, ALL), LIST, SOME), [""; 0]);
        assert_eq!(stale(&page(LIST, ALL), LIST, ""), [""; 0]);
    }

    #[test]
    fn a_page_that_says_something_else_is_stale() {
        // It was verified since, it fails since, it was of another version.
        assert_eq!(stale(&page(LIST, SOME), LIST, ALL).len(), 3);
        assert_eq!(stale(&page(LIST, ALL), LIST, &SOME.replace("passed", "failed")).len(), 1);
        assert_eq!(stale(&page(LIST, ALL), LIST, &SOME.replace("1.46", "1.47")).len(), 1);
        // A row more, a row less, another program, none at all.
        let more = format!("{LIST}socket | postern\n");
        assert!(!stale(&page(LIST, ALL), &more, "").is_empty());
        assert!(!stale(&page(&more, ALL), LIST, "").is_empty());
        let other = LIST.replace("port | amazon-ssm-agent", "port | aws");
        assert!(!stale(&page(LIST, ALL), &other, "").is_empty());
        assert!(!stale("", LIST, "").is_empty());
    }
}
