//! A recording as text: what the user could read, without control sequences.

use avt::observer::Transcript;
use postern_recording::playback::What;

use crate::filter::{Lines, deceives};
use crate::notes::Notes;
use crate::screen::Screen;

/// Turns what happened into lines, as soon as they have left the screen.
///
/// Lines are what was left of them: a progress bar is its last state, and what was typed and taken back is not there.
/// Of programs that take the whole screen (editors, pagers) there is a line that says when, unless it was back before
/// anybody could see that.
pub struct Text {
    screen: Screen,
    transcript: Transcript,
    notes: Notes,
}

/// Shows nothing of what was shown.
impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Text").field("screen", &self.screen).finish_non_exhaustive()
    }
}

impl Text {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(lines: Lines) -> Self {
        Self { screen: Screen::new(lines), transcript: Transcript::new(), notes: Notes::default() }
    }

    /// Takes what happened at this time, in microseconds since the beginning, and appends the lines that are finished.
    pub fn push(&mut self, time: u64, what: &What, out: &mut String) {
        let Self { screen, transcript, notes } = self;
        match what {
            What::Output(data) | What::StandardError(data) => {
                screen.feed_with(data, transcript, |screen, watch, lines| {
                    append(&lines, out);
                    if let Some(note) = notes.on_screen(time, screen.is_alternate()) {
                        append(&screen.note(&note, watch), out);
                    }
                })
            }
            What::Resized(cols, rows) => append(&screen.resize_with(*cols, *rows, transcript), out),
            What::Gap(gap) => append(&screen.note(&notes.on_gap(gap), transcript), out),
            _ => {}
        }
    }

    /// Nothing follows: appends what is on the screen.
    pub fn finish(self, out: &mut String) {
        append(&self.transcript.finish(self.screen.terminal()), out);
        if let Some(note) = self.notes.at_end() {
            append(&[note], out);
        }
    }
}

fn append(lines: &[String], out: &mut String) {
    for line in lines {
        let shown = |character: char| match character.is_control() || deceives(character) {
            true => char::REPLACEMENT_CHARACTER,
            false => character,
        };
        out.extend(line.chars().map(shown));
        out.push('\n');
    }
}
