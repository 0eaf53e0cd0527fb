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
    /// Every other statement that matched: each `Allow` beside an explicit deny.
    pub outvoted: Vec<StatementRef>,
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
    /// All that was otherwise; never empty.
    pub why: Vec<Mismatch>,
}

/// What was otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is for others.
    Principal,
    /// It is about other resources.
    Resource {
        /// Whether it is about all others than those.
        is_not: bool,
        /// The patterns, as the policy writes them.
        wanted: Box<[Box<str>]>,
    },
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
        /// The request's values; none if it has no such key.
        found: Box<[Box<str>]>,
        /// The policy's values, as it writes them.
        wanted: Box<[Box<str>]>,
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
            Self::Resource { is_not: false, wanted } => write!(f, "it is about {}", Listed(wanted)),
            Self::Resource { is_not: true, wanted } => write!(f, "it is about all but {}", Listed(wanted)),
            Self::Variable(key) => write!(f, "${{{key}}} in its resource has no value in this request"),
            Self::OtherOwner => f.write_str(
                "it is about the sessions of an owner whose name this one's begins with; without the last \"-\" it covers both",
            ),
            Self::Condition { operator, key, found, wanted } => {
                write!(f, "its condition {operator} on {key} asks for {}, and the request has ", Listed(wanted))?;
                match &**found {
                    [] => f.write_str("no such key"),
                    found => write!(f, "{}", Listed(found)),
                }
            }
        }
    }
}

/// The first of some values. There may be hundreds.
struct Listed<'a>(&'a [Box<str>]);

/// As many are written.
const LISTED: usize = 10;

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.0.iter().take(LISTED).enumerate() {
            write!(f, "{}{value:?}", if index == 0 { "" } else { ", " })?;
        }
        match self.0.len().checked_sub(LISTED) {
            Some(more @ 1..) => write!(f, " and {more} more"),
            _ => Ok(()),
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
        for statement in &self.outvoted {
            write!(f, "\n  matches, and is outvoted: {statement}")?;
        }
        for Missed { statement, why } in &self.missed {
            write!(f, "\n  does not match: {statement}: ")?;
            for (index, mismatch) in why.iter().enumerate() {
                write!(f, "{}{mismatch}", if index == 0 { "" } else { "; " })?;
            }
        }
        Ok(())
    }
}
