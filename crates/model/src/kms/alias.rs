//! Aliases: names for keys that people can remember, and that can stay when the key is another.

use std::str::FromStr;

use postern_iam::Arn;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::reference::KeyName;
use crate::constraint::{Pattern, Text};
use crate::decode::{ApiRequest, Input};
use crate::error::{ApiError, ErrorCode};
use crate::operation::Operation;
use crate::timestamp::Timestamp;

/// What the aliases of the service's own keys begin with. Nobody can make one of these.
pub const MANAGED_ALIAS_PREFIX: &str = "alias/aws/";

const ALIAS: Text = Text::length(1, 256).matching(Pattern {
    text: "^[a-zA-Z0-9:/_-]+$",
    matches: |text| !text.is_empty() && text.bytes().all(is_alias_byte),
});

fn is_alias_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":/_-".contains(&byte)
}

/// An alias's whole name: `alias/` and 1 to 250 letters, digits or any of `: / _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AliasName(String);

impl AliasName {
    /// What every name begins with.
    pub const PREFIX: &str = "alias/";

    /// The whole name, prefix included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the name of one of the service's own keys.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.0.starts_with(MANAGED_ALIAS_PREFIX)
    }
}

/// A text that is no alias's name. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an alias must be alias/ followed by 1 to 250 letters, digits or any of : / _ -")]
pub struct AliasError;

impl FromStr for AliasName {
    type Err = AliasError;

    fn from_str(text: &str) -> Result<Self, AliasError> {
        let fits = text.len() <= 256 && text.bytes().all(is_alias_byte);
        let name = text.strip_prefix(Self::PREFIX).filter(|name| fits && !name.is_empty());
        name.map(|_| Self(text.to_owned())).ok_or(AliasError)
    }
}

impl std::fmt::Display for AliasName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for AliasName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AliasName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// `CreateAlias`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAliasRequest {
    /// The new name, which does not begin with `alias/aws/`.
    pub alias_name: AliasName,
    /// The key, by id or ARN; an alias of an alias cannot be.
    pub target_key_id: KeyName,
}

impl ApiRequest for CreateAliasRequest {
    const OPERATION: Operation = Operation::CreateAlias;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let invalid = |message: &str| Err(ApiError::new(ErrorCode::InvalidAliasNameException, message));
        let name = input.required_text("AliasName", ALIAS)?;
        let target_key_id = KeyName::read(input, "TargetKeyId")?;
        let name = match name.parse::<AliasName>() {
            Ok(name) if name.is_managed() => {
                return invalid("Alias must not begin with alias/aws/: that is for the service's own keys.");
            }
            Ok(name) => name,
            Err(_) if (1..=256).contains(&name.len()) && name.bytes().all(is_alias_byte) => {
                return invalid("Alias must start with the prefix \"alias/\", followed by a name.");
            }
            // Reported already, with AWS's words; what stands in for it is never seen.
            Err(_) => AliasName(String::new()),
        };
        Ok(Self { alias_name: name, target_key_id })
    }
}

/// `ListAliases`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAliasesRequest {
    /// Only those of this key, by id or ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyName>,
    /// 1 to 1000, AWS says 100; absent is 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// From the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

impl ApiRequest for ListAliasesRequest {
    const OPERATION: Operation = Operation::ListAliases;
    type Response = ListAliasesResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let key_id = KeyName::read_optional(input, "KeyId")?;
        let (limit, marker) = super::page(input)?;
        Ok(Self { key_id, limit, marker })
    }
}

/// One page of aliases, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAliasesResponse {
    /// The aliases.
    pub aliases: Vec<AliasListEntry>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
    /// Whether more remain.
    #[serde(default)]
    pub truncated: bool,
}

/// An alias as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AliasListEntry {
    /// `alias/…`.
    pub alias_name: AliasName,
    /// Its ARN.
    pub alias_arn: Arn,
    /// The key; absent only for aliases that AWS keeps for keys it has not made yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_key_id: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_date: Option<Timestamp>,
    /// When it was last pointed at a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated_date: Option<Timestamp>,
}
