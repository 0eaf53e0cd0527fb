//! A policy: what was read and checked, ready to be evaluated.

use crate::condition::Condition;
use crate::fault::Fault;
use crate::limits::{DocumentKind, Limits};
use crate::pattern::Pattern;
use crate::principal::PrincipalSet;
use crate::resource::ResourcePattern;
use crate::warning::{self, Warning};
use crate::{parse, print};

/// A policy document. Reading one takes it apart as far as it goes, so that deciding only compares.
///
/// Displayed, it is JSON again: the same policy in a fixed form.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub(crate) kind: DocumentKind,
    pub(crate) version: Option<Version>,
    pub(crate) id: Option<Box<str>>,
    pub(crate) statements: Box<[Statement]>,
}

impl Policy {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// What is wrong with it and where; see [`Fault`].
    pub fn parse(document: &str, limits: Limits) -> Result<Self, Fault> {
        parse::policy(document, &limits)
    }

    /// What is allowed but probably not meant, for whoever saves the policy.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        warning::of(self)
    }

    /// Its statements, in their order.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Its `Version`, which says whether `${…}` are variables.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version.unwrap_or(Version::V2008)
    }

    /// Its `Id`, which means nothing.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What it may be attached to.
    #[must_use]
    pub fn kind(&self) -> DocumentKind {
        self.kind
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&print::policy(self).to_string())
    }
}

/// The versions of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `2008-10-17`, also where none is given: `${…}` is text.
    V2008,
    /// `2012-10-17`: `${…}` is a variable.
    V2012,
}

impl Version {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V2008 => "2008-10-17",
            Self::V2012 => "2012-10-17",
        }
    }
}

/// JSON, in the form in which a policy is displayed.
impl std::fmt::Display for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&print::statement(self).to_string())
    }
}

/// What a statement that matches says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Yes, if nothing says no.
    Allow,
    /// No.
    Deny,
}

impl Effect {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    pub(crate) principals: Option<(Polarity, PrincipalSet)>,
    pub(crate) actions: Set<Pattern>,
    /// None in trust policies.
    pub(crate) resources: Option<Set<ResourcePattern>>,
    pub(crate) conditions: Box<[Condition]>,
}

impl Statement {
    /// Its label.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// What it says when it matches.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The condition keys that its conditions and variables read, as it writes them: what a simulation has to be given.
    pub fn context_keys(&self) -> impl Iterator<Item = &str> {
        let conditions = || self.conditions.iter();
        let resources = self.resources.iter().flat_map(|set| &set.patterns);
        let patterns =
            resources.flat_map(|pattern| pattern.patterns()).chain(conditions().flat_map(Condition::patterns));
        let variables = patterns.flat_map(Pattern::variables).map(|variable| &*variable.name);
        conditions().map(|condition| &*condition.key).chain(variables)
    }

    /// The patterns of `Action` or `NotAction`, as they were written.
    pub fn action_patterns(&self) -> impl Iterator<Item = &str> {
        self.actions.texts.iter().map(|text| &**text)
    }

    /// The patterns of `Resource` or `NotResource`, as they were written.
    pub fn resource_patterns(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().flat_map(|set| &set.texts).map(|text| &**text)
    }
}

/// Whether an element names what it is about, or everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polarity {
    These,
    AllOthers,
}

/// The patterns of an element and of its `Not…` twin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Set<T> {
    pub(crate) polarity: Polarity,
    pub(crate) patterns: Box<[T]>,
    /// As they were written.
    pub(crate) texts: Box<[Box<str>]>,
}
