//! What fuzzing asks of what shows recordings. Shared by the libFuzzer program in `fuzz/` and by the seeded mutator in
//! `tests/fuzz_seeds.rs`.

#![allow(dead_code, reason = "every includer uses its own part")]

use postern_recording::playback::What;
use postern_rendering::{Filter, Lines, Screen, Text};

/// A reader under test.
pub(crate) type Target = fn(&[u8]);

/// All targets by name. The name is that of the program in `fuzz/` and of the corpus folder.
pub(crate) const TARGETS: &[(&str, Target)] = &[("rendering", rendering)];

/// Runs the target of this name.
pub(crate) fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    target(input);
}

/// The first two bytes are a size. However output is cut the same comes through, and once more if it comes again; text has no
/// control characters; and a viewer's terminal of that size shows what the screen shows.
fn rendering(input: &[u8]) {
    let Some(([cols, rows], printed)) = input.split_first_chunk() else { return };
    let (cols, rows) = (u16::from(*cols % 100) + 1, u16::from(*rows % 40) + 1);
    let passed = |bytes: &[u8], size: usize| {
        let (mut filter, mut out) = (Filter::new(Lines::Feeds), String::new());
        bytes.chunks(size).for_each(|piece| filter.push(piece, &mut out));
        filter.finish(&mut out);
        out
    };
    let whole = passed(printed, usize::MAX);
    assert_eq!(passed(printed, 1), whole);
    assert_eq!(passed(whole.as_bytes(), 7), whole);

    let (mut text, mut out) = (Text::new(Lines::Ends), String::new());
    text.push(0, &What::Resized(cols, rows), &mut out);
    text.push(1, &What::Output(printed.to_vec()), &mut out);
    text.finish(&mut out);
    assert!(out.chars().all(|character| character == '\n' || !character.is_control()));

    let (mut screen, mut viewer) = (Screen::new(Lines::Feeds), Screen::new(Lines::Feeds));
    screen.resize(cols, rows);
    screen.feed(printed);
    viewer.resize(cols, rows);
    let mut drawn = String::new();
    screen.draw(cols.into(), rows.into(), &mut drawn);
    viewer.feed(drawn.as_bytes());
    assert_eq!(viewer.lines(), screen.lines());
}
