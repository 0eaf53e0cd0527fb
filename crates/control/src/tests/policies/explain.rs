//! Explanations are the decisions themselves, and tell nobody more than is theirs to read.

use postern_model::explain::{ExplainPolicyRequest, ExplainPolicyResponse};
use postern_model::lock::LockNodeRequest;
use postern_model::{ApiError, ErrorCode, Operation};
use postern_policy::managed::by_arn;

use super::*;
use crate::tests::world::code;

fn about(principal: Option<&str>, action: &str, resources: &[&str]) -> ExplainPolicyRequest {
    ExplainPolicyRequest {
        principal: principal.map(str::to_owned),
        action: action.to_owned(),
        resources: resources.iter().map(|name| (*name).to_owned()).collect(),
        context: std::collections::BTreeMap::new(),
    }
}

impl User<'_> {
    async fn explains(&self, request: ExplainPolicyRequest) -> Result<ExplainPolicyResponse, ApiError> {
        self.world.control.explain_policy(&self.call("postern").await, request).await
    }

    /// What an administrator is told about a start of this user's, which is what happens if the user starts.
    async fn explained(&self, machine: &Machine, document: Option<&str>) -> ExplainPolicyResponse {
        let named = document.map(|name| format!("document/{name}"));
        let things: Vec<&str> = [machine.node_id.as_str()].into_iter().chain(named.as_deref()).collect();
        let admin = self.world.as_admin().await;
        let request = about(Some(&self.name), "ssm:startsession", &things);
        let explained = self.world.control.explain_policy(&admin, request).await.unwrap();
        assert_eq!(explained.decision == "allowed", self.starts(machine, document).await, "{explained:?}");
        explained
    }
}

#[tokio::test]
async fn an_explanation_is_the_decision_with_every_statement_that_has_to_do_with_it() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let prod = json!({ "StringEquals": { "ssm:resourceTag/env": "prod" } });
    let statements = [
        when(allow("ssm:StartSession", NODES), prod),
        allow("ssm:StartSession", document_arn(SHELL)),
        allow("kms:*", "*"),
    ];
    let jane = world.person("jane", &statements).await;

    let explained = jane.explained(&machine, None).await;
    assert_eq!(explained.principal, "arn:aws:iam::123456789012:user/jane");
    assert_eq!((explained.action.as_str(), explained.decision.as_str()), ("ssm:StartSession", "implicitDeny"));
    let reason = "because no identity-based policy allows the ssm:StartSession action";
    assert_eq!(explained.reason.as_deref(), Some(reason));
    let [node] = &explained.questions[..] else { panic!("the first no is the last question: {explained:?}") };
    assert_eq!((node.resource.clone(), node.is_enough), (node_arn(&machine), false));
    let [first, second] = &node.statements[..] else { panic!("two are about starting: {node:?}") };
    assert_eq!((first.policy.as_str(), first.index, first.outcome.as_str()), ("user/jane/own", 0, "doesNotMatch"));
    let [tag] = &first.mismatches[..] else { panic!("one thing is otherwise: {first:?}") };
    assert_eq!((tag.element.as_str(), tag.key.as_deref()), ("Condition", Some("ssm:resourceTag/env")));
    assert_eq!((&tag.found[..], &tag.wanted[..]), (&[][..], &["prod".to_owned()][..]));
    assert_eq!(second.mismatches[0].wanted, [document_arn(SHELL)]);
    assert!(second.statement.starts_with(r#"{"Effect":"Allow","Action":"ssm:StartSession""#), "{second:?}");

    world.tag_node(&machine, "env", "dev").await;
    let explained = jane.explained(&machine, None).await;
    assert_eq!(explained.questions[0].statements[0].mismatches[0].found, ["dev"], "as it is tagged now");
    world.tag_node(&machine, "env", "prod").await;
    let explained = jane.explained(&machine, None).await;
    assert_eq!((explained.reason, explained.questions.len()), (None, 2), "a node and a document");
    assert!(!jane.explained(&machine, Some("AWS-StartSSHSession")).await.questions[1].is_enough);

    let more = [&statements[..], &[deny("ssm:Start*", NODES)]].concat();
    jane.may(&more).await;
    let explained = jane.explained(&machine, None).await;
    assert_eq!(explained.decision, "explicitDeny");
    assert_eq!(explained.questions[0].layer.as_deref(), Some("identity-based policy"));
    let outcomes: Vec<&str> = explained.questions[0].statements.iter().map(|one| one.outcome.as_str()).collect();
    assert_eq!(outcomes, ["matches", "outvoted", "doesNotMatch"]);

    jane.may(&statements).await;
    let lock = LockNodeRequest { target: machine.node_id.to_string(), reason: None };
    world.control.lock_node(&world.as_admin().await, lock).await.unwrap();
    let explained = jane.explained(&machine, None).await;
    assert_eq!(explained.decision, "explicitDeny");
    assert_eq!(explained.reason.as_deref(), Some("because the node is locked, whatever policies say"));
    assert!(explained.questions.iter().all(|question| question.is_enough), "policies allow it");
}

#[tokio::test]
async fn whose_a_session_is_and_what_is_supposed_counts() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let own = allow("ssm:TerminateSession", "arn:aws:ssm:*:*:session/${aws:username}-*");
    let from = when(allow("ssm:DescribeSessions", "*"), json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }));
    let starts = [allow("ssm:StartSession", "*"), own, from];
    let (jane, joan) = (world.person("jane", &starts).await, world.person("joan", &starts).await);
    let session = format!("session/{}", jane.start(&machine).await.session_id);
    for (who, action, decision) in [
        (&jane, "ssm:TerminateSession", "allowed"),
        (&joan, "ssm:TerminateSession", "implicitDeny"),
        (&jane, "ssmmessages:OpenDataChannel", "allowed"),
        (&joan, "ssmmessages:OpenDataChannel", "implicitDeny"),
    ] {
        let explained = who.explains(about(None, action, &[&session])).await.unwrap();
        assert_eq!(explained.decision, decision, "{} {action}", who.name);
    }
    let admin = world.as_admin().await;
    for (address, decision) in
        [(None, "implicitDeny"), (Some("10.1.2.3"), "allowed"), (Some("192.0.2.1"), "implicitDeny")]
    {
        let mut request = about(Some("jane"), "ssm:DescribeSessions", &[]);
        let given = address.map(|address| ("aws:SourceIp".to_owned(), vec![address.to_owned()]));
        request.context.extend(given);
        let explained = world.control.explain_policy(&admin, request).await.unwrap();
        assert_eq!(explained.decision, decision, "{address:?}");
    }
}

