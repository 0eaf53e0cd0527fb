//! The language, written straight from its documentation on the documents' JSON: slow, plain, and nothing shared with the
//! engine. It knows what `generate` makes.

use serde_json::Value;

use crate::generate::{Question, World};

pub(crate) fn allows(world: &World, question: &Question) -> bool {
    let layer = |policies: &Vec<Vec<String>>| -> Vec<Value> {
        policies.iter().flatten().map(|statement| serde_json::from_str(statement).unwrap()).collect()
    };
    let narrowing = [&world.organisation, &world.boundary, &world.session];
    let identity = layer(&world.identity);
    let mut everything = identity.clone();
    everything.extend(narrowing.into_iter().flatten().flat_map(layer));
    if everything.iter().any(|statement| statement["Effect"] == "Deny" && matches(statement, question)) {
        return false;
    }
    let allow = |statements: &[Value]| {
        statements.iter().any(|statement| statement["Effect"] == "Allow" && matches(statement, question))
    };
    narrowing.into_iter().flatten().all(|policies| allow(&layer(policies))) && allow(&identity)
}

fn matches(statement: &Value, question: &Question) -> bool {
    let action = |pattern: &str| like(&pattern.to_lowercase(), &question.action.to_lowercase());
    let actions = match statement.get("Action") {
        Some(patterns) => strings(patterns).any(action),
        None => !strings(&statement["NotAction"]).any(action),
    };
    let allow = statement["Effect"] == "Allow";
    let resources = match statement.get("Resource") {
        Some(patterns) => strings(patterns).any(|pattern| covers(pattern, question, !allow)),
        None => !strings(&statement["NotResource"]).any(|pattern| covers(pattern, question, allow)),
    };
    let conditions = statement.get("Condition").is_none_or(|operators| {
        operators.as_object().unwrap().iter().all(|(operator, keys)| {
            keys.as_object().unwrap().iter().all(|(key, wanted)| holds(operator, key, wanted, question))
        })
    });
    actions && resources && conditions
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    let several = value.as_array().map(|items| items.iter().collect()).unwrap_or(vec![value]);
    several.into_iter().map(|item| item.as_str().unwrap())
}

/// Whether a pattern covers the resource; `widely` says how doubt about owners is decided.
fn covers(pattern: &str, question: &Question, widely: bool) -> bool {
    if pattern == "*" {
        return true;
    }
    let Some(pattern) = substitute(pattern, question, true) else { return false };
    let (wanted, asked): (Vec<&str>, Vec<&str>) =
        (pattern.splitn(6, ':').collect(), question.arn.splitn(6, ':').collect());
    if asked.len() != 6 || !wanted.iter().zip(&asked).all(|(wanted, asked)| like(wanted, asked)) {
        return false;
    }
    match (wanted[5].strip_suffix("-*"), asked[5].rsplit_once('-')) {
        (Some(head), Some((owner, _))) if question.session && !widely => like(head, owner),
        _ => true,
    }
}

/// The text with variables in their places. Their wildcards become characters that are none, and so do the escaped ones.
fn substitute(text: &str, question: &Question, in_pattern: bool) -> Option<String> {
    let literal = |text: &str| match in_pattern {
        true => text.replace('*', "\u{1}").replace('?', "\u{2}"),
        false => text.to_owned(),
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, tail) = after.split_once('}').unwrap();
        let (key, default) = match inside.split_once(", '") {
            Some((key, default)) => (key, default.strip_suffix('\'')),
            None => (inside, None),
        };
        out.push_str(before);
        match inside {
            "*" | "?" | "$" => out.push_str(&literal(inside)),
            _ => match &values(key, question)[..] {
                [] => out.push_str(&literal(default?)),
                [one] => out.push_str(&literal(one)),
                _ => return None,
            },
        }
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

fn values(key: &str, question: &Question) -> Vec<String> {
    let same = |(known, _): &&(String, Vec<String>)| known.eq_ignore_ascii_case(key);
    question.context.iter().find(same).map(|(_, values)| values.clone()).unwrap_or_default()
}

fn holds(operator: &str, key: &str, wanted: &Value, question: &Question) -> bool {
    let values = values(key, question);
    if operator == "Null" {
        return strings(wanted).any(|wanted| (wanted == "true") == values.is_empty());
    }
    let (quantifier, rest) = operator.split_once(':').unwrap_or(("", operator));
    let (comparison, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |rest| (rest, true));
    let negated = comparison.contains("Not");
    if values.is_empty() {
        return if_exists || quantifier == "ForAllValues" || (quantifier.is_empty() && negated);
    }
    let positive = comparison.replace("Not", "");
    let one = |value: &String| strings(wanted).any(|wanted| compare(&positive, wanted, value, question));
    match quantifier {
        "ForAllValues" => values.iter().all(|value| one(value) != negated),
        "ForAnyValue" => values.iter().any(|value| one(value) != negated),
        _ => values.iter().any(one) != negated,
    }
}

fn compare(comparison: &str, wanted: &str, value: &str, question: &Question) -> bool {
    let is_like = comparison == "StringLike";
    let Some(wanted) = substitute(wanted, question, is_like) else { return false };
    match comparison {
        "StringEquals" => wanted == value,
        "StringEqualsIgnoreCase" => wanted.to_lowercase() == value.to_lowercase(),
        "StringLike" => like(&wanted, value),
        other => unreachable!("{other}"),
    }
}

/// Wildcards by trying everything. `\u{1}` and `\u{2}` in a pattern are the characters `*` and `?` themselves.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| like(rest.as_str(), &text[at..]))
        }
        Some(first) => text.chars().next().is_some_and(|next| {
            let same = match first {
                '?' => true,
                '\u{1}' => next == '*',
                '\u{2}' => next == '?',
                first => first == next,
            };
            same && like(rest.as_str(), &text[next.len_utf8()..])
        }),
    }
}
