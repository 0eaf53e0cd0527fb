//! From a caller's name for a key to the key.

use postern_iam::{Arn, KeyId, SecretBytes};
use postern_model::kms::{AliasName, KeyName, KeyReference};
use postern_model::{ApiError, ErrorCode, Service};
use postern_store::{KeyRecord, Scope};
use zeroize::Zeroizing;

use super::blob::Material;
use super::{MANAGED_ALIAS, key_arn};
use crate::authz::act::OnKey;
use crate::{Control, failure};

impl Control {
    /// What a decision about a name is about. A name that means nothing here is decided upon as it is: a refusal must not
    /// tell the difference.
    pub(crate) async fn on_key(&self, named: KeyName) -> Result<OnKey, ApiError> {
        // Of another service's keys only the names are known here, and one of ours may be called the same.
        if self.passes_on(Service::Kms) {
            return Ok(OnKey { named, id: None, tags: Vec::new() });
        }
        let (id, key) = match named.reference() {
            Ok(KeyReference::Key(id, arn)) if self.check_place(arn.as_ref()).is_ok() => {
                let key = self.store.key(self.scope(), &id).await.map_err(failure::store)?;
                (Some(id), key)
            }
            Ok(KeyReference::Alias(alias, arn)) if self.check_place(arn.as_ref()).is_ok() => {
                let key = self.store.key_of_alias(self.scope(), &alias).await.map_err(failure::store)?;
                (key.as_ref().map(|key| key.key_id.clone()), key)
            }
            Ok(_) | Err(_) => (None, None),
        };
        Ok(OnKey { named, id, tags: key.map(|key| key.tags).unwrap_or_default() })
    }

    /// The key that was decided upon. The service's own key is made when it is first named.
    ///
    /// # Errors
    /// `NotFoundException`.
    pub(super) async fn find_key(&self, on: &OnKey) -> Result<KeyRecord, ApiError> {
        if let Some(id) = &on.id {
            return self.key_by_id(id, None).await;
        }
        match on.named.reference()? {
            KeyReference::Key(id, arn) => self.key_by_id(&id, arn.as_ref()).await,
            KeyReference::Alias(alias, arn) => {
                self.check_place(arn.as_ref())?;
                if alias.as_str() == MANAGED_ALIAS {
                    self.managed_key(&alias).await
                } else {
                    Err(self.no_alias(&alias))
                }
            }
        }
    }

    /// The key of a name, where the decision is about something else.
    ///
    /// # Errors
    /// `NotFoundException`.
    pub(crate) async fn find_key_named(&self, name: &KeyName) -> Result<KeyRecord, ApiError> {
        self.find_key(&self.on_key(name.clone()).await?).await
    }

    /// The key of a name that must not be an alias.
    ///
    /// # Errors
    /// `NotFoundException`.
    pub(super) async fn find_key_itself(&self, name: &KeyName) -> Result<KeyRecord, ApiError> {
        match name.reference()? {
            KeyReference::Key(id, arn) => self.key_by_id(&id, arn.as_ref()).await,
            KeyReference::Alias(..) => {
                let message = "An alias cannot stand for the key here; name the key by its id or ARN.";
                Err(ApiError::new(ErrorCode::ValidationException, message))
            }
        }
    }

    /// The material of a key that is on.
    ///
    /// # Errors
    /// `DisabledException`.
    pub(crate) fn material(&self, key: &KeyRecord) -> Result<Material, ApiError> {
        let arn = key_arn(self.scope(), &key.key_id);
        if !key.enabled {
            return Err(ApiError::new(ErrorCode::DisabledException, format!("{arn} is disabled.")));
        }
        let opened = self.keys.key_material.unseal(&sealing_context(self.scope(), &key.key_id), &key.sealed_material);
        opened.and_then(|bytes| Material::new(key.key_id.clone(), SecretBytes::new(bytes.to_vec()))).ok_or_else(|| {
            tracing::error!(key = %arn, "a stored key does not open with this root key");
            ApiError::internal()
        })
    }

    /// The material of a key that something stored is encrypted with.
    ///
    /// # Errors
    /// `DisabledException`.
    pub(crate) async fn material_of(&self, id: &KeyId) -> Result<Material, ApiError> {
        let key = self.key_by_id(id, None).await?;
        self.material(&key)
    }

    /// A new key, sealed.
    pub(super) fn new_key(&self, description: String, managed: bool) -> KeyRecord {
        let key_id = KeyId::generate(&self.random());
        let material = Zeroizing::new(self.random::<32>());
        let context = sealing_context(self.scope(), &key_id);
        KeyRecord {
            sealed_material: self.keys.key_material.seal(&context, material.as_slice(), self.random()),
            key_id,
            description,
            enabled: true,
            managed,
            created_at: self.unix_millis(),
            tags: Vec::new(),
        }
    }

    async fn key_by_id(&self, id: &KeyId, arn: Option<&Arn>) -> Result<KeyRecord, ApiError> {
        self.check_place(arn)?;
        let found = self.store.key(self.scope(), id).await.map_err(failure::store)?;
        found.ok_or_else(|| no_key(&key_arn(self.scope(), id)))
    }

    async fn managed_key(&self, alias: &AliasName) -> Result<KeyRecord, ApiError> {
        let key = self.new_key("Default key that protects sessions when no other key is named".to_owned(), true);
        self.store.managed_key(self.scope(), alias, key).await.map_err(failure::store)
    }

    /// An ARN must be one of here.
    fn check_place(&self, arn: Option<&Arn>) -> Result<(), ApiError> {
        let Some(arn) = arn else { return Ok(()) };
        let Scope { account, region } = self.scope();
        if arn.region != region.as_str() {
            return Err(ApiError::new(ErrorCode::NotFoundException, format!("Invalid arn {}", arn.region)));
        }
        let is_here = arn.is_in_our_partition() && arn.account == account.as_str();
        if is_here { Ok(()) } else { Err(no_key(arn)) }
    }

    fn no_alias(&self, alias: &AliasName) -> ApiError {
        let Scope { account, region } = self.scope();
        let arn = Arn::key_alias(region, account, alias.as_str());
        ApiError::new(ErrorCode::NotFoundException, format!("Alias {arn} is not found."))
    }
}

fn no_key(arn: &Arn) -> ApiError {
    ApiError::new(ErrorCode::NotFoundException, format!("Key '{arn}' does not exist"))
}

/// What sealed material is bound to.
fn sealing_context(scope: &Scope, id: &KeyId) -> String {
    format!("kms key {}/{}/{id}", scope.account, scope.region)
}
