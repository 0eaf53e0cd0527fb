//! Names that a peer gives, before they come near a file system: one component, which cannot mean anything but an entry
//! of the directory at hand.

use super::MAX_NAME_BYTES;

/// Whose file system the name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRules {
    /// Any bytes but `/` and NUL.
    Unix,
    /// UTF-8 without the characters that Windows reads as separators, streams or patterns, and none of the names that
    /// are devices there.
    Windows,
}

impl NameRules {
    /// The rules of the machine this runs on.
    #[must_use]
    pub const fn here() -> Self {
        if cfg!(windows) { Self::Windows } else { Self::Unix }
    }
}

/// A name that is one entry of a directory. Ordered by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryName<'a>(&'a [u8]);

/// A name that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No byte, or more than any file system takes.
    #[error("a name has {0} bytes; 1 to {MAX_NAME_BYTES} are possible")]
    Length(usize),
    /// `.` or `..`.
    #[error("a name is a way to another directory")]
    Dots,
    /// It contains a separator, NUL, or another character that a name cannot have here.
    #[error("a name contains a character that leads out of its directory or cannot be in a name here")]
    Character,
    /// A device, or a name that Windows changes before it uses it.
    #[error("a name means something else on Windows")]
    Reserved,
}

impl<'a> EntryName<'a> {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`], which does not repeat the name: it may be meant for the reader's terminal.
    pub fn parse(name: &'a [u8], rules: NameRules) -> Result<Self, NameError> {
        if !(1..=MAX_NAME_BYTES).contains(&name.len()) {
            return Err(NameError::Length(name.len()));
        }
        if matches!(name, b"." | b"..") {
            return Err(NameError::Dots);
        }
        if name.iter().any(|byte| matches!(byte, b'/' | 0)) {
            return Err(NameError::Character);
        }
        match rules {
            NameRules::Unix => Ok(Self(name)),
            NameRules::Windows => check_windows(name).map(|()| Self(name)),
        }
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

fn check_windows(name: &[u8]) -> Result<(), NameError> {
    let text = std::str::from_utf8(name).map_err(|_| NameError::Character)?;
    if text.chars().any(|c| c.is_control() || "\\:<>\"|?*".contains(c)) {
        return Err(NameError::Character);
    }
    if text.ends_with(['.', ' ']) {
        return Err(NameError::Reserved);
    }
    let stem = text.split('.').next().unwrap_or_default().trim_end_matches(' ').to_ascii_uppercase();
    let is_numbered = |device: &str| {
        stem.strip_prefix(device).is_some_and(|number| {
            let mut characters = number.chars();
            matches!((characters.next(), characters.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    let is_device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$");
    if is_device || is_numbered("COM") || is_numbered("LPT") { Err(NameError::Reserved) } else { Ok(()) }
}

/// Whether a link in a directory `depth` levels below the root of what is copied stays inside, whatever other links of
/// the same kind there are: it is relative, and goes up only at its beginning and no higher than the root. (A `..` behind
/// a name could undo less than it seems to, when that name is itself a link.)
#[must_use]
pub fn is_inside(target: &[u8], depth: usize) -> bool {
    if target.is_empty() || target.starts_with(b"/") || target.iter().any(|byte| matches!(byte, 0 | b'\\' | b':')) {
        return false;
    }
    let mut parts = target.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).peekable();
    let mut up = 0;
    while parts.next_if(|part| *part == b"..").is_some() {
        up += 1;
    }
    up <= depth && parts.all(|part| part != b"..")
}
