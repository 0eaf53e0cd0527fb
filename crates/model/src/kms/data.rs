//! What keys are for: data keys, encryption, decryption.

use std::collections::BTreeMap;

use postern_iam::{Arn, SecretBytes};
use serde::{Deserialize, Serialize};

use super::reference::KeyName;
use super::{SYMMETRIC_DEFAULT, grant_tokens, refuse};
use crate::constraint::Text;
use crate::decode::{ApiRequest, Input};
use crate::error::{ApiError, ErrorCode};
use crate::operation::Operation;

/// The longest text that a key encrypts itself.
pub const MAX_PLAINTEXT_BYTES: usize = 4096;
const MAX_CIPHERTEXT_BYTES: usize = 6144;
/// All names and values of an encryption context together (AWS: "a JSON string of at most 8192 characters").
const MAX_CONTEXT_BYTES: usize = 8192;

/// The names and values that a ciphertext is bound to, in the order of their names. They are no secrets, but nothing
/// opens without them. A session's are `aws:ssm:SessionId` and `aws:ssm:TargetId` (spec data-channel §7).
pub type EncryptionContext = BTreeMap<String, String>;

const ALGORITHMS: [(&str, &str); 4] = [
    (SYMMETRIC_DEFAULT, SYMMETRIC_DEFAULT),
    ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_1"),
    ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_256"),
    ("SM2PKE", "SM2PKE"),
];

fn context(input: &mut Input<'_>) -> Result<EncryptionContext, ApiError> {
    let context = input.map_of_text("EncryptionContext", Text::ANY, Text::ANY)?;
    let length: usize = context.iter().map(|(name, value)| name.len() + value.len()).sum();
    if length > MAX_CONTEXT_BYTES {
        let message = format!("The EncryptionContext is longer than {MAX_CONTEXT_BYTES} bytes.");
        return Err(ApiError::new(ErrorCode::ValidationException, message));
    }
    Ok(context)
}

/// Only symmetric keys are here, so only their algorithm can be meant.
fn algorithm(input: &mut Input<'_>) -> Result<(), ApiError> {
    match input.choice("EncryptionAlgorithm", &ALGORITHMS)? {
        None | Some(SYMMETRIC_DEFAULT) => Ok(()),
        Some(other) => {
            let message = format!("{other} does not go with a symmetric key; the algorithm is {SYMMETRIC_DEFAULT}.");
            Err(ApiError::new(ErrorCode::InvalidKeyUsageException, message))
        }
    }
}

fn dry_run(input: &mut Input<'_>) -> Result<bool, ApiError> {
    refuse(input, "Recipient", "there are no attested enclaves here")?;
    Ok(input.boolean("DryRun")?.unwrap_or(false))
}

/// `GenerateDataKey`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GenerateDataKeyRequest {
    /// Under which key.
    pub key_id: KeyName,
    /// Bound to this.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub encryption_context: EncryptionContext,
    /// How long the data key is.
    #[serde(flatten)]
    pub length: DataKeyLength,
    /// Checked only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grant_tokens: Vec<String>,
    /// Only say whether it would be done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// How long a data key is: exactly one of two members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DataKeyLength {
    /// `NumberOfBytes`: 1 to 1024. Stock session plugins ask for 64.
    #[serde(rename = "NumberOfBytes")]
    Bytes(usize),
    /// `KeySpec`: the name of a cipher.
    #[serde(rename = "KeySpec")]
    Spec(&'static str),
}

impl DataKeyLength {
    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Spec("AES_128") => 16,
            Self::Spec(_) => 32,
        }
    }
}

