//! Words of others, for a terminal: what nodes, services and other users say must not steer it.

mod stream;

pub use stream::PrintableStream;

/// The text with control characters shown as `\u{…}` and invisible direction marks taken out of action.
pub fn printable(text: &str) -> String {
    shown(text, |_| false)
}

/// The same for words of several lines: line ends and tabs stay.
pub fn printable_lines(text: &str) -> String {
    shown(text, |character| matches!(character, '\n' | '\t'))
}

fn shown(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if !stays(character) && is_steering(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// A terminal obeys it, or turns the text around it.
fn is_steering(character: char) -> bool {
    character.is_control() || is_direction_mark(character)
}

fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_steer_the_terminal() {
        assert_eq!(printable("web-1 grün \u{1f980}"), "web-1 grün \u{1f980}");
        assert_eq!(printable("a\u{1b}]52;c;x\u{7}b"), "a\\u{1b}]52;c;x\\u{7}b");
        assert_eq!(printable("a\u{9b}31m\u{202e}b\n"), "a\\u{9b}31m\\u{202e}b\\u{a}");
        assert_eq!(printable_lines("a\n\tb\u{1b}[2J\r"), "a\n\tb\\u{1b}[2J\\u{d}");
    }
}
