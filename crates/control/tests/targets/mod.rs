//! What fuzzing asks of the tokens that come back to the service. Shared by the libFuzzer programs in `fuzz/` and by
//! the seeded mutator in `tests/fuzz_seeds.rs`. The properties are in `postern_control::fuzz`, beside what they check.

#![allow(dead_code, reason = "every includer uses its own part")]

use postern_control::fuzz;

/// A reader under test.
pub(crate) type Target = fn(&[u8]);

/// All targets by name. The name is that of the program in `fuzz/` and of the corpus folder.
pub(crate) const TARGETS: &[(&str, Target)] = &[
    ("channel_token", fuzz::channel_token),
    ("page_token", fuzz::page_token),
    ("role_token", fuzz::role_token),
    ("session_token", fuzz::session_token),
];

/// Runs the target of this name.
pub(crate) fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("the target is in the table");
    target(data);
}
