//! The answer, and what it rests on.

use std::fmt;
use std::sync::Arc;

use crate::condition::Operator;
use crate::document::Effect;
use crate::evaluate::Layer;

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Verdict {
    /// Every layer that must allow does, and none denies.
    Allowed,
    /// A statement denies. The first layer, in the order of [`Layer`], in which one does.
    ExplicitDeny(Layer),
    /// Nothing denies, but this layer, the first that must allow, has no statement that does.
    ImplicitDeny(Layer),
}

impl Verdict {
    /// Whether it may be done.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }

    /// The reason as the last part of AWS's denials: `because no identity-based policy allows the ssm:StartSession action`,
    /// `with an explicit deny in a permissions boundary`. Empty if it may be done.
    #[must_use]
    pub fn reason(self, action: &str) -> String {
        match self {
            Self::Allowed => String::new(),
            Self::ExplicitDeny(layer) => {
                let article = if layer == Layer::Identity { "an" } else { "a" };
                format!("with an explicit deny in {article} {}", layer.policy_name())
            }
            Self::ImplicitDeny(layer) => format!("because no {} allows the {action} action", layer.policy_name()),
        }
    }

    /// As `SimulatePrincipalPolicy` says it.
    #[must_use]
    pub fn simulation_name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ExplicitDeny(_) => "explicitDeny",
            Self::ImplicitDeny(_) => "implicitDeny",
        }
    }
}

impl Layer {
    /// As AWS's denials call a policy of this layer.
    #[must_use]
    pub fn policy_name(self) -> &'static str {
        match self {
            Self::Organisation => "service control policy",
            Self::Resource => "resource-based policy",
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
        }
    }
}

/// The answer, with what decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Yes or no.
    pub verdict: Verdict,
    /// For an explicit deny, every `Deny` that matched; else every `Allow` that matched, which for an implicit deny were
    /// not enough. In the order of layers, policies and statements.
    pub statements: Vec<StatementRef>,
    /// Statements about the action that did not match, `Allow` and `Deny`.
    pub missed: Vec<Missed>,
}

/// A statement, as one finds it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRef {
    /// What kind of say its policy has.
    pub layer: Layer,
    /// The policy's name or ARN.
    pub policy: Arc<str>,
    /// Its place in the policy, from 0.
    pub index: usize,
    /// Its label.
    pub sid: Option<Box<str>>,
    /// What it says.
    pub effect: Effect,
}

/// A statement about the action that did not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Which.
    pub statement: StatementRef,
    /// The first thing that was otherwise.
    pub why: Mismatch,
}

/// What was otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is for others.
    Principal,
    /// It is about other resources.
    Resource,
    /// It is about other resources as far as one can tell: a variable, in lower case, has no value here.
    Variable(Box<str>),
    /// It is about the sessions of an owner whose name is the beginning of this owner's name.
    OtherOwner,
    /// A condition does not hold.
    Condition {
        /// How it compares.
        operator: Operator,
        /// The key, as the policy writes it.
        key: Box<str>,
        /// Whether the request has no value for the key.
        absent: bool,
    },
}

impl Decision {
    /// Whether it may be done.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdict.is_allowed()
    }
}

impl fmt::Display for StatementRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, policy, index, sid, effect } = self;
        write!(f, "{} in {} {policy}, statement {index}", effect.name(), layer.policy_name())?;
        match sid.as_deref() {
            None | Some("") => Ok(()),
            Some(sid) => write!(f, " ({sid})"),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal => f.write_str("it is for another principal"),
            Self::Resource => f.write_str("it is about other resources"),
            Self::Variable(key) => write!(f, "${{{key}}} in its resource has no value in this request"),
            Self::OtherOwner => f.write_str(
                "it is about the sessions of an owner whose name this one's begins with; without the last \"-\" it covers both",
            ),
            Self::Condition { operator, key, absent: true } => {
                write!(f, "its condition {operator} on {key} does not hold: the request has no such key")
            }
            Self::Condition { operator, key, absent: false } => {
                write!(f, "its condition {operator} on {key} does not hold")
            }
        }
    }
}

/// What an administrator is told: the answer, then a line for each statement that has to do with it.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            Verdict::Allowed => f.write_str("allowed")?,
            Verdict::ExplicitDeny(layer) => write!(f, "denied: a statement in a {} denies it", layer.policy_name())?,
            Verdict::ImplicitDeny(layer) => write!(f, "denied: no {} allows it", layer.policy_name())?,
        }
        for statement in &self.statements {
            write!(f, "\n  matches: {statement}")?;
        }
        for missed in &self.missed {
            write!(f, "\n  does not match: {}: {}", missed.statement, missed.why)?;
        }
        Ok(())
    }
}
