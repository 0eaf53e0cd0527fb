//! Why a document is no policy, and where.

use std::fmt;

use crate::limits::{Limits, Quota};

/// Why a document was refused. Displayed, it is the message for AWS's clients: AWS's own sentence first, then the place
/// and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    code: &'static str,
    summary: String,
    path: String,
    detail: String,
}

impl Fault {
    /// AWS's error code: `MalformedPolicyDocument`, `LimitExceeded`, or for session policies
    /// `PackedPolicyTooLarge`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// AWS's sentence alone.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The place, as `Statement[2].Condition.StringLike`; statements and list members are counted from 0. Empty if it
    /// is the document as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there and what would be right. May be empty where AWS's sentence says it all.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn new(summary: impl Into<String>, path: &Path<'_>, detail: impl Into<String>) -> Self {
        Self { code: "MalformedPolicyDocument", summary: summary.into(), path: path.to_string(), detail: detail.into() }
    }

    /// What AWS tells in one sentence for everything that is not in the grammar.
    pub(crate) fn syntax(path: &Path<'_>, detail: impl Into<String>) -> Self {
        Self::new("Syntax errors in policy.", path, detail)
    }

    pub(crate) fn too_large(limits: &Limits, characters: usize) -> Self {
        let max = limits.max_characters;
        let (code, summary) = match limits.quota() {
            Quota::Inline(whose) => {
                ("LimitExceeded", format!("Maximum policy size of {max} bytes exceeded for {whose}"))
            }
            Quota::Named(name) => ("LimitExceeded", format!("Cannot exceed quota for {name}: {max}")),
            Quota::Packed => ("PackedPolicyTooLarge", format!("The session policy may have at most {max} characters")),
        };
        let detail = format!("it has {characters} characters that are not white space");
        Self { code, summary, path: String::new(), detail }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)?;
        match (self.path.is_empty(), self.detail.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => write!(f, " ({})", self.detail),
            (false, true) => write!(f, " (at {})", self.path),
            (false, false) => write!(f, " (at {}: {})", self.path, self.detail),
        }
    }
}

impl std::error::Error for Fault {}

/// The way from the document to a place in it. Costs nothing until it is printed.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Document,
    Member(&'a str),
    Item(usize),
}

/// What a path shows of a name that it did not choose, in characters.
const SHOWN: usize = 64;

impl<'a> Path<'a> {
    pub(crate) const DOCUMENT: Path<'static> = Path { parent: None, step: Step::Document };

    pub(crate) fn member(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Member(name) }
    }

    pub(crate) fn item(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Item(index) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Document => Ok(()),
            Step::Item(index) => write!(f, "[{index}]"),
            Step::Member(name) => {
                let first = self.parent.is_none_or(|parent| matches!(parent.step, Step::Document));
                write!(f, "{}{}", if first { "" } else { "." }, shown(name))
            }
        }
    }
}

/// A text of the document, short and on one line, for messages.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