#[tokio::test]
async fn who_may_not_read_policies_learns_what_a_refusal_tells() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let statements = [deny("ssm:StartSession", "*"), allow("ssm:*", "*")];
    let jane = world.person("jane", &statements).await;
    let asked = || about(None, "ssm:StartSession", &[machine.node_id.as_str()]);

    let explained = jane.explains(asked()).await.unwrap();
    assert_eq!(explained.reason.as_deref(), Some("with an explicit deny in an identity-based policy"));
    assert_eq!(explained.questions[0].layer.as_deref(), Some("identity-based policy"));
    assert!(explained.has_hidden_policies);
    let told = format!("{explained:?}");
    assert!(!told.contains("user/jane/own") && !told.contains("Effect"), "{told}");

    let reads = allow("iam:GetUserPolicy", "arn:aws:iam::*:user/jane");
    jane.may(&[&statements[..], std::slice::from_ref(&reads)].concat()).await;
    let explained = jane.explains(asked()).await.unwrap();
    assert!(!explained.has_hidden_policies);
    assert_eq!(explained.questions[0].statements[0].policy, "user/jane/own");

    let everything = by_arn("arn:aws:iam::aws:policy/AdministratorAccess").unwrap().arn();
    let attach = crate::tests::sts::ask(&[("UserName", "jane"), ("PolicyArn", everything.as_str())]);
    world.control.attach_user_policy(&world.as_admin().await, attach).await.unwrap();
    jane.may(&[&statements[..], &[reads, deny("iam:GetPolicyVersion", "*")]].concat()).await;
    let explained = jane.explains(asked()).await.unwrap();
    assert!(explained.has_hidden_policies, "of two policies one may be read");
    assert!(explained.questions[0].statements.iter().all(|one| one.policy == "user/jane/own"), "{explained:?}");
}

#[tokio::test]
async fn about_others_only_those_ask_who_may() {
    let world = World::new().await;
    let jane = world.person("jane", &[allow("ssm:*", "*")]).await;
    world.person("joan", &[]).await;
    let about_joan = || about(Some("joan"), "ssm:DescribeSessions", &[]);
    assert_eq!(code(jane.explains(about_joan()).await), ErrorCode::AccessDeniedException);
    assert_eq!(jane.explains(about(Some("jane"), "ssm:DescribeSessions", &[])).await.unwrap().decision, "allowed");
    jane.may(&[allow("postern:ExplainPolicy", "arn:aws:iam::*:user/joan")]).await;
    assert_eq!(jane.explains(about_joan()).await.unwrap().decision, "implicitDeny");
    let nobody = about(Some("nobody"), "ssm:DescribeSessions", &[]);
    assert_eq!(code(jane.explains(nobody).await), ErrorCode::AccessDeniedException, "who there is, is not told");
    jane.may(&[deny("postern:*", "*")]).await;
    assert_eq!(code(jane.explains(about(None, "ssm:DescribeSessions", &[])).await), ErrorCode::AccessDeniedException);

    let admin = world.as_admin().await;
    let nobody = world.control.explain_policy(&admin, about(Some("role/nobody"), "iam:GetRole", &["role/x"])).await;
    assert_eq!(code(nobody), ErrorCode::DoesNotExistException);
    world.control.make_node_role().await.unwrap();
    for role in ["role/PosternNode", "arn:aws:sts::123456789012:assumed-role/PosternNode/me"] {
        let request = about(Some(role), "ssm:DescribeSessions", &[]);
        let explained = world.control.explain_policy(&admin, request).await.unwrap();
        assert!(
            explained.principal.starts_with("arn:aws:sts::123456789012:assumed-role/PosternNode/"),
            "{explained:?}"
        );
    }
}

