//! With whom a document is shared.

use postern_iam::{AccountId, DocumentName};
use serde::{Deserialize, Serialize};

use super::request::read_name;
use crate::constraint::{Pattern, Text};
use crate::decode::{ApiRequest, Input};
use crate::error::{ApiError, ErrorCode};
use crate::operation::Operation;

const ACCOUNT: Text =
    Text::ANY.matching(Pattern { text: "(?i)all|[0-9]{12}", matches: |text| Sharer::from_name(text).is_some() });

/// In which way something is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum PermissionType {
    /// The only one there is.
    Share,
}

impl PermissionType {
    /// Its wrong form has an error code of its own.
    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let name = input.required_text("PermissionType", Text::ANY)?;
        if input.has("PermissionType") && name != "Share" {
            let message = "The permission type isn't supported. Share is the only supported permission type.";
            return Err(ApiError::new(ErrorCode::InvalidPermissionType, message));
        }
        Ok(Self::Share)
    }
}

/// With whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sharer {
    /// With one account.
    Account(AccountId),
    /// With everybody.
    All,
}

impl Sharer {
    /// Reads an account's id, or `all` in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("all") { Some(Self::All) } else { name.parse().ok().map(Self::Account) }
    }

    /// The account's id, or `all`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Account(account) => account.as_str(),
            Self::All => "all",
        }
    }
}

impl Serialize for Sharer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Sharer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom("neither an account id nor all"))
    }
}

/// Which version is shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SharedVersion {
    /// The default one of the moment.
    #[default]
    #[serde(rename = "$DEFAULT")]
    Default,
    /// The newest one of the moment.
    #[serde(rename = "$LATEST")]
    Latest,
    /// Every one.
    #[serde(rename = "$ALL")]
    All,
}

impl SharedVersion {
    /// Every one, under its name on the wire.
    const ALL_NAMES: [(&str, Self); 3] = [("$LATEST", Self::Latest), ("$DEFAULT", Self::Default), ("$ALL", Self::All)];

    const TEXT: Text = Text::length(0, 8).matching(Pattern {
        text: "([$]LATEST|[$]DEFAULT|[$]ALL)",
        matches: |text| SharedVersion::from_name(text).is_some(),
    });

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "$DEFAULT",
            Self::Latest => "$LATEST",
            Self::All => "$ALL",
        }
    }

    /// Reads that name, exactly.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL_NAMES.iter().find(|(known, _)| *known == name).map(|(_, version)| *version)
    }
}

/// `ModifyDocumentPermission`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyDocumentPermissionRequest {
    /// The document.
    pub name: DocumentName,
    /// Always to share.
    pub permission_type: PermissionType,
    /// Who gets it. At most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub account_ids_to_add: Vec<Sharer>,
    /// Who no longer has it, even if it is added too. At most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub account_ids_to_remove: Vec<Sharer>,
    /// Which version of it; absent is the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_document_version: Option<SharedVersion>,
}

impl ApiRequest for ModifyDocumentPermissionRequest {
    const OPERATION: Operation = Operation::ModifyDocumentPermission;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let name = read_name(input)?;
        let permission_type = PermissionType::read(input)?;
        let mut names_any = false;
        let mut accounts = |name: &str| {
            let names = input.texts(name, 0..=20, ACCOUNT)?.unwrap_or_default();
            names_any |= !names.is_empty();
            Ok::<_, ApiError>(names.iter().filter_map(|name| Sharer::from_name(name)).collect::<Vec<_>>())
        };
        let (account_ids_to_add, account_ids_to_remove) =
            (accounts("AccountIdsToAdd")?, accounts("AccountIdsToRemove")?);
        if !names_any {
            let message = "Specify a value for AccountIdsToAdd or for AccountIdsToRemove.";
            return Err(ApiError::new(ErrorCode::ValidationException, message));
        }
        let version = input.text("SharedDocumentVersion", SharedVersion::TEXT)?;
        let shared_document_version = version.as_deref().and_then(SharedVersion::from_name);
        Ok(Self { name, permission_type, account_ids_to_add, account_ids_to_remove, shared_document_version })
    }
}

/// `DescribeDocumentPermission`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDocumentPermissionRequest {
    /// The document.
    pub name: DocumentName,
    /// Always to share.
    pub permission_type: PermissionType,
    /// 1 to 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl ApiRequest for DescribeDocumentPermissionRequest {
    const OPERATION: Operation = Operation::DescribeDocumentPermission;
    type Response = DescribeDocumentPermissionResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let (name, permission_type) = (read_name(input)?, PermissionType::read(input)?);
        let (max_results, next_token) = input.page(1, 200)?;
        Ok(Self { name, permission_type, max_results, next_token })
    }
}

/// One page of those with whom a document is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDocumentPermissionResponse {
    /// Who. AWS's model allows 20 a page.
    pub account_ids: Vec<Sharer>,
    /// Who, and which version.
    pub account_sharing_info_list: Vec<AccountSharingInfo>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Who has a document, and which version of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountSharingInfo {
    /// Who.
    pub account_id: Sharer,
    /// Which version.
    pub shared_document_version: SharedVersion,
}
