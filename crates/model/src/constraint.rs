//! The constraints of AWS's service model and the sentences in which AWS reports that one is broken.
//!
//! The texts are part of the interface: people search for them, and some programs match on them.

use std::fmt::{self, Write as _};

use crate::error::{ApiError, ErrorCode};

/// The longest value repeated in a message, in characters. AWS repeats it all, at any length.
const MAX_SHOWN: usize = 256;

/// What a text must be.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    min: usize,
    max: usize,
    pattern: Option<Pattern>,
    is_sensitive: bool,
}

/// A regular expression: its text for the message, its meaning as code. None of the model's needs an engine.
#[derive(Clone, Copy)]
pub(crate) struct Pattern {
    pub(crate) text: &'static str,
    pub(crate) matches: fn(&str) -> bool,
}

/// The pattern of names and tags in AWS's model: letters, separators, numbers and a few signs of any script.
pub(crate) const LABEL: Pattern =
    Pattern { text: r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", matches: |text| text.chars().all(is_label) };

/// Rust's alphabetic and numeric are a little wider than `\p{L}` and `\p{N}` (they add letter-like marks).
fn is_label(c: char) -> bool {
    let is_separator = c.is_whitespace() && !c.is_control();
    c.is_alphanumeric() || is_separator || "_.:/=+-@".contains(c)
}

impl Text {
    /// Any text at all; the body that it came in was bounded.
    pub(crate) const ANY: Self = Self::length(0, usize::MAX);

    /// Any text of so many characters.
    pub(crate) const fn length(min: usize, max: usize) -> Self {
        Self { min, max, pattern: None, is_sensitive: false }
    }

    /// Which must also match this.
    pub(crate) const fn matching(mut self, pattern: Pattern) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// Which is never repeated in a message.
    pub(crate) const fn sensitive(mut self) -> Self {
        self.is_sensitive = true;
        self
    }

    /// Whether it fits. For keys and values of maps.
    pub(crate) fn accepts(&self, value: &str) -> bool {
        (self.min..=self.max).contains(&value.chars().count())
            && self.pattern.is_none_or(|pattern| (pattern.matches)(value))
    }

    /// The constraint on the length, as AWS lists it inside the constraint of a map.
    pub(crate) fn describe(&self) -> String {
        let Self { min, max, .. } = self;
        format!(
            "Member must have length less than or equal to {max}, Member must have length greater than or equal to {min}"
        )
    }

    pub(crate) fn check(&self, value: &str, path: &Path<'_>, violations: &mut Violations) {
        let length = value.chars().count();
        let shown = (!self.is_sensitive).then_some(value);
        let mut report = |constraint: &dyn fmt::Display| violations.report(shown, path, constraint);
        if length > self.max {
            report(&format_args!("Member must have length less than or equal to {}", self.max));
        }
        if length < self.min {
            report(&format_args!("Member must have length greater than or equal to {}", self.min));
        }
        if let Some(pattern) = self.pattern.filter(|pattern| !(pattern.matches)(value)) {
            report(&format_args!("Member must satisfy regular expression pattern: {}", pattern.text));
        }
    }
}

/// Where a member is, spelled as AWS spells it: lower camel case, list items counted from one.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    Member(&'a str),
    In(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write_name = |f: &mut fmt::Formatter<'_>, name: &str| {
            let mut letters = name.chars();
            if let Some(first) = letters.next() {
                f.write_char(first.to_ascii_lowercase())?;
            }
            f.write_str(letters.as_str())
        };
        match self {
            Self::Member(name) => write_name(f, name),
            Self::In(outer, name) => {
                write!(f, "{outer}.")?;
                write_name(f, name)
            }
            Self::Item(outer, at) => write!(f, "{outer}.{}.member", at + 1),
        }
    }
}

/// The broken constraints of one request that are told one by one. A list may have a broken one for every three bytes of
/// the body, and the answer must not be many times as long as the question.
const MAX_TOLD: usize = 20;

/// Every broken constraint of one request: AWS reports them together.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    told: Vec<String>,
    count: usize,
}

impl Violations {
    /// Notes a broken constraint. The value is left out when it is sensitive.
    pub(crate) fn report(&mut self, value: Option<&str>, path: &Path<'_>, constraint: &dyn fmt::Display) {
        if !self.count_one() {
            return;
        }
        let shown = match value {
            None => "Value".to_owned(),
            Some(value) => match value.char_indices().nth(MAX_SHOWN) {
                None => format!("Value '{value}'"),
                Some((end, _)) => format!("Value '{}…'", &value[..end]),
            },
        };
        self.told.push(format!("{shown} at '{path}' failed to satisfy constraint: {constraint}"));
    }

    pub(crate) fn report_missing(&mut self, path: &Path<'_>) {
        if self.count_one() {
            self.told.push(format!("Value null at '{path}' failed to satisfy constraint: Member must not be null"));
        }
    }

    /// Counts a broken constraint. True if there is room to tell it.
    fn count_one(&mut self) -> bool {
        self.count += 1;
        self.count <= MAX_TOLD
    }

    pub(crate) fn report_enum(&mut self, value: &str, path: &Path<'_>, allowed: &[&str]) {
        let allowed = allowed.join(", ");
        self.report(Some(value), path, &format_args!("Member must satisfy enum value set: [{allowed}]"));
    }

    pub(crate) fn check_range(&mut self, value: i64, path: &Path<'_>, min: i64, max: i64) {
        let shown = value.to_string();
        if value < min {
            let constraint = format_args!("Member must have value greater than or equal to {min}");
            self.report(Some(&shown), path, &constraint);
        }
        if value > max {
            self.report(Some(&shown), path, &format_args!("Member must have value less than or equal to {max}"));
        }
    }

    pub(crate) fn check_count(&mut self, items: &[String], path: &Path<'_>, min: usize, max: usize) {
        let shown = format!("[{}]", items.join(", "));
        if items.len() < min {
            let constraint = format_args!("Member must have length greater than or equal to {min}");
            self.report(Some(&shown), path, &constraint);
        }
        if items.len() > max {
            self.report(Some(&shown), path, &format_args!("Member must have length less than or equal to {max}"));
        }
    }

    /// The error for all of them, if there are any, under the name that the service has for it.
    pub(crate) fn into_result(self, code: ErrorCode) -> Result<(), ApiError> {
        let Self { told, count } = self;
        if count == 0 {
            return Ok(());
        }
        let plural = if count == 1 { "" } else { "s" };
        let mut message = format!("{count} validation error{plural} detected: {}", told.join("; "));
        if count > told.len() {
            message.push_str(&format!("; and {} more", count - told.len()));
        }
        Err(ApiError::new(code, message))
    }
}
