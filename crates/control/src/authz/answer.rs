//! The answers to single questions, by who asks: policies give them for people, ownership for nodes.

use std::borrow::Cow;

use postern_iam::NodeId;
use postern_policy::{Context, Layer, Layers, Principal as Asking, Request, Verdict};
use postern_store::Scope;

use super::audience::Audience;
use super::record::Reasons;
use super::{Action, Denied, Needs, Question, Resource};
use crate::caller::{Caller, NodeProof, Person};

const NOT_ITS_OWN: &str = "because a managed node may act only for itself and its own sessions";
const NEEDS_KEY: &str = "because it must be signed with the node's registered key";
const NEEDS_ROLE: &str = "because it must be signed with the credentials of the node's role";
const NOT_A_NODE: &str = "because only a managed node may do this, with its own credentials";

/// Who answers about one act.
pub(super) struct Answer<'a> {
    pub(super) caller: &'a Caller,
    pub(super) action: Action,
    pub(super) audience: Audience,
    /// Whether reasons are wanted, and not the answer alone.
    pub(super) in_full: bool,
}

/// What was answered.
pub(super) struct Heard {
    /// Nothing for a yes.
    pub(super) denied: Option<Denied>,
    /// What policies said, if they were asked and reasons are wanted.
    pub(super) reasons: Option<Reasons>,
}

impl From<Option<Denied>> for Heard {
    fn from(denied: Option<Denied>) -> Self {
        Self { denied, reasons: None }
    }
}

impl Answer<'_> {
    /// A person may do what policies allow and is a person's to do. What only a node can do is not: a control channel that
    /// a person opened would be a node that nobody registered.
    pub(super) fn person(&self, person: &Person, question: &Question<'_>, request: &Context) -> Heard {
        match self.audience {
            Audience::NodeWithKey | Audience::NodeWithRole => {
                return Some(self.denied(question, Cow::Borrowed(NOT_A_NODE))).into();
            }
            Audience::Anyone | Audience::Everybody | Audience::AnyPerson => return None.into(),
            Audience::Vouched => return Some(self.denied(question, Cow::Borrowed(""))).into(),
            Audience::People | Audience::PeopleAndNodes | Audience::PeopleAndAnyNode => {}
        }
        let name = self.name(question);
        let (verdict, reasons) = self.ask(&name, question, request, |asked| match question.needs {
            Needs::Trust(trust) => trust.answer(person, asked),
            Needs::Allow | Needs::NoDeny | Needs::AllowUnlessOwner(_) => asked.put(&person.layers, Asking::default()),
        });
        let is_enough = match (verdict, question.needs) {
            (Verdict::Allowed, _) | (Verdict::ImplicitDeny(_), Needs::NoDeny) => true,
            (Verdict::ImplicitDeny(_), Needs::AllowUnlessOwner(owner)) => owner == Some(person.user_id.as_str()),
            (Verdict::ImplicitDeny(_), Needs::Allow | Needs::Trust(_)) | (Verdict::ExplicitDeny(_), _) => false,
        };
        if is_enough {
            return Heard { denied: None, reasons };
        }
        let reason = match question.needs {
            Needs::Trust(_) => String::new(),
            Needs::Allow | Needs::NoDeny | Needs::AllowUnlessOwner(_) => verdict.reason(&name),
        };
        let denied = Denied {
            is_explicit: matches!(verdict, Verdict::ExplicitDeny(_)),
            ..self.denied(question, Cow::Owned(reason))
        };
        Heard { denied: Some(denied), reasons }
    }

    /// Somebody whom a provider vouches for may act as a role that trusts the provider's word.
    pub(super) fn vouched(&self, question: &Question<'_>, request: &Context) -> Heard {
        let (verdict, reasons) = self.ask(&self.name(question), question, request, |asked| match question.needs {
            Needs::Trust(trust) => trust.answer_to_vouched(asked),
            Needs::Allow | Needs::NoDeny | Needs::AllowUnlessOwner(_) => (Verdict::ImplicitDeny(Layer::Identity), None),
        });
        let denied = (!verdict.is_allowed()).then(|| self.denied(question, Cow::Borrowed("")));
        Heard { denied, reasons }
    }

    pub(super) fn node(&self, node: &NodeId, proof: NodeProof, question: &Question<'_>) -> Heard {
        let answer = answer_node(node, proof, self.audience, question);
        answer.err().map(|reason| self.denied(question, Cow::Borrowed(reason))).into()
    }

    /// Nobody in particular has no policies.
    pub(super) fn nobody(&self, question: &Question<'_>) -> Heard {
        let reason = Verdict::ImplicitDeny(Layer::Identity).reason(&self.name(question));
        Some(self.denied(question, Cow::Owned(reason))).into()
    }

    /// A no that no policy changes.
    pub(super) fn refused(&self, question: &Question<'_>, reason: &'static str) -> Heard {
        Some(Denied { is_explicit: true, ..self.denied(question, Cow::Borrowed(reason)) }).into()
    }

    fn denied(&self, question: &Question<'_>, reason: Cow<'static, str>) -> Denied {
        let resource = question.resource.as_asked_for(&self.caller.scope);
        Denied { action: self.name(question), resource, reason, is_explicit: false }
    }

    pub(super) fn name(&self, question: &Question<'_>) -> Cow<'static, str> {
        question.action.map_or_else(|| Cow::Owned(self.action.name()), Cow::Borrowed)
    }

    fn ask(
        &self,
        action: &str,
        question: &Question<'_>,
        request: &Context,
        put: impl FnOnce(&Asked<'_>) -> (Verdict, Option<Reasons>),
    ) -> (Verdict, Option<Reasons>) {
        ask(action, question, request, &self.caller.scope, self.in_full, put)
    }
}

/// A question, ready to be put to policies.
pub(super) struct Asked<'a> {
    pub(super) action: &'a str,
    pub(super) resource: &'a postern_policy::Resource<'a>,
    pub(super) scope: &'a Scope,
    pub(super) context: &'a Context,
    pub(super) resource_context: &'a Context,
    in_full: bool,
}

