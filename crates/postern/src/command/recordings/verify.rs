//! `postern recordings verify`: whether a recording is whole and unchanged, and what that rests on.

use std::process::ExitCode;

use postern_model::recording::{DescribeRecordingResponse, Head};
use postern_recording::chain::Link;
use postern_recording::{Fault, Proof, Report, Verifier};

use super::source::Source;
use crate::context::ServiceFlags;
use crate::failure::say;
use crate::table::{self, printable};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A session's id, or a file that was exported as proof
    #[arg(value_name = "SESSION|FILE")]
    session: String,
    /// The fingerprint of the first key that signed recordings, from the day the service was set up; otherwise it is only
    /// said
    #[arg(long, value_name = "SHA256:HEX")]
    fingerprint: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The exit status of a recording that is not as it was written.
const FAULTY: u8 = 1;

/// Checks it.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut source = Source::open(flags, &arguments.session)?;
    let known = source.describe().await?;
    let proof = Proof { fingerprint: arguments.fingerprint.clone(), head: known.as_ref().and_then(head) };
    let mut verifier = Verifier::new(&proof);
    while let Some(piece) = source.next().await? {
        verifier.push(&piece);
    }
    let mut report = verifier.finish();
    let goes_on = known.is_some_and(|known| known.ended_at.is_none());
    if goes_on {
        report.faults.retain(|fault| !matches!(fault, Fault::Unfinished | Fault::Unsigned(_)));
    }
    if arguments.json {
        let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
        let mut told = serde_json::to_value(&report)?;
        told["faults"] = faults.into();
        told["goesOn"] = goes_on.into();
        table::print_json(&told)?;
    } else {
        tell(&report, &arguments, goes_on);
    }
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAULTY) })
}

/// The signature that the database remembers.
fn head(known: &DescribeRecordingResponse) -> Option<Link> {
    let Head { count, hash } = known.head.as_ref()?;
    let digits = |at: usize| u8::from_str_radix(hash.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..hash.len()).step_by(2).map(digits).collect();
    Some(Link { count: *count, hash: bytes?.try_into().ok()? })
}

fn tell(report: &Report, arguments: &Arguments, goes_on: bool) {
    if let Some(opening) = &report.opening {
        println!("session   {} on {}", printable(&opening.session_id), printable(&opening.node_id));
        println!("owner     {}", printable(&opening.owner));
    }
    println!("records   {}, {} of them signed, {} signatures", report.records, report.signed, report.heads);
    println!("shown     {} bytes in {:.1} s", report.output_bytes, seconds(report.duration));
    for gap in &report.gaps {
        println!(
            "gap       {} bytes are missing before {:.1} s: {}",
            gap.output_bytes,
            seconds(gap.since),
            printable(&gap.reason)
        );
    }
    for _ in &report.resumptions {
        println!("restart   the service was restarted meanwhile");
    }
    if let Some(fingerprint) = &report.fingerprint {
        match &arguments.fingerprint {
            Some(_) => println!("keys      come from {fingerprint}, as given"),
            None => println!("keys      come from {fingerprint}; compare that with what you know"),
        }
    }
    if report.faults.is_empty() {
        println!("{}", if goes_on { "unchanged so far; the session goes on" } else { "whole and unchanged" });
    }
    for fault in &report.faults {
        say!("postern: {}", printable(&fault.to_string()));
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
