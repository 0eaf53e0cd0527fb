//! Whose decision is explained: whoever asks, or somebody else as if it asked from nowhere in particular.

use std::sync::Arc;

use postern_model::ApiError;
use postern_store::{IdentityKind, IdentityRecord};

use super::wrong;
use crate::authz::Authorized;
use crate::authz::act::{self, OnExplained, OnIdentity};
use crate::caller::{Caller, CredentialFacts, Person, PersonKind, Principal, TemporaryFacts};
use crate::{Control, Origin, failure};

/// What a session of a role is called whose name nobody has said.
const SESSION: &str = "explain";

/// Whose decision is explained.
pub(super) enum Whom {
    /// Whoever asks, with this very request.
    Oneself(OnExplained),
    /// Somebody else; a session of a role has this name.
    Other(OnExplained, Option<String>),
}

impl Whom {
    pub(super) fn on(&self) -> &OnExplained {
        let (Self::Oneself(on) | Self::Other(on, _)) = self;
        on
    }
}

impl Control {
    /// Who is meant; it need not exist.
    pub(super) async fn whom(&self, caller: &Caller, named: Option<&str>) -> Result<Whom, ApiError> {
        let Some(named) = named else {
            let Principal::Person(person) = &caller.principal else {
                return Err(wrong("Principal must be named: a user or a role."));
            };
            let identity = match &person.kind {
                PersonKind::User { name, .. } => self.on_identity(IdentityKind::User, name).await?,
                PersonKind::RoleSession { role, .. } => self.on_identity(IdentityKind::Role, role.short_name()).await?,
            };
            return Ok(Whom::Oneself(OnExplained { identity, user_id: Some(person.user_id.clone()) }));
        };
        let account = &self.scope().account;
        let session = named.strip_prefix(&format!("arn:aws:sts::{account}:assumed-role/"));
        if let Some((role, session)) = session.and_then(|session| session.split_once('/')) {
            let identity = self.on_principal(&format!("role/{role}")).await?;
            return Ok(Whom::Other(OnExplained { identity, user_id: None }, Some(session.to_owned())));
        }
        let identity = self.on_principal(named).await?;
        let user_id = self.user_id(&identity).await?;
        Ok(Whom::Other(OnExplained { identity, user_id }, None))
    }

    /// Who a user is for good; nothing for a role, which nobody is alone.
    pub(super) async fn user_id(&self, on: &OnIdentity) -> Result<Option<String>, ApiError> {
        if on.kind != IdentityKind::User {
            return Ok(None);
        }
        let found = self.store.identity(&self.scope().account, on.kind, &on.name).await.map_err(failure::store)?;
        Ok(found.map(|user| user.id.to_string()))
    }

    /// The request that is decided about. Of somebody else's, nothing is known but that it comes over a connection like
    /// the one that asks.
    pub(super) async fn caller_for(
        &self,
        allowed: &Authorized<act::ExplainPolicy>,
        whom: &Whom,
    ) -> Result<Caller, ApiError> {
        let asks = allowed.caller();
        let Whom::Other(OnExplained { identity, .. }, session) = whom else { return Ok(asks.clone()) };
        let OnIdentity { kind, name, asked, .. } = identity;
        let account = &self.scope().account;
        let found = self.store.identity(account, *kind, name).await.map_err(failure::store)?;
        let identity = found.ok_or_else(|| crate::lock::not_there(asked))?;
        let person = self.person(identity, session.as_deref().unwrap_or(SESSION)).await?;
        let origin = Origin {
            source_ip: None,
            is_secure: asks.is_secure,
            user_agent: None,
            request_id: asks.request_id.clone(),
        };
        Ok(self.caller(Principal::Person(Arc::new(person)), origin))
    }

    /// A user with an access key, or a session of a role that somebody has just begun.
    async fn person(&self, identity: IdentityRecord, session: &str) -> Result<Person, ApiError> {
        let account = &self.scope().account;
        let policies = self.store.policies_in_effect(account, &identity.id).await.map_err(failure::store)?;
        let layers = self.deciding(&policies, None).layers;
        if identity.kind == IdentityKind::User {
            return Ok(Person::user(identity, account, CredentialFacts::LongLived, layers));
        }
        let facts = TemporaryFacts {
            issued_at: self.unix_millis(),
            mfa_at: None,
            source_identity: None,
            federated_provider: None,
            provider_keys: Vec::new(),
            transitive_tags: Vec::new(),
        };
        Ok(Person::role_session((identity, None), account, session.to_owned(), Vec::new(), facts, layers))
    }
}
