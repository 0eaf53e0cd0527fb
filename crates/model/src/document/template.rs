//! Putting parameters into a document's strings: `{{ name }}`, in one pass.
//!
//! A string that is nothing but one placeholder becomes the value itself, whatever its type. Elsewhere the value's text
//! is inserted, and what was inserted is not looked at again: a value that looks like a placeholder stays as it is.
//! Unlike the stock agent's, our substitution leaves `$$` in a value alone; there it becomes `$` by accident of the
//! library used (session-types §7.3). `{{ssm:name}}` is no placeholder of this kind and is left for the node.
//!
//! What comes out is bounded: a document of 64 KB has room for thousands of placeholders, and each of them may stand for
//! a value as long.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::DocumentError;

/// The most text that values may put into one template, in bytes. The longest command fits six times, and the service's
/// own documents name it for three systems.
const MAX_INSERTED_BYTES: usize = 1024 * 1024;

/// The values of the parameters would make too long a text of the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameters put more than {MAX_INSERTED_BYTES} bytes into the document")]
pub struct TooLong;

/// A copy of `template` with the parameters put in. Unknown placeholders stay.
///
/// # Errors
/// [`TooLong`] before more than 1 MiB has been put in.
pub fn interpolate(template: &Value, parameters: &BTreeMap<String, Value>) -> Result<Value, TooLong> {
    Interpolation { parameters, left: MAX_INSERTED_BYTES }.value(template)
}

struct Interpolation<'a> {
    parameters: &'a BTreeMap<String, Value>,
    /// Bytes that may still be put in.
    left: usize,
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

impl Interpolation<'_> {
    fn value(&mut self, template: &Value) -> Result<Value, TooLong> {
        match template {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| Ok((name.clone(), self.value(value)?))).collect()
            }
            other => Ok(other.clone()),
        }
    }

    fn text(&mut self, text: &str) -> Result<Value, TooLong> {
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
            let Some(value) = self.parameters.get(name) else {
                out.push_str(&candidate[..candidate.len() - after.len()]);
                rest = after;
                continue;
            };
            let inserted = match value {
                Value::String(text) => Cow::Borrowed(text.as_str()),
                value => Cow::Owned(value.to_string()),
            };
            self.left = self.left.checked_sub(inserted.len()).ok_or(TooLong)?;
            if before.is_empty() && after.is_empty() && rest.len() == text.len() {
                return Ok(value.clone());
            }
            out.push_str(&inserted);
            rest = after;
        }
        out.push_str(rest);
        Ok(Value::String(out))
    }
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
