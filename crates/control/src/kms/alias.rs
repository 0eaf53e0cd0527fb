//! Aliases: made and listed.

use std::str::FromStr;

use postern_iam::Arn;
use postern_model::kms::{
    AliasListEntry, AliasName, CreateAliasRequest, KeyName, ListAliasesRequest, ListAliasesResponse,
};
use postern_model::{ApiError, Empty, ErrorCode, Timestamp};
use postern_store::{AliasRecord, CreateAlias, Scope};

use super::MAX_ALIASES;
use crate::authz::act::{self, KeyAndAlias};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::page::Listing;
use crate::{Control, failure};

/// Aliases a page if the caller does not say, as at AWS.
const DEFAULT_LIMIT: u32 = 50;

impl Control {
    /// `CreateAlias`.
    ///
    /// # Errors
    /// `AlreadyExistsException`, `NotFoundException`, `LimitExceededException`; `AccessDeniedException`.
    pub async fn create_alias(&self, caller: &Caller, request: CreateAliasRequest) -> Result<Empty, ApiError> {
        let key = self.on_key(request.target_key_id.clone()).await?;
        let alias = KeyName::new(request.alias_name.as_str());
        let allowed = authorize::<act::CreateAlias>(caller, KeyAndAlias { key, alias })?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.make_alias(allowed, request).await
    }

    async fn make_alias(
        &self,
        allowed: Authorized<act::CreateAlias>,
        request: CreateAliasRequest,
    ) -> Result<Empty, ApiError> {
        let named = &allowed.on().key.named;
        let key = self.find_key_itself(named).await?;
        let arn = self.alias_arn(&request.alias_name);
        let alias = AliasRecord { name: request.alias_name, key_id: key.key_id, created_at: self.unix_millis() };
        match self.store.create_alias(self.scope(), alias, MAX_ALIASES).await.map_err(failure::store)? {
            CreateAlias::Created => Ok(Empty {}),
            CreateAlias::Exists => {
                let message = format!("An alias with the name {arn} already exists");
                Err(ApiError::new(ErrorCode::AlreadyExistsException, message))
            }
            CreateAlias::KeyUnknown => {
                Err(ApiError::new(ErrorCode::NotFoundException, format!("Key '{named}' does not exist")))
            }
            CreateAlias::LimitReached => {
                let message = format!("There are {MAX_ALIASES} aliases already.");
                Err(ApiError::new(ErrorCode::LimitExceededException, message))
            }
        }
    }

    /// `ListAliases`: a page of aliases, of one key or of all.
    ///
    /// # Errors
    /// `InvalidMarkerException`, `NotFoundException`; `AccessDeniedException`.
    pub async fn list_aliases(
        &self,
        caller: &Caller,
        request: ListAliasesRequest,
    ) -> Result<ListAliasesResponse, ApiError> {
        let allowed = authorize::<act::ListAliases>(caller, ())?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.page_of_aliases(allowed, request).await
    }

    async fn page_of_aliases(
        &self,
        _allowed: Authorized<act::ListAliases>,
        request: ListAliasesRequest,
    ) -> Result<ListAliasesResponse, ApiError> {
        let of = match &request.key_id {
            Some(name) => Some(self.find_key_itself(name).await?.key_id),
            None => None,
        };
        let listing = self.listing(&request);
        let after: Option<AliasName> = marker(&listing, request.marker.as_deref())?;
        let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
        let found = self.store.aliases_page(self.scope(), of.as_ref(), after.as_ref(), limit + 1).await;
        let mut aliases = found.map_err(failure::store)?;
        let next_marker = listing.cut(&mut aliases, limit, |alias| alias.name.to_string());
        let entry = |alias: AliasRecord| AliasListEntry {
            alias_arn: self.alias_arn(&alias.name),
            alias_name: alias.name,
            target_key_id: Some(alias.key_id.to_string()),
            creation_date: Some(Timestamp::from_millis(alias.created_at)),
            last_updated_date: Some(Timestamp::from_millis(alias.created_at)),
        };
        Ok(ListAliasesResponse {
            aliases: aliases.into_iter().map(entry).collect(),
            truncated: next_marker.is_some(),
            next_marker,
        })
    }

    fn alias_arn(&self, name: &AliasName) -> Arn {
        let Scope { account, region } = self.scope();
        Arn::key_alias(region, account, name.as_str())
    }
}

/// Where a page begins. KMS has a name of its own for tokens, and for the error about them.
pub(super) fn marker<T: FromStr>(listing: &Listing<'_>, token: Option<&str>) -> Result<Option<T>, ApiError> {
    listing.cursor(token).map_err(|_| {
        let message = "The Marker is not one that this operation gave out; start again without it.";
        ApiError::new(ErrorCode::InvalidMarkerException, message)
    })
}
