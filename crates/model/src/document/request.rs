//! Operations on one document: create, get, describe, update, delete, and the choice of the default version.

use postern_iam::DocumentName;
use serde::{Deserialize, Serialize};

use super::kind::AWS_DOCUMENT_TYPES;
use super::version::{VERSION_NAME, is_name_byte};
use super::{
    DEFAULT_DOCUMENT, DocumentDescription, DocumentFormat, DocumentStatus, DocumentType, DocumentVersion, NamedVersion,
};
use crate::activation::Tag;
use crate::constraint::{Pattern, Text};
use crate::decode::{ApiRequest, Input};
use crate::error::{ApiError, ErrorCode};
use crate::operation::Operation;
use crate::timestamp::Timestamp;

/// The name of a document of one's own.
const NAME: Text = Text::ANY.matching(Pattern {
    text: r"^[a-zA-Z0-9_\-.]{3,128}$",
    matches: |text| (3..=128).contains(&text.len()) && text.bytes().all(is_name_byte),
});
/// The name or the ARN of any document.
const NAME_OR_ARN: Text = Text::ANY
    .matching(Pattern { text: r"^[a-zA-Z0-9_\-.:/]{3,128}$", matches: |text| text.parse::<DocumentName>().is_ok() });
const CONTENT: Text = Text::length(1, usize::MAX).sensitive();
const DISPLAY_NAME: Text = Text::length(0, 1024).matching(Pattern {
    text: r"^[\w\.\-\:\/ ]*$",
    matches: |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-:/ ".contains(&byte)),
});
const TARGET_TYPE: Text = Text::length(0, 200).matching(Pattern {
    text: r"^\/[\w\.\-\:\/]*$",
    matches: |text| {
        text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-:/".contains(&byte))
    },
});

pub(super) fn read_name(input: &mut Input<'_>) -> Result<DocumentName, ApiError> {
    let name = input.required_text("Name", NAME)?;
    Ok(name.parse().unwrap_or_else(|_| stand_in()))
}

pub(super) fn read_name_or_arn(input: &mut Input<'_>) -> Result<DocumentName, ApiError> {
    let name = input.required_text("Name", NAME_OR_ARN)?;
    Ok(name.parse().unwrap_or_else(|_| stand_in()))
}

/// What stands in for a name that is none: that is reported already, and the request fails as a whole.
fn stand_in() -> DocumentName {
    DEFAULT_DOCUMENT.parse().expect("the name of the preferences is a name")
}

/// The types that are known to AWS and not kept here have a sentence of their own.
fn read_type(input: &mut Input<'_>) -> Result<Option<DocumentType>, ApiError> {
    let all = AWS_DOCUMENT_TYPES.map(|name| (name, name));
    match input.choice("DocumentType", &all)? {
        None => Ok(None),
        Some(name) => match DocumentType::from_name(name) {
            Some(kind) => Ok(Some(kind)),
            None => {
                let message =
                    format!("Documents of type {name} are not kept by this service; Session and Command are.");
                Err(ApiError::new(ErrorCode::ValidationException, message))
            }
        },
    }
}

/// Members that only the types not kept here have.
fn refuse_others(input: &mut Input<'_>) -> Result<(), ApiError> {
    let attachments = input.objects("Attachments", 0..=20, |_| Ok(Some(())))?;
    let requires = input.objects("Requires", 1..=usize::MAX, |_| Ok(Some(())))?;
    match (attachments.is_empty(), requires.is_empty()) {
        (true, true) => Ok(()),
        (false, _) => Err(only_for_others("Attachments")),
        (true, false) => Err(only_for_others("Requires")),
    }
}

fn only_for_others(member: &str) -> ApiError {
    let message = format!("{member} cannot be given for documents of type Session or Command.");
    ApiError::new(ErrorCode::ValidationException, message)
}

/// `CreateDocument`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDocumentRequest {
    /// The document's text.
    pub content: String,
    /// Its name.
    pub name: DocumentName,
    /// For people. Up to 1024 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A name for the first version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// What it is for; absent is `Command`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_type: Option<DocumentType>,
    /// In which form the text is; absent is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_format: Option<DocumentFormat>,
    /// The kind of resource it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

impl ApiRequest for CreateDocumentRequest {
    const OPERATION: Operation = Operation::CreateDocument;
    type Response = CreateDocumentResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        refuse_others(input)?;
        Ok(Self {
            content: input.required_text("Content", CONTENT)?,
            name: read_name(input)?,
            display_name: input.text("DisplayName", DISPLAY_NAME)?,
            version_name: input.text("VersionName", VERSION_NAME)?,
            document_type: read_type(input)?,
            document_format: input.choice("DocumentFormat", DocumentFormat::ALL)?,
            target_type: input.text("TargetType", TARGET_TYPE)?,
            tags: input.objects("Tags", 0..=1000, Tag::read)?,
        })
    }
}

