//! `postern policy explain`: whether somebody may do something, and why.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Subcommand;
use postern_model::explain::{
    ExplainPolicyRequest, ExplainPolicyResponse, ExplainedMismatch, ExplainedQuestion, ExplainedStatement,
};

use crate::context::ServiceFlags;
use crate::table;

#[derive(Subcommand)]
pub(crate) enum Arguments {
    /// Whether somebody may do something, and why: statement by statement, about things as they are now
    Explain(Explain),
}

#[derive(clap::Args)]
pub(crate) struct Explain {
    /// Who: a user's name, `role/NAME`, or an ARN; without it, whoever asks
    #[arg(long = "as", value_name = "PRINCIPAL")]
    principal: Option<String>,
    /// What, as policies call it: `ssm:StartSession`
    #[arg(long, value_name = "ACTION")]
    action: String,
    /// To what: an ARN, a node's id, or as in `document/NAME`, `session/ID`, `role/NAME`; again for an action on two things
    #[arg(long = "resource", value_name = "RESOURCE")]
    resources: Vec<String>,
    /// A condition key that the request would have, as in `aws:SourceIp=203.0.113.7`; again for another value of the key
    #[arg(long, value_name = "KEY=VALUE", value_parser = entry)]
    context: Vec<(String, String)>,
    /// Print the service's whole answer as JSON
    #[arg(long)]
    json: bool,
}

