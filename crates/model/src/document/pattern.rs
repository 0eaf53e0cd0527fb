//! `allowedPattern`: a regular expression that the whole value has to match.
//!
//! Matching is linear in the value whatever the expression is, but the factor is the expression's size, and both come
//! from outside. So the expressions of one document share a budget of memory, and the values of one call a budget of
//! work.

use regex_lite::{Regex, RegexBuilder};

use super::DocumentError;

/// The largest expression, in bytes of compiled program: `.{0,1024}` fits.
const MAX_PROGRAM_BYTES: usize = 256 * 1024;
/// The least that one is taken to have.
const MIN_PROGRAM_BYTES: usize = 1024;
/// All expressions of one document together.
const MAX_DOCUMENT_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of values times bytes of what they are compared with, for one call: well under a second.
const MAX_WORK: usize = 1 << 29;

const START: &str = "^(?:";
const END: &str = ")$";

/// An expression, compiled.
#[derive(Clone, Debug)]
pub(super) struct AllowedPattern {
    regex: Regex,
    program_bytes: usize,
}

/// Memory that the expressions of one document may still take.
pub(super) struct PatternBudget(usize);

impl PatternBudget {
    pub(super) fn new() -> Self {
        Self(MAX_DOCUMENT_BYTES)
    }

    /// Compiles the expression of a parameter. The whole value has to match, whether or not the pattern says so itself.
    pub(super) fn compile(&mut self, parameter: &str, pattern: &str) -> Result<AllowedPattern, DocumentError> {
        let build = |pattern: &str, bytes| RegexBuilder::new(pattern).size_limit(bytes).build();
        // Checked alone too: `a)(b` must not become two groups by our brackets.
        build(pattern, MAX_PROGRAM_BYTES).map_err(|_| DocumentError::Pattern(parameter.to_owned()))?;
        let anchored = format!("{START}{pattern}{END}");
        // The library does not say how large a program is, only that it is larger than a limit.
        let mut program_bytes = MIN_PROGRAM_BYTES;
        let regex = loop {
            match build(&anchored, program_bytes) {
                Ok(regex) => break regex,
                Err(_) if program_bytes < MAX_PROGRAM_BYTES => program_bytes *= 2,
                Err(_) => return Err(DocumentError::Pattern(parameter.to_owned())),
            }
        };
        let left = self.0.checked_sub(program_bytes);
        self.0 = left.ok_or_else(|| DocumentError::TooManyPatterns(parameter.to_owned()))?;
        Ok(AllowedPattern { regex, program_bytes })
    }
}

impl AllowedPattern {
    pub(super) fn matches(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }

    pub(super) fn program_bytes(&self) -> usize {
        self.program_bytes
    }

    /// As the document says it.
    pub(super) fn source(&self) -> &str {
        let text = self.regex.as_str();
        text.strip_prefix(START).and_then(|text| text.strip_suffix(END)).unwrap_or(text)
    }
}

/// Work that checking the values of one call may still be.
pub(super) struct WorkBudget(usize);

impl WorkBudget {
    pub(super) fn new() -> Self {
        Self(MAX_WORK)
    }

    /// Takes what it is to look at a value for as long as this. False if it would be too much.
    pub(super) fn take(&mut self, value: &str, bytes: usize) -> bool {
        // An empty value is work too.
        let left = self.0.checked_sub((value.len() + 1).saturating_mul(bytes));
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}
