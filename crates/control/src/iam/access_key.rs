//! Users' access keys, through the API.

use postern_iam::AccessKeyId;
use postern_model::iam::{
    AccessKey, AccessKeyLastUsed, AccessKeyMetadata, CreateAccessKeyRequest, CreateAccessKeyResponse,
    DeleteAccessKeyRequest, GetAccessKeyLastUsedRequest, GetAccessKeyLastUsedResponse, ListAccessKeysRequest,
    ListAccessKeysResponse, ShownOnce, UpdateAccessKeyRequest,
};
use postern_model::{ApiError, Empty, ErrorCode};
use postern_store::{AccessKeyRecord, AddAccessKey, IdentityKind};

use super::user::own_name;
use super::{Page, arn, log, moment, no_entity, no_such, over_quota};
use crate::authz::act;
use crate::authz::authorize;
use crate::caller::Caller;
use crate::{Control, failure, identity};

/// AWS's quota: one in use, and one to replace it with.
const MAX_KEYS: u32 = 2;

impl Control {
    /// `CreateAccessKey`: the secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// `NoSuchEntity`, `LimitExceeded`; `AccessDeniedException`.
    pub async fn create_access_key(
        &self,
        caller: &Caller,
        request: CreateAccessKeyRequest,
    ) -> Result<CreateAccessKeyResponse, ApiError> {
        let name = own_name(caller, request.user_name)?;
        let allowed = authorize::<act::CreateAccessKey>(caller, self.on_identity(IdentityKind::User, &name).await?)?;
        let user = self.allowed_identity(&allowed).await?;
        let (record, secret) = self.new_access_key(user.id);
        let access_key = AccessKey {
            user_name: user.name.clone(),
            access_key_id: record.access_key_id.to_string(),
            status: status(&record).to_owned(),
            secret_access_key: ShownOnce(secret),
            create_date: moment(record.created_at),
        };
        let id = record.access_key_id.clone();
        match self.store.add_access_key(record, MAX_KEYS).await.map_err(failure::store)? {
            AddAccessKey::Added => {
                log(&allowed, &allowed.on().arn, Some(&id));
                Ok(CreateAccessKeyResponse { access_key })
            }
            AddAccessKey::Exists => Err(identity::not_random()),
            AddAccessKey::UserUnknown => Err(no_such(IdentityKind::User, &user.name)),
            AddAccessKey::LimitReached => Err(over_quota("AccessKeysPerUser", MAX_KEYS)),
        }
    }

    /// `ListAccessKeys`.
    ///
    /// # Errors
    /// `NoSuchEntity`; `AccessDeniedException`.
    pub async fn list_access_keys(
        &self,
        caller: &Caller,
        request: ListAccessKeysRequest,
    ) -> Result<ListAccessKeysResponse, ApiError> {
        let name = own_name(caller, request.user_name.clone())?;
        let allowed = authorize::<act::ListAccessKeys>(caller, self.on_identity(IdentityKind::User, &name).await?)?;
        let page = Page::of(self, &request, request.marker.as_deref(), request.max_items)?;
        let user = self.allowed_identity(&allowed).await?;
        let mut keys = self.store.access_keys(self.account(), &user.id).await.map_err(failure::store)?;
        keys.sort_by(|a, b| a.access_key_id.cmp(&b.access_key_id));
        let (keys, marker) = page.of_all(keys, |key| key.access_key_id.to_string());
        let shown = |key: AccessKeyRecord| AccessKeyMetadata {
            user_name: user.name.clone(),
            status: status(&key).to_owned(),
            access_key_id: key.access_key_id.to_string(),
            create_date: moment(key.created_at),
        };
        let access_key_metadata = keys.into_iter().map(shown).collect();
        Ok(ListAccessKeysResponse { access_key_metadata, is_truncated: marker.is_some(), marker })
    }

    /// `UpdateAccessKey`: on or off.
    ///
    /// # Errors
    /// `NoSuchEntity`, `InvalidInput`; `AccessDeniedException`.
    pub async fn update_access_key(&self, caller: &Caller, request: UpdateAccessKeyRequest) -> Result<Empty, ApiError> {
        let name = own_name(caller, request.user_name)?;
        let allowed = authorize::<act::UpdateAccessKey>(caller, self.on_identity(IdentityKind::User, &name).await?)?;
        let active = match request.status {
            "Active" => true,
            "Inactive" => false,
            _ => {
                let message = "A key cannot be made Expired: it is Active or Inactive.";
                return Err(ApiError::new(ErrorCode::InvalidInput, message));
            }
        };
        let (user, id) = (self.allowed_identity(&allowed).await?, key_id(&request.access_key_id)?);
        let changed = self.store.set_access_key_active(self.account(), Some(&user.id), &id, active).await;
        if !changed.map_err(failure::store)? {
            return Err(no_such_key(id.as_str()));
        }
        log(&allowed, &allowed.on().arn, Some(&id));
        Ok(Empty {})
    }

    /// `DeleteAccessKey`.
    ///
    /// # Errors
    /// `NoSuchEntity`; `AccessDeniedException`.
    pub async fn delete_access_key(&self, caller: &Caller, request: DeleteAccessKeyRequest) -> Result<Empty, ApiError> {
        let name = own_name(caller, request.user_name)?;
        let allowed = authorize::<act::DeleteAccessKey>(caller, self.on_identity(IdentityKind::User, &name).await?)?;
        let (user, id) = (self.allowed_identity(&allowed).await?, key_id(&request.access_key_id)?);
        if !self.store.delete_access_key(self.account(), &user.id, &id).await.map_err(failure::store)? {
            return Err(no_such_key(id.as_str()));
        }
        log(&allowed, &allowed.on().arn, Some(&id));
        Ok(Empty {})
    }

    /// `GetAccessKeyLastUsed`. Whose key it is, is not for everybody: the decision is about that user, or about a user
    /// that nobody is called, and a denial is the same for both.
    ///
    /// # Errors
    /// `NoSuchEntity` if there is no such key; `AccessDeniedException`.
    pub async fn get_access_key_last_used(
        &self,
        caller: &Caller,
        request: GetAccessKeyLastUsedRequest,
    ) -> Result<GetAccessKeyLastUsedResponse, ApiError> {
        let id = key_id(&request.access_key_id)?;
        let found = self.store.access_key(&id).await.map_err(failure::store)?;
        let found = found.filter(|(key, _)| key.account == *self.account());
        let on = match &found {
            Some((_, user)) => self.on(user, arn(self.account(), IdentityKind::User, "/", "*")),
            None => self.on_identity(IdentityKind::User, "*").await?,
        };
        let _allowed = authorize::<act::GetAccessKeyLastUsed>(caller, on)?;
        let (key, user) = found.ok_or_else(|| no_such_key(id.as_str()))?;
        let none = || "N/A".to_owned();
        let access_key_last_used = match key.last_used {
            Some(used) => AccessKeyLastUsed {
                last_used_date: Some(moment(used.at)),
                service_name: used.service,
                region: used.region,
            },
            None => AccessKeyLastUsed { last_used_date: None, service_name: none(), region: none() },
        };
        Ok(GetAccessKeyLastUsedResponse { user_name: user.name, access_key_last_used })
    }
}

fn status(key: &AccessKeyRecord) -> &'static str {
    if key.active { "Active" } else { "Inactive" }
}

fn key_id(text: &str) -> Result<AccessKeyId, ApiError> {
    text.parse().map_err(|_| no_such_key(text))
}

fn no_such_key(id: &str) -> ApiError {
    no_entity(format!("The Access Key with id {id} cannot be found."))
}
