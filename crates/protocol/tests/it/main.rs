//! The wire format against other people's bytes and other people's code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../targets/mod.rs"]
mod targets;

mod captures;
mod edge_cases;
mod properties;
mod vectors;
mod websocket;

use std::path::{Path, PathBuf};

use serde_json::Value;

fn vectors_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn vector_file(name: &str) -> Value {
    let text = std::fs::read_to_string(vectors_dir().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The bytes of a hex field.
fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(vector[field].as_str().unwrap()).unwrap()
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap()
}
