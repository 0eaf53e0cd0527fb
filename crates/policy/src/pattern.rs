//! Text with wildcards and variables, taken apart once and matched often.

use crate::context::Environment;

/// A pattern as pieces. Matching takes at most the product of both lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Box<[Piece]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(Box<str>),
    /// `*`: any run of characters.
    Any,
    /// `?`: one character.
    One,
    Variable(Variable),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// In lower case.
    pub(crate) key: Box<str>,
    /// As it was written.
    pub(crate) name: Box<str>,
    pub(crate) default: Option<Box<str>>,
}

/// What means something in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Syntax {
    pub(crate) wildcards: bool,
    pub(crate) variables: bool,
}

impl Pattern {
    /// # Errors
    /// What is wrong with a variable, as a sentence.
    pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Self, String> {
        Ok(Self::of(pieces(text, syntax)?))
    }

    pub(crate) fn of(pieces: Vec<Piece>) -> Self {
        Self { pieces: pieces.into() }
    }

    /// Whether the whole text matches. A variable without a value matches nothing; a variable's value stands for itself,
    /// wildcards in it included.
    pub(crate) fn matches(&self, text: &str, environment: &Environment<'_>) -> bool {
        run::<false>(&self.pieces, text, environment)
    }

    /// Without regard to the case of ASCII letters. The pattern must be in lower case.
    pub(crate) fn matches_any_case(&self, text: &str) -> bool {
        run::<true>(&self.pieces, text, &Environment::EMPTY)
    }

    /// Whether the pattern ends in `-*` and what stands before the `*` matches `head` whole.
    pub(crate) fn head_matches(&self, head: &str, environment: &Environment<'_>) -> bool {
        self.owner_head().is_some_and(|pieces| run::<false>(pieces, head, environment))
    }

    /// Whether the pattern ends in `-*`, the idiom for "everything whose name begins with this owner".
    pub(crate) fn names_an_owner(&self) -> bool {
        self.owner_head().is_some()
    }

    /// What stands before a last `-*`, with the `-`, if there are no variables and wildcards in it.
    pub(crate) fn literal_head(&self) -> Option<&str> {
        match self.owner_head()? {
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The pieces before the last `*`, if a `-` stands right before it.
    fn owner_head(&self) -> Option<&[Piece]> {
        let end = self.pieces.iter().rposition(|piece| *piece != Piece::Any)?;
        let ends = end + 1 < self.pieces.len();
        let dash = matches!(&self.pieces[end], Piece::Literal(text) if text.ends_with('-'));
        (ends && dash).then(|| &self.pieces[..=end])
    }

    /// The text, if it is one without wildcards: what a list of values is compared with.
    pub(crate) fn is_only_variable(&self) -> bool {
        matches!(&*self.pieces, [Piece::Variable(_)])
    }

    /// The keys of the variables, in lower case.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            _ => None,
        })
    }

    /// The first variable that has no value in the request.
    pub(crate) fn unresolved(&self, environment: &Environment<'_>) -> Option<&str> {
        self.variables().find(|variable| variable.value(environment).is_none()).map(|variable| &*variable.key)
    }

    /// The text with every variable's value in its place, if there is no wildcard in it and every variable has one.
    pub(crate) fn text(&self, environment: &Environment<'_>) -> Option<String> {
        self.pieces.iter().try_fold(String::new(), |mut text, piece| {
            text.push_str(match piece {
                Piece::Literal(literal) => literal,
                Piece::Variable(variable) => variable.value(environment)?,
                Piece::Any | Piece::One => return None,
            });
            Some(text)
        })
    }
}

impl Variable {
    fn value<'a>(&'a self, environment: &Environment<'a>) -> Option<&'a str> {
        match environment.get(&self.key) {
            [] => self.default.as_deref(),
            [one] => Some(one.text()),
            _ => None,
        }
    }
}

/// Matches by going back to the last `*` only: what an earlier one took need never be changed.
fn run<const ANY_CASE: bool>(pieces: &[Piece], text: &str, environment: &Environment<'_>) -> bool {
    let bytes = text.as_bytes();
    let (mut piece, mut at) = (0, 0);
    let mut last_any = None;
    loop {
        let taken = match pieces.get(piece) {
            None => (at == bytes.len()).then_some(0),
            Some(Piece::Any) => {
                if piece + 1 == pieces.len() {
                    return true;
                }
                last_any = Some((piece + 1, at));
                Some(0)
            }
            Some(Piece::One) => bytes.get(at).map(|first| character_bytes(*first)),
            Some(Piece::Literal(literal)) => starts::<ANY_CASE>(&bytes[at..], literal.as_bytes()),
            Some(Piece::Variable(variable)) => {
                variable.value(environment).and_then(|value| starts::<ANY_CASE>(&bytes[at..], value.as_bytes()))
            }
        };
        match (taken, &mut last_any) {
            (Some(_), _) if piece == pieces.len() => return true,
            (Some(bytes), _) => {
                at += bytes;
                piece += 1;
            }
            (None, Some((after, from))) if *from < bytes.len() => {
                *from += character_bytes(bytes[*from]);
                (piece, at) = (*after, *from);
            }
            (None, _) => return false,
        }
    }
}

