//! The results of a simulation: one for each action, and within it one for each resource.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use postern_iam::Arn;
use postern_model::ApiError;
use postern_model::iam::{
    BoundaryDecision, ContextEntry, Entries, EvaluationResult, MatchedStatement, Position, ResourceSpecificResult,
    Simulated,
};
use postern_policy::{
    Attached, Context, Decision, DocumentKind, Layer, Layers, Limits, Policy, Principal, PrincipalKind, Request,
    Resource, StatementRef, ValueKind, Verdict, evaluate, verdict,
};

use super::super::shown;
use super::inputs::{Inputs, RESOURCE, Who};
use super::invalid;

/// As many statements are asked about as many resources at most, for one action: what a simulation costs.
const MAX_WORK: usize = 100_000;
/// What is simulated where nobody names a resource.
const ANY: &str = "*";

/// All that is the same for every result.
pub(super) struct Simulation<'a> {
    inputs: Inputs,
    caller: Option<Arn>,
    context: Context,
    resources: Vec<&'a str>,
    owner: Option<String>,
}

/// What was found about one action and one resource.
struct Found {
    decision: Decision,
    /// What each side says, if resource and caller are of two accounts.
    sides: Option<[(&'static str, Verdict); 2]>,
    is_in_boundary: Option<bool>,
}

impl<'a> Simulation<'a> {
    pub(super) fn of(inputs: Inputs, who: Option<Who>, simulated: &'a Simulated) -> Result<Self, ApiError> {
        let mut resources: Vec<&str> = simulated.resource_arns.iter().map(String::as_str).collect();
        if resources.is_empty() {
            resources.push(ANY);
        }
        if resources.len() > 1 && resources.contains(&ANY) {
            return Err(invalid("ResourceArns takes \"*\" or ARNs, and not both.".to_owned()));
        }
        if let Some(wrong) = resources.iter().find(|name| **name != ANY && name.parse::<Arn>().is_err()) {
            return Err(invalid(format!("ARN {} is not valid.", shown(wrong))));
        }
        if let Some(wrong) = simulated.action_names.iter().find(|name| !name.contains(':')) {
            let wrong = shown(wrong);
            return Err(invalid(format!("Action {wrong} must be service:Operation, as in ssm:StartSession.")));
        }
        if resources.len().saturating_mul(inputs.statements()) > MAX_WORK {
            let message =
                format!("These resources and statements are too many for one call: their product is over {MAX_WORK}.");
            return Err(invalid(message));
        }
        let who = match &simulated.caller_arn {
            Some(arn) => Some(Who::named(caller(arn)?)),
            None => who,
        };
        let (caller, mut context) = who.map_or_else(Default::default, |Who { arn, keys }| (arn, keys));
        if simulated.resource_policy.is_some() && caller.is_none() {
            return Err(invalid("ResourcePolicy needs CallerArn: somebody for its Principal to name.".to_owned()));
        }
        for entry in &simulated.context_entries {
            set(&mut context, entry)?;
        }
        let owner = simulated.resource_owner.as_deref().map(account).transpose()?;
        Ok(Self { inputs, caller, context, resources, owner })
    }

    pub(super) fn result(&self, action: &str) -> EvaluationResult {
        let all: Vec<(&str, Found)> = self.resources.iter().map(|name| (*name, self.find(action, name))).collect();
        let missing_context_values = self.inputs.missing_keys(action, &self.context);
        // What holds for all of them is the worst that holds for one.
        let worst = all.iter().map(|(_, found)| found.decision.verdict).max_by_key(|verdict| severity(*verdict));
        let worst = worst.unwrap_or(Verdict::ImplicitDeny(Layer::Identity));
        let deciding = all.iter().filter(|(_, found)| severity(found.decision.verdict) == severity(worst));
        let mut matched_statements = Vec::new();
        for statement in deciding.flat_map(|(_, found)| self.matched(&found.decision)) {
            if !matched_statements.contains(&statement) {
                matched_statements.push(statement);
            }
        }
        let is_about_any = self.resources == [ANY];
        let sides = all.iter().filter_map(|(_, found)| found.sides).flatten();
        let mut details: BTreeMap<&str, Verdict> = BTreeMap::new();
        for (side, verdict) in sides {
            let known = details.entry(side).or_insert(verdict);
            if severity(verdict) > severity(*known) {
                *known = verdict;
            }
        }
        let is_in_boundary = all.iter().filter_map(|(_, found)| found.is_in_boundary).reduce(|one, other| one && other);
        let specific = |(name, found): &(&str, Found)| ResourceSpecificResult {
            eval_resource_name: (*name).to_owned(),
            eval_resource_decision: found.decision.verdict.simulation_name().to_owned(),
            matched_statements: self.matched(&found.decision),
            missing_context_values: missing_context_values.clone(),
            eval_decision_details: found.sides.map(|sides| entries(sides.into_iter())),
            permissions_boundary_decision_detail: found.is_in_boundary.map(boundary),
        };
        EvaluationResult {
            eval_action_name: action.to_owned(),
            // Several resources have no name together.
            eval_resource_name: if let [one] = self.resources[..] { one } else { ANY }.to_owned(),
            eval_decision: worst.simulation_name().to_owned(),
            matched_statements,
            permissions_boundary_decision_detail: is_in_boundary.map(boundary),
            eval_decision_details: (!is_about_any).then(|| entries(details.into_iter())),
            resource_specific_results: (!is_about_any).then(|| all.iter().map(specific).collect()),
            missing_context_values,
        }
    }

    fn find(&self, action: &str, name: &str) -> Found {
        let resource = match name.parse::<Arn>() {
            Ok(arn) if arn.service == "ssm" && arn.resource.starts_with("session/") => Resource::session(name),
            Ok(_) => Resource::new(name),
            Err(_) => Resource::ANY,
        };
        let arn = self.caller.as_ref().map(Arn::to_string);
        let names: Vec<(PrincipalKind, &str)> = arn.iter().map(|arn| (PrincipalKind::Aws, arn.as_str())).collect();
        let principal =
            Principal { account: self.caller.as_ref().map(|caller| caller.account.as_str()), names: &names };
        let request = Request {
            principal,
            action,
            resource: &resource,
            context: &self.context,
            resource_context: &Context::EMPTY,
        };
        let layers = &self.inputs.layers;
        let is_in_boundary = layers.boundary.as_ref().map(|boundary| {
            let alone = Layers { identity: boundary.clone(), ..Layers::default() };
            verdict(&alone, &request).is_allowed()
        });
        match self.is_across_accounts(name) {
            false => Found { decision: evaluate(layers, &request), sides: None, is_in_boundary },
            true => {
                let (decision, sides) = across(layers, &request);
                Found { decision, sides: Some(sides), is_in_boundary }
            }
        }
    }

    /// Whether the policy of a resource is another account's than whoever asks.
    fn is_across_accounts(&self, resource: &str) -> bool {
        let Some(caller) = self.caller.as_ref().filter(|_| !self.inputs.layers.resource.is_empty()) else {
            return false;
        };
        let named = resource.parse::<Arn>().ok().map(|arn| arn.account.to_string()).filter(|id| !id.is_empty());
        named.or_else(|| self.owner.clone()).is_some_and(|owner| owner != caller.account.as_str())
    }

    fn matched(&self, decision: &Decision) -> Vec<MatchedStatement> {
        let shown = |statement: &StatementRef| {
            let source = self.inputs.source(statement.layer, &statement.policy)?;
            let span = source.spans.get(statement.index)?;
            let position = |at: postern_policy::Position| Position { line: at.line, column: at.column };
            Some(MatchedStatement {
                source_policy_id: source.id.clone(),
                source_policy_type: source.kind.to_owned(),
                start_position: position(span.start),
                end_position: position(span.end),
            })
        };
        decision.statements.iter().filter_map(shown).collect()
    }
}

static EVERYTHING: LazyLock<Attached> = LazyLock::new(|| {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let policy = Policy::parse(document, Limits::stored(DocumentKind::Identity));
    let policy = Arc::new(policy.expect("the document is part of the program, and a test reads it"));
    Attached { name: "".into(), policy }
});

/// Across accounts both sides must allow: the caller's policies, and the resource's.
fn across(layers: &Layers, request: &Request<'_>) -> (Decision, [(&'static str, Verdict); 2]) {
    let own = Layers { resource: Vec::new(), ..layers.clone() };
    let theirs = Layers {
        resource: layers.resource.clone(),
        resource_must_allow: true,
        // Whom the resource's account lets in is asked for by the caller's.
        identity: vec![EVERYTHING.clone()],
        ..Layers::default()
    };
    let (own, mut theirs) = (evaluate(&own, request), evaluate(&theirs, request));
    theirs.statements.retain(|statement| statement.layer == Layer::Resource);
    let sides = [("IAM Policy", own.verdict), (RESOURCE, theirs.verdict)];
    let decision = match severity(own.verdict).cmp(&severity(theirs.verdict)) {
        std::cmp::Ordering::Greater => own,
        std::cmp::Ordering::Less => theirs,
        std::cmp::Ordering::Equal => {
            let statements = own.statements.into_iter().chain(theirs.statements).collect();
            Decision { statements, ..theirs }
        }
    };
    (decision, sides)
}

