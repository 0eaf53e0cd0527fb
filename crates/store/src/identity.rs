//! Users' access keys. Secrets come sealed; only `postern-control` can open them.

use async_trait::async_trait;
use postern_iam::{AccessKeyId, AccountId, Arn};

use crate::{StoreError, UnixMillis};

/// An access key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyRecord {
    /// The public half, unique across accounts.
    pub access_key_id: AccessKeyId,
    /// Whose it is.
    pub account: AccountId,
    /// The principal who signs with it.
    pub principal: Arn,
    /// The secret half, encrypted and bound to the id above.
    pub sealed_secret: Vec<u8>,
    /// Whether requests signed with it are accepted.
    pub active: bool,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// The answer to [`IdentityStore::add_access_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddAccessKey {
    /// It is stored.
    Added,
    /// There is a key with this id already; nothing changed.
    Exists,
}

/// Acts on access keys.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// Stores a new access key.
    async fn add_access_key(&self, key: AccessKeyRecord) -> Result<AddAccessKey, StoreError>;

    /// The key with this id, active or not, whatever its account.
    async fn access_key(&self, id: &AccessKeyId) -> Result<Option<AccessKeyRecord>, StoreError>;

    /// The account's keys in the order they were made.
    async fn access_keys(&self, account: &AccountId) -> Result<Vec<AccessKeyRecord>, StoreError>;

    /// Makes a key active or inactive. False if the account has no such key.
    async fn set_access_key_active(
        &self,
        account: &AccountId,
        id: &AccessKeyId,
        active: bool,
    ) -> Result<bool, StoreError>;
}
