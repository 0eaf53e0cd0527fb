//! A decision as whoever asked is told of it.

use std::collections::BTreeSet;

use postern_model::explain::{ExplainPolicyResponse, ExplainedMismatch, ExplainedQuestion, ExplainedStatement};
use postern_policy::{Layer, Mismatch, Missed, StatementRef, Verdict};

use super::readable::{Readable, policies};
use crate::authz::{Action, Answered, Denied, Explained, Need, Reasons};
use crate::caller::Caller;

pub(super) fn response(
    asking: &Caller,
    action: Action,
    explained: &Explained,
    readable: &Readable,
) -> ExplainPolicyResponse {
    let (decision, reason) = match &explained.outcome {
        Ok(()) => ("allowed", None),
        Err(Denied { reason, is_explicit, .. }) => {
            // A denial that says nothing about why does not say which of the two it was either.
            let is_explicit = *is_explicit && !reason.is_empty();
            let reason = Some(reason.to_string()).filter(|reason| !reason.is_empty());
            (if is_explicit { "explicitDeny" } else { "implicitDeny" }, reason)
        }
    };
    ExplainPolicyResponse {
        principal: asking.principal.to_string(),
        action: action.name(),
        decision: decision.to_owned(),
        reason,
        questions: explained.answered.iter().map(|answered| question(answered, readable)).collect(),
        has_hidden_policies: readable.is_partial(),
    }
}

fn question(answered: &Answered, readable: &Readable) -> ExplainedQuestion {
    let Answered { way, action, resource, is_enough, needs, reasons } = answered;
    let verdict = reasons.as_ref().map(|reasons| reasons.decision.verdict);
    // What a role's trust says beside yes and no is for those who may read it.
    let is_told = match (needs, reasons) {
        (Need::Trust, Some(reasons)) => {
            let mut trust = policies(&reasons.layers).filter(|(layer, _)| *layer == Layer::Resource).peekable();
            trust.peek().is_some() && trust.all(|(layer, policy)| readable.may_read(reasons, layer, &policy.name))
        }
        _ => true,
    };
    let (decision, layer) = match verdict {
        None => (None, None),
        Some(Verdict::Allowed) => (Some("allowed"), None),
        Some(_) if !is_told => (Some("implicitDeny"), None),
        Some(verdict @ (Verdict::ExplicitDeny(layer) | Verdict::ImplicitDeny(layer))) => {
            (Some(verdict.simulation_name()), Some(layer.policy_name()))
        }
    };
    ExplainedQuestion {
        way: *way,
        action: action.clone(),
        resource: resource.clone(),
        decision: decision.map(str::to_owned),
        layer: layer.map(str::to_owned),
        needs: needs.name().to_owned(),
        is_enough: *is_enough,
        statements: reasons.as_ref().map(|reasons| statements(reasons, readable)).unwrap_or_default(),
        other_policies: reasons.as_ref().map(|reasons| others(reasons, readable)).unwrap_or_default(),
    }
}

fn statements(reasons: &Reasons, readable: &Readable) -> Vec<ExplainedStatement> {
    let decision = &reasons.decision;
    let matched = decision.statements.iter().map(|statement| (statement, "matches", &[][..]));
    let outvoted = decision.outvoted.iter().map(|statement| (statement, "outvoted", &[][..]));
    let missed = decision.missed.iter().map(|Missed { statement, why }| (statement, "doesNotMatch", &why[..]));
    let mut known = BTreeSet::new();
    let all = matched.chain(outvoted).chain(missed);
    let all = all.filter(|(statement, ..)| {
        let StatementRef { layer, policy, index, .. } = statement;
        // Somebody may have a policy by several groups; it is one policy.
        readable.may_read(reasons, *layer, policy) && known.insert((*layer, policy.clone(), *index))
    });
    all.filter_map(|(at, outcome, why)| statement(reasons, at, outcome, why)).collect()
}

fn statement(reasons: &Reasons, at: &StatementRef, outcome: &str, why: &[Mismatch]) -> Option<ExplainedStatement> {
    let (_, attached) =
        policies(&reasons.layers).find(|(layer, attached)| *layer == at.layer && attached.name == at.policy)?;
    Some(ExplainedStatement {
        layer: at.layer.policy_name().to_owned(),
        policy: at.policy.to_string(),
        index: at.index,
        sid: at.sid.as_deref().filter(|sid| !sid.is_empty()).map(str::to_owned),
        effect: at.effect.name().to_owned(),
        outcome: outcome.to_owned(),
        mismatches: why.iter().map(|mismatch| shown(mismatch, &reasons.resource)).collect(),
        statement: attached.policy.statements().get(at.index)?.to_string(),
    })
}

/// The policies that say nothing about the action.
fn others(reasons: &Reasons, readable: &Readable) -> Vec<String> {
    let is_silent = |policy: &postern_policy::Policy| {
        !policy.statements().iter().any(|statement| statement.is_about(&reasons.action))
    };
    let silent = policies(&reasons.layers).filter(|(_, attached)| is_silent(&attached.policy));
    let shown = silent.filter(|(layer, attached)| readable.may_read(reasons, *layer, &attached.name));
    let names: BTreeSet<String> = shown.map(|(_, attached)| attached.name.to_string()).collect();
    names.into_iter().collect()
}

fn shown(mismatch: &Mismatch, resource: &str) -> ExplainedMismatch {
    let texts = |texts: &[Box<str>]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    let (element, operator, key, found, wanted) = match mismatch {
        Mismatch::Principal => ("Principal", None, None, Vec::new(), Vec::new()),
        Mismatch::Resource { is_not, wanted } => {
            let element = if *is_not { "NotResource" } else { "Resource" };
            (element, None, None, vec![resource.to_owned()], texts(wanted))
        }
        Mismatch::Variable(key) => ("Resource", None, Some(key.to_string()), Vec::new(), Vec::new()),
        Mismatch::OtherOwner => ("Resource", None, None, vec![resource.to_owned()], Vec::new()),
        Mismatch::Condition { operator, key, found, wanted } => {
            ("Condition", Some(operator.to_string()), Some(key.to_string()), texts(found), texts(wanted))
        }
    };
    let element = element.to_owned();
    ExplainedMismatch { element, operator, key, found, wanted, because: mismatch.to_string() }
}
