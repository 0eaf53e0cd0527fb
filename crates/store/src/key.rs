//! Keys of the key service and their aliases. Key material comes sealed; only `postern-control` can open it.

use async_trait::async_trait;
use postern_iam::KeyId;
use postern_model::kms::AliasName;

use crate::{Scope, StoreError, Tag, UnixMillis};

/// A key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its id.
    pub key_id: KeyId,
    /// For people.
    pub description: String,
    /// Whether it can be used.
    pub enabled: bool,
    /// Whether the service made it for itself, when it was first needed.
    pub managed: bool,
    /// The key itself, encrypted and bound to the id and the scope.
    pub sealed_material: Vec<u8>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Labels, ordered by key.
    pub tags: Vec<Tag>,
}

/// Another name of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRecord {
    /// `alias/…`, unique in its scope.
    pub name: AliasName,
    /// The key.
    pub key_id: KeyId,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// The answer to [`KeyStore::create_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateKey {
    /// It is stored.
    Created,
    /// There are as many as there may be.
    LimitReached,
}

/// The answer to [`KeyStore::create_alias`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateAlias {
    /// It is stored.
    Created,
    /// There is one of this name already, whatever its key; nothing changed.
    Exists,
    /// There is no such key.
    KeyUnknown,
    /// There are as many as there may be.
    LimitReached,
}

/// Acts on keys and aliases. Keys are never deleted: what was encrypted with one stays readable.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Stores a new key, if there are fewer than `limit`. Its id is random, so there is none like it yet.
    async fn create_key(&self, scope: &Scope, key: KeyRecord, limit: u32) -> Result<CreateKey, StoreError>;

    /// The key behind one of the service's own aliases. If there is no such alias, it is made and `key` becomes its
    /// key; whoever comes at the same time gets the same one.
    async fn managed_key(&self, scope: &Scope, alias: &AliasName, key: KeyRecord) -> Result<KeyRecord, StoreError>;

    /// One key.
    async fn key(&self, scope: &Scope, id: &KeyId) -> Result<Option<KeyRecord>, StoreError>;

    /// The key behind an alias.
    async fn key_of_alias(&self, scope: &Scope, alias: &AliasName) -> Result<Option<KeyRecord>, StoreError>;

    /// Up to `limit` keys in the order of their ids, from behind `after`.
    async fn keys_page(&self, scope: &Scope, after: Option<&KeyId>, limit: u32) -> Result<Vec<KeyRecord>, StoreError>;

    /// Switches a key on or off. False if there is none.
    async fn set_key_enabled(&self, scope: &Scope, id: &KeyId, enabled: bool) -> Result<bool, StoreError>;

    /// Stores a new alias, if there are fewer than `limit`.
    async fn create_alias(&self, scope: &Scope, alias: AliasRecord, limit: u32) -> Result<CreateAlias, StoreError>;

    /// Up to `limit` aliases, of one key or of all, in the order of their names, from behind `after`.
    async fn aliases_page(
        &self,
        scope: &Scope,
        of: Option<&KeyId>,
        after: Option<&AliasName>,
        limit: u32,
    ) -> Result<Vec<AliasRecord>, StoreError>;
}
