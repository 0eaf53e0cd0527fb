//! Putting parameters into a document's strings: `{{ name }}`, in one pass.
//!
//! A string that is nothing but one placeholder becomes the value itself, whatever its type. Elsewhere the value's text
//! is inserted, and what was inserted is not looked at again: a value that looks like a placeholder stays as it is.
//! Unlike the stock agent's, our substitution leaves `$$` in a value alone; there it becomes `$` by accident of the
//! library used (session-types §7.3). `{{ssm:name}}` is no placeholder of this kind and is left for the node.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::DocumentError;

/// A copy of `template` with the parameters put in. Unknown placeholders stay.
#[must_use]
pub fn interpolate(template: &Value, parameters: &BTreeMap<String, Value>) -> Value {
    match template {
        Value::String(text) => interpolate_text(text, parameters),
        Value::Array(items) => items.iter().map(|item| interpolate(item, parameters)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), interpolate(value, parameters))).collect()
        }
        other => other.clone(),
    }
}

pub(super) fn has_placeholder(members: &Map<String, Value>) -> bool {
    members.values().any(|value| match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(items) => items.iter().any(|item| item.as_str().is_some_and(|text| text.contains("{{"))),
        Value::Object(members) => has_placeholder(members),
        _ => false,
    })
}

/// Every placeholder must have its parameter: a node would leave a mistyped one in the command it runs.
pub(super) fn check_declared<T>(
    path: &str,
    members: &Map<String, Value>,
    declared: &BTreeMap<String, T>,
) -> Result<(), DocumentError> {
    members.iter().try_for_each(|(name, value)| check_value(&format!("{path}.{name}"), value, declared))
}

fn check_value<T>(path: &str, value: &Value, declared: &BTreeMap<String, T>) -> Result<(), DocumentError> {
    match value {
        Value::String(text) => match placeholders(text).find(|name| !declared.contains_key(*name)) {
            Some(name) => Err(DocumentError::Undeclared { name: name.to_owned(), path: path.to_owned() }),
            None => Ok(()),
        },
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(at, item)| check_value(&format!("{path}[{at}]"), item, declared))
        }
        Value::Object(members) => check_declared(path, members, declared),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// The names in a text's placeholders.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let candidate = &rest[rest.find("{{")?..];
            match placeholder(candidate) {
                Some((name, after)) => {
                    rest = after;
                    return Some(name);
                }
                // One brace, not two, as when they are replaced.
                None => rest = &candidate[1..],
            }
        }
    })
}

fn interpolate_text(text: &str, parameters: &BTreeMap<String, Value>) -> Value {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let (before, candidate) = rest.split_at(at);
        out.push_str(before);
        let Some((name, after)) = placeholder(candidate) else {
            // One brace, not two: `{{{ name }}` has its placeholder one further.
            out.push('{');
            rest = &candidate[1..];
            continue;
        };
        match parameters.get(name) {
            Some(value) if before.is_empty() && after.is_empty() && rest.len() == text.len() => return value.clone(),
            Some(Value::String(value)) => out.push_str(value),
            Some(value) => out.push_str(&value.to_string()),
            None => out.push_str(&candidate[..candidate.len() - after.len()]),
        }
        rest = after;
    }
    out.push_str(rest);
    Value::String(out)
}

/// The name in a placeholder at the very start of `text`, and what follows it. How far it looks is bounded: every brace
/// of a text may be the beginning of one.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    const MAX_BYTES: usize = 512;
    let inner = text.strip_prefix("{{")?;
    let end = inner.bytes().take(MAX_BYTES).position(|byte| byte == b'}')?;
    let (inner, after) = inner.split_at(end);
    let after = after.strip_prefix("}}")?;
    let name = inner.trim_matches(' ');
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some((name, after))
}
