//! The part of the Key Management Service that sessions and their logs need: symmetric keys, aliases, data keys.
//!
//! Whatever a member asks for that is not offered here is refused as `UnsupportedOperationException`, never ignored:
//! somebody who asks for a key policy must not believe that one is enforced.

mod alias;
mod data;
mod key;
mod reference;

pub use alias::{
    AliasListEntry, AliasName, CreateAliasRequest, ListAliasesRequest, ListAliasesResponse, MANAGED_ALIAS_PREFIX,
};
pub use data::{
    DataKeyLength, DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, EncryptionContext,
    GenerateDataKeyRequest, GenerateDataKeyResponse, MAX_PLAINTEXT_BYTES,
};
pub use key::{
    CreateKeyRequest, CreateKeyResponse, DescribeKeyRequest, DescribeKeyResponse, DisableKeyRequest, EnableKeyRequest,
    KeyListEntry, KeyManager, KeyMetadata, KeyState, ListKeysRequest, ListKeysResponse,
};
pub use reference::{KeyName, KeyReference};

use crate::constraint::{Pattern, Text};
use crate::decode::Input;
use crate::error::{ApiError, ErrorCode};

/// The one kind of algorithm on offer, and AWS's default.
pub const SYMMETRIC_DEFAULT: &str = "SYMMETRIC_DEFAULT";

const KEY_ID: Text = Text::length(1, 2048);
const MARKER: Text = Text::length(1, 1024).matching(Pattern {
    text: r"[\u0020-\u00FF]*",
    matches: |text| text.chars().all(|c| ('\u{20}'..='\u{ff}').contains(&c)),
});

/// The page of a listing: its size and where it goes on.
fn page(input: &mut Input<'_>) -> Result<(Option<u32>, Option<String>), ApiError> {
    let limit = input.integer("Limit", 1, 1000)?.and_then(|limit| u32::try_from(limit).ok());
    Ok((limit, input.text("Marker", MARKER)?))
}

/// Grant tokens are no secrets and grant nothing here; they are checked and passed on when requests are.
fn grant_tokens(input: &mut Input<'_>) -> Result<Vec<String>, ApiError> {
    Ok(input.texts("GrantTokens", 0..=10, Text::length(1, 8192))?.unwrap_or_default())
}

fn unsupported(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::UnsupportedOperationException, message)
}

/// A member that asks for something that is not here.
fn refuse(input: &Input<'_>, member: &str, why: &str) -> Result<(), ApiError> {
    if input.has(member) { Err(unsupported(format!("{member} is not supported: {why}."))) } else { Ok(()) }
}
