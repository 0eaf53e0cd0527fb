#![no_main]

#[path = "../../crates/control/tests/targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("session_token", data));
