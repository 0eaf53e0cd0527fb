//! Tables for people and JSON for programs. What nodes and other users have named themselves is shown without the
//! control characters it may contain: a name must not steer the reader's terminal.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

pub(crate) use postern_client::printable;

/// Prints rows under their headings on standard output.
pub(crate) fn print(headings: &[&str], rows: Vec<Vec<String>>) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings);
    // A table behind a pipe is for grep: its lines are not wrapped.
    if std::io::stdout().is_terminal() {
        let width = u16::try_from(postern_client::terminal::size().cols).unwrap_or(u16::MAX);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    write_lines(table.lines().map(|line| line.trim_end().to_owned()))
}

/// Prints a value as JSON on standard output.
pub(crate) fn print_json<T: Serialize + ?Sized>(value: &T) -> anyhow::Result<()> {
    write_lines(std::iter::once(serde_json::to_string_pretty(value)?))
}

/// Writes lines to standard output. A reader that has seen enough, like `head`, is no failure.
pub(crate) fn write_lines(lines: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        match writeln!(out, "{line}") {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            result => result?,
        }
    }
    Ok(())
}
