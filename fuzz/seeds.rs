//! Fuzzing on a stable compiler, for the test `fuzz_seeds` of each crate that has targets: every target is fed with its
//! corpus and then, for a while, with mutations of it. The mutator is seeded; a failure prints the seed and the input.
//!
//! `POSTERN_FUZZ_SECONDS` is the time for each target (default 1), `POSTERN_FUZZ_SEED` replays a run. What bytes from
//! strangers reach first gets a larger share of the time: the number behind its name.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Larger inputs are cut: bounds are reached by counting, not by filling memory.
const MAX_INPUT_BYTES: usize = 8 * 1024;

/// Makes a test of each target of the crate, and one that no target, program or manifest entry is missing.
macro_rules! fuzz_tests {
    ($($name:ident $(* $share:literal)?),+ $(,)?) => {
        mod target {
            $(
                #[test]
                fn $name() {
                    let share = 1 $(* $share)?;
                    $crate::seeds::feed(stringify!($name), $crate::targets::run, share);
                }
            )+
        }

        #[test]
        fn every_target_has_a_test_and_a_program_and_every_program_a_target() {
            $crate::seeds::check($crate::targets::TARGETS.iter().map(|(name, _)| *name), &[$(stringify!($name)),+]);
        }
    };
}

/// Runs a target on its corpus, then on mutations of it for its share of the time.
pub(crate) fn feed(name: &str, target: fn(&str, &[u8]), share: u32) {
    let seconds: f64 = setting("POSTERN_FUZZ_SECONDS").unwrap_or(1.0);
    let seed: u64 = setting("POSTERN_FUZZ_SEED").unwrap_or_else(fresh_seed);
    let time = Duration::from_secs_f64(seconds * f64::from(share));
    eprintln!("POSTERN_FUZZ_SEED={seed}, {time:?}");
    let corpus = corpus(name);
    for (file, input) in &corpus {
        run(name, target, input, &format!("corpus file {}", file.display()));
    }
    let mut mutator = Mutator { state: seed, corpus: corpus.into_iter().map(|(_, input)| input).collect() };
    let deadline = Instant::now() + time;
    let mut runs = 0_u64;
    while Instant::now() < deadline {
        for _ in 0..64 {
            let input = mutator.next();
            run(name, target, &input, &format!("run {runs} of POSTERN_FUZZ_SEED={seed}"));
            runs += 1;
        }
    }
    eprintln!("{name}: {} seeds, {runs} mutations", mutator.corpus.len());
}

/// Compares a crate's table of targets with its tests, its programs and the manifest of the programs.
pub(crate) fn check<'a>(targets: impl Iterator<Item = &'a str>, tests: &[&str]) {
    let targets: BTreeSet<String> = targets.map(str::to_owned).collect();
    assert_eq!(targets, tests.iter().map(|name| (*name).to_owned()).collect());
    let table = format!("crates/{}/tests/targets/mod.rs", crate_folder());
    let programs: BTreeSet<String> = std::fs::read_dir(fuzz_dir().join("fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|program| std::fs::read_to_string(program).unwrap().contains(&table))
        .map(|program| program.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(targets, programs);
    let manifest = std::fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap();
    for name in targets {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
    }
}

/// The folder of the crate under test, below `crates`.
fn crate_folder() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).file_name().expect("a crate is in a folder");
    folder.to_string_lossy().into_owned()
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

fn run(name: &str, target: fn(&str, &[u8]), input: &[u8], origin: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(name, input))) {
        let hex = input.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes everything");
            hex
        });
        eprintln!("{name} failed at {origin} on this input, in hex:\n{hex}");
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
        const TOKENS: &[&str] = &[
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
            "{{ x }}",
            "%2F",
            "%",
            ";",
            ":",
            "/",
            "\r\n",
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
