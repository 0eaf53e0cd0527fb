//! What the viewer presses.

use std::io;

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use tokio::sync::mpsc;

/// Keys that may wait.
const WAITING: usize = 64;

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Pause,
    /// So many seconds on, or back.
    Seek(i32),
    /// To the next thing that happened.
    Step,
    Begin,
    Faster,
    Slower,
    /// The terminal has another size.
    Resized,
    Quit,
}

/// Reads them, in a thread that ends with the process: a read of a terminal cannot be called off.
pub(super) fn listen() -> io::Result<mpsc::Receiver<Key>> {
    let (pressed, keys) = mpsc::channel(WAITING);
    std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
        while let Ok(event) = read() {
            if let Some(key) = meaning(&event)
                && pressed.blocking_send(key).is_err()
            {
                return;
            }
        }
    })?;
    Ok(keys)
}

fn meaning(event: &Event) -> Option<Key> {
    let key = match event {
        Event::Resize(..) => return Some(Key::Resized),
        Event::Key(key) if key.kind != KeyEventKind::Release => key,
        _ => return None,
    };
    Some(match key.code {
        KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => Key::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Key::Quit,
        KeyCode::Char(' ' | 'p') => Key::Pause,
        KeyCode::Right | KeyCode::Char(']' | 'l') => Key::Seek(10),
        KeyCode::Left | KeyCode::Char('[' | 'h') => Key::Seek(-10),
        KeyCode::Up | KeyCode::PageDown => Key::Seek(60),
        KeyCode::Down | KeyCode::PageUp => Key::Seek(-60),
        KeyCode::Char('.' | 'n') => Key::Step,
        KeyCode::Home | KeyCode::Char('0') => Key::Begin,
        KeyCode::Char('+' | '=' | '>') => Key::Faster,
        KeyCode::Char('-' | '<') => Key::Slower,
        _ => return None,
    })
}
