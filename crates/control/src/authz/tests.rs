//! Every act × every kind of caller: the whole decision as one table. An operation or a channel route without a row
//! fails, and so does a row that is not what happens.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod samples;
mod table;
mod ways;

use std::collections::BTreeMap;
use std::sync::Arc;

use postern_iam::{Arn, KeyId, UniqueId};
use postern_model::{CallerKind, ErrorCode, Operation};
use postern_policy::{Attached, DocumentKind, Layers, Limits, Policy, managed};

use super::act::{self, OnCiphertext, OnSession, OnStream};
use super::*;
use crate::caller::{CredentialFacts, NodeProof, Person, PersonKind};
pub(super) use samples::Sample;
use samples::{OTHER, OWN, scope};
use table::TABLE;

const ROUTES: [Action; 4] =
    [Action::CreateControlChannel, Action::OpenControlChannel, Action::CreateDataChannel, Action::OpenDataChannel];

/// The callers of the table's columns.
fn callers() -> [Principal; 7] {
    let node = |id: &str, proof| Principal::Node { node_id: id.parse().unwrap(), proof };
    [
        Principal::Anonymous,
        node(OWN, NodeProof::Key),
        node(OWN, NodeProof::Role),
        node(OTHER, NodeProof::Key),
        node(OTHER, NodeProof::Role),
        user("june", &[]),
        administrator(&[]),
    ]
}

/// A user with these policies.
fn user(name: &str, documents: &[&str]) -> Principal {
    user_with(name, documents.iter().map(|document| parsed(document)).collect())
}

/// A user who may do everything but for what these policies deny.
fn administrator(documents: &[&str]) -> Principal {
    let everything = managed::by_arn("arn:aws:iam::aws:policy/AdministratorAccess").unwrap().policy();
    user_with("admin", documents.iter().map(|document| parsed(document)).chain([everything]).collect())
}

fn parsed(document: &str) -> Arc<Policy> {
    Arc::new(Policy::parse(document, Limits::stored(DocumentKind::Identity)).unwrap())
}

fn user_with(name: &str, policies: Vec<Arc<Policy>>) -> Principal {
    let id = UniqueId::of_user(&[1; 11]);
    let identity = policies.into_iter().map(|policy| Attached { name: "policy".into(), policy }).collect();
    Principal::Person(Arc::new(Person {
        arn: Arn::user(&scope().account, name),
        user_id: id.to_string(),
        tags: Vec::new(),
        kind: PersonKind::User { id, name: name.to_owned() },
        credentials: CredentialFacts::LongLived,
        layers: Arc::new(Layers { identity, ..Layers::default() }),
        lock: None,
    }))
}

fn statement(effect: &str, actions: &[&str]) -> String {
    let statement = serde_json::json!({ "Effect": effect, "Action": actions, "Resource": "*" });
    serde_json::json!({ "Version": "2012-10-17", "Statement": statement }).to_string()
}

fn caller(principal: Principal) -> Caller {
    Caller {
        access_key_id: None,
        principal,
        scope: scope(),
        request_id: "request".to_owned(),
        arrived_at: 1_795_384_779_000,
        source_ip: None,
        is_secure: true,
        user_agent: None,
        credential: None,
        request: None,
        verified_key: None,
    }
}

fn may<A: Act>(principal: &Principal, on: A::On) -> bool {
    match authorize::<A>(&caller(principal.clone()), on) {
        Ok(allowed) => {
            assert_eq!(allowed.caller().principal.to_string(), principal.to_string());
            true
        }
        Err(error) => {
            assert_eq!(error.code(), ErrorCode::AccessDeniedException);
            false
        }
    }
}

/// What each of some callers may do to the samples, by action.
struct Attempts<'a> {
    callers: &'a [Principal],
    may: BTreeMap<String, Vec<bool>>,
}

