//! What a client asks a node for: a path, perhaps with patterns in it.

use std::ffi::OsStr;

use glob::{MatchOptions, Pattern};
use postern_protocol::transfer::MAX_PATH_BYTES;

use crate::error::CopyError;

/// As a shell matches: `*` does not cross a separator, and a leading dot is written out.
pub(crate) const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// A path on the node as the user wrote it: absolute, or relative to the home of the session's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePath(String);

impl NodePath {
    /// Takes a path; an empty one is the home.
    ///
    /// # Errors
    /// A sentence about a path that no node can have.
    pub fn new(path: &str) -> Result<Self, String> {
        let path = if path.is_empty() { "." } else { path };
        if path.len() > MAX_PATH_BYTES {
            return Err(format!(
                "a path of {} bytes is longer than the {MAX_PATH_BYTES} that are possible",
                path.len()
            ));
        }
        if path.contains('\0') { Err("a path cannot contain NUL".to_owned()) } else { Ok(Self(path.to_owned())) }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what it names has a name that is known here: not `.`, `..`, `~` or the root.
    pub(crate) fn last(&self) -> Option<&str> {
        let last = self.0.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let is_name = !matches!(last, "" | "." | "..") && self.0 != "~" && self.0 != "~/";
        is_name.then_some(last)
    }

    /// Whether a node may answer with an entry of this name. A hostile one must not choose what is written.
    pub(crate) fn allows(&self, name: &[u8]) -> bool {
        let Some(last) = self.last() else { return false };
        if name == last.as_bytes() {
            return true;
        }
        let (Ok(pattern), Ok(name)) = (Pattern::new(last), std::str::from_utf8(name)) else { return false };
        pattern.matches_with(name, MATCHING)
    }
}

/// Whether a path has patterns in it.
pub(crate) fn has_pattern(path: &OsStr) -> bool {
    path.to_str().is_some_and(|path| path.contains(['*', '?', '[']))
}

/// Checks the names at the top of what a node sends against what it was asked for.
pub(crate) fn check_root(asked: &[NodePath], name: &[u8]) -> Result<(), CopyError> {
    if asked.iter().any(|path| path.allows(name)) {
        return Ok(());
    }
    let nameless = asked.iter().find(|path| path.last().is_none());
    Err(match nameless {
        Some(path) => CopyError::Local(format!(
            "{:?} has no name of its own to be copied under; give a destination that does not exist yet",
            path.as_str()
        )),
        None => CopyError::Broken(format!("it sent {:?}, which nobody asked for", String::from_utf8_lossy(name))),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn a_node_answers_with_what_it_was_asked_for() {
        let cases = [
            ("/etc/passwd", "passwd", true),
            ("/etc/passwd", "shadow", false),
            ("/etc/passwd", ".bashrc", false),
            ("logs/", "logs", true),
            ("/var/log/*.log", "a.log", true),
            ("/var/log/*.log", ".a.log", false),
            ("/var/log/*.log", "a.txt", false),
            ("*", ".ssh", false),
            ("*", "x", true),
            ("we[ird", "we[ird", true),
            ("a[bc]", "ac", true),
            (".", "x", false),
            ("~", "x", false),
        ];
        for (path, name, allowed) in cases {
            assert_eq!(NodePath::new(path).unwrap().allows(name.as_bytes()), allowed, "{path} {name}");
        }
    }
}
