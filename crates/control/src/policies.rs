//! The policies that count for somebody, ready to decide with.
//!
//! A document is taken apart once. What it was taken apart into is found again by the document's text, so a document
//! that changes is another one, and no change needs to be told to anybody. A document that cannot be read (any more)
//! takes every right from whom it counts for: nobody knows what it denied.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use postern_policy::managed::by_arn;
use postern_policy::{Attached, DocumentKind, Layers, Limits, Policy};
use postern_store::{PoliciesInEffect, PolicyInEffect};

use crate::Control;

/// Bytes of documents in each of the two halves of the cache. What a document is taken apart into is some times larger.
const HALF_BYTES: usize = 4 << 20;

static DENY_EVERYTHING: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let policy = Policy::parse(document, Limits::stored(DocumentKind::Identity));
    Arc::new(policy.expect("the document is part of the program, and a test reads it"))
});

/// Policies by their text, in two halves: what is asked for moves to the newer one, and when that is full the older one
/// is forgotten.
#[derive(Debug, Default)]
pub(crate) struct PolicyCache {
    newer: HashMap<Box<str>, Arc<Policy>>,
    newer_bytes: usize,
    older: HashMap<Box<str>, Arc<Policy>>,
}

impl PolicyCache {
    fn find(&mut self, document: &str) -> Option<Arc<Policy>> {
        if let Some(policy) = self.newer.get(document) {
            return Some(Arc::clone(policy));
        }
        let (text, policy) = self.older.remove_entry(document)?;
        self.keep(text, &policy);
        Some(policy)
    }

    fn keep(&mut self, document: Box<str>, policy: &Arc<Policy>) {
        if self.newer_bytes + document.len() > HALF_BYTES {
            self.older = std::mem::take(&mut self.newer);
            self.newer_bytes = 0;
        }
        self.newer_bytes += document.len();
        self.newer.insert(document, Arc::clone(policy));
    }
}

impl Control {
    /// What decides about somebody: these policies, and, for temporary credentials that have any, session policies.
    pub(crate) fn layers(&self, in_effect: &PoliciesInEffect, session: Option<&[PolicyInEffect]>) -> Arc<Layers> {
        let all = |policies: &[PolicyInEffect]| policies.iter().map(|policy| self.attached(policy)).collect();
        Arc::new(Layers {
            identity: all(&in_effect.identity),
            boundary: in_effect.boundary.as_ref().map(|boundary| all(std::slice::from_ref(boundary))),
            session: session.map(all),
            ..Layers::default()
        })
    }

    fn attached(&self, PolicyInEffect { name, document }: &PolicyInEffect) -> Attached {
        let policy = match document {
            Some(document) => self.parsed(name, document),
            None => self.managed(name),
        };
        Attached { name: name.as_str().into(), policy }
    }

    /// One of the service's own, by its ARN.
    fn managed(&self, name: &str) -> Arc<Policy> {
        match by_arn(name) {
            Some(managed) => managed.policy(),
            None => {
                tracing::error!(
                    policy = name,
                    "there is no such policy; whoever has it may do nothing until it is detached"
                );
                Arc::clone(&DENY_EVERYTHING)
            }
        }
    }

    fn parsed(&self, name: &str, document: &str) -> Arc<Policy> {
        let cache = || self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = cache().find(document) {
            return policy;
        }
        match Policy::parse(document, Limits::stored(DocumentKind::Identity)) {
            Ok(policy) => {
                let policy = Arc::new(policy);
                cache().keep(document.into(), &policy);
                policy
            }
            Err(fault) => {
                tracing::error!(policy = name, %fault, "a stored policy cannot be read; whoever has it may do nothing until it is replaced");
                Arc::clone(&DENY_EVERYTHING)
            }
        }
    }
}

/// What [`Control`] keeps.
pub(crate) type Policies = Mutex<PolicyCache>;

#[cfg(test)]
mod tests {
    use super::*;

    fn document(sid: usize) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"s{sid}","Effect":"Allow","Action":"ssm:*","Resource":"*"}}]}}"#
        )
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        let mut cache = PolicyCache::default();
        let often = document(0);
        let policy = Arc::new(Policy::parse(&often, Limits::MANAGED).expect("is a policy"));
        cache.keep(often.as_str().into(), &policy);
        for sid in 1..200_000 {
            cache.keep(document(sid).into(), &policy);
            assert!(cache.find(&often).is_some(), "after {sid}");
        }
        let bytes = |half: &HashMap<Box<str>, Arc<Policy>>| half.keys().map(|text| text.len()).sum::<usize>();
        assert!(bytes(&cache.newer) <= HALF_BYTES && bytes(&cache.older) <= HALF_BYTES);
        assert_eq!(bytes(&cache.newer), cache.newer_bytes);
        assert!(cache.find(&document(1)).is_none());
        assert!(cache.find(&document(199_999)).is_some());
    }

    #[test]
    fn a_document_that_cannot_be_read_denies_everything() {
        let statements = DENY_EVERYTHING.statements();
        assert_eq!(statements.len(), 1);
        assert_eq!(statements[0].effect(), postern_policy::Effect::Deny);
    }
}