impl act::Spectator for Attempts<'_> {
    fn see<A: Act<On: Sample>>(&mut self) {
        let tried = self.callers.iter().map(|principal| may::<A>(principal, A::On::sample())).collect();
        assert!(self.may.insert(A::ACTION.name(), tried).is_none(), "{} has one act", A::ACTION.name());
    }
}

fn attempt_all(callers: &[Principal]) -> BTreeMap<String, Vec<bool>> {
    let mut attempts = Attempts { callers, may: BTreeMap::new() };
    act::show(&mut attempts);
    attempts.may
}

#[test]
fn every_operation_and_every_route_has_one_row_and_one_act() {
    let all = Operation::ALL.iter().map(|operation| Action::Api(*operation)).chain(ROUTES);
    let acts = attempt_all(&[]);
    for action in all.clone() {
        let rows = TABLE.iter().filter(|(row, _)| *row == action).count();
        assert_eq!(rows, 1, "{} needs a row that says who may do it", action.name());
        assert!(acts.contains_key(&action.name()), "{} needs an act", action.name());
    }
    assert_eq!(TABLE.len(), all.clone().count(), "no row for what does not exist");
    assert_eq!(acts.len(), all.count(), "no act for what does not exist");
}

#[test]
fn the_table_is_what_happens() {
    let happens = attempt_all(&callers());
    for (action, expected) in TABLE {
        let tried = &happens[&action.name()];
        for ((principal, expected), tried) in callers().iter().zip(expected).zip(tried) {
            assert_eq!(tried, expected, "{} by {principal}", action.name());
        }
    }
}

/// What an administrator may do, a user may who is allowed exactly that, and nobody whom a statement denies it. Who one
/// is, is nobody's to deny.
#[test]
fn one_action_is_allowed_and_denied_by_its_name() {
    for (action, [.., expected]) in TABLE {
        let name = action.name();
        let needed = [name.as_str(), "iam:PassRole"];
        let others: Vec<String> = TABLE.iter().map(|(other, _)| other.name()).filter(|other| *other != name).collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        let callers = [
            user("june", &[&statement("Allow", &needed)]),
            user("june", &[&statement("Allow", &others)]),
            administrator(&[&statement("Deny", &[&name])]),
            administrator(&[&statement("Deny", &others)]),
        ];
        let is_free = matches!(
            action,
            Action::Api(
                Operation::GetCallerIdentity
                    | Operation::RegisterManagedInstance
                    | Operation::GetSessionToken
                    | Operation::GetAccessKeyInfo
                    | Operation::AssumeRoleWithWebIdentity
            )
        );
        // Who hands a role to the service needs to be allowed that, too.
        let is_passed =
            matches!(action, Action::Api(Operation::CreateActivation | Operation::UpdateManagedInstanceRole));
        let tried = attempt_all(&callers);
        assert_eq!(tried[&name], [*expected, is_free, is_free, *expected], "{name}");
        let without_passing = [user("june", &[&statement("Allow", &[&name])])];
        assert_eq!(attempt_all(&without_passing)[&name], [*expected && !is_passed], "{name} without iam:PassRole");
    }
}

/// The API's own idea of who calls an operation is only a sieve, but it must not contradict the decision.
#[test]
fn the_sieve_of_the_api_agrees_with_the_table() {
    for (action, [stranger, own_key, own_role, other_key, other_role, _, administrator]) in TABLE {
        let Action::Api(operation) = *action else { continue };
        assert!(!other_key, "{operation}: never another node");
        let for_every_node = matches!(operation, Operation::DescribeLogGroups | Operation::GetCallerIdentity);
        assert_eq!(*other_role, for_every_node, "{operation}: never another node");
        let kind = operation.caller();
        assert_eq!(*stranger, kind == CallerKind::Anonymous, "{operation}");
        assert_eq!(*own_key, kind == CallerKind::NodeKey, "{operation}");
        assert_eq!(*own_role, matches!(kind, CallerKind::NodeRole | CallerKind::UserOrNodeRole), "{operation}");
        let for_people = matches!(kind, CallerKind::User | CallerKind::UserOrNodeRole | CallerKind::Anonymous);
        assert_eq!(*administrator, for_people, "{operation}");
    }
}

