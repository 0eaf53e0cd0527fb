//! The policies that count for somebody, ready to decide with.
//!
//! A document is taken apart once. What it was taken apart into is found again by the document's text, so a document
//! that changes is another one, and no change needs to be told to anybody. A document that cannot be read (any more)
//! takes every right from whom it counts for: nobody knows what it denied.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use postern_policy::managed::by_arn;
use postern_policy::{Attached, DocumentKind, Layers, Limits, Policy};
use postern_store::{PoliciesInEffect, PolicyInEffect};

use crate::Control;
use crate::halves::{HalfSize, Halves};

/// Bytes of documents in each of the two halves of what is remembered.
const HALF: HalfSize = HalfSize { entries: 16_384, bytes: 4 << 20 };

/// What a document is taken apart into is about so many times as large.
const TIMES_ITS_DOCUMENT: usize = 4;

static DENY_EVERYTHING: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let policy = Policy::parse(document, Limits::stored(DocumentKind::Identity));
    Arc::new(policy.expect("the document is part of the program, and a test reads it"))
});

/// Policies by their text.
pub(crate) struct Policies(Mutex<Halves<Box<str>, Arc<Policy>>>);

impl Default for Policies {
    fn default() -> Self {
        Self(Mutex::new(Halves::new(HALF)))
    }
}

impl Policies {
    fn all(&self) -> MutexGuard<'_, Halves<Box<str>, Arc<Policy>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What decides about somebody.
pub(crate) struct Deciding {
    pub(crate) layers: Arc<Layers>,
    /// About what it takes in memory. What is taken apart is shared by all who have the same document, and counts for
    /// whoever brought it.
    pub(crate) bytes: usize,
}

impl Control {
    /// What decides about somebody: these policies, and, for temporary credentials that have any, session policies.
    pub(crate) fn deciding(&self, in_effect: &PoliciesInEffect, session: Option<&[PolicyInEffect]>) -> Deciding {
        let mut bytes = 0;
        let mut all = |policies: &[PolicyInEffect]| -> Vec<Attached> {
            let attached = policies.iter().map(|policy| self.attached(policy));
            attached.inspect(|(_, its_bytes)| bytes += its_bytes).map(|(attached, _)| attached).collect()
        };
        let layers = Layers {
            identity: all(&in_effect.identity),
            boundary: in_effect.boundary.as_ref().map(|boundary| all(std::slice::from_ref(boundary))),
            session: session.map(all),
            ..Layers::default()
        };
        Deciding { layers: Arc::new(layers), bytes }
    }

    fn attached(&self, PolicyInEffect { name, document }: &PolicyInEffect) -> (Attached, usize) {
        /// The place in a list.
        const PLACE: usize = 64;
        let (policy, bytes) = match document {
            Some(document) => {
                let policy = self.parsed(name, document);
                // One is here, and one in the memory of all policies.
                let is_shared = Arc::strong_count(&policy) > 2;
                (policy, if is_shared { 0 } else { document.len() * TIMES_ITS_DOCUMENT })
            }
            None => (self.managed(name), 0),
        };
        (Attached { name: name.as_str().into(), policy }, PLACE + name.len() + bytes)
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
        if let Some(policy) = self.policies.all().find(document) {
            return policy;
        }
        match Policy::parse(document, Limits::stored(DocumentKind::Identity)) {
            Ok(policy) => {
                let policy = Arc::new(policy);
                self.policies.all().keep(document.into(), Arc::clone(&policy), document.len());
                policy
            }
            Err(fault) => {
                tracing::error!(policy = name, %fault, "a stored policy cannot be read; whoever has it may do nothing until it is replaced");
                Arc::clone(&DENY_EVERYTHING)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_cannot_be_read_denies_everything() {
        let statements = DENY_EVERYTHING.statements();
        assert_eq!(statements.len(), 1);
        assert_eq!(statements[0].effect(), postern_policy::Effect::Deny);
    }
}
