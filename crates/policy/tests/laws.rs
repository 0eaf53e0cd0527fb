//! What must hold for every policy and every request, on made-up ones, and that the engine answers as a model of the
//! language does which is written straight from its documentation, without patterns taken apart or anything else clever.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "laws/generate.rs"]
mod generate;
#[path = "laws/model.rs"]
mod model;

use std::sync::Arc;

use postern_policy::{Attached, Effect, Layers, Limits, Mismatch, Policy, Verdict, evaluate, verdict};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use generate::{Question, World, document, policy, question, statement, world};

fn attached(document: &str) -> Attached {
    let policy = Policy::parse(document, Limits::MANAGED.with_max_characters(100_000)).unwrap();
    Attached { name: document.into(), policy: Arc::new(policy) }
}

fn layers(world: &World) -> Layers {
    let layer =
        |documents: &Vec<Vec<String>>| documents.iter().map(|statements| attached(&document(statements))).collect();
    Layers {
        organisation: world.organisation.as_ref().map(layer),
        identity: layer(&world.identity),
        boundary: world.boundary.as_ref().map(layer),
        session: world.session.as_ref().map(layer),
        ..Layers::default()
    }
}

fn allows(world: &World, question: &Question) -> bool {
    question.ask(|request| verdict(&layers(world), request)).is_allowed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_engine_answers_as_the_model_does(world in world(), question in question()) {
        prop_assert_eq!(allows(&world, &question), model::allows(&world, &question));
    }

    #[test]
    fn the_quick_answer_is_the_long_one(world in world(), question in question()) {
        let layers = layers(&world);
        let decision = question.ask(|request| evaluate(&layers, request));
        prop_assert_eq!(decision.verdict, question.ask(|request| verdict(&layers, request)));
        let effect = if matches!(decision.verdict, Verdict::ExplicitDeny(_)) { Effect::Deny } else { Effect::Allow };
        prop_assert!(decision.statements.iter().all(|statement| statement.effect == effect));
        prop_assert_eq!(
            decision.statements.is_empty() && decision.is_allowed(),
            false,
            "an allow rests on a statement"
        );
    }

    #[test]
    fn a_deny_of_what_is_asked_wins_wherever_it_stands(
        mut world in world(),
        question in question(),
        at in any::<prop::sample::Index>(),
        layer in 0_usize..4,
    ) {
        let deny = format!(r#"{{"Effect":"Deny","Action":"{}","Resource":"*"}}"#, question.action);
        let policies = world.layer(layer);
        if policies.is_empty() {
            policies.push(vec![deny]);
        } else {
            let at = at.index(policies.len());
            policies[at].insert(0, deny);
        }
        let verdict = question.ask(|request| verdict(&layers(&world), request));
        prop_assert!(matches!(verdict, Verdict::ExplicitDeny(_)));
    }

    #[test]
    fn the_order_of_statements_and_policies_does_not_matter(world in world(), question in question(), turn in 0_usize..7) {
        let mut turned = world.clone();
        for layer in 0..4 {
            if world.has(layer) {
                let policies = turned.layer(layer);
                policies.reverse();
                for statements in policies {
                    let turn = turn % statements.len();
                    statements.rotate_left(turn);
                }
            }
        }
        let (one, other) = (layers(&world), layers(&turned));
        let decide = |layers: &Layers| {
            let decision = question.ask(|request| evaluate(layers, request));
            (decision.verdict, decision.statements.len(), decision.missed.len())
        };
        prop_assert_eq!(decide(&one), decide(&other));
    }

    #[test]
    fn a_further_allow_takes_nothing_away(
        world in world(),
        question in question(),
        more in statement(Some(Effect::Allow)),
        layer in 0_usize..4,
    ) {
        let before = allows(&world, &question);
        let mut after = world;
        if after.has(layer) {
            after.layer(layer).push(vec![more]);
        } else {
            after.identity.push(vec![more]);
        }
        prop_assert!(!before || allows(&after, &question));
    }

    #[test]
    fn a_further_deny_gives_nothing(
        world in world(),
        question in question(),
        more in statement(Some(Effect::Deny)),
    ) {
        let before = allows(&world, &question);
        let mut after = world;
        after.identity.push(vec![more]);
        prop_assert!(before || !allows(&after, &question));
    }

    #[test]
    fn boundary_session_policy_and_organisation_give_nothing(
        world in world(),
        question in question(),
        more in policy(),
        layer in 1_usize..4,
    ) {
        prop_assume!(!world.has(layer));
        let before = allows(&world, &question);
        let mut after = world;
        after.layer(layer).push(more);
        prop_assert!(before || !allows(&after, &question));
    }

    /// What is said of owners only ever gives less away than the same patterns on a resource that has none.
    #[test]
    fn owners_only_narrow(world in world(), question in question()) {
        let without = Question { session: false, ..question.clone() };
        prop_assert!(!allows(&world, &question) || allows(&world, &without));
    }

    #[test]
    fn what_is_printed_is_the_same_policy(statements in policy()) {
        let read = Policy::parse(&document(&statements), Limits::MANAGED.with_max_characters(100_000)).unwrap();
        let printed = read.to_string();
        let again = Policy::parse(&printed, Limits::MANAGED.with_max_characters(100_000)).unwrap();
        prop_assert_eq!(&again, &read);
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn reading_is_total(text in ".{0,200}", statements in policy(), cut in any::<prop::sample::Index>(), put in ".{0,3}") {
        let _ = Policy::parse(&text, Limits::MANAGED);
        let mut document = document(&statements);
        let at = cut.index(document.len());
        if document.is_char_boundary(at) {
            document.insert_str(at, &put);
        }
        for limits in [Limits::MANAGED, Limits::TRUST, Limits::RESOURCE] {
            if let Err(fault) = Policy::parse(&document, limits) {
                prop_assert!(!fault.to_string().is_empty());
            }
        }
    }

    #[test]
    fn wildcards_match_as_a_naive_matcher_does(pattern in "[ab*?é]{0,8}", text in "[abé]{0,10}") {
        let expected = model::like(&pattern, &text);
        prop_assert_eq!(generate::holds("StringLike", &pattern, &text), expected);
        prop_assert_eq!(generate::holds("StringNotLike", &pattern, &text), !expected);
    }

    #[test]
    fn actions_match_as_a_naive_matcher_does(pattern in "[aAbB*?]{1,8}", text in "[aAbB]{1,10}") {
        let statement = format!(r#"{{"Effect":"Allow","Action":"s:{pattern}","Resource":"*"}}"#);
        let world = World { identity: vec![vec![statement]], ..World::default() };
        let question = Question { action: format!("S:{text}"), ..Question::default() };
        let expected = model::like(&pattern.to_lowercase(), &text.to_lowercase());
        prop_assert_eq!(allows(&world, &question), expected);
    }

    #[test]
    fn arns_match_part_by_part(parts in prop::array::uniform4("[ab*?]{0,4}"), asked in prop::array::uniform4("[ab]{0,4}")) {
        let [region, account, kind, rest] = &parts;
        let pattern = format!("arn:aws:ssm:{region}:{account}:{kind}/{rest}");
        let [asked_region, asked_account, asked_kind, asked_rest] = &asked;
        let arn = format!("arn:aws:ssm:{asked_region}:{asked_account}:{asked_kind}/{asked_rest}");
        let statement = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"{pattern}"}}"#);
        let world = World { identity: vec![vec![statement]], ..World::default() };
        let expected = model::like(region, asked_region)
            && model::like(account, asked_account)
            && model::like(&format!("{kind}/{rest}"), &format!("{asked_kind}/{asked_rest}"));
        prop_assert_eq!(allows(&world, &Question { arn, ..Question::default() }), expected);
    }
}

/// Laws about policies that never allow anything would hold of themselves.
#[test]
fn what_is_made_up_is_worth_asking() {
    let mut runner = TestRunner::deterministic();
    let mut seen = [0_usize; 4];
    for _ in 0..1000 {
        let (world, question) = (world(), question()).new_tree(&mut runner).unwrap().current();
        let decision = question.ask(|request| evaluate(&layers(&world), request));
        let at = match decision.verdict {
            Verdict::Allowed => 0,
            Verdict::ExplicitDeny(_) => 1,
            Verdict::ImplicitDeny(_) => 2,
        };
        seen[at] += 1;
        seen[3] += usize::from(decision.missed.iter().any(|missed| missed.why.contains(&Mismatch::OtherOwner)));
    }
    assert!(seen.iter().zip([200, 100, 200, 20]).all(|(seen, least)| *seen >= least), "{seen:?}");
}
