//! What is written down of a decision, for whoever wants to know how it came about.

use postern_policy::{Decision, Layers, Verdict};

use super::{Denied, Needs};

/// Whether anything is written down.
pub(super) enum Record {
    Off,
    On(Vec<Answered>),
}

/// A decision, with all that led to it.
#[derive(Debug)]
pub(crate) struct Explained {
    /// The decision itself.
    pub(crate) outcome: Result<(), Denied>,
    /// The questions that were asked, in their order. None was asked if a lock decided at once.
    pub(crate) answered: Vec<Answered>,
}

/// One question and what was answered.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The number of the way that it belongs to, from 0.
    pub(crate) way: usize,
    /// What it was about, in the words of a denial.
    pub(crate) action: String,
    /// To what, in the words of a denial.
    pub(crate) resource: String,
    /// Whether the answer was enough.
    pub(crate) is_enough: bool,
    /// What would have been enough.
    pub(crate) needs: Need,
    /// What policies said; none if they were not asked.
    pub(crate) reasons: Option<Reasons>,
}

/// What is enough for a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// That policies allow it.
    Allow,
    /// That none denies it.
    NoDeny,
    /// The one or the other, by whose it is.
    AllowUnlessOwner,
    /// That a role trusts whoever asks.
    Trust,
}

impl From<Needs<'_>> for Need {
    fn from(needs: Needs<'_>) -> Self {
        match needs {
            Needs::Allow => Self::Allow,
            Needs::NoDeny => Self::NoDeny,
            Needs::AllowUnlessOwner(_) => Self::AllowUnlessOwner,
            Needs::Trust(_) => Self::Trust,
        }
    }
}

impl Need {
    /// As explanations call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::NoDeny => "NoDeny",
            Self::AllowUnlessOwner => "AllowUnlessOwner",
            Self::Trust => "Trust",
        }
    }
}

/// What policies were asked, and what they said.
#[derive(Debug)]
pub(crate) struct Reasons {
    pub(crate) action: String,
    /// By the first name that policies know it by.
    pub(crate) resource: String,
    /// The policies.
    pub(crate) layers: Layers,
    pub(crate) decision: Decision,
}

impl Record {
    pub(super) fn is_on(&self) -> bool {
        matches!(self, Self::On(_))
    }

    pub(super) fn note(&mut self, answered: impl FnOnce() -> Answered) {
        if let Self::On(all) = self {
            all.push(answered());
        }
    }

    pub(super) fn into_answered(self) -> Vec<Answered> {
        match self {
            Self::Off => Vec::new(),
            Self::On(answered) => answered,
        }
    }
}

impl Explained {
    /// The statements that denied it, as one finds them again; nothing if it is only that nothing allows it.
    pub(crate) fn denied_by(&self) -> Option<String> {
        let reasons = self.answered.last()?.reasons.as_ref()?;
        let Verdict::ExplicitDeny(_) = reasons.decision.verdict else { return None };
        let statements: Vec<String> = reasons.decision.statements.iter().map(ToString::to_string).collect();
        Some(statements.join("; "))
    }
}
