//! Putting parameters into a document's strings: `{{ name }}`, in one pass.
//!
//! A string that is nothing but one placeholder becomes the value itself, whatever its type. Elsewhere the value's text
//! is inserted, and what was inserted is not looked at again: a value that looks like a placeholder stays as it is.
//! Unlike the stock agent's, our substitution leaves `$$` in a value alone; there it becomes `$` by accident of the
//! library used (session-types §7.3). `{{ssm:name}}` is no placeholder of this kind and is left for the node.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

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

/// The name in a placeholder at the very start of `text`, and what follows it.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (inner, after) = text.strip_prefix("{{")?.split_once("}}")?;
    let name = inner.trim_matches(' ');
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some((name, after))
}