/// Whether a role is there, and whom it trusts, is for those who may read it.
#[tokio::test]
async fn what_a_role_trusts_is_not_told() {
    let world = World::new().await;
    let jane = world.person("jane", &[allow("iam:GetUserPolicy", "*")]).await;
    world.control.make_node_role().await.unwrap();
    let mut told = Vec::new();
    for role in ["role/PosternNode", "role/nobody"] {
        let explained = jane.explains(about(None, "sts:AssumeRole", &[role])).await.unwrap();
        assert_eq!((explained.decision.as_str(), &explained.reason), ("implicitDeny", &None));
        assert!(explained.has_hidden_policies, "{role}");
        let mut question = explained.questions[0].clone();
        assert_eq!(question.layer, None);
        question.resource.clear();
        told.push(question);
    }
    assert_eq!(told[0], told[1], "one that is there and one that is not");
    let admin = world.as_admin().await;
    let request = about(Some("jane"), "sts:AssumeRole", &["role/PosternNode"]);
    let explained = world.control.explain_policy(&admin, request).await.unwrap();
    assert_eq!(explained.questions[0].layer.as_deref(), Some("resource-based policy"));
    assert_eq!(explained.questions[0].statements[0].policy, "trust policy");
}

#[tokio::test]
async fn what_cannot_be_explained_is_said() {
    let world = World::new().await;
    let admin = world.as_admin().await;
    for (action, resources, key, words) in [
        ("ssm:Start", &[][..], None, "ssm:Start is no action of this service"),
        ("ssm:StartSession", &[], None, "ssm:StartSession is about a managed node, mi-…: name it in Resources"),
        ("ssm:GetDocument", &["mi-0123456789abcdef0"], None, "ssm:GetDocument is about a document, document/NAME"),
        ("ssm:DescribeSessions", &["role/x"], None, "ssm:DescribeSessions is not about role/x."),
        ("ssm:TerminateSession", &["session/a b"], None, "session/a b is no name of a session"),
        ("iam:GetUser", &["arn:aws:iam::999999999999:user/x"], None, "is of another account or region"),
        ("sts:AssumeRoleWithWebIdentity", &["role/x"], None, "a provider's token decide"),
        (
            "iam:GetUser",
            &["user/x"],
            Some("iam:ResourceTag/a"),
            "Context cannot have iam:ResourceTag/a: it is looked up",
        ),
    ] {
        let mut request = about(None, action, resources);
        request.context.extend(key.map(|key| (key.to_owned(), vec!["x".to_owned()])));
        let error = world.control.explain_policy(&admin, request).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::ValidationException, "{action}: {error}");
        assert!(error.message().contains(words), "{action}: {error}");
    }
}

/// One name of each kind is enough for every operation there is.
#[tokio::test]
async fn every_action_can_be_explained() {
    let world = World::new().await;
    let admin = world.as_admin().await;
    let names = [
        "mi-0123456789abcdef0",
        "document/Mine",
        "session/ann-0a1b",
        "servicesetting/ssm/x",
        "user/ann",
        "user/berta",
        "role/web",
        "policy/mine",
        "mfa/ann",
        "oidc-provider/ci.example.org",
        "key/01234567-89ab-4def-8123-456789abcdef",
        "alias/mine",
        "log-group:mine",
        "log-group:mine:log-stream:one",
    ];
    let sets = || {
        let one = names.iter().map(|name| vec![*name]);
        let two = names.iter().flat_map(|first| names.iter().map(move |second| vec![*first, *second]));
        std::iter::once(Vec::new()).chain(one).chain(two)
    };
    for operation in Operation::ALL.iter().filter(|operation| **operation != Operation::AssumeRoleWithWebIdentity) {
        let action = format!("{}:{operation}", operation.service().name());
        let mut explained = None;
        for resources in sets() {
            match world.control.explain_policy(&admin, about(None, &action, &resources)).await {
                Ok(answer) => explained = Some(answer),
                Err(error) => {
                    assert_eq!(error.code(), ErrorCode::ValidationException, "{action} {resources:?}: {error}")
                }
            }
            if explained.is_some() {
                break;
            }
        }
        let explained = explained.unwrap_or_else(|| panic!("{action} cannot be explained"));
        let is_for_nodes = explained.reason.as_deref().is_some_and(|reason| reason.contains("only a managed node"));
        let is_trust = action == "sts:AssumeRole";
        assert!(explained.decision == "allowed" || is_for_nodes || is_trust, "{explained:?}");
    }
}
