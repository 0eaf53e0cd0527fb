//! The one place where it is decided who may do what. Deny by default.
//!
//! [`authorize`] turns a caller, an act and what it is about into an [`Authorized`] proof, and every function that
//! reads or changes state on somebody's behalf demands the proof of its own act as an argument. There is no other way
//! to make one. A proof is for one act on one subject; it cannot be used for another.
//!
//! What an act is about is a [`Subject`]: a type whose members are everything that policies may ask about it, so that
//! nobody can ask for a decision and leave out a tag. It says which questions are to be answered; for a person, policies
//! answer them, and for a node, whether it is its own.
//!
//! Who an action is for at all stands in `audience`, whose `match` over [`Operation`] has no wildcard: a new operation
//! does not compile until somebody has decided about it.

use std::borrow::Cow;

use postern_iam::NodeId;
use postern_model::{ApiError, Operation};
use postern_policy::{Context, Layer, Verdict};
use postern_store::Scope;

use crate::caller::{Caller, NodeProof, Person, PersonKind, Principal};

pub mod act;
mod audience;
mod context;
mod everything;
mod resource;
#[cfg(test)]
mod tests;
pub(crate) mod trust;

use audience::{Audience, audience};
pub(crate) use everything::obstacle;
pub use resource::Resource;
use trust::{Asked, Trust};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An operation of the API.
    Api(Operation),
    /// Ask for a token for a control channel.
    CreateControlChannel,
    /// Open a control channel with a signed upgrade.
    OpenControlChannel,
    /// Ask for a token for the agent's side of a data channel.
    CreateDataChannel,
    /// Open a side of a data channel with a signed upgrade.
    OpenDataChannel,
}

impl Action {
    /// The name in policies and denials.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Api(operation) => format!("{}:{operation}", operation.service().name()),
            Self::CreateControlChannel => "ssmmessages:CreateControlChannel".to_owned(),
            Self::OpenControlChannel => "ssmmessages:OpenControlChannel".to_owned(),
            Self::CreateDataChannel => "ssmmessages:CreateDataChannel".to_owned(),
            Self::OpenDataChannel => "ssmmessages:OpenDataChannel".to_owned(),
        }
    }
}

/// An act that needs a decision. Implemented by one empty type for each action, in [`act`].
pub trait Act {
    /// What it is called.
    const ACTION: Action;
    /// What it is done to.
    type On: Subject;
}

/// What an act is about: all that a decision depends on, beside who asks.
pub trait Subject: Clone {
    /// The ways to be allowed, mostly one: each is some questions that must all be answered with yes. Another way is
    /// tried only if nothing has denied the one before.
    fn ways(&self) -> Vec<Vec<Question<'_>>>;

    /// The condition keys that the request brings along, for all questions.
    fn request_keys(&self, keys: &mut Context);

    /// The lock that is in the way of what policies allow, as the end of a denial. Only who would be allowed is told.
    fn lock(&self) -> Option<&'static str> {
        None
    }
}

/// Whether somebody may do something to one resource.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Another action than the act's own: handing a role to a service is `iam:PassRole`.
    pub action: Option<&'static str>,
    /// To what.
    pub resource: Resource<'a>,
    /// Condition keys of this question alone, beside those of the resource.
    pub keys: Context,
    /// What is enough for a yes.
    pub needs: Needs<'a>,
}

/// What is enough for a yes.
#[derive(Clone, Copy, Debug)]
pub enum Needs<'a> {
    /// That policies allow it.
    Allow,
    /// That policies do not deny it.
    NoDeny,
    /// That policies do not deny it, if the person has this user id; that they allow it, for everybody else.
    AllowUnlessOwner(Option<&'a str>),
    /// That a role trusts whoever asks. A denial says nothing more, so that it does not tell which roles there are.
    Trust(&'a Trust),
}

impl<'a> Question<'a> {
    /// May it be done to this?
    #[must_use]
    pub fn about(resource: Resource<'a>) -> Self {
        Self { action: None, resource, keys: Context::EMPTY, needs: Needs::Allow }
    }
}

/// The proof that a caller may do `A`, and to what.
#[derive(Debug)]
#[must_use = "a decision that nobody acts on protects nothing"]
pub struct Authorized<A: Act> {
    caller: Caller,
    on: A::On,
}

impl<A: Act> Authorized<A> {
    /// Who may.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What it may be done to.
    #[must_use]
    pub fn on(&self) -> &A::On {
        &self.on
    }

    /// Where.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.caller.scope
    }
}

