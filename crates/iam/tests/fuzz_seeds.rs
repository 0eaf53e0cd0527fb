//! Every reader of this crate under fuzzing; `fuzz/seeds.rs` says how.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[macro_use]
#[path = "../../../fuzz/seeds.rs"]
mod seeds;
mod targets;

fuzz_tests![arn, ids, jwt * 2, node_key, sigv4_claim * 2, sigv4_round_trip * 2];
