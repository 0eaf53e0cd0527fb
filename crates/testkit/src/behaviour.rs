//! What a test shows about a program that is not ours, where a machine reads it: the compatibility page is made from
//! these lines and from nothing else.

use std::io::Write;

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
    pub fn of(name: &str, programs: &[(&str, &str)]) -> Self {
        let programs = programs.iter().map(|(name, version)| (cell(name), cell(version))).collect();
        Self { name: cell(name), programs, holds: false }
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
        let mut shown = Behaviour::of("a shell\tis served", &[("plugin", "1.2\n"), ("agent", "3.3")]);
        assert_eq!(shown.lines(), "a shell is served\tplugin\t1.2\tfailed\na shell is served\tagent\t3.3\tfailed\n");
        shown.holds = true;
        assert_eq!(shown.lines(), "a shell is served\tplugin\t1.2\tpassed\na shell is served\tagent\t3.3\tpassed\n");
    }
}
