//! `DocumentDescription`: everything about a version but its text.

use postern_iam::DocumentName;
use serde::{Deserialize, Serialize};

use super::{DocumentFormat, DocumentType, HashType, ParameterSummary, PlatformType};
use crate::activation::Tag;
use crate::timestamp::Timestamp;

/// Where a version stands. Documents are made and changed in one step here, so it is always usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentStatus {
    /// Usable.
    Active,
}

/// A version of a document, without its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentDescription {
    /// Of the text, in lower-case hexadecimal digits.
    pub hash: String,
    /// How the hash is made.
    pub hash_type: HashType,
    /// The document.
    pub name: DocumentName,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The author's name for the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// The account, or `Amazon`.
    pub owner: String,
    /// When the version was made.
    pub created_date: Timestamp,
    /// Whether it can be used.
    pub status: DocumentStatus,
    /// The version's number.
    pub document_version: String,
    /// What the document says about itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the document asks for.
    #[serde(default)]
    pub parameters: Vec<ParameterSummary>,
    /// Where it can be used.
    pub platform_types: Vec<PlatformType>,
    /// What it is for.
    pub document_type: DocumentType,
    /// Of the document's type.
    pub schema_version: String,
    /// The newest version's number.
    pub latest_version: String,
    /// The number of the version that is used when none is named.
    pub default_version: String,
    /// In which form it was given.
    pub document_format: DocumentFormat,
    /// The kind of resource it is for, as in `/AWS::EC2::Instance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
    /// The document's labels.
    #[serde(default)]
    pub tags: Vec<Tag>,
}
