//! Keys: making, describing, listing, switching off and on.

use postern_iam::{AccountId, Arn};
use serde::{Deserialize, Serialize};

use super::reference::KeyName;
use super::{SYMMETRIC_DEFAULT, grant_tokens, refuse, unsupported};
use crate::activation::Tag;
use crate::constraint::Text;
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::operation::Operation;
use crate::timestamp::Timestamp;

const USAGES: &[&str] =
    &["SIGN_VERIFY", "ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"];
const ORIGINS: &[&str] = &["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"];
#[rustfmt::skip]
const SPECS: &[&str] = &[
    "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1",
    SYMMETRIC_DEFAULT, "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87",
    "ECC_NIST_EDWARDS25519", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024",
];

/// `CreateKey`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateKeyRequest {
    /// For people. Up to 8192 characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Labels, up to 50.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "serialize_tags")]
    pub tags: Vec<Tag>,
}

/// KMS calls the members of a tag by longer names than everybody else.
fn serialize_tags<S: serde::Serializer>(tags: &[Tag], serializer: S) -> Result<S::Ok, S::Error> {
    let named = |tag: &Tag| serde_json::json!({ "TagKey": tag.key, "TagValue": tag.value });
    serializer.collect_seq(tags.iter().map(named))
}

impl ApiRequest for CreateKeyRequest {
    const OPERATION: Operation = Operation::CreateKey;
    type Response = CreateKeyResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        only(input, "KeyUsage", USAGES, "ENCRYPT_DECRYPT")?;
        only(input, "KeySpec", SPECS, SYMMETRIC_DEFAULT)?;
        only(input, "CustomerMasterKeySpec", SPECS, SYMMETRIC_DEFAULT)?;
        only(input, "Origin", ORIGINS, "AWS_KMS")?;
        refuse(
            input,
            "Policy",
            "who may use a key is decided as for every other operation, not by a policy of the key",
        )?;
        refuse(input, "CustomKeyStoreId", "keys are kept by this service")?;
        refuse(input, "XksKeyId", "keys are kept by this service")?;
        // There are no policies, so nobody can be locked out.
        input.boolean("BypassPolicyLockoutSafetyCheck")?;
        if input.boolean("MultiRegion")? == Some(true) {
            return Err(unsupported("MultiRegion is not supported: there is one region here."));
        }
        let tags = input.objects("Tags", 0..=50, |input| {
            let key = input.required_text("TagKey", Text::length(1, 128))?;
            let value = input.required_text("TagValue", Text::length(0, 256))?;
            Ok(Some(Tag { key, value }))
        })?;
        let description = input.text("Description", Text::length(0, 8192))?.unwrap_or_default();
        Ok(Self { description, tags })
    }
}

/// AWS knows more kinds than there are here.
fn only(input: &mut Input<'_>, member: &str, known: &[&'static str], offered: &str) -> Result<(), ApiError> {
    let known: Vec<_> = known.iter().map(|name| (*name, *name)).collect();
    match input.choice(member, &known)? {
        Some(other) if other != offered => Err(unsupported(format!("{member} {other} is not offered; use {offered}."))),
        _ => Ok(()),
    }
}

/// The new key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateKeyResponse {
    /// What it is.
    pub key_metadata: KeyMetadata,
}

/// `DescribeKey`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeKeyRequest {
    /// The key.
    pub key_id: KeyName,
    /// Checked only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grant_tokens: Vec<String>,
}

impl ApiRequest for DescribeKeyRequest {
    const OPERATION: Operation = Operation::DescribeKey;
    type Response = DescribeKeyResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { key_id: KeyName::read(input, "KeyId")?, grant_tokens: grant_tokens(input)? })
    }
}

/// What is known about a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeKeyResponse {
    /// What it is.
    pub key_metadata: KeyMetadata,
}

/// What is known about a key: everything but the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyMetadata {
    /// Whose it is.
    #[serde(rename = "AWSAccountId")]
    pub account: AccountId,
    /// Its id: a UUID here; a multi-Region key of AWS's has one of another form.
    pub key_id: String,
    /// Its ARN.
    pub arn: Arn,
    /// When it was made.
    pub creation_date: Timestamp,
    /// Whether it can be used.
    pub enabled: bool,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Always `ENCRYPT_DECRYPT` here; not every key service says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_usage: Option<String>,
    /// More exactly than `enabled`.
    pub key_state: KeyState,
    /// Always `AWS_KMS` here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Who looks after it.
    pub key_manager: KeyManager,
    /// Always `SYMMETRIC_DEFAULT` here; an old name of the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_master_key_spec: Option<String>,
    /// Always `SYMMETRIC_DEFAULT` here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_spec: Option<String>,
    /// Always `SYMMETRIC_DEFAULT` here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encryption_algorithms: Vec<String>,
    /// Always false here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_region: Option<bool>,
}

/// Whether a key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// It can.
    Enabled,
    /// It cannot until it is enabled again.
    Disabled,
    /// This and the following only a key service has that requests are passed on to.
    Creating,
    /// It will be deleted.
    PendingDeletion,
    /// It has no material yet.
    PendingImport,
    /// It will be deleted once its replicas are.
    PendingReplicaDeletion,
    /// Its store does not answer.
    Unavailable,
    /// It is being changed.
    Updating,
}

/// Who looks after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyManager {
    /// The service: it made the key when it was first needed.
    Aws,
    /// Whoever made it.
    Customer,
}

/// `ListKeys`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListKeysRequest {
    /// 1 to 1000; absent is 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// From the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

impl ApiRequest for ListKeysRequest {
    const OPERATION: Operation = Operation::ListKeys;
    type Response = ListKeysResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        refuse(input, "ResourceOwners", "no key of another account can be seen")?;
        let (limit, marker) = super::page(input)?;
        Ok(Self { limit, marker })
    }
}

/// One page of keys, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListKeysResponse {
    /// The keys.
    pub keys: Vec<KeyListEntry>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
    /// Whether more remain.
    #[serde(default)]
    pub truncated: bool,
}

/// A key as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyListEntry {
    /// Its id: a UUID here; a multi-Region key of AWS's has one of another form.
    pub key_id: String,
    /// Its ARN.
    pub key_arn: Arn,
}

macro_rules! switch {
    ($(#[$doc:meta])* $request:ident, $operation:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "PascalCase")]
        pub struct $request {
            /// The key, by id or ARN.
            pub key_id: KeyName,
        }

        impl ApiRequest for $request {
            const OPERATION: Operation = Operation::$operation;
            type Response = crate::Empty;

            fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
                Ok(Self { key_id: KeyName::read(input, "KeyId")? })
            }
        }
    };
}

switch! {
    /// `DisableKey`: nothing is encrypted or decrypted with it any more.
    DisableKeyRequest, DisableKey
}
switch! {
    /// `EnableKey`.
    EnableKeyRequest, EnableKey
}
