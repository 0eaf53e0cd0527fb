//! `postern-verify FILE [SHA256:FINGERPRINT]`: whether an exported recording is whole and unchanged.
//!
//! Exit status 0: it is, and comes from the key of that fingerprint, if one is given. 1: it is not. 2: it was not looked at.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use postern_verify::{Fault, check, hex};

const USAGE: &str = "usage: postern-verify FILE [SHA256:FINGERPRINT]\n\nChecks a recording that `postern recordings export` has written.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (file, expected) = match &arguments[..] {
        [file] if file != "--help" && file != "-h" => (file, None),
        [file, fingerprint] if fingerprint.starts_with("SHA256:") => (file, Some(fingerprint)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let checked = File::open(file).map_err(Fault::Unreadable).and_then(|file| check(&mut BufReader::new(file)));
    let found = match checked {
        Ok(found) => found,
        Err(fault) => {
            eprintln!("postern-verify: {fault}");
            return ExitCode::from(if matches!(fault, Fault::Unreadable(_)) { 2 } else { 1 });
        }
    };
    if let Some(expected) = expected.filter(|expected| **expected != found.fingerprint) {
        eprintln!("postern-verify: its keys come from {}, and not from {expected}", found.fingerprint);
        return ExitCode::from(1);
    }
    println!("whole and unchanged: {} records, {} signatures", found.records, found.signatures);
    println!(
        "keys come from {}{}",
        found.fingerprint,
        if expected.is_some() { ", as given" } else { "; compare that with what you know" }
    );
    println!("last hash {}", hex(&found.hash));
    if found.gaps > 0 {
        println!("it says itself that something is missing in {} places", found.gaps);
    }
    ExitCode::SUCCESS
}
