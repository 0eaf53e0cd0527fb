//! The decision: which statements match, and what follows from that.

use std::sync::Arc;

use crate::condition::Condition;
use crate::context::{Context, Environment};
use crate::decision::{Decision, Mismatch, Missed, StatementRef, Verdict};
use crate::document::{Effect, Polarity, Policy, Set, Statement};
use crate::principal::{Naming, Principal};
use crate::resource::{Cover, Resource, ResourcePattern};

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

/// The answer with the statements that made it, and those that would have if something had been otherwise.
#[must_use]
pub fn evaluate(layers: &Layers, request: &Request<'_>) -> Decision {
    let mut record = Record::default();
    let verdict = decide(layers, request, &mut record);
    let wanted = match verdict {
        Verdict::ExplicitDeny(_) => Effect::Deny,
        Verdict::Allowed | Verdict::ImplicitDeny(_) => Effect::Allow,
    };
    let (statements, outvoted) = record.matched.into_iter().partition(|statement| statement.effect == wanted);
    Decision { verdict, statements, outvoted, missed: record.missed }
}

/// Where statements that have to do with the request are noted.
trait Notes {
    /// Whether everything is wanted, and not just the answer.
    const ALL: bool;
    fn matched(&mut self, at: Place<'_>);
    fn missed(&mut self, at: Place<'_>, why: impl FnOnce() -> Vec<Mismatch>);
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
    fn missed(&mut self, _: Place<'_>, _: impl FnOnce() -> Vec<Mismatch>) {}
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

    fn missed(&mut self, at: Place<'_>, why: impl FnOnce() -> Vec<Mismatch>) {
        self.missed.push(Missed { statement: at.into(), why: why() });
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
    if !statement.is_about(request.action) {
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
    if naming == Naming::No {
        notes.missed(place, || vec![Mismatch::Principal]);
        return None;
    }
    let environment = Environment { request: request.context, resource: request.resource_context };
    let is_covered = statement
        .resources
        .as_ref()
        .is_none_or(|set| set.contains(set.cover(request.resource, &environment), statement.effect));
    if is_covered && statement.conditions.iter().all(|condition| condition.holds(&environment)) {
        return Some(naming);
    }
    notes.missed(place, || statement.mismatches(request.resource, &environment));
    None
}

impl Set<ResourcePattern> {
    fn cover(&self, resource: &Resource<'_>, environment: &Environment<'_>) -> Cover {
        self.patterns.iter().map(|pattern| pattern.cover(resource, environment)).max().unwrap_or(Cover::No)
    }

    /// Whether a resource that is covered so well is meant. What is doubtful is read so that it gives less away.
    fn contains(&self, cover: Cover, effect: Effect) -> bool {
        let least = match (effect, self.polarity) {
            (Effect::Allow, Polarity::These) | (Effect::Deny, Polarity::AllOthers) => Cover::Yes,
            (Effect::Deny, Polarity::These) | (Effect::Allow, Polarity::AllOthers) => Cover::Doubtful,
        };
        (cover >= least) == (self.polarity == Polarity::These)
    }

    fn mismatch(&self, resource: &Resource<'_>, environment: &Environment<'_>, effect: Effect) -> Option<Mismatch> {
        let cover = self.cover(resource, environment);
        if self.contains(cover, effect) {
            return None;
        }
        let patterns = || self.patterns.iter().flat_map(|pattern| pattern.patterns());
        Some(match patterns().find_map(|pattern| pattern.unresolved(environment)) {
            _ if cover == Cover::Doubtful => Mismatch::OtherOwner,
            Some(key) if self.polarity == Polarity::These => Mismatch::Variable(key.into()),
            _ => Mismatch::Resource { is_not: self.polarity == Polarity::AllOthers, wanted: self.texts.clone() },
        })
    }
}

impl Statement {
    /// Whether it says anything about this action, in any case.
    #[must_use]
    pub fn is_about(&self, action: &str) -> bool {
        let is_named = self.actions.patterns.iter().any(|pattern| pattern.matches_any_case(action));
        is_named == (self.actions.polarity == Polarity::These)
    }

    /// Everything that is otherwise than the statement says: the resource, and each condition that does not hold.
    fn mismatches(&self, resource: &Resource<'_>, environment: &Environment<'_>) -> Vec<Mismatch> {
        let about = self.resources.as_ref().and_then(|set| set.mismatch(resource, environment, self.effect));
        let failing = self.conditions.iter().filter(|condition| !condition.holds(environment));
        about.into_iter().chain(failing.map(|condition| condition.mismatch(environment))).collect()
    }
}

impl Condition {
    fn mismatch(&self, environment: &Environment<'_>) -> Mismatch {
        Mismatch::Condition {
            operator: self.operator,
            key: self.key.clone(),
            found: environment.get(&self.lookup).iter().map(|value| value.text().into()).collect(),
            wanted: self.texts.clone(),
        }
    }
}
