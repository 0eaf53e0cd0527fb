//! The user's terminal: its size, raw mode, and the promise that raw mode ends whatever happens: at the end of the
//! session, on the way out of an error, in a panic, and before a signal ends the process.

use std::io::IsTerminal as _;
use std::sync::Once;

use postern_protocol::wire::payload::Size;

/// The size that the stock plugin reports when standard output is no terminal (session-types.md §2.1).
const NO_TERMINAL: Size = Size { cols: 300, rows: 100 };

/// What a program without a terminal description is told.
const DEFAULT_TERM: &str = "xterm-256color";

/// Raw mode, from its making to its drop.
pub struct RawMode(());

impl RawMode {
    /// Puts the terminal of standard input into raw mode, so that every key is a byte for the node.
    pub fn enter() -> std::io::Result<RawMode> {
        restore_on_panic();
        crossterm::terminal::enable_raw_mode()?;
        // A Windows console shows escape sequences as text until it is told otherwise.
        #[cfg(windows)]
        let _ = crossterm::ansi_support::supports_ansi();
        Ok(RawMode(()))
    }

    /// Sets raw mode again, after a stop during which the shell has set its own.
    pub fn renew(&self) -> std::io::Result<()> {
        crossterm::terminal::disable_raw_mode()?;
        crossterm::terminal::enable_raw_mode()
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

/// Ends raw mode if it is on. Harmless when it is not.
pub fn restore() {
    // The terminal may be gone; then there is nothing left to restore.
    let _ = crossterm::terminal::disable_raw_mode();
}

/// A panic message in raw mode would be a staircase, and the shell after it unusable.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            previous(panic);
        }));
    });
}

/// Whether a person types: standard input is a terminal.
pub fn is_typed() -> bool {
    std::io::stdin().is_terminal()
}

/// The size of the terminal that standard output goes to.
pub fn size() -> Size {
    current_size().filter(|size| size.cols > 0 && size.rows > 0).unwrap_or(NO_TERMINAL)
}

#[cfg(unix)]
fn current_size() -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
    Some(Size { cols: u32::from(size.ws_col), rows: u32::from(size.ws_row) })
}

#[cfg(not(unix))]
fn current_size() -> Option<Size> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let (cols, rows) = crossterm::terminal::size().ok()?;
    Some(Size { cols: u32::from(cols), rows: u32::from(rows) })
}

/// The terminal's description, `TERM`.
pub fn term() -> String {
    std::env::var("TERM")
        .ok()
        .filter(|term| !term.is_empty() && term.len() <= 64)
        .unwrap_or_else(|| DEFAULT_TERM.to_owned())
}
