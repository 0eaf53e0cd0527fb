//! Files with a case in each line.

use std::sync::Arc;

use postern_policy::{
    Attached, Context, Decision, Effect, Layer, Layers, Limits, Mismatch, Policy, Principal, Request, Resource, Value,
    Verdict, evaluate, verdict,
};

type Lines = [(usize, String)];
type Results = Vec<Result<(), String>>;

fn columns<const N: usize>(line: &str) -> [&str; N] {
    let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
    columns.try_into().unwrap_or_else(|_| panic!("not {N} columns: {line}"))
}

/// One policy with one statement, as an identity's.
fn layers(document: &str) -> Layers {
    let policy = Policy::parse(document, Limits::MANAGED).unwrap_or_else(|fault| panic!("{document}: {fault}"));
    Layers { identity: vec![Attached { name: "P".into(), policy: Arc::new(policy) }], ..Layers::default() }
}

pub(crate) fn context(json: &str) -> Context {
    let json: serde_json::Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    let mut context = Context::new();
    for (key, value) in json.as_object().unwrap() {
        let text = |value: &serde_json::Value| Value::from(value.as_str().unwrap());
        match value {
            serde_json::Value::Array(values) => context.set_all(key, values.iter().map(text)),
            value => context.set(key, text(value)),
        }
    }
    context
}

pub(crate) fn resource<'a>(arn: &'a str, also: &[&'a str]) -> Resource<'a> {
    let first = match arn {
        "*" => Resource::ANY,
        _ if arn.starts_with("arn:aws:ssm:") && arn.contains(":session/") => Resource::session(arn),
        _ => Resource::new(arn),
    };
    also.iter().fold(first, |resource, arn| resource.or(arn))
}

fn ask(layers: &Layers, action: &str, arn: &str, context: &Context) -> Decision {
    let resource = resource(arn, &[]);
    let principal = Principal::default();
    let request = Request { principal, action, resource: &resource, context, resource_context: &Context::EMPTY };
    let decision = evaluate(layers, &request);
    assert_eq!(decision.verdict, verdict(layers, &request), "the quick answer is another");
    decision
}

/// What a policy of one statement must answer when the statement matches or does not.
fn check(decision: &Decision, effect: Effect, matches: bool, case: &str) -> Result<(), String> {
    let expected = match (effect, matches) {
        (Effect::Allow, true) => Verdict::Allowed,
        (Effect::Deny, true) => Verdict::ExplicitDeny(Layer::Identity),
        (_, false) => Verdict::ImplicitDeny(Layer::Identity),
    };
    let decided = decision.statements.iter().any(|statement| statement.index == 0);
    if decision.verdict == expected && decided == matches && (decision.missed.is_empty() == matches) {
        return Ok(());
    }
    Err(format!("{case}\n    with {}: {decision:?}", effect.name()))
}

pub(crate) fn conditions(lines: &Lines) -> Results {
    lines.iter().map(|(at, line)| condition(line).map_err(|wrong| format!("line {at}: {wrong}"))).collect()
}

fn condition(line: &str) -> Result<(), String> {
    let [operator, keys, values, holds, _why] = columns(line);
    let holds = yes(holds);
    for effect in [Effect::Allow, Effect::Deny] {
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{}","Action":"*","Resource":"*","Condition":{{"{operator}":{keys}}}}}}}"#,
            effect.name()
        );
        let decision = ask(&layers(&document), "ssm:StartSession", "*", &context(values));
        check(&decision, effect, holds, line)?;
        let named = |missed: &postern_policy::Missed| match &missed.why[..] {
            [Mismatch::Condition { operator: its, key, found, wanted }] => {
                let context = context(values);
                let asked: Vec<&str> = context.get(key).iter().map(Value::text).collect();
                let shown: Vec<&str> = found.iter().map(|value| &**value).collect();
                let are_written = wanted.iter().all(|value| keys.contains(&**value));
                its.to_string() == operator && keys.contains(&**key) && asked == shown && are_written
            }
            _ => false,
        };
        if !decision.missed.iter().all(named) {
            return Err(format!("{line}\n    the near miss is another: {decision:?}"));
        }
    }
    Ok(())
}

