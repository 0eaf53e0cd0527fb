//! Sessions: their documents, their owners, their tunnels, and targets that are not there.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::SessionDocumentCheck;

#[tokio::test]
async fn a_refusal_does_not_tell_which_nodes_there_are() {
    let world = World::new().await;
    let node = world.register(1).await;
    let user = world.person("ann", &[allow("ssm:StartSession", document_arn(SHELL))]).await;
    let refusal = async |target: &str| {
        let error = world.control.start_session(&user.call("ssm").await, start_request(target)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::AccessDeniedException, "{target}");
        error.message().replace(target, "TARGET")
    };
    let expected = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: ssm:StartSession on resource: \
                    arn:aws:ssm:eu-west-1:123456789012:managed-instance/TARGET because no identity-based policy allows \
                    the ssm:StartSession action";
    for target in [node.node_id.as_str(), "mi-00000000000000000", "mi-strange"] {
        assert_eq!(refusal(target).await, expected);
    }
    assert!(refusal("i-0123456789abcdef0").await.contains("arn:aws:ec2:eu-west-1:123456789012:instance/TARGET "));
    user.may(&[allow("ssm:StartSession", json!([NODES, document_arn(SHELL)]))]).await;
    let error = world.control.start_session(&user.call("ssm").await, start_request("mi-00000000000000000")).await;
    assert_eq!(error.unwrap_err().code(), ErrorCode::TargetNotConnected);
}

/// Each row: the statements, and whether the default document, unnamed, may be used under the strict and the older check.
#[tokio::test]
async fn the_default_document_needs_a_permission_or_asks_for_one() {
    let mut world = World::new().await;
    let node = world.register(1).await;
    let checked =
        |statement: Value| when(statement, json!({"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}}));
    let (nodes, shell) = (|| allow("ssm:StartSession", NODES), || allow("ssm:StartSession", document_arn(SHELL)));
    let rows = [
        (vec![], false, false),
        (vec![shell()], false, false),
        (vec![nodes()], false, true),
        (vec![nodes(), shell()], true, true),
        (vec![nodes(), deny("ssm:StartSession", document_arn(SHELL))], false, false),
        (vec![checked(nodes())], false, false),
        (vec![checked(nodes()), shell()], true, true),
        (vec![checked(nodes()), checked(shell())], true, true),
        // It has to be on every statement that allows the session.
        (vec![checked(nodes()), nodes()], false, true),
        (
            vec![
                nodes(),
                when(deny("ssm:StartSession", "*"), json!({"Bool": {"ssm:SessionDocumentAccessCheck": "false"}})),
            ],
            false,
            false,
        ),
    ];
    let user = world.person("ann", &[]).await.credentials;
    for (check, column) in [(SessionDocumentCheck::Strict, 0), (SessionDocumentCheck::Legacy, 1)] {
        world.configure(|settings| settings.session_document_check = check);
        let user = User { world: &world, name: "ann".to_owned(), credentials: user.clone() };
        for (statements, strict, legacy) in &rows {
            user.may(statements).await;
            assert_eq!(user.starts(&node, None).await, [*strict, *legacy][column], "{check:?}: {statements:?}");
            // Whoever names it needs to be allowed it, under both.
            assert_eq!(user.starts(&node, Some(SHELL)).await, *strict, "{check:?}, named: {statements:?}");
        }
    }
}

#[tokio::test]
async fn sessions_belong_to_one_owner_whatever_its_name_begins_with() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    let statements = |own: &str| {
        [allow("ssm:StartSession", json!([NODES, document_arn(SHELL)])), allow("ssm:TerminateSession", own)]
    };
    let ann = world.person("ann", &statements("arn:aws:ssm:*:*:session/ann-*")).await;
    let marie = world.person("ann-marie", &statements("arn:aws:ssm:*:*:session/${aws:userid}-*")).await;
    let (of_ann, of_marie) = (ann.start(&node).await.session_id, marie.start(&node).await.session_id);
    assert!(!ann.ends(&of_marie).await);
    assert!(!marie.ends(&of_ann).await);
    assert!(marie.ends(&of_marie).await);
    ann.may(&[allow("ssm:TerminateSession", "*"), deny("ssm:TerminateSession", "arn:aws:ssm:*:*:session/ann-*")]).await;
    assert!(!ann.ends(&of_marie).await, "a deny covers both");
    ann.may(&statements("arn:aws:ssm:*:*:session/${aws:username}-*")).await;
    assert!(ann.ends(&of_ann).await);
}

#[tokio::test]
async fn whose_name_is_given_again_does_not_inherit_sessions() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    let own = json!({"StringEquals": {"ssm:resourceTag/aws:ssmmessages:session-id": "${aws:userid}"}});
    let statements =
        [allow("ssm:StartSession", json!([NODES, document_arn(SHELL)])), when(allow("ssm:TerminateSession", "*"), own)];
    let ann = world.person("ann", &statements).await;
    let session = ann.start(&node).await.session_id;
    let admin = world.as_admin().await;
    let request = postern_model::iam::UpdateUserRequest {
        user_name: "ann".to_owned(),
        new_path: None,
        new_user_name: Some("old-ann".to_owned()),
    };
    world.control.update_user(&admin, request).await.unwrap();
    let other = world.person("ann", &statements).await;
    assert!(!other.ends(&session).await);
    assert!(ann.ends(&session).await, "whoever began it, under any name");
}

#[tokio::test]
async fn a_session_of_a_role_owns_its_sessions() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    let own = "arn:aws:ssm:*:*:session/${aws:userid}-*";
    let statements =
        [allow("ssm:StartSession", json!([NODES, document_arn(SHELL)])), allow("ssm:TerminateSession", own)];
    let ann = world.role_session("PosternNode", "ann@example.org", &[], &statements).await;
    let bob = world.role_session("PosternNode", "bob", &[], &statements).await;
    let request = start_request(node.node_id.as_str());
    let session = world.control.start_session(&ann, request).await.unwrap().session_id;
    assert!(session.starts_with("ann@example.org-"), "{session}");
    let request = TerminateSessionRequest { session_id: session };
    assert!(!is_allowed(world.control.terminate_session(&bob, request.clone()).await));
    assert!(is_allowed(world.control.terminate_session(&ann, request).await));
}

