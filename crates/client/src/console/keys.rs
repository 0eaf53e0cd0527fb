//! Key events of a Windows console as the bytes a Unix terminal sends for them (session-types.md §2.1: the same
//! sequences that the stock plugin sends, and F11 besides). Pure, so that it is tested on every platform.

use bytes::Bytes;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// The bytes of one key; `None` for a release or a key without meaning for a shell.
pub(super) fn bytes_of(key: &KeyEvent) -> Option<Bytes> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let bytes = match key.code {
        KeyCode::Char(character) => character_bytes(character, key.modifiers)?,
        code => named_bytes(code)?.to_vec(),
    };
    // Alt is the escape prefix of Unix terminals; AltGr (Alt and Control together) has already made the character.
    let alt = key.modifiers.contains(KeyModifiers::ALT) && !key.modifiers.contains(KeyModifiers::CONTROL);
    Some(if alt { [b"\x1b".as_slice(), &bytes].concat().into() } else { bytes.into() })
}

fn character_bytes(character: char, modifiers: KeyModifiers) -> Option<Vec<u8>> {
    let control = modifiers.contains(KeyModifiers::CONTROL) && !modifiers.contains(KeyModifiers::ALT);
    if !control {
        return Some(character.to_string().into_bytes());
    }
    let byte = match character.to_ascii_lowercase() {
        letter @ 'a'..='z' => u8::try_from(letter).ok()? - b'a' + 1,
        ' ' | '@' | '2' => 0x00,
        '[' | '3' => 0x1b,
        '\\' | '4' => 0x1c,
        ']' | '5' => 0x1d,
        '^' | '6' => 0x1e,
        '_' | '/' | '7' => 0x1f,
        '?' | '8' => 0x7f,
        _ => return None,
    };
    Some(vec![byte])
}

fn named_bytes(code: KeyCode) -> Option<&'static [u8]> {
    Some(match code {
        KeyCode::Enter => b"\r",
        KeyCode::Tab => b"\t",
        KeyCode::BackTab => b"\x1b[Z",
        KeyCode::Backspace => b"\x7f",
        KeyCode::Esc => b"\x1b",
        KeyCode::Null => b"\x00",
        KeyCode::Up => b"\x1bOA",
        KeyCode::Down => b"\x1bOB",
        KeyCode::Right => b"\x1bOC",
        KeyCode::Left => b"\x1bOD",
        KeyCode::Home => b"\x1b[H",
        KeyCode::End => b"\x1b[F",
        KeyCode::Insert => b"\x1b[2~",
        KeyCode::Delete => b"\x1b[3~",
        KeyCode::PageUp => b"\x1b[5~",
        KeyCode::PageDown => b"\x1b[6~",
        KeyCode::F(1) => b"\x1bOP",
        KeyCode::F(2) => b"\x1bOQ",
        KeyCode::F(3) => b"\x1bOR",
        KeyCode::F(4) => b"\x1bOS",
        KeyCode::F(5) => b"\x1b[15~",
        KeyCode::F(6) => b"\x1b[17~",
        KeyCode::F(7) => b"\x1b[18~",
        KeyCode::F(8) => b"\x1b[19~",
        KeyCode::F(9) => b"\x1b[20~",
        KeyCode::F(10) => b"\x1b[21~",
        KeyCode::F(11) => b"\x1b[23~",
        KeyCode::F(12) => b"\x1b[24~",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_what_a_unix_terminal_sends() {
        let none = KeyModifiers::NONE;
        let altgr = KeyModifiers::ALT | KeyModifiers::CONTROL;
        let cases: [(KeyCode, KeyModifiers, &[u8]); 12] = [
            (KeyCode::Char('a'), none, b"a"),
            (KeyCode::Char('\u{e9}'), none, "\u{e9}".as_bytes()),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, b"\x03"),
            (KeyCode::Char('Z'), KeyModifiers::CONTROL, b"\x1a"),
            (KeyCode::Char('\\'), KeyModifiers::CONTROL, b"\x1c"),
            (KeyCode::Char('x'), KeyModifiers::ALT, b"\x1bx"),
            (KeyCode::Char('@'), altgr, b"@"),
            (KeyCode::Enter, none, b"\r"),
            (KeyCode::Up, none, b"\x1bOA"),
            (KeyCode::F(4), none, b"\x1bOS"),
            (KeyCode::F(5), none, b"\x1b[15~"),
            (KeyCode::Delete, none, b"\x1b[3~"),
        ];
        for (code, modifiers, expected) in cases {
            assert_eq!(bytes_of(&KeyEvent::new(code, modifiers)).as_deref(), Some(expected), "{code:?}");
        }
    }

    #[test]
    fn releases_and_bare_modifiers_are_silent() {
        let release = KeyEvent::new_with_kind(KeyCode::Char('a'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(bytes_of(&release), None);
        assert_eq!(bytes_of(&KeyEvent::new(KeyCode::CapsLock, KeyModifiers::NONE)), None);
    }
}
