//! The decision: which statements match, and what follows from that.

use std::sync::Arc;

use crate::condition::Condition;
use crate::context::{Context, Environment};
use crate::decision::{Decision, Mismatch, Missed, StatementRef, Verdict};
use crate::document::{Effect, Polarity, Policy, Statement};
use crate::principal::{Naming, Principal};
use crate::resource::{Cover, Resource};

/// A policy in a place where it holds.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Its name or ARN, for whoever asks why.
    pub name: Arc<str>,
    /// What it says.
    pub policy: Arc<Policy>,
}

/// Every policy that has a say, by what kind of say it has.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// Organisation-level limits: narrow, if there are any.
    pub organisation: Option<Vec<Attached>>,
    /// The policies of the resource, for a role its trust policy.
    pub resource: Vec<Attached>,
    /// Whether one of `resource` must allow, as a role's trust policy must.
    pub resource_must_allow: bool,
    /// The policies of the user and its groups, or of the role.
    pub identity: Vec<Attached>,
    /// The permissions boundary: narrows, if there is one.
    pub boundary: Option<Vec<Attached>>,
    /// The session policies of temporary credentials: narrow, if there are any.
    pub session: Option<Vec<Attached>>,
}

/// The kinds of say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// See [`Layers::organisation`].
    Organisation,
    /// See [`Layers::resource`].
    Resource,
    /// See [`Layers::identity`].
    Identity,
    /// See [`Layers::boundary`].
    Boundary,
    /// See [`Layers::session`].
    Session,
}

/// One question: may this principal do this to that? An operation on several resources is several questions, and every
/// answer must be yes.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks. Read by statements with a principal only.
    pub principal: Principal<'a>,
    /// What it wants to do: `ssm:StartSession`, in any case.
    pub action: &'a str,
    /// To what.
    pub resource: &'a Resource<'a>,
    /// What is so for the caller and the request as a whole.
    pub context: &'a Context,
    /// What is so for this resource: its tags, its type. Goes before `context`.
    pub resource_context: &'a Context,
}

/// The answer alone: allocates nothing, except where a condition compares without regard to case, and stops at the first
/// `Deny`.
pub fn verdict(layers: &Layers, request: &Request<'_>) -> Verdict {
    decide(layers, request, &mut Silent)
}

/// The answer with the statements that made it, and those that would have if one thing had been otherwise.
#[must_use]
pub fn evaluate(layers: &Layers, request: &Request<'_>) -> Decision {
    let mut record = Record::default();
    let verdict = decide(layers, request, &mut record);
    let wanted = match verdict {
        Verdict::ExplicitDeny(_) => Effect::Deny,
        Verdict::Allowed | Verdict::ImplicitDeny(_) => Effect::Allow,
    };
    record.matched.retain(|statement| statement.effect == wanted);
    Decision { verdict, statements: record.matched, missed: record.missed }
}

