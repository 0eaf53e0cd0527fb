//! The viewer's terminal, which a replay has for itself and gives back.

use std::io::{self, Write as _};

use postern_client::terminal::{self, RawMode};

use super::player::Player;
use super::tape::Tape;
use crate::table::printable;

/// The other screen, without a cursor and without wrapping; and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l\u{1b}[2J";
const LEAVE: &str = "\u{1b}[0m\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l";

/// See the module.
pub(super) struct Stage {
    _raw: RawMode,
    /// What is shown.
    shown: String,
}

impl Stage {
    pub(super) fn enter() -> io::Result<Self> {
        let raw = RawMode::enter()?;
        let stage = Self { _raw: raw, shown: String::new() };
        put(ENTER)?;
        Ok(stage)
    }

    /// Shows the screen of the recording, and a line about where it stands. What is shown already is not drawn again.
    pub(super) fn show(&mut self, tape: &Tape, player: &Player) -> io::Result<()> {
        let size = terminal::size();
        let (cols, rows) = (size.cols as usize, size.rows as usize);
        let mut picture = String::with_capacity(self.shown.len());
        tape.screen().draw(cols, rows.saturating_sub(1), &mut picture);
        let status: String = status(tape, player, (cols, rows)).chars().take(cols).collect();
        picture.push_str(&format!("\u{1b}[{rows};1H\u{1b}[0;7m{status:cols$}\u{1b}[0m"));
        if picture != self.shown {
            put(&picture)?;
            self.shown = picture;
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = put(LEAVE);
    }
}

fn put(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn status(tape: &Tape, player: &Player, (cols, rows): (usize, usize)) -> String {
    let state = match (player.is_running(), tape.next_time()) {
        (true, _) => "playing",
        (false, Some(_)) => "paused",
        (false, None) => "at the end",
    };
    let opening = tape.opening();
    let duration = tape.duration().map(|duration| format!(" of {}", clock(duration))).unwrap_or_default();
    let now = clock(player.now().min(tape.duration().unwrap_or(u64::MAX)));
    let (its_cols, its_rows) = tape.screen().size();
    let cut = match its_cols > cols || its_rows + 1 > rows {
        true => format!("  part of {its_cols}x{its_rows}"),
        false => String::new(),
    };
    let who = printable(&format!("{} on {}", opening.session_id, opening.node_id));
    format!(
        " {state}  {now}{duration}  {}x{cut}  {who}  space pause  ← → 10 s  + - speed  . step  q quit",
        player.speed()
    )
}

fn clock(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
