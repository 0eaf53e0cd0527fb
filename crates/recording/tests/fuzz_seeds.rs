//! The reading of recordings under fuzzing; `fuzz/seeds.rs` says how.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[macro_use]
#[path = "../../../fuzz/seeds.rs"]
mod seeds;
mod targets;

fuzz_tests![recording * 2, sealed];
