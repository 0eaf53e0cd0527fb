//! How callers name a version of a document.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::constraint::{Pattern, Text};
use crate::decode::Input;
use crate::error::ApiError;

/// A version, as callers name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentVersion {
    /// The newest one.
    Latest,
    /// The one that is used when none is named.
    Default,
    /// The one of this number. Numbers count from one and are never used again.
    Number(u32),
}

impl DocumentVersion {
    const PATTERN: Pattern = Pattern {
        text: r"([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)",
        matches: |text| DocumentVersion::from_name(text).is_some(),
    };

    const NUMBER: Pattern = Pattern {
        text: r"(^[1-9][0-9]*$)",
        matches: |text| matches!(DocumentVersion::from_name(text), Some(DocumentVersion::Number(_))),
    };

    /// Reads the name on the wire: `$LATEST`, `$DEFAULT`, or a number from one on.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "$LATEST" => Some(Self::Latest),
            "$DEFAULT" => Some(Self::Default),
            _ if name.starts_with('0') || name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_digit()) => None,
            // There is no version of a number so large, and none will ever be.
            _ => Some(Self::Number(name.parse().unwrap_or(u32::MAX))),
        }
    }

    pub(super) fn read(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let name = input.text("DocumentVersion", Text::ANY.matching(Self::PATTERN))?;
        Ok(name.as_deref().and_then(Self::from_name))
    }

    /// The number of a version, which is required.
    pub(super) fn read_number(input: &mut Input<'_>) -> Result<u32, ApiError> {
        let name = input.required_text("DocumentVersion", Text::ANY.matching(Self::NUMBER))?;
        // What is not a number is reported already; what stands in for it is never seen.
        Ok(name.parse().unwrap_or(u32::MAX))
    }
}

impl fmt::Display for DocumentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("$LATEST"),
            Self::Default => f.write_str("$DEFAULT"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

impl Serialize for DocumentVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A version, by its number or by the name that its author gave it. By both: both must mean the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NamedVersion {
    /// `$LATEST`, `$DEFAULT` or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_version: Option<DocumentVersion>,
    /// The author's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
}

impl NamedVersion {
    pub(super) fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            version_name: input.text("VersionName", VERSION_NAME)?,
            document_version: DocumentVersion::read(input)?,
        })
    }
}

/// The author's name for a version.
pub(super) const VERSION_NAME: Text = Text::ANY.matching(Pattern {
    text: r"^[a-zA-Z0-9_\-.]{1,128}$",
    matches: |text| (1..=128).contains(&text.len()) && text.bytes().all(is_name_byte),
});

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}
