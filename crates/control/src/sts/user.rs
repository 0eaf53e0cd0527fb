//! A user's own temporary credentials, and whose keys are.

use postern_iam::AccessKeyId;
use postern_model::sts::{
    GetAccessKeyInfoRequest, GetAccessKeyInfoResponse, GetSessionTokenRequest, GetSessionTokenResponse,
};
use postern_model::{ApiError, ErrorCode};

use super::{refused, seconds};
use crate::authz::{act, authorize};
use crate::caller::{Caller, CredentialFacts, PersonKind, Principal};
use crate::session_token::{Holder, SessionPolicies, SessionToken, was_issued_for};
use crate::{Control, failure};

/// Twelve hours.
const DEFAULT_SECONDS: u32 = 43_200;

impl Control {
    /// `GetSessionToken`: a user's own rights for a while, and the proof that a second factor was shown.
    ///
    /// # Errors
    /// `ValidationError`, `Throttling`; `AccessDenied` for a code that is wrong and for whoever is no user with an access
    /// key.
    pub async fn get_session_token(
        &self,
        caller: &Caller,
        request: GetSessionTokenRequest,
    ) -> Result<GetSessionTokenResponse, ApiError> {
        let allowed = authorize::<act::GetSessionToken>(caller, ())?;
        let Principal::Person(person) = &allowed.caller().principal else {
            return Err(ApiError::internal());
        };
        let (PersonKind::User { id, .. }, CredentialFacts::LongLived) = (&person.kind, &person.credentials) else {
            return Err(refused("Cannot call GetSessionToken with session credentials"));
        };
        let GetSessionTokenRequest { duration_seconds, serial_number, token_code } = request;
        let mfa_at = self.second_factor(caller, id, serial_number.as_deref(), token_code.as_deref()).await?;
        let now = self.unix_millis();
        let token = SessionToken {
            account: self.scope().account.clone(),
            holder: Holder::User(id.clone()),
            issued_at: now,
            expires_at: now.saturating_add(seconds(duration_seconds.unwrap_or(DEFAULT_SECONDS))),
            mfa_at,
            source_identity: None,
            tags: Vec::new(),
            policies: SessionPolicies::default(),
        };
        let (credentials, _) = self.issue(&token)?;
        tracing::info!(by = %caller.principal, second_factor = mfa_at.is_some(), "temporary credentials of a user's own");
        Ok(GetSessionTokenResponse { credentials })
    }

    /// `GetAccessKeyInfo`: the account that a key belongs to. Whether the key is still good is not said.
    ///
    /// # Errors
    /// `ValidationError` for a key that is not one of here; `AccessDenied`.
    pub async fn get_access_key_info(
        &self,
        caller: &Caller,
        request: GetAccessKeyInfoRequest,
    ) -> Result<GetAccessKeyInfoResponse, ApiError> {
        let _allowed = authorize::<act::GetAccessKeyInfo>(caller, ())?;
        let account = &self.scope().account;
        let unknown = || ApiError::new(ErrorCode::ValidationError, "The access key ID is not one of this service.");
        let id: AccessKeyId = request.access_key_id.parse().map_err(|_| unknown())?;
        let is_ours = was_issued_for(&id, account, &self.keys) || {
            let found = self.store.access_key(&id).await.map_err(failure::store)?;
            found.is_some_and(|(key, _)| key.account == *account)
        };
        if is_ours { Ok(GetAccessKeyInfoResponse { account: account.to_string() }) } else { Err(unknown()) }
    }
}
