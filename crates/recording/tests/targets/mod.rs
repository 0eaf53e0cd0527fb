//! What fuzzing asks of the reading of recordings. Shared by the libFuzzer program in `fuzz/` and by the seeded mutator in
//! `tests/fuzz_seeds.rs`.

#![allow(dead_code, reason = "every includer uses its own part")]

use postern_recording::playback::{Event, Playback};
use postern_recording::sealed::{DataKey, Opener, read_start};
use postern_recording::{Proof, verify};

/// A reader under test.
pub(crate) type Target = fn(&[u8]);

/// All targets by name. The name is that of the program in `fuzz/` and of the corpus folder.
pub(crate) const TARGETS: &[(&str, Target)] = &[("recording", recording), ("sealed", sealed)];

/// Runs the target of this name.
pub(crate) fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    target(input);
}

/// A stream is read the same however it is cut, time never runs backwards in it, and what cannot be played is not whole.
fn recording(input: &[u8]) {
    let (cut, stream) = input.split_first().map_or((1, input), |(first, rest)| (usize::from(*first).max(1), rest));
    let play = |size: usize| {
        let (mut playback, mut events): (_, Vec<Event>) = (Playback::new(), Vec::new());
        let failure = stream.chunks(size).find_map(|piece| {
            let pushed = playback.push(piece).err();
            events.extend(std::iter::from_fn(|| playback.next_event()));
            pushed
        });
        playback.finish();
        events.extend(std::iter::from_fn(|| playback.next_event()));
        (events, failure.map(|failure| failure.to_string()))
    };
    let whole = play(stream.len().max(1));
    assert_eq!(play(cut), whole);
    assert!(whole.0.is_sorted_by_key(|event| event.time));
    let report = verify(stream, &Proof::default());
    assert!(whole.1.is_none() || !report.faults.is_empty());
}

/// A file that nobody sealed opens to nothing.
fn sealed(input: &[u8]) {
    let rest = match read_start(input) {
        Ok(Some((header, len))) => {
            assert!(header.len() < len);
            &input[len..]
        }
        _ => input,
    };
    let mut opener = Opener::new(DataKey::new(&[7; 32]));
    if let Ok(Some((_, len))) = opener.open(rest) {
        panic!("{len} bytes were taken for a frame of this key");
    }
}
