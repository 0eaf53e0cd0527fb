//! The node's end of the counted stream: writes records to standard output and checks those that arrive.
//!
//! `postern-stream-peer WRITE READ [RECORDS_PER_SECOND]` writes `WRITE` records, reads `READ` records, and
//! prints one verdict line at the end: `OK` or the first fault. The terminal must be in raw mode without echo.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use postern_testkit::stream::{Checker, Direction, record};

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let (write, read, pace) = match numbers[..] {
        [write, read] => (write, read, 0),
        [write, read, pace] => (write, read, pace),
        _ => {
            eprintln!("usage: postern-stream-peer WRITE READ [RECORDS_PER_SECOND]");
            return ExitCode::from(2);
        }
    };
    let writer = std::thread::spawn(move || write_records(write, pace));
    let verdict = read_records(read);
    let written = writer.join().expect("writing does not panic");
    let verdict = verdict.and(written.map_err(|error| error.to_string()));
    let line = match &verdict {
        Ok(()) => "OK".to_string(),
        Err(fault) => format!("FAULT {fault}"),
    };
    println!("{line}");
    if verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write_records(count: u64, pace: u64) -> std::io::Result<()> {
    let started = Instant::now();
    let mut out = std::io::stdout().lock();
    for counter in 0..count {
        out.write_all(&record(Direction::FromNode, counter))?;
        if pace > 0 && counter % 16 == 15 {
            out.flush()?;
            let due = Duration::from_secs_f64((counter + 1) as f64 / pace as f64);
            std::thread::sleep(due.saturating_sub(started.elapsed()));
        }
    }
    out.flush()
}

fn read_records(count: u64) -> Result<(), String> {
    let mut checker = Checker::new(Direction::ToNode);
    let mut input = std::io::stdin().lock();
    let mut buffer = [0_u8; 8192];
    while checker.records() < count {
        let n = input.read(&mut buffer).map_err(|error| format!("after record {}: {error}", checker.records()))?;
        if n == 0 {
            return Err(format!("the input ended after {} records", checker.records()));
        }
        checker.feed(&buffer[..n])?;
    }
    Ok(())
}
