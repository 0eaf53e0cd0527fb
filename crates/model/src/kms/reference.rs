//! How callers name keys: by id, by the key's ARN, by an alias, by the alias's ARN.

use std::fmt;

use postern_iam::{Arn, KeyId};
use serde::{Serialize, Serializer};

use super::KEY_ID;
use super::alias::AliasName;
use crate::decode::Input;
use crate::error::{ApiError, ErrorCode};

/// A key as a caller names it, verbatim: 1 to 2048 characters of anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyName(String);

/// What a [`KeyName`] means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyReference {
    /// A key's id, or its ARN, which then says where the key is.
    Key(KeyId, Option<Arn>),
    /// An alias's name, or its ARN, which then says where the alias is.
    Alias(AliasName, Option<Arn>),
}

impl KeyName {
    /// A name, not looked at yet.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads any of the four forms.
    ///
    /// # Errors
    /// `NotFoundException` for what has none of them, as at AWS: what has no form of a key is no key.
    pub fn reference(&self) -> Result<KeyReference, ApiError> {
        let invalid = || ApiError::new(ErrorCode::NotFoundException, format!("Invalid keyId '{}'", self.shown()));
        if !self.0.starts_with("arn:") {
            return match self.0.starts_with(AliasName::PREFIX) {
                true => Ok(KeyReference::Alias(self.0.parse().map_err(|_| invalid())?, None)),
                false => Ok(KeyReference::Key(self.0.parse().map_err(|_| invalid())?, None)),
            };
        }
        let arn: Arn = self.0.parse().map_err(|_| invalid())?;
        if arn.service != "kms" {
            return Err(invalid());
        }
        match arn.resource.strip_prefix("key/") {
            Some(id) => Ok(KeyReference::Key(id.parse().map_err(|_| invalid())?, Some(arn))),
            None => Ok(KeyReference::Alias(arn.resource.parse().map_err(|_| invalid())?, Some(arn))),
        }
    }

    /// For messages: bounded, and on one line.
    #[must_use]
    pub fn shown(&self) -> String {
        self.0.chars().filter(|c| !c.is_control()).take(256).collect()
    }

    pub(super) fn read(input: &mut Input<'_>, member: &str) -> Result<Self, ApiError> {
        Ok(Self(input.required_text(member, KEY_ID)?))
    }

    pub(super) fn read_optional(input: &mut Input<'_>, member: &str) -> Result<Option<Self>, ApiError> {
        Ok(input.text(member, KEY_ID)?.map(Self))
    }
}

impl Serialize for KeyName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn a_key_has_four_names() {
        let id: KeyId = ID.parse().unwrap();
        assert_eq!(KeyName::new(ID).reference().unwrap(), KeyReference::Key(id.clone(), None));
        let arn = format!("arn:aws:kms:us-east-1:123456789012:key/{ID}");
        let read = KeyName::new(&arn).reference().unwrap();
        assert_eq!(read, KeyReference::Key(id, Some(arn.parse().unwrap())));
        let alias: AliasName = "alias/aws/ssm".parse().unwrap();
        assert_eq!(KeyName::new("alias/aws/ssm").reference().unwrap(), KeyReference::Alias(alias.clone(), None));
        let arn = "arn:aws:kms:us-east-1:123456789012:alias/aws/ssm";
        let read = KeyName::new(arn).reference().unwrap();
        assert_eq!(read, KeyReference::Alias(alias, Some(arn.parse().unwrap())));
    }

    #[test]
    fn anything_else_is_no_key() {
        for name in [
            "",
            "key",
            "alias/",
            "alias",
            "1234ABCD-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms",
            "arn:aws:s3:::bucket",
            "arn:aws:kms:us-east-1:123456789012:key/x",
            "arn:aws:kms:us-east-1:123456789012:thing/x",
            "arn:aws:ssm:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        ] {
            let error = KeyName::new(name).reference().unwrap_err();
            assert_eq!(error.code(), ErrorCode::NotFoundException, "{name}");
            assert_eq!(error.message(), format!("Invalid keyId '{name}'"));
        }
    }
}