fn yes(text: &str) -> bool {
    match text {
        "yes" => true,
        "no" => false,
        other => panic!("neither yes nor no: {other}"),
    }
}

pub(crate) fn actions(lines: &Lines) -> Results {
    let one = |line: &str| {
        let [pattern, action, matches, _why] = columns(line);
        let matches = yes(matches);
        let document =
            |element: &str| format!(r#"{{"Statement":{{"Effect":"Allow","{element}":"{pattern}","Resource":"*"}}}}"#);
        let allowed = |element: &str| ask(&layers(&document(element)), action, "*", &Context::EMPTY);
        let (these, others) = (allowed("Action"), allowed("NotAction"));
        // A statement about another action is no near miss.
        let right = these.is_allowed() == matches
            && others.is_allowed() != matches
            && these.missed.is_empty()
            && others.missed.is_empty();
        if right { Ok(()) } else { Err(format!("{line}\n    {these:?}\n    {others:?}")) }
    };
    lines.iter().map(|(at, line)| one(line).map_err(|wrong| format!("line {at}: {wrong}"))).collect()
}

pub(crate) fn resources(lines: &Lines) -> Results {
    let one = |line: &str| {
        let [pattern, arn, values, matches, _why] = columns(line);
        let document = |effect: Effect, element: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{}","Action":"*","{element}":"{pattern}"}}}}"#,
                effect.name()
            )
        };
        if matches == "refused" {
            return match Policy::parse(&document(Effect::Allow, "Resource"), Limits::MANAGED) {
                Err(_) => Ok(()),
                Ok(_) => Err(format!("{line}\n    is taken")),
            };
        }
        let matches = yes(matches);
        let answer = |effect, element| ask(&layers(&document(effect, element)), "ssm:X", arn, &context(values));
        check(&answer(Effect::Allow, "Resource"), Effect::Allow, matches, line)?;
        check(&answer(Effect::Deny, "NotResource"), Effect::Deny, !matches, line)
    };
    lines.iter().map(|(at, line)| one(line).map_err(|wrong| format!("line {at}: {wrong}"))).collect()
}

pub(crate) fn refused(lines: &Lines) -> Results {
    let one = |line: &str| {
        let [kind, document, summary, path, _why] = columns(line);
        let limits = match kind {
            "identity" => Limits::MANAGED,
            "trust" => Limits::TRUST,
            "resource" => Limits::RESOURCE,
            other => panic!("no such kind: {other}"),
        };
        let fault = match Policy::parse(document, limits) {
            Ok(_) => return Err(format!("{line}\n    is taken")),
            Err(fault) => fault,
        };
        let text = fault.to_string();
        let right = fault.code() == "MalformedPolicyDocument"
            && fault.summary() == summary
            && fault.path() == path
            && text.starts_with(summary)
            && text.contains(path);
        if right { Ok(()) } else { Err(format!("{line}\n    {fault}")) }
    };
    lines.iter().map(|(at, line)| one(line).map_err(|wrong| format!("line {at}: {wrong}"))).collect()
}

pub(crate) fn warnings(lines: &Lines) -> Results {
    let one = |line: &str| {
        let [document, place, _why] = columns(line);
        let policy = Policy::parse(document, Limits::MANAGED).unwrap_or_else(|fault| panic!("{document}: {fault}"));
        let warnings = policy.warnings();
        let paths: Vec<&str> = warnings.iter().map(postern_policy::Warning::path).collect();
        let expected: Vec<&str> = if place == "none" { vec![] } else { vec![place] };
        if paths == expected { Ok(()) } else { Err(format!("{line}\n    {warnings:?}")) }
    };
    lines.iter().map(|(at, line)| one(line).map_err(|wrong| format!("line {at}: {wrong}"))).collect()
}
