//! Keys: made, described, listed, switched off and on.

use postern_iam::KeyId;
use postern_model::kms::{
    CreateKeyRequest, CreateKeyResponse, DescribeKeyRequest, DescribeKeyResponse, DisableKeyRequest, EnableKeyRequest,
    KeyListEntry, KeyManager, KeyMetadata, KeyState, ListKeysRequest, ListKeysResponse, SYMMETRIC_DEFAULT,
};
use postern_model::{ApiError, Empty, ErrorCode, Timestamp};
use postern_store::{CreateKey, KeyRecord, Tag};

use super::alias::marker;
use super::{MAX_KEYS, key_arn};
use crate::authz::act::{self, Creation, OnKey};
use crate::authz::{Act, Authorized, authorize};
use crate::caller::Caller;
use crate::tag::differ_in_case_only;
use crate::{Control, failure};

/// Keys a page if the caller does not say, as at AWS.
const DEFAULT_LIMIT: u32 = 100;

impl Control {
    /// `CreateKey`.
    ///
    /// # Errors
    /// `LimitExceededException`, `TagException`; `AccessDeniedException`.
    pub async fn create_key(&self, caller: &Caller, request: CreateKeyRequest) -> Result<CreateKeyResponse, ApiError> {
        let tags = request.tags.iter().map(|tag| Tag { key: tag.key.clone(), value: tag.value.clone() }).collect();
        let allowed = authorize::<act::CreateKey>(caller, Creation { of: (), tags })?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.make_key(allowed, request).await
    }

    async fn make_key(
        &self,
        _allowed: Authorized<act::CreateKey>,
        request: CreateKeyRequest,
    ) -> Result<CreateKeyResponse, ApiError> {
        let mut tags: Vec<Tag> = request.tags.into_iter().map(|tag| Tag { key: tag.key, value: tag.value }).collect();
        tags.sort();
        if differ_in_case_only(&tags) {
            return Err(ApiError::new(
                ErrorCode::TagException,
                "Two tags have the same key, but for its case at most.",
            ));
        }
        let key = KeyRecord { tags, ..self.new_key(request.description, false) };
        let key_metadata = self.metadata(&key);
        match self.store.create_key(self.scope(), key, MAX_KEYS).await.map_err(failure::store)? {
            CreateKey::Created => Ok(CreateKeyResponse { key_metadata }),
            CreateKey::LimitReached => {
                Err(ApiError::new(ErrorCode::LimitExceededException, format!("There are {MAX_KEYS} keys already.")))
            }
        }
    }

    /// `DescribeKey`.
    ///
    /// # Errors
    /// `NotFoundException`; `AccessDeniedException`.
    pub async fn describe_key(
        &self,
        caller: &Caller,
        request: DescribeKeyRequest,
    ) -> Result<DescribeKeyResponse, ApiError> {
        let on = self.on_key(request.key_id.clone()).await?;
        let allowed = authorize::<act::DescribeKey>(caller, on)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.look_up_key(allowed).await
    }

    async fn look_up_key(&self, allowed: Authorized<act::DescribeKey>) -> Result<DescribeKeyResponse, ApiError> {
        let key = self.find_key(allowed.on()).await?;
        Ok(DescribeKeyResponse { key_metadata: self.metadata(&key) })
    }

    /// `ListKeys`: a page of keys.
    ///
    /// # Errors
    /// `InvalidMarkerException`; `AccessDeniedException`.
    pub async fn list_keys(&self, caller: &Caller, request: ListKeysRequest) -> Result<ListKeysResponse, ApiError> {
        let allowed = authorize::<act::ListKeys>(caller, ())?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.page_of_keys(allowed, request).await
    }

    async fn page_of_keys(
        &self,
        _allowed: Authorized<act::ListKeys>,
        request: ListKeysRequest,
    ) -> Result<ListKeysResponse, ApiError> {
        let listing = self.listing(&request);
        let after: Option<KeyId> = marker(&listing, request.marker.as_deref())?;
        let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
        let mut keys = self.store.keys_page(self.scope(), after.as_ref(), limit + 1).await.map_err(failure::store)?;
        let next_marker = listing.cut(&mut keys, limit, |key| key.key_id.to_string());
        let entry = |key: KeyRecord| KeyListEntry {
            key_arn: key_arn(self.scope(), &key.key_id),
            key_id: key.key_id.to_string(),
        };
        Ok(ListKeysResponse {
            keys: keys.into_iter().map(entry).collect(),
            truncated: next_marker.is_some(),
            next_marker,
        })
    }

    /// `DisableKey`: nothing is encrypted or decrypted with it any more.
    ///
    /// # Errors
    /// `NotFoundException`; `AccessDeniedException`.
    pub async fn disable_key(&self, caller: &Caller, request: DisableKeyRequest) -> Result<Empty, ApiError> {
        let allowed = authorize::<act::DisableKey>(caller, self.on_key(request.key_id.clone()).await?)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.switch_key(allowed, false).await
    }

    /// `EnableKey`.
    ///
    /// # Errors
    /// `NotFoundException`; `AccessDeniedException`.
    pub async fn enable_key(&self, caller: &Caller, request: EnableKeyRequest) -> Result<Empty, ApiError> {
        let allowed = authorize::<act::EnableKey>(caller, self.on_key(request.key_id.clone()).await?)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.switch_key(allowed, true).await
    }

    async fn switch_key<A>(&self, allowed: Authorized<A>, enabled: bool) -> Result<Empty, ApiError>
    where
        A: Act<On = OnKey>,
    {
        let key = self.find_key_itself(&allowed.on().named).await?;
        // Keys are never deleted, so it is still there.
        self.store.set_key_enabled(self.scope(), &key.key_id, enabled).await.map_err(failure::store)?;
        tracing::info!(key = %key.key_id, enabled, "a key was switched");
        Ok(Empty {})
    }

    fn metadata(&self, key: &KeyRecord) -> KeyMetadata {
        KeyMetadata {
            account: self.scope().account.clone(),
            arn: key_arn(self.scope(), &key.key_id),
            key_id: key.key_id.to_string(),
            creation_date: Timestamp::from_millis(key.created_at),
            enabled: key.enabled,
            description: key.description.clone(),
            key_usage: Some("ENCRYPT_DECRYPT".to_owned()),
            key_state: if key.enabled { KeyState::Enabled } else { KeyState::Disabled },
            origin: Some("AWS_KMS".to_owned()),
            key_manager: if key.managed { KeyManager::Aws } else { KeyManager::Customer },
            customer_master_key_spec: Some(SYMMETRIC_DEFAULT.to_owned()),
            key_spec: Some(SYMMETRIC_DEFAULT.to_owned()),
            encryption_algorithms: vec![SYMMETRIC_DEFAULT.to_owned()],
            multi_region: Some(false),
        }
    }
}
