//! Providers of identities: who else's word is taken for who somebody is (OpenID Connect).

use async_trait::async_trait;
use postern_iam::{AccountId, Arn};

use crate::{ChangeTags, StoreError, Tag, TagChange, UnixMillis};

/// A provider as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRecord {
    /// Its ARN, which has its address without the scheme.
    pub arn: Arn,
    /// Its address: what its tokens name as their issuer, letter for letter.
    pub url: String,
    /// For whom its tokens may be made, in the order they were added.
    pub client_ids: Vec<String>,
    /// What clients send for its certificates. They are kept, and nothing is decided by them.
    pub thumbprints: Vec<String>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// In the order of their keys.
    pub tags: Vec<Tag>,
}

/// The answer to [`ProviderStore::create_provider`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateProvider {
    /// It is stored.
    Created,
    /// There is one with this address.
    Exists,
    /// There are as many as there may be.
    LimitReached,
}

/// What is to be different about a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderChange {
    /// One more client, if it is not there; as many as there may be then.
    AddClient(String, usize),
    /// One client less, if it is there.
    RemoveClient(String),
    /// Other thumbprints.
    Thumbprints(Vec<String>),
    /// Other tags.
    Tags(TagChange),
}

/// Acts on providers.
#[async_trait]
pub trait ProviderStore: Send + Sync {
    /// Keeps a new provider, of which there may be `limit`.
    async fn create_provider(
        &self,
        account: &AccountId,
        provider: ProviderRecord,
        limit: u32,
    ) -> Result<CreateProvider, StoreError>;

    /// The provider with this ARN.
    async fn provider(&self, account: &AccountId, arn: &Arn) -> Result<Option<ProviderRecord>, StoreError>;

    /// The provider with this address.
    async fn provider_of_url(&self, account: &AccountId, url: &str) -> Result<Option<ProviderRecord>, StoreError>;

    /// All of them, in the order of their ARNs. There are not many.
    async fn providers(&self, account: &AccountId) -> Result<Vec<ProviderRecord>, StoreError>;

    /// Changes a provider.
    async fn change_provider(
        &self,
        account: &AccountId,
        arn: &Arn,
        change: ProviderChange,
    ) -> Result<ChangeTags, StoreError>;

    /// Removes a provider. False if there is none.
    async fn delete_provider(&self, account: &AccountId, arn: &Arn) -> Result<bool, StoreError>;
}
