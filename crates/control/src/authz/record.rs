//! What is written down of a decision, for whoever wants to know how it came about.

use postern_policy::{Decision, Verdict};

/// Whether anything is written down.
pub(super) enum Record {
    Off,
    /// What policies said to each question, if they were asked.
    On(Vec<Option<Decision>>),
}

impl Record {
    pub(super) fn is_on(&self) -> bool {
        matches!(self, Self::On(_))
    }

    pub(super) fn note(&mut self, reasons: Option<Decision>) {
        if let Self::On(answered) = self {
            answered.push(reasons);
        }
    }

    /// The statements that denied it, as one finds them again; nothing if it is only that nothing allows it.
    pub(super) fn denied_by(&self) -> Option<String> {
        let Self::On(answered) = self else { return None };
        let decision = answered.last()?.as_ref()?;
        let Verdict::ExplicitDeny(_) = decision.verdict else { return None };
        let statements: Vec<String> = decision.statements.iter().map(ToString::to_string).collect();
        Some(statements.join("; "))
    }
}
