//! Reading how many tests passed from what the runners print at the end.

use crate::report::Counts;

/// Whether a line tells results: nextest's `Summary […] 44 tests run: 43 passed (1 slow), 1 failed, 0 skipped` or
/// libtest's `test result: ok. 31 passed; 0 failed; 0 ignored; …`.
pub(super) fn is_result(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("Summary [") || line.starts_with("test result: ")
}

/// The sum over all result lines.
pub(super) fn of_lines<'a>(lines: impl Iterator<Item = &'a str>, nextest: bool) -> Counts {
    let mut counts = Counts::default();
    for line in lines.filter(|line| is_result(line)) {
        let results = line.split_once(if nextest { "run:" } else { ". " }).map_or("", |(_, results)| results);
        for part in results.split([',', ';']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(word)) = (words.next().and_then(|word| word.parse::<usize>().ok()), words.next())
            else {
                continue;
            };
            // What nextest leaves out by a filter was not asked for; what libtest ignores was written to be ignored.
            match word {
                "passed" => counts.passed += number,
                "ignored" => counts.skipped += number,
                "failed" | "timed" | "exec" | "aborted" => counts.failed += number,
                _ => {}
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: usize, failed: usize, skipped: usize) -> Counts {
        Counts { passed, failed, skipped }
    }

    #[test]
    fn nextest_summaries() {
        for (line, expected) in [
            ("     Summary [   2.523s] 44 tests run: 44 passed, 0 skipped", counts(44, 0, 0)),
            (
                "     Summary [  61.2s] 10/12 tests run: 6 passed (2 slow, 1 leaky), 3 failed, 1 timed out, 5 skipped",
                counts(6, 4, 0),
            ),
            ("     Summary [   0.001s] 1 test run: 0 passed, 1 exec failed, 0 skipped", counts(0, 1, 0)),
        ] {
            assert_eq!(of_lines([line].into_iter(), true), expected, "{line}");
        }
    }

    #[test]
    fn libtest_results_are_summed() {
        let lines = [
            "running 3 tests",
            "test result: ok. 31 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.28s",
            "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.01s",
        ];
        assert_eq!(of_lines(lines.into_iter(), false), counts(33, 3, 1));
    }
}