impl Asked<'_> {
    pub(super) fn put(&self, layers: &Layers, principal: Asking<'_>) -> (Verdict, Option<Reasons>) {
        let Self { action, resource, context, resource_context, .. } = *self;
        let request = Request { principal, action, resource, context, resource_context };
        if !self.in_full {
            return (postern_policy::verdict(layers, &request), None);
        }
        let decision = postern_policy::evaluate(layers, &request);
        let reasons = Reasons {
            action: action.to_owned(),
            resource: resource.name().to_owned(),
            layers: layers.clone(),
            decision,
        };
        (reasons.decision.verdict, Some(reasons))
    }
}

/// Puts a question to policies.
pub(super) fn ask<T>(
    action: &str,
    question: &Question<'_>,
    request: &Context,
    scope: &Scope,
    in_full: bool,
    put: impl FnOnce(&Asked<'_>) -> T,
) -> T {
    let (name, other_name) = (question.resource.name(scope), question.resource.other_name(scope));
    let mut resource = match question.resource {
        Resource::Session { .. } => postern_policy::Resource::session(&name),
        _ if name == "*" => postern_policy::Resource::ANY,
        _ => postern_policy::Resource::new(&name),
    };
    if let Some(other_name) = &other_name {
        resource = resource.or(other_name);
    }
    let mut resource_context = question.keys.clone();
    question.resource.keys(scope, &mut resource_context);
    put(&Asked { action, resource: &resource, scope, context: request, resource_context: &resource_context, in_full })
}

fn answer_node(
    node: &NodeId,
    proof: NodeProof,
    audience: Audience,
    question: &Question<'_>,
) -> Result<(), &'static str> {
    let needed = match audience {
        Audience::NodeWithKey => NodeProof::Key,
        Audience::NodeWithRole | Audience::PeopleAndNodes | Audience::PeopleAndAnyNode | Audience::Everybody => {
            NodeProof::Role
        }
        Audience::Anyone | Audience::People | Audience::AnyPerson | Audience::Vouched => {
            return Err("because it is not for managed nodes");
        }
    };
    let own = match question.resource {
        Resource::Node { id, .. } => id == node,
        Resource::Session { node: owner, .. }
        | Resource::Ciphertext { node: owner, .. }
        | Resource::LogStream { node: owner, .. } => owner == Some(node),
        // What no node owns and every node may look at.
        Resource::Any | Resource::LogGroups => matches!(audience, Audience::PeopleAndAnyNode | Audience::Everybody),
        Resource::Target(_)
        | Resource::Nothing(_)
        | Resource::Document { .. }
        | Resource::Role(_)
        | Resource::Identity { .. }
        | Resource::ServiceSetting(_)
        | Resource::Inventory
        | Resource::Key { .. }
        | Resource::LogGroup { .. } => false,
    };
    match (own, needed == proof, needed) {
        (true, true, _) => Ok(()),
        (false, _, _) => Err(NOT_ITS_OWN),
        (true, false, NodeProof::Key) => Err(NEEDS_KEY),
        (true, false, NodeProof::Role) => Err(NEEDS_ROLE),
    }
}
