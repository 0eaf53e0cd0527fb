//! What a test shows about a program that is not ours, where a machine reads it: the compatibility page is made from
//! these lines and from nothing else.

use std::io::Write;

/// Every behaviour that the tests can show, and the programs that can show it: the rows of the compatibility page.
/// Lines are `behaviour | program, program`, under `== section`.
const LIST: &str = include_str!("../behaviours.txt");

/// The behaviours of the list, each with its programs.
fn listed() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    let lines = LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" | "));
    lines.map(|(name, programs)| (name, programs.split(", ")))
}

/// A behaviour that a test is about to show with one or more programs. Say [`Behaviour::holds`] when it is shown; a
/// test that ends before records that it failed.
///
/// Each program gets one line, `behaviour<TAB>program<TAB>version<TAB>result`, in the file that
/// `POSTERN_COMPAT_RESULTS` names; `result` is `passed` or `failed`. What was skipped writes nothing, and reads *not
/// verified* on the page.
#[must_use = "a behaviour that is not said to hold is recorded as failed"]
pub struct Behaviour {
    name: String,
    programs: Vec<(String, String)>,
    holds: bool,
}

impl Behaviour {
    /// A behaviour, and the name and version of each program that takes part in it.
    ///
    /// # Panics
    /// `behaviours.txt` does not list it for these programs: a result that the page has no place for.
    pub fn of(name: &str, programs: &[(&str, &str)]) -> Self {
        for (program, _) in programs {
            let is_listed = listed().any(|(known, mut programs)| known == name && programs.any(|of| of == *program));
            assert!(is_listed, "behaviours.txt does not list {name:?} for {program}: add it there");
        }
        let programs = programs.iter().map(|(name, version)| (cell(name), cell(version))).collect();
        Self { name: cell(name), programs, holds: false }
    }

    /// The names of all that begin with this.
    pub fn listed_under(prefix: &str) -> Vec<&'static str> {
        listed().map(|(name, _)| name).filter(|name| name.starts_with(prefix)).collect()
    }

    /// It was shown.
    pub fn holds(mut self) {
        self.holds = true;
    }

    fn lines(&self) -> String {
        let result = if self.holds { "passed" } else { "failed" };
        let line = |(program, version): &(String, String)| format!("{}\t{program}\t{version}\t{result}\n", self.name);
        self.programs.iter().map(line).collect()
    }
}

impl Drop for Behaviour {
    fn drop(&mut self) {
        let Some(path) = std::env::var_os("POSTERN_COMPAT_RESULTS") else { return };
        // One write of whole lines: tests of several processes append to one file.
        let file = std::fs::File::options().create(true).append(true).open(path);
        let written = file.and_then(|mut file| file.write_all(self.lines().as_bytes()));
        if let Err(error) = written {
            // Panicking twice would abort the test and hide why it failed.
            assert!(std::thread::panicking(), "POSTERN_COMPAT_RESULTS names no writable file: {error}");
        }
    }
}

/// Text that cannot break a line or a column.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_gets_a_line_that_says_whether_it_was_shown() {
        let (name, programs) = listed().next().expect("there are behaviours");
        let programs: Vec<_> = programs.map(|program| (program, "1.2\t3\n")).collect();
        let lines = |result: &str| {
            programs.iter().map(|(program, _)| format!("{name}\t{program}\t1.2 3\t{result}\n")).collect::<String>()
        };
        let mut shown = Behaviour::of(name, &programs);
        assert_eq!(shown.lines(), lines("failed"));
        shown.holds = true;
        assert_eq!(shown.lines(), lines("passed"));
        // Nothing was shown here.
        std::mem::forget(shown);
    }

    #[test]
    #[should_panic = "add it there"]
    fn what_is_not_listed_is_not_recorded() {
        let _ = Behaviour::of("a shell on the moon", &[("postern", "1.2")]);
    }
}
