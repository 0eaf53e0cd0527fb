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

use postern_model::{ApiError, Operation};
use postern_policy::Context;
use postern_store::Scope;

use crate::caller::{Caller, LockedIdentity, Principal};

pub mod act;
mod answer;
mod audience;
mod context;
mod everything;
mod record;
mod resource;
#[cfg(test)]
mod tests;
pub(crate) mod trust;

use answer::{Answer, Heard};
use audience::{Audience, audience};
pub(crate) use everything::obstacle;
use record::Record;
pub(crate) use record::{Answered, Explained, Need, Reasons};
pub use resource::Resource;
use trust::Trust;

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
    /// The action of this name, in any case; none if there is none.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let channels =
            [Self::CreateControlChannel, Self::OpenControlChannel, Self::CreateDataChannel, Self::OpenDataChannel];
        let mut all = Operation::ALL.iter().copied().map(Self::Api).chain(channels);
        all.find(|action| action.name().eq_ignore_ascii_case(name))
    }

    /// The name in policies and denials.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}:{}", self.service(), self.event_name())
    }

    /// The service's name.
    #[must_use]
    pub fn service(self) -> &'static str {
        match self {
            Self::Api(operation) => operation.service().name(),
            Self::CreateControlChannel | Self::OpenControlChannel | Self::CreateDataChannel | Self::OpenDataChannel => {
                "ssmmessages"
            }
        }
    }

    /// The name without the service's, as in audit events.
    #[must_use]
    pub fn event_name(self) -> &'static str {
        match self {
            Self::Api(operation) => operation.name(),
            Self::CreateControlChannel => "CreateControlChannel",
            Self::OpenControlChannel => "OpenControlChannel",
            Self::CreateDataChannel => "CreateDataChannel",
            Self::OpenDataChannel => "OpenDataChannel",
        }
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_read_only(self) -> bool {
        matches!(self, Self::Api(operation) if operation.is_read_only())
    }
}

/// An act that needs a decision. Implemented by one empty type for each action, in [`act`].
pub trait Act {
    /// What it is called.
    const ACTION: Action;
    /// What it is done to.
    type On: Subject + Clone;
}

/// What an act is about: all that a decision depends on, beside who asks.
pub trait Subject {
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
    match decide(caller, A::ACTION, &on, &mut Record::Off) {
        Ok(()) => Ok(Authorized { caller: caller.clone(), on }),
        Err(Denied { action, resource, reason, .. }) => {
            let principal = &caller.principal;
            // Which statement that was is for whoever reads the log, not for whoever was refused.
            let denied_by = explain(caller, A::ACTION, &on).denied_by();
            tracing::info!(%principal, action = &*action, resource, reason = &*reason, denied_by, "denied");
            Err(ApiError::access_denied(principal, &action, &resource, &reason))
        }
    }
}

/// The decision that [`authorize`] would make, with all that leads to it. It is no proof: nothing is done with it on
/// anybody's behalf.
pub(crate) fn explain(caller: &Caller, action: Action, on: &dyn Subject) -> Explained {
    let mut record = Record::On(Vec::new());
    let outcome = decide(caller, action, on, &mut record);
    Explained { outcome, answered: record.into_answered() }
}

/// The decision alone, for whoever asks about it and does nothing: whether a session may still go on. It is no proof
/// either.
pub(crate) fn is_allowed<A: Act>(caller: &Caller, on: &A::On) -> Result<(), Denied> {
    decide(caller, A::ACTION, on, &mut Record::Off)
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

const USER_LOCKED: &str = "because the user is locked, whatever policies say";
const ROLE_LOCKED: &str = "because the role is locked, whatever policies say";
const USER_BEHIND_LOCKED: &str = "because the user who acts as the role is locked, whatever policies say";

fn decide(caller: &Caller, action: Action, on: &dyn Subject, record: &mut Record) -> Result<(), Denied> {
    let audience = audience(action);
    let asked = Answer { caller, action, audience, in_full: record.is_on() };
    match &caller.principal {
        // Whoever signed the request as well is nobody in particular here.
        Principal::Person(_) | Principal::Anonymous if audience == Audience::Vouched => {
            let mut request = context::of_arrival(caller);
            on.request_keys(&mut request);
            decide_by(&asked, on, record, |question| asked.vouched(question, &request))
        }
        Principal::Person(person) => {
            if let Some(lock) = person.lock {
                let reason = match lock {
                    LockedIdentity::User => USER_LOCKED,
                    LockedIdentity::Role => ROLE_LOCKED,
                    LockedIdentity::UserBehindRole => USER_BEHIND_LOCKED,
                };
                return decide_by(&asked, on, &mut Record::Off, |question| asked.refused(question, reason));
            }
            let mut request = context::of_request(caller, person);
            on.request_keys(&mut request);
            decide_by(&asked, on, record, |question| asked.person(person, question, &request))?;
            match on.lock() {
                Some(reason) => decide_by(&asked, on, &mut Record::Off, |question| asked.refused(question, reason)),
                None => Ok(()),
            }
        }
        Principal::Node { node_id, proof } => {
            decide_by(&asked, on, record, |question| asked.node(node_id, *proof, question))
        }
        // An anonymous registration brings its own proof, the activation's code, which the act checks.
        Principal::Anonymous if audience == Audience::Anyone => Ok(()),
        Principal::Anonymous => decide_by(&asked, on, record, |question| asked.nobody(question)),
    }
}

/// Goes through the ways. A subject without any would be one that nobody may touch.
fn decide_by(
    asked: &Answer<'_>,
    on: &dyn Subject,
    record: &mut Record,
    answer: impl Fn(&Question<'_>) -> Heard,
) -> Result<(), Denied> {
    let mut last = None;
    for (number, way) in on.ways().iter().enumerate() {
        let mut ask = |question: &Question<'_>| {
            let Heard { denied, reasons } = answer(question);
            record.note(|| Answered {
                way: number,
                action: asked.name(question).into_owned(),
                resource: question.resource.as_asked_for(&asked.caller.scope),
                is_enough: denied.is_none(),
                needs: question.needs.into(),
                reasons,
            });
            denied.map_or(Ok(()), Err)
        };
        match way.iter().try_for_each(&mut ask) {
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
