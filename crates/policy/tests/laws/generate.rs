//! Policies and requests out of few words, so that they often have to do with each other.

use std::sync::Arc;

use postern_policy::{Attached, Context, Effect, Layers, Limits, Policy, Principal, Request, Resource, Value, verdict};
use proptest::prelude::*;

/// Policies by layer, each as its statements.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) identity: Vec<Vec<String>>,
    pub(crate) organisation: Option<Vec<Vec<String>>>,
    pub(crate) boundary: Option<Vec<Vec<String>>>,
    pub(crate) session: Option<Vec<Vec<String>>>,
}

impl World {
    pub(crate) fn has(&self, layer: usize) -> bool {
        match layer {
            0 => true,
            1 => self.organisation.is_some(),
            2 => self.boundary.is_some(),
            _ => self.session.is_some(),
        }
    }

    pub(crate) fn layer(&mut self, layer: usize) -> &mut Vec<Vec<String>> {
        match layer {
            0 => &mut self.identity,
            1 => self.organisation.get_or_insert_default(),
            2 => self.boundary.get_or_insert_default(),
            _ => self.session.get_or_insert_default(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) action: String,
    pub(crate) arn: String,
    /// Whether the resource is asked for as a session.
    pub(crate) session: bool,
    pub(crate) context: Vec<(String, Vec<String>)>,
}

impl Default for Question {
    fn default() -> Self {
        Self { action: "s:a".to_owned(), arn: "*".to_owned(), session: false, context: Vec::new() }
    }
}

impl Question {
    pub(crate) fn ask<T>(&self, answer: impl FnOnce(&Request<'_>) -> T) -> T {
        let mut context = Context::new();
        for (key, values) in &self.context {
            context.set_all(key, values.iter().map(|value| Value::from(value.as_str())));
        }
        let resource = match self.session {
            true => Resource::session(&self.arn),
            false => Resource::new(&self.arn),
        };
        answer(&Request {
            principal: Principal::default(),
            action: &self.action,
            resource: &resource,
            context: &context,
            resource_context: &Context::EMPTY,
        })
    }
}

pub(crate) fn document(statements: &[String]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

/// Whether a condition on one key with one value holds for one value.
pub(crate) fn holds(operator: &str, wanted: &str, value: &str) -> bool {
    let document = format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"{operator}":{{"x:y":"{wanted}"}}}}}}}}"#
    );
    let policy = Arc::new(Policy::parse(&document, Limits::MANAGED).unwrap());
    let layers = Layers { identity: vec![Attached { name: "P".into(), policy }], ..Layers::default() };
    let context = vec![("x:y".to_owned(), vec![value.to_owned()])];
    Question { context, ..Question::default() }.ask(|request| verdict(&layers, request)).is_allowed()
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(words)
}

fn list(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(word(words), 1..3).prop_map(|words| match &words[..] {
        [one] => format!("{one:?}"),
        several => format!("{several:?}"),
    })
}

const ACTIONS: &[&str] = &["*", "s:*", "s:a", "S:A*", "s:?", "s:b", "t:a", "*:a"];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:ssm:*:*:*",
    "arn:aws:ssm:r:1:session/*",
    "arn:aws:ssm:*:1:session/ann-*",
    "arn:aws:ssm:*:1:session/ann*",
    "arn:aws:ssm:*:*:session/${x:name}-*",
    "arn:aws:ssm:*:*:session/${x:name, 'ann'}-*",
    "arn:aws:ssm:r:2:session/*",
    "arn:aws:ssm:?:?:node/*",
    "arn:aws:ssm:r:1:node/a",
    "arn:*:ssm:*:1:*a",
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
];
const VALUES: &[&str] = &["ann", "ANN", "a*", "?nn", "bob", "*", "${x:name}", "${x:tags}", "${x:none, 'ann'}", "${*}"];

fn condition() -> impl Strategy<Value = String> {
    let quantifier = word(&["", "", "ForAllValues:", "ForAnyValue:"]);
    let strings =
        (quantifier, word(OPERATORS), word(&["", "", "IfExists"]), word(&["x:name", "X:Tags", "x:none"]), list(VALUES))
            .prop_map(|(quantifier, operator, if_exists, key, values)| {
                format!(r#"{{"{quantifier}{operator}{if_exists}":{{"{key}":{values}}}}}"#)
            });
    let null = (word(&["x:name", "x:tags", "x:none"]), any::<bool>())
        .prop_map(|(key, absent)| format!(r#"{{"Null":{{"{key}":"{absent}"}}}}"#));
    prop_oneof![4 => strings, 1 => null]
}

pub(crate) fn statement(effect: Option<Effect>) -> impl Strategy<Value = String> {
    let effect = match effect {
        Some(effect) => Just(effect.name()).boxed(),
        None => prop_oneof![6 => Just("Allow"), 1 => Just("Deny")].boxed(),
    };
    let named = |name: &'static str, not: &'static str| prop_oneof![5 => Just(name), 1 => Just(not)];
    (
        effect,
        named("Action", "NotAction"),
        list(ACTIONS),
        named("Resource", "NotResource"),
        list(RESOURCES),
        prop::option::of(condition()),
    )
        .prop_map(|(effect, action, actions, resource, resources, condition)| {
            let condition = condition.map(|condition| format!(r#","Condition":{condition}"#)).unwrap_or_default();
            format!(r#"{{"Effect":"{effect}","{action}":{actions},"{resource}":{resources}{condition}}}"#)
        })
}

pub(crate) fn policy() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(statement(None), 1..4)
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    let layer = || prop::option::weighted(0.25, prop::collection::vec(policy(), 0..4));
    (prop::collection::vec(policy(), 0..6), layer(), layer(), layer())
        .prop_map(|(identity, organisation, boundary, session)| World { identity, organisation, boundary, session })
}

pub(crate) fn question() -> impl Strategy<Value = Question> {
    let key = |key: &'static str, most: usize| {
        prop::collection::vec(word(&["ann", "Ann", "bob", "*", "ann-marie"]), 0..=most)
            .prop_map(move |values| (key.to_owned(), values.into_iter().map(str::to_owned).collect::<Vec<_>>()))
    };
    let arns = word(&[
        "*",
        "arn:aws:ssm:r:1:session/ann-0a",
        "arn:aws:ssm:r:1:session/ann-marie-0a",
        "arn:aws:ssm:r:1:session/bob-0a",
        "arn:aws:ssm:r:2:session/ann-0a",
        "arn:aws:ssm:r:1:node/a",
        "arn:aws:ssm:r:1:node/b",
        "not-an-arn",
    ]);
    (word(&["s:a", "S:b", "t:A", "s:ab"]), arns, key("x:name", 1), key("X:tags", 3)).prop_map(
        |(action, arn, name, tags)| Question {
            action: action.to_owned(),
            arn: arn.to_owned(),
            session: arn.contains(":session/"),
            context: vec![name, tags],
        },
    )
}