/// Where statements that have to do with the request are noted.
trait Notes {
    /// Whether everything is wanted, and not just the answer.
    const ALL: bool;
    fn matched(&mut self, at: Place<'_>);
    fn missed(&mut self, at: Place<'_>, why: Mismatch);
}

#[derive(Clone, Copy)]
struct Place<'a> {
    layer: Layer,
    attached: &'a Attached,
    index: usize,
    statement: &'a Statement,
}

struct Silent;

impl Notes for Silent {
    const ALL: bool = false;
    fn matched(&mut self, _: Place<'_>) {}
    fn missed(&mut self, _: Place<'_>, _: Mismatch) {}
}

#[derive(Default)]
struct Record {
    matched: Vec<StatementRef>,
    missed: Vec<Missed>,
}

impl Notes for Record {
    const ALL: bool = true;

    fn matched(&mut self, at: Place<'_>) {
        self.matched.push(at.into());
    }

    fn missed(&mut self, at: Place<'_>, why: Mismatch) {
        self.missed.push(Missed { statement: at.into(), why });
    }
}

impl From<Place<'_>> for StatementRef {
    fn from(place: Place<'_>) -> Self {
        Self {
            layer: place.layer,
            policy: Arc::clone(&place.attached.name),
            index: place.index,
            sid: place.statement.sid().map(Into::into),
            effect: place.statement.effect,
        }
    }
}

fn decide<N: Notes>(layers: &Layers, request: &Request<'_>, notes: &mut N) -> Verdict {
    let none: &[Attached] = &[];
    let mut denied = None;
    let mut allowed = [Naming::No; 5];
    for (layer, policies) in [
        (Layer::Organisation, layers.organisation.as_deref().unwrap_or(none)),
        (Layer::Resource, &layers.resource),
        (Layer::Identity, &layers.identity),
        (Layer::Boundary, layers.boundary.as_deref().unwrap_or(none)),
        (Layer::Session, layers.session.as_deref().unwrap_or(none)),
    ] {
        for attached in policies {
            for (index, statement) in attached.policy.statements.iter().enumerate() {
                let place = Place { layer, attached, index, statement };
                let known = allowed[layer as usize];
                if !N::ALL && statement.effect == Effect::Allow && known == Naming::Direct {
                    continue;
                }
                let Some(naming) = test(place, request, notes) else { continue };
                notes.matched(place);
                match statement.effect {
                    Effect::Allow => allowed[layer as usize] = known.max(naming),
                    Effect::Deny if N::ALL => denied = denied.or(Some(layer)),
                    Effect::Deny => return Verdict::ExplicitDeny(layer),
                }
            }
        }
    }
    if let Some(layer) = denied {
        return Verdict::ExplicitDeny(layer);
    }
    let has = |layer: Layer| allowed[layer as usize] != Naming::No;
    let lacking = [
        (Layer::Organisation, layers.organisation.is_some() && !has(Layer::Organisation)),
        (Layer::Resource, layers.resource_must_allow && !has(Layer::Resource)),
        // A resource's policy that names the account leaves it to the account's own policies.
        (Layer::Identity, !has(Layer::Identity) && allowed[Layer::Resource as usize] != Naming::Direct),
        (Layer::Boundary, layers.boundary.is_some() && !has(Layer::Boundary)),
        (Layer::Session, layers.session.is_some() && !has(Layer::Session)),
    ];
    lacking.iter().find(|(_, lacks)| *lacks).map_or(Verdict::Allowed, |(layer, _)| Verdict::ImplicitDeny(*layer))
}

/// Whether a statement matches, and whom it names. A statement about another action is no near miss.
fn test<N: Notes>(place: Place<'_>, request: &Request<'_>, notes: &mut N) -> Option<Naming> {
    let statement = place.statement;
    let environment = Environment { request: request.context, resource: request.resource_context };
    let named = statement.actions.patterns.iter().any(|pattern| pattern.matches_any_case(request.action));
    if named == (statement.actions.polarity == Polarity::AllOthers) {
        return None;
    }
    let naming = match &statement.principals {
        None => Naming::Direct,
        Some((Polarity::These, set)) => set.naming(&request.principal),
        Some((Polarity::AllOthers, set)) => match set.naming(&request.principal) {
            Naming::No => Naming::Direct,
            Naming::Account | Naming::Direct => Naming::No,
        },
    };
    let why = if naming == Naming::No {
        Some(Mismatch::Principal)
    } else {
        statement.resource_mismatch(request.resource, &environment).or_else(|| {
            let failing = statement.conditions.iter().find(|condition| !condition.holds(&environment))?;
            Some(if N::ALL { failing.mismatch(&environment) } else { Mismatch::Resource })
        })
    };
    match why {
        None => Some(naming),
        Some(why) => {
            notes.missed(place, why);
            None
        }
    }
}

impl Statement {
    fn resource_mismatch(&self, resource: &Resource<'_>, environment: &Environment<'_>) -> Option<Mismatch> {
        let set = self.resources.as_ref()?;
        let covers = set.patterns.iter().map(|pattern| pattern.cover(resource, environment));
        let cover = covers.max().unwrap_or(Cover::No);
        // What is doubtful is read so that it gives less away.
        let least = match (self.effect, set.polarity) {
            (Effect::Allow, Polarity::These) | (Effect::Deny, Polarity::AllOthers) => Cover::Yes,
            (Effect::Deny, Polarity::These) | (Effect::Allow, Polarity::AllOthers) => Cover::Doubtful,
        };
        if (cover >= least) == (set.polarity == Polarity::These) {
            return None;
        }
        let patterns = || set.patterns.iter().flat_map(|pattern| pattern.patterns());
        Some(match patterns().find_map(|pattern| pattern.unresolved(environment)) {
            _ if cover == Cover::Doubtful => Mismatch::OtherOwner,
            Some(key) if set.polarity == Polarity::These => Mismatch::Variable(key.into()),
            _ => Mismatch::Resource,
        })
    }
}

impl Condition {
    fn mismatch(&self, environment: &Environment<'_>) -> Mismatch {
        Mismatch::Condition {
            operator: self.operator,
            key: self.key.clone(),
            absent: environment.get(&self.lookup).is_empty(),
        }
    }
}
