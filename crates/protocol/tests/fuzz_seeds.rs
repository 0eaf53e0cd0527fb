//! Fuzzing on a stable compiler: every target is fed with its corpus and then, for a while, with
//! mutations of it. The mutator is seeded; a failure prints the seed and the input.
//!
//! `POSTERN_FUZZ_SECONDS` is the time for each target (default 1), `POSTERN_FUZZ_SEED` replays a run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod targets;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use targets::{TARGETS, Target};

/// Larger inputs are cut: bounds are reached by counting, not by filling memory.
const MAX_INPUT_BYTES: usize = 8 * 1024;

#[test]
fn the_corpus_and_its_mutations() {
    let seconds: f64 = setting("POSTERN_FUZZ_SECONDS").unwrap_or(1.0);
    let seed: u64 = setting("POSTERN_FUZZ_SEED").unwrap_or_else(fresh_seed);
    eprintln!("POSTERN_FUZZ_SEED={seed}, {seconds} s a target");
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        for (file, input) in &corpus {
            run(name, *target, input, &format!("corpus file {}", file.display()));
        }
        let mut mutator = Mutator { state: seed, corpus: corpus.into_iter().map(|(_, input)| input).collect() };
        let deadline = Instant::now() + Duration::from_secs_f64(seconds);
        let mut runs = 0_u64;
        while Instant::now() < deadline {
            for _ in 0..64 {
                let input = mutator.next();
                run(name, *target, &input, &format!("run {runs} of POSTERN_FUZZ_SEED={seed}"));
                runs += 1;
            }
        }
        eprintln!("{name}: {} seeds, {runs} mutations", mutator.corpus.len());
    }
}

#[test]
fn every_target_has_a_program_and_every_program_a_target() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let programs: BTreeSet<String> = std::fs::read_dir(fuzz_dir().join("fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, programs);
    let manifest = std::fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap();
    for name in names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
    }
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into()
}

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The committed inputs of a target, in the order of their names.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fuzz_dir().join("corpus").join(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no seeds", folder.display());
    files.into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

fn run(name: &str, target: Target, input: &[u8], origin: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        eprintln!("{name} failed at {origin} on this input, in hex:\n{}", hex::encode(input));
        std::panic::resume_unwind(panic);
    }
}

/// Makes inputs out of a corpus. SplitMix64 decides everything, so a seed is a run.
struct Mutator {
    state: u64,
    corpus: Vec<Vec<u8>>,
}

impl Mutator {
    fn next(&mut self) -> Vec<u8> {
        let at = self.below(self.corpus.len());
        let mut input = self.corpus[at].clone();
        for _ in 0..=self.below(6) {
            self.mutate(&mut input);
        }
        input.truncate(MAX_INPUT_BYTES);
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        const NUMBERS: [u64; 12] =
            [0, 1, 3, 115, 116, 119, 120, 125, 126, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF];
        const TOKENS: [&str; 14] = [
            "null",
            "true",
            "-1",
            "1e400",
            "18446744073709551616",
            "\"\"",
            "[]",
            "{}",
            "{",
            "]",
            ",",
            "\\u0000",
            "\\ud800",
            "\"a\":",
        ];
        let at = self.below(input.len() + 1);
        match self.below(10) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.byte(),
            2 => input.insert(at, self.byte()),
            3 if at < input.len() => drop(input.remove(at)),
            4 => input.truncate(at),
            5 => {
                let end = at + self.below(input.len() - at + 1).min(64);
                drop(input.drain(at..end));
            }
            6 => {
                // Again what stands there already: keys, frames, brackets.
                let end = at + self.below(input.len() - at + 1).min(256);
                let piece = input[at..end].to_vec();
                drop(input.splice(at..at, piece));
            }
            7 => {
                let number = NUMBERS[self.below(NUMBERS.len())].to_be_bytes();
                let width = 1 << self.below(4);
                for (to, from) in input[at..].iter_mut().zip(&number[8 - width..]) {
                    *to = *from;
                }
            }
            8 => {
                let token = TOKENS[self.below(TOKENS.len())];
                drop(input.splice(at..at, token.bytes()));
            }
            9 => {
                let other = self.below(self.corpus.len());
                let from = self.below(self.corpus[other].len() + 1);
                input.truncate(at);
                input.extend_from_slice(&self.corpus[other][from..]);
            }
            _ => {}
        }
    }

    fn byte(&mut self) -> u8 {
        self.random().to_be_bytes()[0]
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.random() % bound as u64) as usize
    }

    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