/// Decides whether `caller` may do `A` to `on`.
///
/// # Errors
/// `AccessDeniedException`, naming the principal, the action, the resource and the reason.
pub fn authorize<A: Act>(caller: &Caller, on: A::On) -> Result<Authorized<A>, ApiError> {
    match decide(caller, A::ACTION, &on) {
        Ok(()) => Ok(Authorized { caller: caller.clone(), on }),
        Err(Denied { action, resource, reason, .. }) => {
            let principal = &caller.principal;
            tracing::info!(%principal, action = &*action, resource, reason = &*reason, "denied");
            Err(ApiError::access_denied(principal, &action, &resource, &reason))
        }
    }
}

/// Whether a caller may still do what it was allowed to do before. It is no proof: nothing is done with it on anybody's
/// behalf.
pub(crate) fn is_still_allowed<A: Act>(caller: &Caller, on: &A::On) -> Result<(), Denied> {
    decide(caller, A::ACTION, on)
}

/// A no, in the words of a denial.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) action: Cow<'static, str>,
    pub(crate) resource: String,
    pub(crate) reason: Cow<'static, str>,
    /// Somebody said no, rather than nobody yes.
    pub(crate) is_explicit: bool,
}

const NOT_ITS_OWN: &str = "because a managed node may act only for itself and its own sessions";
const NEEDS_KEY: &str = "because it must be signed with the node's registered key";
const NEEDS_ROLE: &str = "because it must be signed with the credentials of the node's role";
const NOT_A_NODE: &str = "because only a managed node may do this, with its own credentials";

const USER_LOCKED: &str = "because the user is locked, whatever policies say";
const ROLE_LOCKED: &str = "because the role is locked, whatever policies say";

fn decide(caller: &Caller, action: Action, on: &impl Subject) -> Result<(), Denied> {
    let audience = audience(action);
    match &caller.principal {
        // Whoever signed the request as well is nobody in particular here.
        Principal::Person(_) | Principal::Anonymous if audience == Audience::Vouched => {
            let mut request = context::of_arrival(caller);
            on.request_keys(&mut request);
            decide_by(on, |question| answer_vouched(caller, action, question, &request))
        }
        Principal::Person(person) if person.is_locked => {
            let reason = match person.kind {
                PersonKind::User { .. } => USER_LOCKED,
                PersonKind::RoleSession { .. } => ROLE_LOCKED,
            };
            decide_by(on, |question| Err(refused(caller, action, question, reason)))
        }
        Principal::Person(person) => {
            let mut request = context::of_request(caller, person);
            on.request_keys(&mut request);
            let allows =
                |question: &Question<'_>| answer_person(caller, person, (action, audience), question, &request);
            decide_by(on, allows)?;
            match on.lock() {
                Some(reason) => decide_by(on, |question| Err(refused(caller, action, question, reason))),
                None => Ok(()),
            }
        }
        Principal::Node { node_id, proof } => decide_by(on, |question| {
            let answer = answer_node(node_id, *proof, audience, question);
            answer.map_err(|reason| denied(caller, action, question, Cow::Borrowed(reason)))
        }),
        // An anonymous registration brings its own proof, the activation's code, which the act checks.
        Principal::Anonymous if audience == Audience::Anyone => Ok(()),
        Principal::Anonymous => decide_by(on, |question| Err(nobody_allows(caller, action, question))),
    }
}

/// Goes through the ways. A subject without any would be one that nobody may touch.
fn decide_by<'a>(on: &'a impl Subject, answer: impl Fn(&Question<'a>) -> Result<(), Denied>) -> Result<(), Denied> {
    let mut last = None;
    for way in on.ways() {
        match way.iter().try_for_each(&answer) {
            Ok(()) if way.is_empty() => {}
            Ok(()) => return Ok(()),
            Err(denied) if denied.is_explicit => return Err(denied),
            Err(denied) => last = Some(denied),
        }
    }
    Err(last.unwrap_or_else(|| Denied {
        action: Cow::Borrowed("this operation"),
        resource: "*".to_owned(),
        reason: Cow::Borrowed("because nothing is known about what it is done to"),
        is_explicit: false,
    }))
}

