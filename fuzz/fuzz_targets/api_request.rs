#![no_main]

#[path = "../../crates/model/tests/targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("api_request", data));
