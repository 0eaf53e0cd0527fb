//! What is allowed in a policy but probably not meant.

mod catalogue;

use std::fmt;

use crate::condition::{Comparison, Condition, Quantifier};
use crate::document::{Effect, Polarity, Policy, Statement};
use crate::fault::Path;
use crate::pattern::Pattern;

/// Something in a policy that works as written, and probably not as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    path: String,
    message: String,
}

impl Warning {
    /// The place, as in [`crate::Fault::path`].
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

pub(crate) fn of(policy: &Policy) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let document = Path::DOCUMENT;
    let path = document.member("Statement");
    for (index, statement) in policy.statements.iter().enumerate() {
        let path = path.item(index);
        actions(statement, &path, &mut warnings);
        variables(statement, &path, &mut warnings);
        owners(statement, &path, &mut warnings);
        for condition in &statement.conditions {
            let operators = path.member("Condition");
            let operator = condition.operator.to_string();
            let keys = operators.member(&operator);
            self::condition(condition, statement.effect, &keys.member(&condition.key), &mut warnings);
        }
    }
    warnings
}

fn warn(path: &Path<'_>, message: impl Into<String>, warnings: &mut Vec<Warning>) {
    warnings.push(Warning { path: path.to_string(), message: message.into() });
}

fn actions(statement: &Statement, path: &Path<'_>, warnings: &mut Vec<Warning>) {
    let name = match statement.actions.polarity {
        Polarity::These => "Action",
        Polarity::AllOthers => "NotAction",
    };
    let path = path.member(name);
    for (index, (pattern, text)) in statement.actions.patterns.iter().zip(&statement.actions.texts).enumerate() {
        let service = text.split_once(':').map(|(service, _)| service.to_ascii_lowercase());
        let Some(service) = service.filter(|service| catalogue::is_known_service(service)) else { continue };
        if !catalogue::actions_of(&service).any(|action| pattern.matches_any_case(action)) {
            let message = format!("no operation of {service} here is called so: \"{text}\" matches nothing");
            warn(&path.item(index), message, warnings);
        }
    }
}

/// Variables that no request here has a value for.
fn variables(statement: &Statement, path: &Path<'_>, warnings: &mut Vec<Warning>) {
    let in_resources = statement.resources.iter().flat_map(|set| &set.patterns).flat_map(|pattern| pattern.patterns());
    let in_conditions = statement.conditions.iter().flat_map(Condition::patterns);
    for variable in in_resources.chain(in_conditions).flat_map(Pattern::variables) {
        if variable.default.is_none() && !catalogue::is_known_key(&variable.key) {
            let message =
                format!("no request here has a value for ${{{}}}: what it is in matches nothing", variable.key);
            warn(path, message, warnings);
        }
    }
}

/// Allows that give less here than somebody who thinks of all names with a beginning may expect.
fn owners(statement: &Statement, path: &Path<'_>, warnings: &mut Vec<Warning>) {
    let Some(set) = statement.resources.as_ref().filter(|set| set.polarity == Polarity::These) else { return };
    let path = path.member("Resource");
    for (index, pattern) in set.patterns.iter().enumerate().filter(|_| statement.effect == Effect::Allow) {
        if let Some(owner) = pattern.session_owner() {
            let message = format!(
                "covers the sessions of {owner} alone, and of nobody else whose name begins with \"{owner}-\"; for those write session/{owner}*"
            );
            warn(&path.item(index), message, warnings);
        }
    }
}

fn condition(condition: &Condition, effect: Effect, path: &Path<'_>, warnings: &mut Vec<Warning>) {
    let operator = condition.operator;
    if !catalogue::is_known_key(&condition.lookup) {
        warn(path, "no request here has this key, so the condition sees it as absent", warnings);
    } else if operator.comparison == Comparison::Null {
    } else if operator.quantifier == Quantifier::None && catalogue::has_several_values(&condition.lookup) {
        let message = "the key may have several values; write ForAllValues: or ForAnyValue: before the operator";
        warn(path, message, warnings);
    } else if operator.quantifier == Quantifier::All && effect == Effect::Allow {
        let message =
            "ForAllValues: holds, and so allows, where the key is absent; add Null with false if it must be there";
        warn(path, message, warnings);
    }
    let about_mfa = &*condition.lookup == "aws:multifactorauthpresent";
    if about_mfa && effect == Effect::Deny && operator.comparison == Comparison::Bool && !operator.if_exists {
        let message = "requests with long-lived keys do not have this key, so they are not denied; write BoolIfExists";
        warn(path, message, warnings);
    }
    if condition.texts.is_empty() {
        warn(path, "there is no value to compare with", warnings);
    }
    if condition.has_hopeless_arn() {
        warn(path, "a value is no ARN with six parts, so no ARN matches it", warnings);
    }
}