fn severity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Allowed => 0,
        Verdict::ImplicitDeny(_) => 1,
        Verdict::ExplicitDeny(_) => 2,
    }
}

fn entries<'a>(sides: impl Iterator<Item = (&'a str, Verdict)>) -> Entries {
    Entries(sides.map(|(side, verdict)| (side.to_owned(), verdict.simulation_name().to_owned())).collect())
}

fn boundary(allowed_by_permissions_boundary: bool) -> BoundaryDecision {
    BoundaryDecision { allowed_by_permissions_boundary }
}

fn caller(text: &str) -> Result<Arn, ApiError> {
    let arn = text
        .parse::<Arn>()
        .ok()
        .filter(|arn| arn.service == "iam" && (arn.resource.starts_with("user/") || arn.resource.starts_with("role/")));
    arn.ok_or_else(|| invalid("CallerArn must be the ARN of a user or role.".to_owned()))
}

/// The account in `arn:aws:iam::123456789012:root`.
fn account(text: &str) -> Result<String, ApiError> {
    let arn = text.parse::<Arn>().ok().filter(|arn| arn.service == "iam" && &*arn.resource == "root");
    let wrong = || invalid("ResourceOwner must be an account, as in arn:aws:iam::123456789012:root.".to_owned());
    arn.map(|arn| arn.account.to_string()).ok_or_else(wrong)
}

fn set(context: &mut Context, entry: &ContextEntry) -> Result<(), ApiError> {
    let ContextEntry { context_key_name, context_key_values, context_key_type } = entry;
    let (kind, is_list) = match context_key_type.strip_suffix("List") {
        Some(kind) => (kind, true),
        None => (*context_key_type, false),
    };
    let name = shown(context_key_name);
    if !is_list && context_key_values.len() > 1 {
        return Err(invalid(format!("{name} has several values: its ContextKeyType must be {kind}List.")));
    }
    let kind = ValueKind::from_name(kind).unwrap_or(ValueKind::Text);
    let values: Vec<&str> = context_key_values.iter().map(String::as_str).collect();
    context.set_typed(context_key_name, kind, &values).map_err(|wrong| {
        let wrong = shown(wrong);
        invalid(format!("The value {wrong} of {name} is not of the type {context_key_type}."))
    })
}
