//! Saying that a test is skipped, where people and `cargo xtask test` see it.

use std::io::Write;

/// Tells on standard error that the running test is skipped and why. Runners hide what a passing test prints, so the
/// line also goes to the file that `POSTERN_SKIPPED_TESTS` names, from which the test command counts it.
pub fn skip(reason: &str) {
    // nextest runs each test on the main thread of a process of its own and says its name; libtest names the thread.
    let name = std::env::var("NEXTEST_TEST_NAME").ok();
    let name = name.or_else(|| std::thread::current().name().map(str::to_owned));
    let line = format!("{}: {reason}\n", name.as_deref().unwrap_or("a test"));
    eprint!("skipped: {line}");
    if let Some(path) = std::env::var_os("POSTERN_SKIPPED_TESTS") {
        let file = std::fs::File::options().create(true).append(true).open(path);
        // Counting is a courtesy; the test itself has nothing to prove here.
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
