//! Whether somebody may do everything, as administrators may: asked by programs before they hand out a key for that.

use postern_model::Operation;
use postern_policy::{Attached, Context, Effect, Layers, Principal, Verdict};

use super::answer::{Asked, ask};
use super::{Action, Question, Resource, context};
use crate::caller::{Caller, Person};

/// What keeps this person from doing everything, as the end of a sentence; nothing if nothing does.
pub(crate) fn obstacle(caller: &Caller, person: &Person) -> Option<String> {
    if person.lock.is_some() {
        return Some("it is locked".to_owned());
    }
    if let Some(policy) = policies(&person.layers).find(|policy| denies(policy)) {
        return Some(format!("the policy {} denies something", policy.name));
    }
    let request = context::of_request(caller, person);
    let question = Question { keys: Context::EMPTY, ..Question::about(Resource::Any) };
    let answer = |action: &str| {
        let asks = |asked: &Asked<'_>| asked.put(&person.layers, Principal::default());
        match ask(action, &question, &request, &caller.scope, false, asks) {
            (Verdict::Allowed, _) => None,
            (denied, _) => Some(denied.reason(action)),
        }
    };
    // Nobody has an action of this name, so only statements about all actions or all others allow it.
    answer("*").or_else(|| Operation::ALL.iter().find_map(|operation| answer(&Action::Api(*operation).name())))
}

fn policies(layers: &Layers) -> impl Iterator<Item = &Attached> {
    let Layers { organisation, resource, resource_must_allow: _, identity, boundary, session } = layers;
    let narrowing = [organisation, boundary, session].into_iter().flatten().flatten();
    resource.iter().chain(identity).chain(narrowing)
}

fn denies(attached: &Attached) -> bool {
    attached.policy.statements().iter().any(|statement| statement.effect() == Effect::Deny)
}