#[test]
fn a_session_that_does_not_exist_is_nobodys() {
    let unknown = || OnSession { id: "jane-9".parse().unwrap(), node: None, owner_id: None };
    for principal in &callers()[..6] {
        assert!(!may::<act::CreateDataChannel>(principal, unknown()), "{principal}");
        assert!(!may::<act::OpenDataChannel>(principal, act::Channel(unknown())), "{principal}");
        assert!(!may::<act::ResumeSession>(principal, unknown()), "{principal}");
        let nobodys = || OnStream { node: None, ..OnStream::sample() };
        assert!(!may::<act::CreateLogStream>(principal, act::StreamsOfGroup(nobodys())), "{principal}");
        assert!(!may::<act::PutLogEvents>(principal, nobodys()), "{principal}");
        assert!(!may::<act::DescribeLogStreams>(principal, act::StreamsOfGroup(nobodys())), "{principal}");
        for session in [Some(unknown().id), None] {
            let on = OnCiphertext { session, node: None, ..OnCiphertext::sample() };
            let on = act::InContext { on, context: BTreeMap::new() };
            assert!(!may::<act::Decrypt>(principal, on), "{principal}");
        }
    }
}

#[test]
fn a_denial_says_who_what_where_and_why() {
    let message = |principal: &Principal| {
        authorize::<act::TerminateSession>(&caller(principal.clone()), OnSession::sample())
            .unwrap_err()
            .message()
            .to_owned()
    };
    let [.., node, _, nobody, _] = &callers();
    let session = "arn:aws:ssm:eu-west-1:123456789012:session/jane-1";
    assert_eq!(
        message(nobody),
        format!(
            "User: arn:aws:iam::123456789012:user/june is not authorized to perform: ssm:TerminateSession on resource: \
             {session} because no identity-based policy allows the ssm:TerminateSession action"
        )
    );
    let denied = administrator(&[&statement("Deny", &["ssm:Terminate*"])]);
    assert_eq!(
        message(&denied),
        format!(
            "User: arn:aws:iam::123456789012:user/admin is not authorized to perform: ssm:TerminateSession on resource: \
             {session} with an explicit deny in an identity-based policy"
        )
    );
    assert!(message(node).ends_with("because it is not for managed nodes"), "{}", message(node));
    let admin = caller(administrator(&[]));
    let error = authorize::<act::CreateControlChannel>(&admin, act::Itself::sample()).unwrap_err();
    assert_eq!(
        error.message(),
        "User: arn:aws:iam::123456789012:user/admin is not authorized to perform: ssmmessages:CreateControlChannel on \
         resource: arn:aws:ssm:eu-west-1:123456789012:managed-instance/mi-0000000000000000a because only a managed \
         node may do this, with its own credentials"
    );
}

/// Every act, refused for want of an allow and by a deny: who it is, what it was, to what, and which of the two decided. A
/// role's trust says nothing about why, and what only nodes do is nobody else's whatever policies say.
#[test]
fn every_denial_says_who_what_where_and_which_of_the_two() {
    struct Refusals(usize);

    impl act::Spectator for Refusals {
        fn see<A: Act<On: Sample>>(&mut self) {
            let name = A::ACTION.name();
            let denying = administrator(&[&statement("Deny", &[&name])]);
            for (principal, because) in [
                (user("june", &[]), format!("because no identity-based policy allows the {name} action")),
                (denying, "with an explicit deny in an identity-based policy".to_owned()),
            ] {
                let on = A::On::sample();
                let resource = on.ways()[0][0].resource.as_asked_for(&scope());
                let Err(error) = authorize::<A>(&caller(principal.clone()), on) else { continue };
                let says = format!("User: {principal} is not authorized to perform: {name} on resource: {resource}");
                let ending = match audience(A::ACTION) {
                    Audience::NodeWithKey | Audience::NodeWithRole => {
                        " because only a managed node may do this, with its own credentials".to_owned()
                    }
                    _ if name.starts_with("sts:AssumeRole") => String::new(),
                    _ => format!(" {because}"),
                };
                assert_eq!(error.message(), says + &ending);
                self.0 += 1;
            }
        }
    }

    let mut refusals = Refusals(0);
    act::show(&mut refusals);
    // But for those that everybody may: who one is, and what is decided by another proof.
    assert_eq!(refusals.0, 2 * (TABLE.len() - 5));
}