fn starts<const ANY_CASE: bool>(bytes: &[u8], literal: &[u8]) -> Option<usize> {
    let head = bytes.get(..literal.len())?;
    let same = if ANY_CASE { head.eq_ignore_ascii_case(literal) } else { head == literal };
    same.then_some(literal.len())
}

/// The length of the character that begins with this byte of valid UTF-8.
fn character_bytes(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
    }
}

/// Takes a text apart. Literals that touch are one piece.
pub(crate) fn pieces(text: &str, syntax: Syntax) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let special = match next {
            '*' if syntax.wildcards => Some((Piece::Any, 1)),
            '?' if syntax.wildcards => Some((Piece::One, 1)),
            '$' if syntax.variables && rest.starts_with("${") => {
                let end = rest.find('}').ok_or("\"${\" has no \"}\"; a \"$\" that is only itself is written ${$}")?;
                match variable(&rest[2..end])? {
                    Piece::Literal(character) => {
                        literal.push_str(&character);
                        rest = &rest[end + 1..];
                        continue;
                    }
                    piece => Some((piece, end + 1)),
                }
            }
            _ => None,
        };
        match special {
            Some((piece, bytes)) => {
                flush(&mut literal, &mut pieces);
                pieces.push(piece);
                rest = &rest[bytes..];
            }
            None => {
                literal.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    flush(&mut literal, &mut pieces);
    Ok(pieces)
}

fn flush(literal: &mut String, pieces: &mut Vec<Piece>) {
    if !literal.is_empty() {
        pieces.push(Piece::Literal(std::mem::take(literal).into()));
    }
}

/// What stands between `${` and `}`.
fn variable(inside: &str) -> Result<Piece, String> {
    if matches!(inside, "*" | "?" | "$") {
        return Ok(Piece::Literal(inside.into()));
    }
    let (key, default) = match inside.split_once(',') {
        None => (inside.trim(), None),
        Some((key, default)) => {
            let quoted = default.trim().strip_prefix('\'').and_then(|default| default.strip_suffix('\''));
            let default = quoted.filter(|default| !default.contains('\'')).ok_or_else(|| {
                format!("the default in \"${{{inside}}}\" must stand in single quotes: ${{key, 'default'}}")
            })?;
            (key.trim(), Some(default.into()))
        }
    };
    if !is_condition_key(key) {
        return Err(format!("\"${{{inside}}}\" is no variable: those are ${{prefix:key}}, and ${{*}}, ${{?}}, ${{$}}"));
    }
    Ok(Piece::Variable(Variable { key: key.to_ascii_lowercase().into(), name: key.into(), default }))
}

/// `service:name`, where the name may have a tag's key in it. What AWS allows in tag keys is allowed. A provider of
/// identities is called by its address, which may have a path: `oidc.example.org/tenant:sub`.
pub(crate) fn is_condition_key(key: &str) -> bool {
    let Some((service, name)) = key.split_once(':') else { return false };
    !service.is_empty()
        && service.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/' | b'_' | b'~'))
        && !name.is_empty()
        && name.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        let pattern = Pattern::parse(pattern, Syntax { wildcards: true, variables: true }).expect("a pattern");
        pattern.matches(text, &Environment::EMPTY)
    }

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "", true),
            ("?", "", false),
            ("?", "é", true),
            ("??", "é", false),
            ("a*b", "ab", true),
            ("a*b", "axbxb", true),
            ("a*b", "axbx", false),
            ("*ab?", "aababc", true),
            ("*ab?", "aabab", false),
            ("a?*", "a", false),
            ("${*}", "*", true),
            ("${*}", "a", false),
            ("a${?}${$}", "a?$", true),
            ("$a", "$a", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn owners() {
        let owner = |pattern| {
            let pattern = Pattern::parse(pattern, Syntax { wildcards: true, variables: true }).expect("a pattern");
            (pattern.names_an_owner(), pattern.head_matches("session/ann-", &Environment::EMPTY))
        };
        assert_eq!(owner("session/ann-*"), (true, true));
        assert_eq!(owner("session/ann-**"), (true, true));
        assert_eq!(owner("session/an-*"), (true, false));
        assert_eq!(owner("session/*-*"), (true, true));
        assert_eq!(owner("session/ann*"), (false, false));
        assert_eq!(owner("session/ann-"), (false, false));
        assert_eq!(owner("*"), (false, false));
        assert_eq!(owner(""), (false, false));
    }

    #[test]
    fn wrong_variables() {
        for text in
            ["${", "${}", "${a}", "${aws:}", "${:a}", "${aws:a, b}", "${aws:a, 'b}", "${aws:a,''' }", "${a b:c}"]
        {
            assert!(Pattern::parse(text, Syntax { wildcards: true, variables: true }).is_err(), "{text}");
            assert!(Pattern::parse(text, Syntax { wildcards: true, variables: false }).is_ok(), "{text}");
        }
    }
}
