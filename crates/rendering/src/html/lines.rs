//! Lines as they leave the screen, with their colours and the time at which they were last written.

use avt::parser::Function;
use avt::{Observation, Observer, Operation, ScreenKind, Terminal};

use crate::screen::shown;
use crate::style::Style;

/// One line.
pub(super) struct Line {
    /// In microseconds since the beginning.
    pub(super) time: u64,
    /// Its text, by how it looks. Wrapped lines are one.
    pub(super) runs: Vec<(Style, String)>,
}

/// Watches a terminal for lines that leave it.
#[derive(Default)]
pub(super) struct Watch {
    /// The time of what is shown now.
    pub(super) time: u64,
    /// When each row of the first screen was last written; fewer where none was.
    times: Vec<u64>,
    /// A line whose next rows have not left yet.
    begun: Option<Line>,
    finished: Vec<Line>,
}

impl Watch {
    /// What is on the first screen, as the last lines.
    pub(super) fn rest(mut self, terminal: &Terminal) -> Vec<Line> {
        for (row, line) in terminal.primary_screen().all_lines().enumerate() {
            let time = self.times.get(row).copied().unwrap_or(self.time);
            self.push(time, line);
        }
        self.finished.extend(self.begun.take());
        while self.finished.last().is_some_and(|line| line.runs.is_empty()) {
            self.finished.pop();
        }
        self.finished
    }

    fn push(&mut self, time: u64, line: &avt::Line) {
        let begun = self.begun.get_or_insert_with(|| Line { time, runs: Vec::new() });
        begun.time = begun.time.max(time);
        for cell in line.cells() {
            let Some(character) = shown(cell) else { continue };
            let style = Style::of(cell.pen());
            match begun.runs.last_mut() {
                Some((last, text)) if *last == style => text.push(character),
                _ => begun.runs.push((style, character.to_string())),
            }
        }
        if !line.is_wrapped() {
            let mut line = self.begun.take().expect("it was begun above");
            trim(&mut line.runs);
            self.finished.push(line);
        }
    }
}

/// Takes away what cannot be seen behind the last character.
fn trim(runs: &mut Vec<(Style, String)>) {
    while let Some((style, text)) = runs.last_mut() {
        if style.background.is_some() || style.is_inverse || style.is_underlined {
            return;
        }
        text.truncate(text.trim_end_matches(' ').len());
        if !text.is_empty() {
            return;
        }
        runs.pop();
    }
}

impl Observer for Watch {
    type Output = Vec<Line>;

    fn after(&mut self, context: &mut Observation<'_>, operation: &Operation) {
        let terminal = context.terminal();
        if terminal.active_screen_kind() != ScreenKind::Primary {
            return;
        }
        match operation {
            Operation::Function(Function::Print(_)) => {
                let row = terminal.cursor().row;
                if self.times.len() <= row {
                    self.times.resize(row + 1, self.time);
                }
                if let Some(time) = self.times.get_mut(row) {
                    *time = self.time;
                }
            }
            // Rows are other rows now.
            Operation::Resize { .. } => self.times.clear(),
            Operation::Function(_) => {}
        }
    }

    fn evicted(&mut self, _: &mut Observation<'_>, line: &avt::Line) {
        let time = if self.times.is_empty() { self.time } else { self.times.remove(0) };
        self.push(time, line);
    }

    fn end(&mut self, _: &mut Observation<'_>) -> Self::Output {
        std::mem::take(&mut self.finished)
    }
}
