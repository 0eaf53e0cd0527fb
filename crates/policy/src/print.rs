//! Policies as JSON, in one fixed form: elements in the order of the documentation, lists of one as what is in them.

use std::fmt;

use crate::condition::Condition;
use crate::document::{Polarity, Policy, Set, Statement};
use crate::principal::PrincipalSet;

/// JSON whose members keep the order in which they were put.
pub(crate) enum Out {
    Text(Box<str>),
    List(Vec<Out>),
    Object(Vec<(String, Out)>),
}

pub(crate) fn policy(policy: &Policy) -> Out {
    let mut members = Vec::new();
    if let Some(version) = policy.version {
        members.push(("Version".to_owned(), Out::Text(version.name().into())));
    }
    if let Some(id) = &policy.id {
        members.push(("Id".to_owned(), Out::Text(id.clone())));
    }
    members.push(("Statement".to_owned(), Out::List(policy.statements.iter().map(statement).collect())));
    Out::Object(members)
}

pub(crate) fn statement(statement: &Statement) -> Out {
    let mut members = Vec::new();
    let mut put = |name: &str, value: Out| members.push((name.to_owned(), value));
    if let Some(sid) = &statement.sid {
        put("Sid", Out::Text(sid.clone()));
    }
    put("Effect", Out::Text(statement.effect.name().into()));
    if let Some((polarity, set)) = &statement.principals {
        put(named(*polarity, "Principal", "NotPrincipal"), principals(set));
    }
    put(named(statement.actions.polarity, "Action", "NotAction"), texts(&statement.actions.texts));
    if let Some(Set { polarity, texts: written, .. }) = &statement.resources {
        put(named(*polarity, "Resource", "NotResource"), texts(written));
    }
    if !statement.conditions.is_empty() {
        put("Condition", conditions(&statement.conditions));
    }
    Out::Object(members)
}

fn named(polarity: Polarity, name: &'static str, not: &'static str) -> &'static str {
    match polarity {
        Polarity::These => name,
        Polarity::AllOthers => not,
    }
}

fn texts(texts: &[Box<str>]) -> Out {
    match texts {
        [one] => Out::Text(one.clone()),
        several => Out::List(several.iter().map(|text| Out::Text(text.clone())).collect()),
    }
}

fn principals(set: &PrincipalSet) -> Out {
    if set.is_star() {
        return Out::Text("*".into());
    }
    let mut kinds: Vec<(String, Vec<Box<str>>)> = Vec::new();
    for (kind, name) in &set.names {
        match kinds.iter_mut().find(|(known, _)| known == kind.name()) {
            Some((_, names)) => names.push(name.clone()),
            None => kinds.push((kind.name().to_owned(), vec![name.clone()])),
        }
    }
    Out::Object(kinds.into_iter().map(|(kind, names)| (kind, texts(&names))).collect())
}

fn conditions(conditions: &[Condition]) -> Out {
    let mut operators: Vec<(String, Vec<(String, Out)>)> = Vec::new();
    for condition in conditions {
        let operator = condition.operator.to_string();
        let entry = (condition.key.to_string(), texts(&condition.texts));
        match operators.iter_mut().find(|(known, _)| *known == operator) {
            Some((_, keys)) => keys.push(entry),
            None => operators.push((operator, vec![entry])),
        }
    }
    Out::Object(operators.into_iter().map(|(operator, keys)| (operator, Out::Object(keys))).collect())
}

impl fmt::Display for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => quoted(text, f),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    quoted(name, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}
