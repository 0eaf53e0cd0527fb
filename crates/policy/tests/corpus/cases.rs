//! Files with whole decisions.

use std::collections::BTreeMap;
use std::sync::Arc;

use postern_policy::{
    Attached, Context, Decision, Effect, Layer, Layers, Limits, Mismatch, Policy, Principal, PrincipalKind, Request,
    StatementRef, Verdict, evaluate, managed, verdict,
};

use super::tables::{context, resource};

#[derive(Default)]
struct World {
    texts: BTreeMap<String, String>,
    documents: BTreeMap<String, String>,
    layers: Layers,
    names: Vec<(PrincipalKind, String)>,
    context: Context,
    about: Context,
}

/// Runs a file; a result for each line that asks.
pub(crate) fn run(lines: &[(usize, String)]) -> Vec<Result<(), String>> {
    let mut world = World::default();
    let mut results = Vec::new();
    for (at, line) in lines {
        let line = world.expand(line);
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match word {
            "let" | "policy" => {
                let (name, text) = rest.split_once(" = ").unwrap_or_else(|| panic!("line {at}: no \" = \""));
                let into = if word == "let" { &mut world.texts } else { &mut world.documents };
                into.insert(name.to_owned(), text.to_owned());
            }
            "layers" => world.set_layers(rest),
            "as" => world.names.push(name(rest)),
            "with" => world.context = context(rest),
            "about" => world.about = context(rest),
            "ask" => results.push(world.ask(rest).map_err(|wrong| format!("line {at}: {line}\n    {wrong}"))),
            other => panic!("line {at}: {other}?"),
        }
    }
    results
}

fn name(text: &str) -> (PrincipalKind, String) {
    let (kind, name) = text.split_once(' ').unwrap();
    let kind = match kind {
        "AWS" => PrincipalKind::Aws,
        "Service" => PrincipalKind::Service,
        "Federated" => PrincipalKind::Federated,
        other => panic!("no such kind: {other}"),
    };
    (kind, name.to_owned())
}

impl World {
    fn expand(&self, line: &str) -> String {
        self.texts.iter().fold(line.to_owned(), |line, (name, text)| line.replace(&format!("<{name}>"), text))
    }

    fn set_layers(&mut self, text: &str) {
        let mut layers = Layers::default();
        for part in text.split(';').map(str::trim) {
            let mut words = part.split_whitespace();
            let layer = words.next().unwrap();
            let limits = match layer {
                "must" => Limits::TRUST,
                "resource" => Limits::RESOURCE,
                _ => Limits::MANAGED,
            };
            let policies: Vec<Attached> = words.map(|name| self.attached(name, limits)).collect();
            match layer {
                "organisation" => layers.organisation = Some(policies),
                "resource" => layers.resource = policies,
                "must" => (layers.resource, layers.resource_must_allow) = (policies, true),
                "identity" => layers.identity = policies,
                "boundary" => layers.boundary = Some(policies),
                "session" => layers.session = Some(policies),
                other => panic!("no such layer: {other}"),
            }
        }
        self.layers = layers;
        self.names.clear();
        (self.context, self.about) = (Context::EMPTY, Context::EMPTY);
    }

    fn attached(&self, name: &str, limits: Limits) -> Attached {
        if let Some(name) = name.strip_prefix("aws:") {
            let managed = managed::by_arn(&format!("arn:aws:iam::aws:policy/{name}")).unwrap();
            return Attached { name: name.into(), policy: managed.policy() };
        }
        let document = self.documents.get(name).unwrap_or_else(|| panic!("no policy {name}"));
        let policy = Policy::parse(document, limits).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        Attached { name: name.into(), policy: Arc::new(policy) }
    }

    fn ask(&self, text: &str) -> Result<(), String> {
        let (question, answer) = text.split_once(" => ").unwrap();
        let (answer, _why) = answer.split_once(" -- ").expect("every case says why");
        let mut words = question.split(' ');
        let (action, arn) = (words.next().unwrap(), words.next().unwrap());
        let also: Vec<&str> = words.filter(|word| *word != "or").collect();
        let names: Vec<(PrincipalKind, &str)> = self.names.iter().map(|(kind, name)| (*kind, name.as_str())).collect();
        let account = names.iter().find_map(|(_, name)| name.split(':').nth(4).filter(|account| !account.is_empty()));
        let resource = resource(arn, &also);
        let request = Request {
            principal: Principal { account, names: &names },
            action,
            resource: &resource,
            context: &self.context,
            resource_context: &self.about,
        };
        let decision = evaluate(&self.layers, &request);
        if decision.verdict != verdict(&self.layers, &request) {
            return Err(format!("the quick answer is {:?}", verdict(&self.layers, &request)));
        }
        let effect = if answer.starts_with("deny") { Effect::Deny } else { Effect::Allow };
        if decision.statements.iter().any(|statement| statement.effect != effect) {
            return Err("a statement with the other effect decides".to_owned());
        }
        if effect == Effect::Allow && !decision.outvoted.is_empty() {
            return Err("a matching deny is outvoted".to_owned());
        }
        let (expected, misses) = match answer.split_once(';') {
            Some((expected, misses)) => (expected.trim(), Some(misses.trim())),
            None => (answer.trim(), None),
        };
        let (got, got_misses) = (said(&decision), missed(&decision));
        if got != expected || misses.is_some_and(|misses| misses != got_misses) {
            return Err(format!("{got} ; {got_misses}"));
        }
        Ok(())
    }
}

fn place(statement: &StatementRef) -> String {
    format!("{}#{}", statement.policy, statement.index)
}

fn said(decision: &Decision) -> String {
    let mut words = match decision.verdict {
        Verdict::Allowed => vec!["allow".to_owned()],
        Verdict::ExplicitDeny(layer) => {
            assert_eq!(decision.statements.first().map(|first| first.layer), Some(layer));
            vec!["deny".to_owned()]
        }
        Verdict::ImplicitDeny(layer) => {
            let layer = match layer {
                Layer::Organisation => "organisation",
                Layer::Resource => "resource",
                Layer::Identity => "identity",
                Layer::Boundary => "boundary",
                Layer::Session => "session",
            };
            vec!["none".to_owned(), layer.to_owned()]
        }
    };
    words.extend(decision.statements.iter().map(place));
    words.join(" ")
}

fn missed(decision: &Decision) -> String {
    let one = |missed: &postern_policy::Missed| {
        let why = match missed.why.first().expect("something was otherwise") {
            Mismatch::Principal => "principal".to_owned(),
            Mismatch::Resource { .. } => "resource".to_owned(),
            Mismatch::OtherOwner => "owner".to_owned(),
            Mismatch::Variable(key) => format!("variable {key}"),
            Mismatch::Condition { key, found, .. } if found.is_empty() => format!("absent {key}"),
            Mismatch::Condition { key, .. } => format!("condition {key}"),
        };
        format!("{} {why}", place(&missed.statement))
    };
    decision.missed.iter().map(one).collect::<Vec<_>>().join(" ")
}