#[tokio::test]
async fn sessions_are_ended_by_their_node() {
    let world = World::new().await;
    let ((one, _lease), (two, _other_lease)) = (world.online(1).await, world.online(2).await);
    let on = json!({"StringEquals": {"ssm:resourceTag/aws:ssmmessages:target-id": one.node_id.to_string()}});
    let user = world.person("ann", &[when(allow("ssm:TerminateSession", "*"), on)]).await;
    let (on_one, on_two) = (world.start(&one).await.session_id, world.start(&two).await.session_id);
    assert!(user.ends(&on_one).await);
    assert!(!user.ends(&on_two).await);
}

#[tokio::test]
async fn tunnels_are_allowed_by_where_they_lead() {
    let world = World::new().await;
    let node = world.register(1).await;
    let documents = "arn:aws:ssm:*:*:document/AWS-StartPortForwardingSession*";
    let user = world.person("ann", &[]).await;
    let forwards = async |condition: Value, host: Option<&str>, port: &str| {
        user.may(&[when(allow("ssm:StartSession", json!([NODES, documents])), condition)]).await;
        let mut request = start_request(node.node_id.as_str());
        let name = if host.is_some() {
            "AWS-StartPortForwardingSessionToRemoteHost"
        } else {
            "AWS-StartPortForwardingSession"
        };
        request.document_name = Some(name.parse().unwrap());
        request.parameters = BTreeMap::from([("portNumber".to_owned(), vec![port.to_owned()])]);
        if let Some(host) = host {
            request.parameters.insert("host".to_owned(), vec![host.to_owned()]);
        }
        world.starts(&user.call("ssm").await, request).await
    };
    let database = || json!({"StringLike": {"postern:ForwardHost": "*.db.example.org"}, "NumericEquals": {"postern:ForwardPort": "5432"}});
    assert!(forwards(database(), Some("a.db.example.org"), "5432").await);
    assert!(forwards(database(), Some("A.DB.Example.org"), "5432").await);
    assert!(!forwards(database(), Some("a.db.example.org"), "22").await);
    assert!(!forwards(database(), Some("example.org"), "5432").await);
    assert!(!forwards(database(), None, "5432").await);
    let local = || json!({"StringEquals": {"postern:ForwardHost": "localhost"}, "NumericLessThan": {"postern:ForwardPort": 1024}});
    assert!(forwards(local(), None, "80").await);
    assert!(!forwards(local(), None, "8080").await);
    assert!(!forwards(local(), Some("192.0.2.1"), "80").await);
    // What is no tunnel leads nowhere.
    user.may(&[when(allow("ssm:StartSession", "*"), local())]).await;
    assert!(!user.starts(&node, None).await);
}
