//! Service settings that somebody has set. Which ones there are, and their defaults, is not known here.

use async_trait::async_trait;
use postern_iam::Arn;

use crate::{Scope, StoreError, UnixMillis};

/// A setting that is not at its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSettingRecord {
    /// What it is set to.
    pub value: String,
    /// Since when.
    pub modified_at: UnixMillis,
    /// By whom.
    pub modified_by: Arn,
}

/// Acts on service settings, which are named by their paths.
#[async_trait]
pub trait ServiceSettingStore: Send + Sync {
    /// What a setting is set to; none if it is at its default.
    async fn service_setting(&self, scope: &Scope, path: &str) -> Result<Option<ServiceSettingRecord>, StoreError>;

    /// Sets it, whatever it was.
    async fn set_service_setting(
        &self,
        scope: &Scope,
        path: &str,
        setting: ServiceSettingRecord,
    ) -> Result<(), StoreError>;

    /// Returns it to its default. False if it was there already.
    async fn reset_service_setting(&self, scope: &Scope, path: &str) -> Result<bool, StoreError>;
}
