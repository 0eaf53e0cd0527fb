//! What a user may do by sudo: the part of a sudoers line that follows the user's name.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A rule of sudoers(5) without the user it is for, as in `ALL=(ALL) NOPASSWD: ALL`.
///
/// Behind a user's name it is one line about that user and about nobody else. Whether sudo understands the rest is the
/// node's to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SudoRule(Box<str>);

/// A text that is no such rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sudo rule must be {}", SudoRule::FORM)]
pub struct NoSudoRule;

impl SudoRule {
    /// What one looks like.
    pub const FORM: &str = "a line of sudoers without the user, of at most 512 plain characters, that begins with ALL=";

    const MAX_BYTES: usize = 512;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SudoRule {
    type Err = NoSudoRule;

    /// It must begin with the hosts: behind a comma, sudo would read the name of another user.
    fn from_str(text: &str) -> Result<Self, NoSudoRule> {
        let is_rule = text.len() <= Self::MAX_BYTES
            && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
            && text.strip_prefix("ALL=").is_some_and(|rest| !rest.trim().is_empty())
            // At its end a backslash makes the next line a part of this one.
            && !text.ends_with('\\');
        if is_rule { Ok(Self(text.into())) } else { Err(NoSudoRule) }
    }
}

impl fmt::Display for SudoRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SudoRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
