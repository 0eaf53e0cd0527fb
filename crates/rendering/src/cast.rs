//! Casts: what asciinema's players play.
//!
//! Version 3 of the format is what asciinema 3 writes, and it and asciinema-player read; version 2 is what older players
//! read. The difference is small: in version 3 times count from the event before, the terminal's size has a member of its
//! own, and the exit status is an event.

use postern_recording::Opening;
use postern_recording::playback::What;
use serde_json::{Value, json};

use crate::filter::{Filter, Lines, deceives};
use crate::screen::{MAX_COLS, MAX_ROWS};

/// Which version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// asciicast v2.
    Two,
    /// asciicast v3.
    Three,
}

/// Turns what happened into lines of a cast. What a player would pass on to its viewer's terminal has gone through a
/// [`Filter`].
#[derive(Debug)]
pub struct Cast {
    version: Version,
    output: Filter,
    error: Filter,
    input: Filter,
    /// When the latest event was.
    time: u64,
    opening: Option<Box<Opening>>,
}

impl Cast {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(version: Version, lines: Lines) -> Self {
        let filter = || Filter::new(lines);
        Self { version, output: filter(), error: filter(), input: Filter::default(), time: 0, opening: None }
    }

    /// Takes what happened at this time, in microseconds since the beginning, and appends its lines. The header waits for
    /// the first size that is known, which it has to say.
    pub fn push(&mut self, time: u64, what: &What, out: &mut String) {
        match what {
            What::Opened(opening) => self.opening = Some(opening.clone()),
            What::Resized(cols, rows) => {
                let (cols, rows) = ((*cols).clamp(1, MAX_COLS), (*rows).clamp(1, MAX_ROWS));
                match self.opening.take() {
                    Some(opening) => self.header(&opening, (cols, rows), out),
                    None => self.event(time, "r", &format!("{cols}x{rows}"), out),
                }
            }
            What::Output(data) => {
                let mut text = String::new();
                self.output.push(data, &mut text);
                self.event(time, "o", &text, out);
            }
            What::StandardError(data) => {
                let mut text = String::new();
                self.error.push(data, &mut text);
                self.event(time, "o", &text, out);
            }
            What::Input(data) => {
                let mut text = String::new();
                self.input.push(data, &mut text);
                self.event(time, "i", &text, out);
            }
            What::ExitStatus(status) => {
                let status: Option<i32> =
                    std::str::from_utf8(status).ok().and_then(|status| status.trim().parse().ok());
                if let (Version::Three, Some(status)) = (self.version, status) {
                    self.event(time, "x", &status.to_string(), out);
                }
            }
            What::Leg(leg) if leg.side == "client" => {
                self.event(time, "m", if leg.attached { "the user is there" } else { "the user is away" }, out);
            }
            What::Gap(gap) => {
                let label = format!("{} bytes of output are missing here: {}", gap.output_bytes, gap.reason);
                self.event(time, "m", &label, out);
            }
            What::Resumed(_) => self.event(time, "m", "the service was restarted", out),
            What::Leg(_) | What::Closed(_) => {}
        }
    }

    /// Nothing follows.
    pub fn finish(mut self, out: &mut String) {
        let mut rest = String::new();
        self.output.finish(&mut rest);
        self.error.finish(&mut rest);
        let time = self.time;
        self.event(time, "o", &rest, out);
        self.header_if_missing(out);
    }

    fn header_if_missing(&mut self, out: &mut String) {
        if let Some(opening) = self.opening.take() {
            self.header(&opening, (80, 24), out);
        }
    }

    fn header(&self, opening: &Opening, (cols, rows): (u16, u16), out: &mut String) {
        let title = format!("{} on {}", opening.session_id, opening.node_id);
        let timestamp = opening.started_at / 1000;
        let mut header = match self.version {
            Version::Two => json!({"version": 2, "width": cols, "height": rows, "timestamp": timestamp}),
            Version::Three => json!({"version": 3, "term": {"cols": cols, "rows": rows}, "timestamp": timestamp}),
        };
        header["title"] = visible(&title).into();
        line(&header, out);
    }

    fn event(&mut self, time: u64, code: &str, data: &str, out: &mut String) {
        if data.is_empty() {
            return;
        }
        self.header_if_missing(out);
        let time = time.max(self.time);
        let shown = match self.version {
            Version::Two => time,
            Version::Three => time - self.time,
        };
        self.time = time;
        let data = if code == "m" { visible(data) } else { data.to_owned() };
        line(&json!([seconds(shown), code, data]), out);
    }
}

/// Labels and titles are for a player's own controls.
fn visible(text: &str) -> String {
    let shown = |character: char| if character.is_control() || deceives(character) { '\u{fffd}' } else { character };
    text.chars().map(shown).collect()
}

fn line(value: &Value, out: &mut String) {
    out.push_str(&value.to_string());
    out.push('\n');
}

#[expect(clippy::cast_precision_loss, reason = "exact to a microsecond for 285 years")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
