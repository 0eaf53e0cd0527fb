#![no_main]

#[path = "../../crates/rendering/tests/targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("rendering", data));
