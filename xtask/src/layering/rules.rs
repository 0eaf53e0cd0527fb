//! The rules about dependencies: one table of arrows, and what pure crates must not reach.

use super::graph::Graph;

/// What each crate may name in its manifest. A crate that is not here has no place yet.
const ARROWS: &[(&str, &[&str])] = &[
    // pure
    ("postern-protocol", &[]),
    ("postern-iam", &[]),
    ("postern-policy", &[]),
    ("postern-recording", &["postern-protocol"]),
    ("postern-rendering", &["postern-recording"]),
    ("postern-audit", &["postern-recording"]),
    ("postern-model", &["postern-iam"]),
    // ports
    ("postern-store", &["postern-iam", "postern-model", "postern-audit"]),
    ("postern-bus", &[]),
    ("postern-archive", &["postern-iam", "postern-recording"]),
    // application: the only way to data, and it asks the policy first
    (
        "postern-control",
        &[
            "postern-protocol",
            "postern-iam",
            "postern-policy",
            "postern-audit",
            "postern-recording",
            "postern-model",
            "postern-store",
            "postern-bus",
            "postern-archive",
        ],
    ),
    // adapters
    ("postern-store-sqlite", &["postern-iam", "postern-audit", "postern-model", "postern-store"]),
    ("postern-archive-files", &["postern-archive", "postern-recording"]),
    // edges
    ("postern-transport", &["postern-protocol", "postern-iam"]),
    ("postern-pty", &[]),
    ("postern-transfer", &["postern-protocol"]),
    // faces
    (
        "postern-gateway",
        &[
            "postern-protocol",
            "postern-iam",
            "postern-recording",
            "postern-model",
            "postern-control",
            "postern-bus",
            "postern-transport",
        ],
    ),
    (
        "postern-agent",
        &["postern-protocol", "postern-iam", "postern-model", "postern-transport", "postern-pty", "postern-transfer"],
    ),
    ("postern-client", &["postern-protocol", "postern-iam", "postern-model", "postern-transport", "postern-transfer"]),
    // programs
    (
        "posternd",
        &[
            "postern-protocol",
            "postern-iam",
            "postern-audit",
            "postern-model",
            "postern-store",
            "postern-store-sqlite",
            "postern-bus",
            "postern-recording",
            "postern-archive",
            "postern-archive-files",
            "postern-control",
            "postern-gateway",
            "postern-transport",
        ],
    ),
    (
        "postern",
        &[
            "postern-protocol",
            "postern-iam",
            "postern-model",
            "postern-transport",
            "postern-transfer",
            "postern-client",
            "postern-recording",
            "postern-rendering",
            "postern-agent",
            "posternd",
        ],
    ),
    // it need not trust the others
    ("postern-verify", &[]),
    // tests and chores; the kit sees programs from outside only
    ("postern-testkit", &[]),
    // Which operations there are to test, and the program that is our agent but for what it lies about.
    ("postern-e2e", &["postern-protocol", "postern-model", "postern-agent"]),
    ("postern-bench", &["postern-protocol", "postern-iam", "postern-transport", "postern-testkit"]),
    ("xtask", &[]),
];

/// Crates that must run anywhere: in agent, client, service, simulator, fuzzer, one day a browser.
const PURE: &[&str] =
    &["postern-protocol", "postern-iam", "postern-policy", "postern-recording", "postern-audit", "postern-model"];

/// Packages that bring a runtime, sockets, a clock, randomness or a database. A name ending in `*` is a beginning.
const IMPURE: &[&str] = &[
    "async-std",
    "chrono",
    "crossterm",
    "fastrand",
    "getrandom",
    "hyper*",
    "libsqlite3-sys",
    "mio",
    "nix",
    "rand",
    "rand_core",
    "rcgen",
    "reqwest",
    "rusqlite",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "sqlx*",
    "tokio*",
    "tungstenite",
    "windows-sys",
];

/// Packages whose insides are their own affair: iam uses ring's arithmetic, never its random numbers.
const SEALED: &[&str] = &["ring"];

/// The application is called by faces and calls ports: it may wait, but it opens nothing.
const NOT_IN_CONTROL: &[&str] = &["axum*", "hyper*", "libsqlite3-sys", "rusqlite", "rustls", "sqlx*", "tungstenite"];

/// Every sentence is one broken rule.
pub(super) fn check(graph: &Graph) -> Vec<String> {
    let mut broken = Vec::new();
    for member in graph.members() {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == member) else {
            broken.push(format!("{member} has no place; add it to the table in xtask/src/layering/rules.rs"));
            continue;
        };
        for dependency in graph.own_dependencies(member).filter(|dependency| !allowed.contains(dependency)) {
            broken.push(format!("{member} must not depend on {dependency}"));
        }
    }
    for member in PURE {
        for path in graph.paths_to(member, |name| is_in(IMPURE, name), |name| SEALED.contains(&name)) {
            broken.push(format!("{member} is pure, but reaches an operating system: {path}"));
        }
    }
    for path in graph.paths_to("postern-control", |name| is_in(NOT_IN_CONTROL, name), |_| false) {
        broken.push(format!("postern-control opens no socket and no database, but: {path}"));
    }
    broken
}

fn is_in(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => *pattern == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (name, expected) in
            [("tokio", true), ("tokio-util", true), ("rand", true), ("random-word", false), ("getrandom", true)]
        {
            assert_eq!(is_in(IMPURE, name), expected, "{name}");
        }
    }

    #[test]
    fn arrows_point_at_crates_above_them_in_the_table() {
        for (at, (name, allowed)) in ARROWS.iter().enumerate() {
            for dependency in *allowed {
                let place = ARROWS.iter().position(|(other, _)| other == dependency);
                assert!(place.is_some_and(|place| place < at), "{name} → {dependency}");
            }
        }
    }
}