impl ApiRequest for GenerateDataKeyRequest {
    const OPERATION: Operation = Operation::GenerateDataKey;
    type Response = GenerateDataKeyResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let key_id = KeyName::read(input, "KeyId")?;
        let bytes = input.integer("NumberOfBytes", 1, 1024)?.and_then(|bytes| usize::try_from(bytes).ok());
        let spec = input.choice("KeySpec", &[("AES_256", "AES_256"), ("AES_128", "AES_128")])?;
        let length = match (bytes, spec) {
            (Some(bytes), None) => DataKeyLength::Bytes(bytes),
            (None, Some(spec)) => DataKeyLength::Spec(spec),
            // A member that is there and wrong is reported with the others.
            (None, None) if input.has("NumberOfBytes") || input.has("KeySpec") => DataKeyLength::Bytes(0),
            _ => {
                let message = "Please specify either number of bytes or key spec.";
                return Err(ApiError::new(ErrorCode::ValidationException, message));
            }
        };
        let (encryption_context, dry_run) = (context(input)?, dry_run(input)?);
        Ok(Self { key_id, encryption_context, length, grant_tokens: grant_tokens(input)?, dry_run })
    }
}

/// A data key, in the clear and encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GenerateDataKeyResponse {
    /// What to keep: only the key service opens it.
    #[serde(with = "crate::bytes::plain")]
    pub ciphertext_blob: Vec<u8>,
    /// What to encrypt with, and then to forget.
    #[serde(with = "crate::bytes::secret")]
    pub plaintext: SecretBytes,
    /// The key it is encrypted under.
    pub key_id: Arn,
}

/// `Encrypt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EncryptRequest {
    /// Under which key.
    pub key_id: KeyName,
    /// 1 to 4096 bytes.
    #[serde(with = "crate::bytes::secret")]
    pub plaintext: SecretBytes,
    /// Bound to this.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub encryption_context: EncryptionContext,
    /// Checked only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grant_tokens: Vec<String>,
    /// Only say whether it would be done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

impl ApiRequest for EncryptRequest {
    const OPERATION: Operation = Operation::Encrypt;
    type Response = EncryptResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let key_id = KeyName::read(input, "KeyId")?;
        let plaintext = input.required_bytes("Plaintext", 1, MAX_PLAINTEXT_BYTES)?;
        algorithm(input)?;
        let (encryption_context, dry_run) = (context(input)?, dry_run(input)?);
        Ok(Self { key_id, plaintext, encryption_context, grant_tokens: grant_tokens(input)?, dry_run })
    }
}

/// What `Encrypt` made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EncryptResponse {
    /// Only the key service opens it.
    #[serde(with = "crate::bytes::plain")]
    pub ciphertext_blob: Vec<u8>,
    /// The key it is encrypted under.
    pub key_id: Arn,
    /// Always `SYMMETRIC_DEFAULT` here; not every key service says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_algorithm: Option<String>,
}

/// `Decrypt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DecryptRequest {
    /// What `Encrypt` or `GenerateDataKey` made. 1 to 6144 bytes.
    #[serde(with = "crate::bytes::plain")]
    pub ciphertext_blob: Vec<u8>,
    /// The same as then.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub encryption_context: EncryptionContext,
    /// The key it must be encrypted under. The ciphertext says it too, so it may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyName>,
    /// Checked only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grant_tokens: Vec<String>,
    /// Only say whether it would be done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

impl ApiRequest for DecryptRequest {
    const OPERATION: Operation = Operation::Decrypt;
    type Response = DecryptResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        refuse(input, "DryRunModifiers", "a dry run opens the ciphertext")?;
        let ciphertext = input.required_bytes("CiphertextBlob", 1, MAX_CIPHERTEXT_BYTES)?;
        let key_id = KeyName::read_optional(input, "KeyId")?;
        algorithm(input)?;
        let (encryption_context, dry_run) = (context(input)?, dry_run(input)?);
        Ok(Self {
            ciphertext_blob: ciphertext.expose().to_vec(),
            encryption_context,
            key_id,
            grant_tokens: grant_tokens(input)?,
            dry_run,
        })
    }
}

/// What was encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DecryptResponse {
    /// The key it was encrypted under.
    pub key_id: Arn,
    /// The text.
    #[serde(with = "crate::bytes::secret")]
    pub plaintext: SecretBytes,
    /// Always `SYMMETRIC_DEFAULT` here; not every key service says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_algorithm: Option<String>,
}