/// The new document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDocumentResponse {
    /// Its first version.
    pub document_description: DocumentDescription,
}

/// `GetDocument`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetDocumentRequest {
    /// Its name or ARN.
    pub name: DocumentName,
    /// Which version; absent is the default one.
    #[serde(flatten)]
    pub version: NamedVersion,
    /// In which form; absent is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_format: Option<DocumentFormat>,
}

impl ApiRequest for GetDocumentRequest {
    const OPERATION: Operation = Operation::GetDocument;
    type Response = GetDocumentResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            name: read_name_or_arn(input)?,
            version: NamedVersion::read(input)?,
            document_format: input.choice("DocumentFormat", DocumentFormat::ALL)?,
        })
    }
}

/// A document's text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetDocumentResponse {
    /// Its name.
    pub name: DocumentName,
    /// When the version was made.
    pub created_date: Timestamp,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The author's name for the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// The version's number.
    pub document_version: String,
    /// Whether it can be used.
    pub status: DocumentStatus,
    /// The text: as it was given, if it was given in this form.
    pub content: String,
    /// What it is for.
    pub document_type: DocumentType,
    /// In which form the text is.
    pub document_format: DocumentFormat,
}

/// `DescribeDocument`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDocumentRequest {
    /// Its name or ARN.
    pub name: DocumentName,
    /// Which version; absent is the default one.
    #[serde(flatten)]
    pub version: NamedVersion,
}

impl ApiRequest for DescribeDocumentRequest {
    const OPERATION: Operation = Operation::DescribeDocument;
    type Response = DescribeDocumentResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { name: read_name_or_arn(input)?, version: NamedVersion::read(input)? })
    }
}

/// Everything about a version but its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDocumentResponse {
    /// The version.
    pub document: DocumentDescription,
}

/// `UpdateDocument`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateDocumentRequest {
    /// The new version's text.
    pub content: String,
    /// The document.
    pub name: DocumentName,
    /// For people; absent is the latest version's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A name for the new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// The version that is updated, which must be the latest; absent is the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_version: Option<DocumentVersion>,
    /// In which form the text is; absent is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_format: Option<DocumentFormat>,
    /// The kind of resource it is for; absent stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
}

impl ApiRequest for UpdateDocumentRequest {
    const OPERATION: Operation = Operation::UpdateDocument;
    type Response = UpdateDocumentResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        refuse_others(input)?;
        Ok(Self {
            content: input.required_text("Content", CONTENT)?,
            name: read_name(input)?,
            display_name: input.text("DisplayName", DISPLAY_NAME)?,
            version_name: input.text("VersionName", VERSION_NAME)?,
            document_version: DocumentVersion::read(input)?,
            document_format: input.choice("DocumentFormat", DocumentFormat::ALL)?,
            target_type: input.text("TargetType", TARGET_TYPE)?,
        })
    }
}

/// The new version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateDocumentResponse {
    /// The version.
    pub document_description: DocumentDescription,
}

/// `UpdateDocumentDefaultVersion`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateDocumentDefaultVersionRequest {
    /// The document.
    pub name: DocumentName,
    /// The version's number.
    #[serde(serialize_with = "as_text")]
    pub document_version: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn as_text<S: serde::Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

impl ApiRequest for UpdateDocumentDefaultVersionRequest {
    const OPERATION: Operation = Operation::UpdateDocumentDefaultVersion;
    type Response = UpdateDocumentDefaultVersionResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { name: read_name(input)?, document_version: DocumentVersion::read_number(input)? })
    }
}

/// The choice made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateDocumentDefaultVersionResponse {
    /// The document and its default version.
    pub description: DocumentDefaultVersionDescription,
}

/// A document's default version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentDefaultVersionDescription {
    /// The document.
    pub name: DocumentName,
    /// The version's number.
    pub default_version: String,
    /// The author's name for the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_version_name: Option<String>,
}

/// `DeleteDocument`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteDocumentRequest {
    /// The document.
    pub name: DocumentName,
    /// Which version; absent is all of it.
    #[serde(flatten)]
    pub version: NamedVersion,
    /// Even if it is shared.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

impl ApiRequest for DeleteDocumentRequest {
    const OPERATION: Operation = Operation::DeleteDocument;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            name: read_name(input)?,
            version: NamedVersion::read(input)?,
            force: input.boolean("Force")?.unwrap_or_default(),
        })
    }
}
