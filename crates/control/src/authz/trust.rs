//! Whom a role trusts: its trust policy, together with the policies of whoever asks.

use std::sync::Arc;

use postern_iam::Arn;
use postern_policy::{Attached, DocumentKind, Layers, Limits, Policy, Principal as Asking, PrincipalKind, Verdict};
use postern_store::IdentityRecord;

use super::answer::Asked;
use super::record::Reasons;
use crate::caller::{Person, PersonKind};

/// What a role's trust policy is called where somebody asks what decided.
pub(crate) const TRUST_POLICY: &str = "trust policy";

/// Whom a role trusts. One that is not there or is locked, or whose trust policy cannot be read, trusts nobody.
#[derive(Clone, Debug)]
pub struct Trust {
    policies: Vec<Attached>,
    /// Who vouches for somebody that is not of here; none if people act as the role by their own credentials.
    provider: Option<Arn>,
}

impl Trust {
    /// The trust of a role in people and roles of here.
    #[must_use]
    pub fn of(role: Option<&IdentityRecord>) -> Self {
        let role = role.filter(|role| role.lock.is_none());
        let document = role.and_then(|role| role.role.as_ref()).map(|terms| terms.trust_policy.as_str());
        let policy = document.and_then(|document| Policy::parse(document, Limits::stored(DocumentKind::Trust)).ok());
        let attached = |policy| Attached { name: TRUST_POLICY.into(), policy: Arc::new(policy) };
        Self { policies: policy.map(attached).into_iter().collect(), provider: None }
    }

    /// The same in somebody whom this provider vouches for.
    #[must_use]
    pub fn in_word_of(self, provider: Arn) -> Self {
        Self { provider: Some(provider), ..self }
    }

    fn layers(&self, others: Layers) -> Layers {
        Layers { resource: self.policies.clone(), resource_must_allow: true, ..others }
    }

    /// What it says to this person: the trust policy must allow it, for the person itself or, together with the person's
    /// own policies, for the account; whatever denies or narrows the person does so here as well.
    pub(super) fn answer(&self, person: &Person, question: &Asked<'_>) -> (Verdict, Option<Reasons>) {
        let mut names = vec![person.arn.to_string()];
        match &person.kind {
            PersonKind::User { id, .. } => names.push(id.to_string()),
            PersonKind::RoleSession { id, role, .. } => names.extend([role.to_string(), id.to_string()]),
        }
        let names: Vec<(PrincipalKind, &str)> = names.iter().map(|name| (PrincipalKind::Aws, name.as_str())).collect();
        let asking = Asking { account: Some(question.scope.account.as_str()), names: &names };
        question.put(&self.layers((*person.layers).clone()), asking)
    }

    /// What it says to somebody whom the provider vouches for, who has no policies.
    pub(super) fn answer_to_vouched(&self, question: &Asked<'_>) -> (Verdict, Option<Reasons>) {
        let name = self.provider.as_ref().map(Arn::to_string).unwrap_or_default();
        let asking = Asking { account: None, names: &[(PrincipalKind::Federated, name.as_str())] };
        question.put(&self.layers(Layers::default()), asking)
    }
}