fn denied(caller: &Caller, action: Action, question: &Question<'_>, reason: Cow<'static, str>) -> Denied {
    let action = question.action.map_or_else(|| Cow::Owned(action.name()), Cow::Borrowed);
    Denied { action, resource: question.resource.as_asked_for(&caller.scope), reason, is_explicit: false }
}

/// A no that no policy changes.
fn refused(caller: &Caller, action: Action, question: &Question<'_>, reason: &'static str) -> Denied {
    Denied { is_explicit: true, ..denied(caller, action, question, Cow::Borrowed(reason)) }
}

fn nobody_allows(caller: &Caller, action: Action, question: &Question<'_>) -> Denied {
    let Denied { action, resource, .. } = denied(caller, action, question, Cow::Borrowed(""));
    let reason = Verdict::ImplicitDeny(Layer::Identity).reason(&action);
    Denied { action, resource, reason: Cow::Owned(reason), is_explicit: false }
}

/// A person may do what policies allow and is a person's to do. What only a node can do is not: a control channel that
/// a person opened would be a node that nobody registered.
fn answer_person(
    caller: &Caller,
    person: &Person,
    (action, audience): (Action, Audience),
    question: &Question<'_>,
    request: &Context,
) -> Result<(), Denied> {
    match audience {
        Audience::NodeWithKey | Audience::NodeWithRole => {
            return Err(denied(caller, action, question, Cow::Borrowed(NOT_A_NODE)));
        }
        Audience::Anyone | Audience::Everybody | Audience::AnyPerson => return Ok(()),
        Audience::Vouched => return Err(denied(caller, action, question, Cow::Borrowed(""))),
        Audience::People | Audience::PeopleAndNodes | Audience::PeopleAndAnyNode => {}
    }
    let name = question.action.map_or_else(|| Cow::Owned(action.name()), Cow::Borrowed);
    let verdict = verdict(person, &name, question, request, &caller.scope);
    let is_enough = match (verdict, question.needs) {
        (Verdict::Allowed, _) | (Verdict::ImplicitDeny(_), Needs::NoDeny) => true,
        (Verdict::ImplicitDeny(_), Needs::AllowUnlessOwner(owner)) => owner == Some(person.user_id.as_str()),
        (Verdict::ImplicitDeny(_), Needs::Allow | Needs::Trust(_)) | (Verdict::ExplicitDeny(_), _) => false,
    };
    if is_enough {
        return Ok(());
    }
    let resource = question.resource.as_asked_for(&caller.scope);
    let reason = match question.needs {
        Needs::Trust(_) => String::new(),
        Needs::Allow | Needs::NoDeny | Needs::AllowUnlessOwner(_) => verdict.reason(&name),
    };
    let is_explicit = matches!(verdict, Verdict::ExplicitDeny(_));
    Err(Denied { action: name, resource, reason: Cow::Owned(reason), is_explicit })
}

/// Somebody whom a provider vouches for may act as a role that trusts the provider's word.
fn answer_vouched(caller: &Caller, action: Action, question: &Question<'_>, request: &Context) -> Result<(), Denied> {
    let name = question.action.map_or_else(|| Cow::Owned(action.name()), Cow::Borrowed);
    let put = |asked: &Asked<'_>| match question.needs {
        Needs::Trust(trust) => trust.verdict_of_vouched(asked),
        Needs::Allow | Needs::NoDeny | Needs::AllowUnlessOwner(_) => Verdict::ImplicitDeny(Layer::Identity),
    };
    match ask(&name, question, request, &caller.scope, put).is_allowed() {
        true => Ok(()),
        false => Err(denied(caller, action, question, Cow::Borrowed(""))),
    }
}

fn verdict(person: &Person, action: &str, question: &Question<'_>, request: &Context, scope: &Scope) -> Verdict {
    ask(action, question, request, scope, |asked| match question.needs {
        Needs::Trust(trust) => trust.verdict(person, asked),
        Needs::Allow | Needs::NoDeny | Needs::AllowUnlessOwner(_) => {
            asked.put(&person.layers, postern_policy::Principal::default())
        }
    })
}

/// Puts a question to policies.
fn ask(
    action: &str,
    question: &Question<'_>,
    request: &Context,
    scope: &Scope,
    put: impl FnOnce(&Asked<'_>) -> Verdict,
) -> Verdict {
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
    put(&Asked { action, resource: &resource, scope, context: request, resource_context: &resource_context })
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
