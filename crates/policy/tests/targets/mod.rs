//! What fuzzing asks of policies: whoever may save one is not trusted with the service. Shared by the libFuzzer programs
//! in `fuzz/` and by the seeded mutator in `tests/fuzz_seeds.rs`.
//!
//! Every target takes any bytes and must neither panic nor break the property it states.

#![allow(dead_code, reason = "every includer uses its own part")]

use std::sync::Arc;

use postern_policy::{
    Attached, Context, DocumentKind, Effect, Layers, Limits, Policy, Principal, PrincipalKind, Request, Resource,
    Verdict, evaluate, statement_spans, verdict,
};

/// A reader under test.
pub(crate) type Target = fn(&[u8]);

/// All targets by name. The name is that of the program in `fuzz/` and of the corpus folder.
pub(crate) const TARGETS: &[(&str, Target)] = &[("policy", policy), ("policy_request", policy_request)];

/// Runs the target of this name.
pub(crate) fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("the target is in the table");
    target(data);
}

/// Every text is a policy or has a fault on one line; what is read is printed and read again the same, within the same
/// limits or without them; and each of its statements has a place in the text.
pub(crate) fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for kind in [DocumentKind::Identity, DocumentKind::Trust, DocumentKind::Resource] {
        match Policy::parse(text, Limits::stored(kind)) {
            Ok(policy) => {
                let printed = policy.to_string();
                let again = Policy::parse(&printed, Limits::stored(kind)).expect("what was printed is read");
                assert_eq!(again, policy);
                assert_eq!(again.to_string(), printed);
                assert_eq!(statement_spans(text).len(), policy.statements().len());
                for warning in policy.warnings() {
                    assert!(warning.path().starts_with("Statement["), "{warning}");
                }
            }
            Err(fault) => {
                assert!(!fault.summary().is_empty() && !fault.to_string().contains('\n'), "{fault}");
                assert!(fault.to_string().len() < 4096, "{fault}");
            }
        }
    }
}

/// The first line is an action, the second a resource, the third a principal's ARN, then a key and its value on each line
/// until an empty one; the rest is a policy. Both answers are the same, a deny beside it ends in a deny, and no narrowing
/// layer opens anything.
pub(crate) fn policy_request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((head, document)) = text.split_once("\n\n") else { return };
    let mut lines = head.split('\n');
    let (Some(action), Some(arn), Some(who)) = (lines.next(), lines.next(), lines.next()) else { return };
    let mut context = Context::new();
    for (key, value) in lines.filter_map(|line| line.split_once('=')) {
        context.set(key, value);
    }
    let names = [(PrincipalKind::Aws, who)];
    let principal = Principal { account: who.split(':').nth(4), names: &names };
    let attached = |kind| {
        let policy = Policy::parse(document, Limits::stored(kind)).ok()?;
        Some(vec![Attached { name: "P".into(), policy: Arc::new(policy) }])
    };
    let layers = Layers {
        identity: attached(DocumentKind::Identity).unwrap_or_default(),
        resource: attached(DocumentKind::Resource).or_else(|| attached(DocumentKind::Trust)).unwrap_or_default(),
        ..Layers::default()
    };
    for resource in [Resource::new(arn), Resource::session(arn)] {
        let request =
            Request { principal, action, resource: &resource, context: &context, resource_context: &Context::EMPTY };
        let decision = evaluate(&layers, &request);
        assert_eq!(decision.verdict, verdict(&layers, &request));
        assert!(!decision.to_string().is_empty() && decision.is_allowed() <= !decision.statements.is_empty());

        let narrowed = Layers { boundary: Some(layers.identity.clone()), session: Some(Vec::new()), ..layers.clone() };
        assert!(!verdict(&narrowed, &request).is_allowed());

        let deny = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
        let policy = Arc::new(Policy::parse(deny, Limits::MANAGED).expect("a policy"));
        assert_eq!(policy.statements()[0].effect(), Effect::Deny);
        let denied = Layers { boundary: Some(vec![Attached { name: "deny".into(), policy }]), ..layers.clone() };
        assert!(matches!(verdict(&denied, &request), Verdict::ExplicitDeny(_)));
    }
}
