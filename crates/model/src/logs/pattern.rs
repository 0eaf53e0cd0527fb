//! Filter patterns: which events a search finds. Terms and phrases; the forms for JSON, columns and regular expressions
//! are refused.
//!
//! `one two` finds events with both, `"one two"` with the phrase, `?one ?two` with either, `one -two` with the first and
//! without the second. Letters count as they are written.

use super::invalid;
use crate::error::ApiError;

/// A filter pattern that was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterPattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl FilterPattern {
    /// Reads a pattern. An empty one finds everything.
    ///
    /// # Errors
    /// `InvalidParameterException`, which says what is wrong or not offered.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut pattern = Self::default();
        let mut rest = text.trim();
        if rest.starts_with(['{', '[']) {
            return Err(invalid("Invalid filter pattern: patterns for JSON and for columns are not supported."));
        }
        while !rest.is_empty() {
            let (terms, after) = match rest.as_bytes() {
                [b'?', ..] => (&mut pattern.any, &rest[1..]),
                [b'-', ..] => (&mut pattern.none, &rest[1..]),
                _ => (&mut pattern.all, rest),
            };
            let (term, after) = term(after)?;
            terms.push(term);
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    /// How many terms and phrases it has: for so many may a text have to be searched.
    #[must_use]
    pub fn terms(&self) -> usize {
        self.all.len() + self.any.len() + self.none.len()
    }

    /// Whether it finds this text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let has = |term: &String| text.contains(term.as_str());
        self.all.iter().all(has) && (self.any.is_empty() || self.any.iter().any(has)) && !self.none.iter().any(has)
    }
}

/// The term or phrase that a text begins with, and the rest.
fn term(text: &str) -> Result<(String, &str), ApiError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (term, rest) = text.split_at(end);
        if term.starts_with('%') {
            return Err(invalid("Invalid filter pattern: regular expressions are not supported."));
        }
        if term.is_empty() || !term.chars().all(|c| c.is_alphanumeric() || c == '_') {
            let shown: String = term.chars().take(64).collect();
            return Err(invalid(format!("Invalid character(s) in term '{shown}': put it into double quotes.")));
        }
        return Ok((term.to_owned(), rest));
    };
    let mut phrase = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' if phrase.is_empty() => break,
            '"' => return Ok((phrase, &quoted[at + 1..])),
            '\\' => phrase.extend(letters.next().map(|(_, escaped)| escaped)),
            letter => phrase.push(letter),
        }
    }
    Err(invalid("Invalid filter pattern: a double quote without its other half, or nothing between the two."))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terms_and_phrases() {
        for (pattern, found, passed_over) in [
            ("", &["", "anything"][..], &[][..]),
            ("  ", &["anything"], &[]),
            ("ERROR", &["an ERROR"], &["an error", ""]),
            ("one two", &["two one", "onetwo"], &["one", "two"]),
            ("\"one two\"", &["one two three"], &["two one"]),
            ("?one ?two", &["one", "two"], &["three"]),
            ("one -two", &["one"], &["one two", "three"]),
            ("\"say \\\"hi\\\" \\\\\"", &["say \"hi\" \\"], &["say hi"]),
            ("-\"a b\"", &["a", "b a"], &["a b"]),
            ("naïve_1", &["naïve_1"], &["naive_1"]),
        ] {
            let pattern = FilterPattern::parse(pattern).unwrap();
            assert!(found.iter().all(|text| pattern.matches(text)), "{pattern:?}");
            assert!(!passed_over.iter().any(|text| pattern.matches(text)), "{pattern:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for pattern in ["{ $.a = 1 }", "[a, b]", "%x%", "a:b", "a-b", "\"open", "\"\"", "?", "-", "? a", "\"a\\\""] {
            let error = FilterPattern::parse(pattern).unwrap_err();
            assert_eq!(error.code(), crate::ErrorCode::InvalidParameterException, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(pattern in ".{0,40}", text in ".{0,40}") {
            if let Ok(pattern) = FilterPattern::parse(&pattern) {
                let _ = pattern.matches(&text);
            }
        }
    }
}
