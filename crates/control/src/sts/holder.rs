//! From a session token back to whoever holds it, as it is now: a user or role that is gone, or was made anew under its
//! old name, has no sessions left, and its policies are those of this moment. So has a role's session whose user is gone:
//! whoever takes a user away means to take away everything that it does.

use postern_iam::{AccountId, Arn};
use postern_model::ApiError;
use postern_store::{PolicyInEffect, Tag};

use crate::caller::{CredentialFacts, Person, TemporaryFacts};
use crate::people::Found;
use crate::policies::Deciding;
use crate::session_token::{BegunBy, Federation, Holder, SessionPolicies, SessionTag, SessionToken};
use crate::{Control, failure};

/// How a session policy of a session's own is called where somebody asks what decided.
const INLINE: &str = "session policy";

impl Control {
    /// Who holds this token. Nobody, if there is no such user or role any more.
    pub(crate) async fn holder(&self, token: &SessionToken) -> Result<Option<Found>, ApiError> {
        let SessionToken { account, holder, issued_at, mfa_at, source_identity, tags, policies, .. } = token;
        let (id, begun_by) = match holder {
            Holder::User(id) => (id, None),
            Holder::Role { role, begun_by: BegunBy::User(user), .. } => (role, Some(user)),
            Holder::Role { role, begun_by: BegunBy::Federated(_) | BegunBy::Unsaid, .. } => (role, None),
        };
        let identity = async |id| self.store.identity_of_id(account, id).await.map_err(failure::store);
        let Some(found) = identity(id).await? else { return Ok(None) };
        let user = match begun_by {
            None => None,
            Some(user) => match identity(user).await? {
                None => return Ok(None),
                user => user,
            },
        };
        let in_effect = self.store.policies_in_effect(account, id).await.map_err(failure::store)?;
        let session = self.session_policies(account, policies).await?;
        let Deciding { layers, bytes } = self.deciding(&in_effect, session.as_deref());
        let mut facts = TemporaryFacts {
            issued_at: *issued_at,
            mfa_at: *mfa_at,
            source_identity: source_identity.clone(),
            federated_provider: None,
            provider_keys: Vec::new(),
            transitive_tags: tags.iter().filter(|tag| tag.transitive).map(plain).collect(),
        };
        let tags: Vec<Tag> = tags.iter().map(plain).collect();
        let person = match holder {
            Holder::User(_) => Person::user(found, account, CredentialFacts::Temporary(facts), layers),
            Holder::Role { session_name, begun_by, .. } => {
                if let BegunBy::Federated(federation) = begun_by {
                    facts.federated_provider = Some(federation.provider.to_string());
                    facts.provider_keys = federation.keys();
                }
                Person::role_session((found, user), account, session_name.clone(), tags, facts, layers)
            }
        };
        Ok(Some(Found::new(person, bytes)))
    }

    /// What narrows a session, as it is now. A managed policy that is gone allows nothing any more.
    async fn session_policies(
        &self,
        account: &AccountId,
        SessionPolicies { inline, managed }: &SessionPolicies,
    ) -> Result<Option<Vec<PolicyInEffect>>, ApiError> {
        if inline.is_none() && managed.is_empty() {
            return Ok(None);
        }
        let own = |text: &String| PolicyInEffect { name: INLINE.to_owned(), document: Some(text.clone()) };
        let mut all: Vec<PolicyInEffect> = inline.iter().map(own).collect();
        for arn in managed {
            all.extend(self.managed_in_effect(account, arn).await?);
        }
        Ok(Some(all))
    }

    /// The version of a managed policy that is in effect; none if there is no such policy.
    pub(super) async fn managed_in_effect(
        &self,
        account: &AccountId,
        arn: &Arn,
    ) -> Result<Option<PolicyInEffect>, ApiError> {
        let name = arn.to_string();
        if arn.account == crate::iam::AWS_MANAGED {
            return Ok(crate::iam::find_managed(arn).map(|_| PolicyInEffect { name, document: None }));
        }
        let versions = self.store.policy_versions(account, arn).await.map_err(failure::store)?;
        let default = versions.into_iter().flatten().find(|version| version.is_default);
        Ok(default.map(|version| PolicyInEffect { name, document: Some(version.document) }))
    }
}

fn plain(tag: &SessionTag) -> Tag {
    Tag { key: tag.key.clone(), value: tag.value.clone() }
}

impl Federation {
    /// The condition keys that the provider's word is asked by, with their values.
    pub(crate) fn keys(&self) -> Vec<(String, Vec<String>)> {
        let key = |name: &str, values: Vec<String>| (format!("{}:{name}", self.issuer), values);
        vec![
            key("sub", vec![self.subject.clone()]),
            key("aud", vec![self.audience.clone()]),
            key("amr", self.methods.clone()),
        ]
    }
}
