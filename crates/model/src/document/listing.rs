//! Lists of documents and of their versions.

use postern_iam::DocumentName;
use serde::{Deserialize, Serialize};

use super::{DocumentFormat, DocumentStatus, DocumentType, PlatformType};
use crate::activation::Tag;
use crate::constraint::Text;
use crate::decode::{ApiRequest, Input};
use crate::error::{ApiError, ErrorCode};
use crate::operation::Operation;
use crate::timestamp::Timestamp;

/// `ListDocuments`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListDocumentsRequest {
    /// All of them must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<DocumentFilter>,
    /// 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl ApiRequest for ListDocumentsRequest {
    const OPERATION: Operation = Operation::ListDocuments;
    type Response = ListDocumentsResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        // AWS's model has no greatest number; a store has.
        let old = input.objects("DocumentFilterList", 1..=50, DocumentFilter::read_old)?;
        let new = input.objects("Filters", 0..=6, DocumentFilter::read)?;
        if !old.is_empty() && !new.is_empty() {
            let message = "Give either Filters or DocumentFilterList, not both.";
            return Err(ApiError::new(ErrorCode::ValidationException, message));
        }
        let filters = if new.is_empty() { old } else { new };
        let tags = filters.iter().filter(|filter| matches!(filter.key, DocumentFilterKey::Tag(_))).count();
        if tags > 1 {
            return Err(invalid_key("Documents can be filtered by one tag key at a time."));
        }
        let owners: usize = filters
            .iter()
            .filter(|filter| filter.key == DocumentFilterKey::Owner)
            .map(|owner| owner.values.len())
            .sum();
        if owners > 1 {
            let message = "Only one Owner can be specified in a request.";
            return Err(ApiError::new(ErrorCode::ValidationException, message));
        }
        let (max_results, next_token) = input.page(1, 50)?;
        Ok(Self { filters, max_results, next_token })
    }
}

/// One condition on a document: any of the values. Serializes in the newer of AWS's two styles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentFilter {
    /// What is compared.
    pub key: DocumentFilterKey,
    /// With what.
    pub values: Vec<String>,
}

/// What a [`DocumentFilter`] compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentFilterKey {
    /// The beginning of the name.
    Name,
    /// Whose it is: `Self`, `Amazon`, `Private`, `Public`, `ThirdParty`.
    Owner,
    /// Where it can be used.
    PlatformTypes,
    /// What it is for.
    DocumentType,
    /// The kind of resource it is for.
    TargetType,
    /// The value of the tag with this key.
    Tag(String),
}

impl DocumentFilterKey {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "Name" => Some(Self::Name),
            "Owner" => Some(Self::Owner),
            "PlatformTypes" => Some(Self::PlatformTypes),
            "DocumentType" => Some(Self::DocumentType),
            "TargetType" => Some(Self::TargetType),
            _ => name.strip_prefix("tag:").filter(|key| !key.is_empty()).map(|key| Self::Tag(key.to_owned())),
        }
    }
}

impl std::fmt::Display for DocumentFilterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name => f.write_str("Name"),
            Self::Owner => f.write_str("Owner"),
            Self::PlatformTypes => f.write_str("PlatformTypes"),
            Self::DocumentType => f.write_str("DocumentType"),
            Self::TargetType => f.write_str("TargetType"),
            Self::Tag(key) => write!(f, "tag:{key}"),
        }
    }
}

impl Serialize for DocumentFilterKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl DocumentFilter {
    fn read(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let key = input.text("Key", Text::length(1, 128))?;
        let values = input.texts("Values", 0..=100, Text::length(1, 256))?.unwrap_or_default();
        let key = key.as_deref().and_then(DocumentFilterKey::from_name).ok_or_else(|| {
            invalid_key("The keys are Name, Owner, PlatformTypes, DocumentType, TargetType and tag:<key>.")
        })?;
        Ok(Some(Self { key, values }))
    }

    /// The style of old: `key` and one `value`.
    fn read_old(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let all = ["Name", "Owner", "PlatformTypes", "DocumentType"].map(|name| (name, name));
        let key = input.required_choice("key", &all)?.and_then(DocumentFilterKey::from_name);
        let value = input.required_text("value", Text::length(1, usize::MAX))?;
        Ok(key.map(|key| Self { key, values: vec![value] }))
    }
}

fn invalid_key(detail: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidFilterKey, format!("The specified key isn't valid. {detail}"))
}

/// One page of documents, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListDocumentsResponse {
    /// The documents, each as its default version is.
    pub document_identifiers: Vec<DocumentIdentifier>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A document as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentIdentifier {
    /// Its name.
    pub name: DocumentName,
    /// When it was made.
    pub created_date: Timestamp,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The account, or `Amazon`.
    pub owner: String,
    /// The author's name for the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// Where it can be used.
    pub platform_types: Vec<PlatformType>,
    /// The default version's number.
    pub document_version: String,
    /// What it is for.
    pub document_type: DocumentType,
    /// Of its type.
    pub schema_version: String,
    /// In which form it was given.
    pub document_format: DocumentFormat,
    /// The kind of resource it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
    /// Its labels.
    #[serde(default)]
    pub tags: Vec<Tag>,
}

/// `ListDocumentVersions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListDocumentVersionsRequest {
    /// Its name or ARN.
    pub name: DocumentName,
    /// 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl ApiRequest for ListDocumentVersionsRequest {
    const OPERATION: Operation = Operation::ListDocumentVersions;
    type Response = ListDocumentVersionsResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let name = super::request::read_name_or_arn(input)?;
        let (max_results, next_token) = input.page(1, 50)?;
        Ok(Self { name, max_results, next_token })
    }
}

/// One page of versions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListDocumentVersionsResponse {
    /// The versions.
    pub document_versions: Vec<DocumentVersionInfo>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A version as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentVersionInfo {
    /// The document.
    pub name: DocumentName,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Its number.
    pub document_version: String,
    /// The author's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// When it was made.
    pub created_date: Timestamp,
    /// Whether it is used when none is named.
    pub is_default_version: bool,
    /// In which form it was given.
    pub document_format: DocumentFormat,
    /// Whether it can be used.
    pub status: DocumentStatus,
}
