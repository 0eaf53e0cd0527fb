//! The rules that no dependency shows: who reads clocks, who draws randomness, where `unsafe` stands.
//!
//! Looks at lines, not at syntax. Tests are left out: files and folders called so, and what follows the `#[cfg(test)]`
//! of a test module at the end of a file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::graph::Graph;

/// Words that only `allowed` crates may write, and what to do instead.
struct Word {
    text: &'static str,
    allowed: &'static [&'static str],
    instead: &'static str,
}

/// Test tools and chores: they are no part of the product.
const TOOLS: &[&str] = &["postern-testkit", "postern-e2e", "postern-bench", "xtask"];

const CLOCK: &str = "take `Now` as an argument, or ask the `Clock` you were given";
const CHANCE: &str = "ask the `Entropy` you were given";

const WORDS: &[Word] = &[
    Word { text: "Instant::now", allowed: &["postern-transport"], instead: CLOCK },
    Word { text: "SystemTime::now", allowed: &["postern-transport"], instead: CLOCK },
    Word { text: "UtcDateTime::now", allowed: &[], instead: CLOCK },
    Word { text: "now_utc()", allowed: &[], instead: CLOCK },
    Word { text: "getrandom::", allowed: &["postern-transport"], instead: CHANCE },
    Word { text: "SystemRandom", allowed: &[], instead: CHANCE },
    Word { text: "new_v4()", allowed: &[], instead: CHANCE },
    Word { text: "thread_rng", allowed: &[], instead: CHANCE },
    Word { text: "allow(unsafe_code", allowed: &["postern-pty"], instead: "unsafe code lives in postern-pty only" },
    Word { text: "expect(unsafe_code", allowed: &["postern-pty"], instead: "unsafe code lives in postern-pty only" },
    Word {
        text: "pub use postern_store",
        allowed: &["postern-store"],
        instead: "data is reached through control only",
    },
    Word { text: "unbounded_channel", allowed: &[], instead: "every queue is bounded" },
];

/// Every sentence is one broken rule.
pub(super) fn check(graph: &Graph) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for member in graph.members().filter(|member| !TOOLS.contains(member)) {
        let folder = graph.folder(member);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).context("a member has a manifest")?;
        if !manifest.contains("[lints]\nworkspace = true") {
            broken.push(format!("{member} does not take the workspace's lints"));
        }
        for file in rust_files(&folder.join("src"))? {
            let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            let shown = file.strip_prefix(crate::cargo::workspace_root()).unwrap_or(&file).display().to_string();
            broken.extend(check_text(member, &shown, &text));
        }
    }
    Ok(broken)
}

fn check_text(member: &str, file: &str, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line == "#[cfg(test)]" && text.lines().nth(number + 1).is_some_and(|next| next.ends_with('{')) {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        for word in WORDS.iter().filter(|word| code.contains(word.text) && !word.allowed.contains(&member)) {
            let place = format!("{file}:{}", number + 1);
            broken.push(format!("{place}: no `{}` in {member}: {}", word.text, word.instead));
        }
    }
    broken
}

/// The Rust files below `folder` that are no tests, in a fixed order.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
            let path = entry?.path();
            let is_tests = path.file_stem().is_some_and(|stem| stem == "tests");
            if path.is_dir() && !is_tests {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_tests {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "// Instant::now is not used\nfn f() { Instant::now(); }\n#[cfg(test)]\nmod tests {\n    \
                        fn g() { Instant::now(); }\n}\n";

    #[test]
    fn comments_and_tests_may_say_what_code_may_not() {
        let broken = check_text("postern-control", "f.rs", CODE);
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert!(broken[0].starts_with("f.rs:2: no `Instant::now` in postern-control"), "{broken:?}");
        assert!(check_text("postern-transport", "f.rs", CODE).is_empty());
    }

    #[test]
    fn a_test_only_item_does_not_hide_what_follows() {
        let code = "#[cfg(test)]\nuse x;\nfn f() { SystemTime::now(); }\n";
        assert_eq!(check_text("postern-agent", "f.rs", code).len(), 1);
    }
}
