//! Drawing a screen on a viewer's terminal.

use std::fmt::Write as _;

use avt::Cell;

use super::{Screen, shown};
use crate::style::Style;

impl Screen {
    /// What makes a viewer's terminal show this screen in its first `rows` rows and `cols` columns: moves, colours and the
    /// characters of the cells, and nothing that came from the recording in any other form. The cursor is drawn as a cell,
    /// so that the viewer's own stays out of the way.
    pub fn draw(&self, cols: usize, rows: usize, out: &mut String) {
        let terminal = self.terminal();
        // A cursor behind a full line stands on its last cell.
        let last = terminal.size().0 - 1;
        let cursor = terminal.cursor().position().map(|(col, row)| (col.min(last), row));
        for (row, line) in terminal.screen().visible_lines().enumerate().take(rows) {
            write!(out, "\u{1b}[{};1H\u{1b}[0m", row + 1).expect("a string takes everything");
            let (mut style, mut col) = (Style::default(), 0);
            let has_cursor = |at: usize| cursor.is_some_and(|(col, of)| of == row && col == at);
            let is_seen = |(at, cell): (usize, &Cell)| has_cursor(at) || !is_blank(cell);
            let end = line.cells().iter().enumerate().rposition(is_seen).map_or(0, |last| last + 1);
            for (at, cell) in line.cells().iter().enumerate().take(end) {
                let Some(character) = shown(cell) else { continue };
                let cell_width = usize::from(cell.width());
                if col + cell_width > cols {
                    break;
                }
                let mut of_cell = Style::of(cell.pen());
                of_cell.is_inverse ^= (at..at + cell_width).any(has_cursor);
                if of_cell != style {
                    of_cell.set(out);
                    style = of_cell;
                }
                out.push(character);
                col += cell_width;
            }
            out.push_str("\u{1b}[0m");
            if col < cols {
                out.push_str("\u{1b}[K");
            }
        }
        for row in terminal.size().1..rows {
            write!(out, "\u{1b}[{};1H\u{1b}[K", row + 1).expect("a string takes everything");
        }
    }
}

/// Nothing is seen of it.
fn is_blank(cell: &Cell) -> bool {
    cell.char() == ' ' && cell.pen().is_default()
}