fn entry(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE, as in aws:MultiFactorAuthPresent=true")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// The exit status of a no.
const DENIED: u8 = 1;

/// Explains. The exit status is 0 for what is allowed and 1 for what is not.
pub(crate) async fn run(flags: &ServiceFlags, Arguments::Explain(asked): Arguments) -> anyhow::Result<ExitCode> {
    let mut context: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in asked.context {
        context.entry(key).or_default().push(value);
    }
    let Explain { principal, action, resources, json, .. } = asked;
    let answer = flags.service()?.call(&ExplainPolicyRequest { principal, action, resources, context }).await?;
    if json {
        table::print_json(&answer)?;
    } else {
        table::write_lines(lines(&answer).into_iter().map(|line| table::printable(&line)))?;
    }
    Ok(if answer.decision == "allowed" { ExitCode::SUCCESS } else { ExitCode::from(DENIED) })
}

/// The answer for people: the decision first, then what it rests on.
fn lines(answer: &ExplainPolicyResponse) -> Vec<String> {
    let ExplainPolicyResponse { principal, action, decision, reason, questions, has_hidden_policies } = answer;
    let mut lines = vec![match decision.as_str() {
        "allowed" => format!("allowed: {principal} may do {action}"),
        _ => format!("denied: {principal} may not do {action}"),
    }];
    lines.extend(reason.clone());
    let mut way = None;
    for question in questions {
        lines.push(String::new());
        if way.is_some_and(|way| way != question.way) {
            lines.push("otherwise:".to_owned());
        }
        way = Some(question.way);
        lines.extend(of_question(question));
    }
    if *has_hidden_policies {
        lines.push(String::new());
        lines.push("there are policies that you may not read; what they say is not shown".to_owned());
    }
    lines
}

fn of_question(question: &ExplainedQuestion) -> Vec<String> {
    let ExplainedQuestion { action, resource, decision, layer, needs, is_enough, statements, other_policies, .. } =
        question;
    let layer = layer.as_deref().unwrap_or("policy");
    let said = match decision.as_deref() {
        None => "policies have no say".to_owned(),
        Some("allowed") => "allowed".to_owned(),
        Some("explicitDeny") => format!("a {layer} denies it"),
        Some(_) if needs == "Trust" => "the role does not allow it".to_owned(),
        Some(_) => format!("no {layer} allows it"),
    };
    let enough = match (is_enough, decision.as_deref()) {
        (true, Some("implicitDeny")) => ", which is not needed",
        _ => "",
    };
    let mut lines = vec![format!("{action} on {resource}: {said}{enough}")];
    for statement in statements {
        lines.extend(of_statement(statement));
    }
    if !other_policies.is_empty() {
        lines.push(format!("  nothing about it in {}", other_policies.join(", ")));
    }
    lines
}

fn of_statement(statement: &ExplainedStatement) -> Vec<String> {
    let ExplainedStatement { layer, policy, index, sid, effect, outcome, mismatches, statement } = statement;
    let sid = sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
    let outcome = match outcome.as_str() {
        "matches" => "matches",
        "outvoted" => "matches, and a deny counts for more",
        _ => "does not match",
    };
    let mut lines = vec![format!("  {effect} in {policy}, statement {index}{sid}, {layer}: {outcome}")];
    lines.extend(mismatches.iter().map(|ExplainedMismatch { because, .. }| format!("    {because}")));
    lines.push(format!("    {statement}"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> ExplainedQuestion {
        let because =
            "its condition StringEquals on ssm:resourceTag/env asks for \"prod\", and the request has \"dev\"";
        let mismatch = ExplainedMismatch {
            element: "Condition".to_owned(),
            operator: Some("StringEquals".to_owned()),
            key: Some("ssm:resourceTag/env".to_owned()),
            found: vec!["dev".to_owned()],
            wanted: vec!["prod".to_owned()],
            because: because.to_owned(),
        };
        let statement = ExplainedStatement {
            layer: "identity-based policy".to_owned(),
            policy: "user/jane/start".to_owned(),
            index: 0,
            sid: Some("Prod".to_owned()),
            effect: "Allow".to_owned(),
            outcome: "doesNotMatch".to_owned(),
            mismatches: vec![mismatch],
            statement: "{}".to_owned(),
        };
        ExplainedQuestion {
            way: 0,
            action: "ssm:StartSession".to_owned(),
            resource: "arn:node".to_owned(),
            decision: Some("implicitDeny".to_owned()),
            layer: Some("identity-based policy".to_owned()),
            needs: "Allow".to_owned(),
            is_enough: false,
            statements: vec![statement],
            other_policies: vec!["group/web/read".to_owned()],
        }
    }

    #[test]
    fn a_refusal_is_told_with_what_did_not_match() {
        let answer = ExplainPolicyResponse {
            principal: "arn:jane".to_owned(),
            action: "ssm:StartSession".to_owned(),
            decision: "implicitDeny".to_owned(),
            reason: Some("because no identity-based policy allows the ssm:StartSession action".to_owned()),
            questions: vec![question()],
            has_hidden_policies: true,
        };
        assert_eq!(
            lines(&answer),
            [
                "denied: arn:jane may not do ssm:StartSession",
                "because no identity-based policy allows the ssm:StartSession action",
                "",
                "ssm:StartSession on arn:node: no identity-based policy allows it",
                "  Allow in user/jane/start, statement 0 (Prod), identity-based policy: does not match",
                "    its condition StringEquals on ssm:resourceTag/env asks for \"prod\", and the request has \"dev\"",
                "    {}",
                "  nothing about it in group/web/read",
                "",
                "there are policies that you may not read; what they say is not shown",
            ]
        );
    }

    #[test]
    fn a_second_way_and_what_is_not_needed_are_told() {
        let allowed = ExplainedQuestion {
            way: 1,
            decision: Some("allowed".to_owned()),
            layer: None,
            is_enough: true,
            statements: Vec::new(),
            other_policies: Vec::new(),
            ..question()
        };
        let free = ExplainedQuestion {
            decision: Some("implicitDeny".to_owned()),
            needs: "NoDeny".to_owned(),
            ..allowed.clone()
        };
        let answer = ExplainPolicyResponse {
            principal: "arn:jane".to_owned(),
            action: "ssm:StartSession".to_owned(),
            decision: "allowed".to_owned(),
            reason: None,
            questions: vec![question(), allowed, free],
            has_hidden_policies: false,
        };
        let lines = lines(&answer);
        assert_eq!(lines[0], "allowed: arn:jane may do ssm:StartSession");
        assert!(lines.contains(&"otherwise:".to_owned()), "{lines:?}");
        assert_eq!(
            lines.last().map(String::as_str),
            Some("ssm:StartSession on arn:node: no policy allows it, which is not needed")
        );
    }

    #[test]
    fn context_is_a_key_and_a_value() {
        assert_eq!(entry("aws:UserAgent=a=b"), Ok(("aws:UserAgent".to_owned(), "a=b".to_owned())));
        assert!(entry("aws:UserAgent").is_err());
    }
}
