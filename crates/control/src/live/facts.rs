//! What is so by now about whoever started a session, its node and its document. Each is read once for all sessions of a
//! review, so a review costs as much as there are people, nodes and documents, not as there are sessions.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use postern_iam::{AccessKeyId, Arn, DocumentName, NodeId};
use postern_model::ApiError;
use postern_store::{StandingSession, UnixMillis};

use super::grounds::{Grounds, Who};
use crate::authz::act::{NODE_LOCKED, OnDocument, OnNode, Start, Target};
use crate::authz::{Act as _, Denied, act};
use crate::caller::{Caller, CredentialFacts, Person, Principal};
use crate::{Control, failure};

/// People, nodes or documents that are remembered at once.
const MAX_REMEMBERED: usize = 1000;

const KEY_GONE: &str = "because the access key that it was started with is not active any more";
const HOLDER_GONE: &str = "because the user or role that it was started by is not there any more";
const EXPIRED: &str = "because the temporary credentials that it was started with have expired";

/// How a session stands.
pub(super) enum Standing {
    /// It is none that can be asked about: an earlier release started it, or its node is gone and it ends for that.
    NothingToAsk,
    /// Whoever started it has nothing to ask with any more.
    Gone(Denied),
    /// It would be asked for like this.
    Asks(Box<Caller>, Box<Start>),
}

pub(super) struct Facts<'a> {
    control: &'a Control,
    people: BTreeMap<Who, Result<Arc<Person>, &'static str>>,
    nodes: BTreeMap<NodeId, Option<OnNode>>,
    documents: BTreeMap<DocumentName, OnDocument>,
    reads: u32,
}

impl<'a> Facts<'a> {
    pub(super) fn new(control: &'a Control) -> Self {
        Self { control, people: BTreeMap::new(), nodes: BTreeMap::new(), documents: BTreeMap::new(), reads: 0 }
    }

    /// How often the store was asked.
    pub(super) fn reads(&self) -> u32 {
        self.reads
    }

    pub(super) async fn of(&mut self, session: &StandingSession) -> Result<Standing, ApiError> {
        let Some(node) = self.node(&session.node_id).await? else { return Ok(Standing::NothingToAsk) };
        let grounds = session.grounds.as_deref().and_then(Grounds::from_text);
        let Some(grounds) = grounds else {
            let is_locked = node.is_locked;
            return Ok(if is_locked {
                Standing::Gone(self.gone(&node.id, NODE_LOCKED))
            } else {
                Standing::NothingToAsk
            });
        };
        let person = match self.person(grounds.who()).await? {
            Ok(person) => as_it_was(person, session.started_at, self.control.unix_millis()),
            Err(reason) => return Ok(Standing::Gone(self.gone(&session.node_id, reason))),
        };
        let start = Start {
            target: Target::Node(node),
            document: self.document(&session.document_name).await?,
            document_check: grounds.document_check(),
            destination: grounds.destination(),
            run_as_user: grounds.run_as_user(),
        };
        let caller = self.control.caller(Principal::Person(person), grounds.origin());
        Ok(Standing::Asks(Box::new(caller), Box::new(start)))
    }

    fn gone(&self, node: &NodeId, reason: &'static str) -> Denied {
        let scope = self.control.scope();
        Denied {
            action: Cow::Owned(act::StartSession::ACTION.name()),
            resource: Arn::node(&scope.region, &scope.account, node).to_string(),
            reason: Cow::Borrowed(reason),
            is_explicit: true,
        }
    }

    async fn person(&mut self, who: &Who) -> Result<Result<Arc<Person>, &'static str>, ApiError> {
        if let Some(known) = self.people.get(who) {
            return Ok(known.clone());
        }
        self.reads += 1;
        let found = match who {
            Who::Key(id) => self.control.person_of_key(id).await?,
            Who::Token(_) => self.control.person_of_token(who).await?,
        };
        Ok(remember(&mut self.people, who, found))
    }

    async fn node(&mut self, id: &NodeId) -> Result<Option<OnNode>, ApiError> {
        if let Some(known) = self.nodes.get(id) {
            return Ok(known.clone());
        }
        self.reads += 1;
        let node = self.control.store.node(self.control.scope(), id).await.map_err(failure::store)?;
        let found = node.map(|node| OnNode { id: id.clone(), tags: node.tags, is_locked: node.lock.is_some() });
        Ok(remember(&mut self.nodes, id, found))
    }

    async fn document(&mut self, name: &DocumentName) -> Result<OnDocument, ApiError> {
        if let Some(known) = self.documents.get(name) {
            return Ok(known.clone());
        }
        self.reads += 1;
        let found = self.control.on_document(&self.control.document_named(name)).await?;
        Ok(remember(&mut self.documents, name, found))
    }
}

fn remember<K: Ord + Clone, V: Clone>(known: &mut BTreeMap<K, V>, key: &K, found: V) -> V {
    if known.len() >= MAX_REMEMBERED {
        known.clear();
    }
    known.insert(key.clone(), found.clone());
    found
}

/// How old the second factor was is about the start: a session does not end because time passes over it.
fn as_it_was(person: Arc<Person>, started_at: UnixMillis, now: UnixMillis) -> Arc<Person> {
    match &person.credentials {
        CredentialFacts::Temporary(facts) if facts.mfa_at.is_some() => {
            let mut facts = facts.clone();
            let since = now.saturating_sub(started_at);
            facts.mfa_at = facts.mfa_at.map(|at| at.saturating_add(since));
            Arc::new(Person { credentials: CredentialFacts::Temporary(facts), ..(*person).clone() })
        }
        CredentialFacts::Temporary(_) | CredentialFacts::LongLived => person,
    }
}

impl Control {
    /// The user of an access key by now, or why nobody is.
    async fn person_of_key(&self, id: &str) -> Result<Result<Arc<Person>, &'static str>, ApiError> {
        let Ok(id) = id.parse::<AccessKeyId>() else { return Ok(Err(KEY_GONE)) };
        let found = self.store.access_key(&id).await.map_err(failure::store)?;
        let found = found.filter(|(key, _)| key.active && key.account == self.scope().account);
        let Some((key, user)) = found else { return Ok(Err(KEY_GONE)) };
        Ok(Ok(self.user_of_key(&key, user).await?.person))
    }

    /// Who holds temporary credentials by now, or why nobody does. That they have expired ends nothing, unless the
    /// settings say so: whoever has them cannot start anything more.
    async fn person_of_token(&self, who: &Who) -> Result<Result<Arc<Person>, &'static str>, ApiError> {
        let Some(token) = who.token().filter(|token| token.account == self.scope().account) else {
            return Ok(Err(HOLDER_GONE));
        };
        if self.settings.sessions_end_with_credentials && self.unix_millis() >= token.expires_at {
            return Ok(Err(EXPIRED));
        }
        Ok(self.holder(&token).await?.map(|found| found.person).ok_or(HOLDER_GONE))
    }
}