/// A role that does not trust whoever is vouched for does not say why either, nor whether it is there.
#[test]
fn who_is_vouched_for_is_told_nothing() {
    let mut on = act::Vouched::sample();
    on.0.trust = trust::Trust::of(None).in_word_of(Arn::oidc_provider(&scope().account, "elsewhere.example.org"));
    let error = authorize::<act::AssumeRoleWithWebIdentity>(&caller(Principal::Anonymous), on).unwrap_err();
    let role = act::Vouched::sample().0.asked;
    assert_eq!(
        error.message(),
        format!("User: anonymous is not authorized to perform: sts:AssumeRoleWithWebIdentity on resource: {role}")
    );
}

/// For the log: which statement it was, which whoever is refused does not learn.
#[test]
fn the_log_names_the_statement_that_denied() {
    let named = |document: &str| Attached { name: "user/june/limits".into(), policy: parsed(document) };
    let denies = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Sid":"NotThis","Effect":"Deny","Action":"ssm:Terminate*","Resource":"*"}]}"#;
    for (document, denied_by) in [
        (denies, Some("Deny in identity-based policy user/june/limits, statement 1 (NotThis)")),
        (&statement("Allow", &["ssm:StartSession"]), None),
    ] {
        let Principal::Person(person) = user("june", &[]) else { panic!("a user is a person") };
        let layers = Arc::new(Layers { identity: vec![named(document)], ..Layers::default() });
        let june = caller(Principal::Person(Arc::new(Person { layers, ..(*person).clone() })));
        let on = OnSession::sample();
        let explained = explain(&june, act::TerminateSession::ACTION, &on);
        assert!(explained.outcome.is_err());
        assert_eq!(explained.denied_by().as_deref(), denied_by);
        let error = authorize::<act::TerminateSession>(&june, on).unwrap_err();
        assert!(!error.message().contains("limits") && !error.message().contains("NotThis"), "{error}");
    }
}

#[test]
fn a_decision_is_about_the_key_and_a_denial_about_its_name() {
    let on = act::OnKey { id: Some(KeyId::generate(&[7; 16])), ..act::OnKey::sample() };
    let ways = on.ways();
    let [way] = &ways[..] else { panic!("there is one way") };
    let [question] = &way[..] else { panic!("one key is one question") };
    let name = question.resource.name(&scope());
    assert_eq!(name, "arn:aws:kms:eu-west-1:123456789012:key/07070707-0707-4707-8707-070707070707");
    let on = act::InContext { on: on.clone(), context: BTreeMap::new() };
    let error = authorize::<act::GenerateDataKey>(&caller(user("june", &[])), on).unwrap_err();
    assert!(error.message().contains("on resource: arn:aws:kms:eu-west-1:123456789012:alias/aws/ssm "), "{error}");
}

/// Whoever saves a policy is warned of names that nothing here has; of those that there are nobody is.
#[test]
fn nobody_is_warned_of_an_action_that_there_is() {
    for action in attempt_all(&[]).into_keys().chain(["iam:PassRole".to_owned()]) {
        let document = statement("Allow", &[&action]);
        let policy = Policy::parse(&document, Limits::MANAGED).unwrap();
        assert_eq!(policy.warnings(), [], "{action}");
    }
    let document = statement("Allow", &["kms:ScheduleKeyDeletion"]);
    assert_eq!(Policy::parse(&document, Limits::MANAGED).unwrap().warnings().len(), 1);
}
