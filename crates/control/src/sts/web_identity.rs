//! Acting as a role by the word of a provider of identities.

use postern_iam::jwt::{Claims, JwtError, Unverified};
use postern_model::sts::{AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse};
use postern_model::{ApiError, ErrorCode};
use postern_policy::{Context, Value};
use postern_store::ProviderRecord;

use super::assume::{assumed, found, is_packed, lifetime, role_arn, tag_keys};
use super::claims::{Asserted, asserted};
use crate::authz::act::{self, OnRole, Vouched};
use crate::authz::authorize;
use crate::authz::trust::Trust;
use crate::caller::Caller;
use crate::guesses::Guessed;
use crate::session_token::{BegunBy, Federation, Holder, SessionToken};
use crate::{Control, failure};

impl Control {
    /// `AssumeRoleWithWebIdentity`: unsigned, the provider's token is the proof.
    ///
    /// # Errors
    /// `InvalidIdentityToken`, `ExpiredTokenException`, `IDPCommunicationError`, `IDPRejectedClaim`; `AccessDenied`, also
    /// for a role that is not there; `ValidationError`, `MalformedPolicyDocument`, `PackedPolicyTooLarge`, `Throttling`.
    pub async fn assume_role_with_web_identity(
        &self,
        caller: &Caller,
        request: AssumeRoleWithWebIdentityRequest,
    ) -> Result<AssumeRoleWithWebIdentityResponse, ApiError> {
        let now = self.clock.now().instant;
        if let Some(wait) = self.guesses().wait(&Guessed::IdentityToken, caller.source_ip, now) {
            let message = "Too many tokens that were not accepted came from this address; wait.";
            return Err(ApiError::new(ErrorCode::ThrottlingException, message).come_again_after(wait));
        }
        let asked = role_arn(&request.role_arn)?;
        let vouched = self.vouched(request.web_identity_token.0.expose()).await;
        let (provider, claims, audience) = vouched.inspect_err(|error| {
            tracing::warn!(source = ?caller.source_ip, role = %asked, %error, "a token of a provider was not accepted");
            // That a provider or the database is away is nobody's guess.
            if !matches!(error.code(), ErrorCode::IDPCommunicationError | ErrorCode::InternalServerError) {
                self.guesses().note_wrong(Guessed::IdentityToken, caller.source_ip, now);
            }
        })?;
        let federation = Federation {
            provider: provider.arn.clone(),
            issuer: address(&provider.url).to_owned(),
            subject: claims.subject.clone(),
            audience: audience.clone(),
            methods: claims.methods.clone(),
        };
        let Asserted { tags, source_identity } = asserted(&claims)?;
        let mut keys = Context::new();
        for (key, values) in federation.keys() {
            keys.set_all(&key, values.iter().map(|value| Value::from(value.as_str())));
        }
        keys.set("sts:RoleSessionName", request.role_session_name.as_str());
        if let Some(name) = &source_identity {
            keys.set("sts:SourceIdentity", name.as_str());
        }
        tag_keys(&tags, &mut keys);
        let found_role = self.role(&asked).await?;
        let on = OnRole {
            trust: Trust::of(found_role.as_ref()).in_word_of(provider.arn.clone()),
            found: found_role,
            asked,
            keys,
            with_tags: !tags.is_empty(),
            with_source_identity: source_identity.is_some(),
        };
        let allowed = authorize::<act::AssumeRoleWithWebIdentity>(caller, Vouched(on)).map_err(|_| {
            // AWS's sentence, whatever it is that does not fit.
            super::refused("Not authorized to perform sts:AssumeRoleWithWebIdentity")
        })?;
        let role = found(&allowed.on().0)?;
        let now = self.unix_millis();
        let token = SessionToken {
            account: self.scope().account.clone(),
            expires_at: now.saturating_add(lifetime(role, request.duration_seconds, None)?),
            issued_at: now,
            holder: Holder::Role {
                role: role.id.clone(),
                session_name: request.role_session_name.clone(),
                begun_by: BegunBy::Federated(Box::new(federation)),
            },
            mfa_at: None,
            source_identity: source_identity.clone(),
            policies: self.checked_session_policies(request.policy, &request.policy_arns).await?,
            tags,
        };
        let (credentials, percent) = self.issue(&token)?;
        let assumed_role_user = assumed(self, role, &request.role_session_name);
        tracing::info!(provider = %provider.arn, session = %assumed_role_user.arn, "a role is acted as by a provider's word");
        Ok(AssumeRoleWithWebIdentityResponse {
            credentials,
            subject_from_web_identity_token: claims.subject,
            assumed_role_user,
            packed_policy_size: is_packed(&token).then_some(percent),
            provider: provider.arn.to_string(),
            audience,
            source_identity,
        })
    }

    /// Who vouches, what for, and to which client.
    async fn vouched(&self, token: &str) -> Result<(ProviderRecord, Claims, String), ApiError> {
        let token = Unverified::parse(token).map_err(refused)?;
        let account = &self.scope().account;
        let provider = self.store.provider_of_url(account, token.issuer()).await.map_err(failure::store)?;
        // Whether there is a provider is for those to know who have a token of it.
        let provider = provider.ok_or_else(unbelieved)?;
        let Some(keys) = self.provider_keys(&provider.url, &token).await else {
            let message = "The provider's keys cannot be had; try again, and tell the service's operator.";
            return Err(ApiError::new(ErrorCode::IDPCommunicationError, message));
        };
        let skew = self.settings.max_clock_skew.as_secs();
        let claims = token.verify(&keys, self.unix_millis(), skew).map_err(refused)?;
        let audience = claims.audiences.iter().find(|audience| provider.client_ids.contains(audience)).cloned();
        let audience = audience.ok_or_else(|| invalid("Incorrect token audience"))?;
        Ok((provider, claims, audience))
    }
}

/// An address without its scheme.
pub(crate) fn address(url: &str) -> &str {
    url.strip_prefix("https://").unwrap_or(url)
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidIdentityToken, message)
}

/// The same for an issuer that nobody here knows and for a signature that is not the issuer's.
fn unbelieved() -> ApiError {
    invalid(
        "The token is not accepted: its issuer is no provider of this account, or its signature is not that provider's.",
    )
}

fn refused(error: JwtError) -> ApiError {
    match error {
        JwtError::UnknownKey | JwtError::Signature => unbelieved(),
        JwtError::Expired => {
            ApiError::new(ErrorCode::ExpiredIdentityToken, "Token expired: ask the provider for a new one")
        }
        JwtError::Malformed(_) | JwtError::Algorithm | JwtError::TooEarly | JwtError::Claim(_) => {
            invalid(&error.to_string())
        }
    }
}
