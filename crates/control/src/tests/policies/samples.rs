//! The kinds of policies in AWS's documentation of Session Manager, with the meaning that stands beside them there (spec
//! iam-policies §9). The policies are written anew; nodes here are `managed-instance`.

use std::collections::BTreeMap;

use postern_model::document::{DeleteDocumentRequest, GetDocumentRequest};
use postern_model::session::{DescribeSessionsRequest, GetConnectionStatusRequest, ResumeSessionRequest, SessionState};
use serde_json::json;

use super::*;

const OWN_BY_NAME: &str = "arn:aws:ssm:*:*:session/${aws:username}-*";
const OWN_BY_ID: &str = "arn:aws:ssm:*:*:session/${aws:userid}-*";

/// What somebody may do who gets a shell on this node, and nothing but that.
fn end_user(machine: &Machine, own: &str) -> [Value; 4] {
    [
        allow("ssm:StartSession", json!([node_arn(machine), document_arn(SHELL)])),
        allow("ssmmessages:OpenDataChannel", own),
        allow(json!(["ssm:DescribeSessions", "ssm:GetConnectionStatus", "ssm:DescribeInstanceProperties"]), "*"),
        allow(json!(["ssm:TerminateSession", "ssm:ResumeSession"]), own),
    ]
}

#[tokio::test]
async fn an_end_user_has_a_shell_on_one_node_and_its_own_sessions() {
    let world = World::new().await;
    let ((own, _lease), (other, _other_lease)) = (world.online(1).await, world.online(2).await);
    let others = world.start(&own).await.session_id;
    for (name, pattern) in [("ann", OWN_BY_NAME), ("bob", OWN_BY_ID)] {
        let user = world.person(name, &end_user(&own, pattern)).await;
        assert!(user.starts(&own, None).await);
        assert!(user.starts(&own, Some(SHELL)).await, "the same document, named");
        assert!(!user.starts(&other, None).await, "another node");
        assert!(!user.starts(&own, Some("AWS-StartSSHSession")).await, "another document");
        let session = user.start(&own).await.session_id;
        let resume = |session_id: &str| ResumeSessionRequest { session_id: session_id.to_owned() };
        let control = &world.control;
        assert!(is_allowed(control.resume_session(&user.call("ssm").await, resume(&session)).await));
        assert!(!is_allowed(control.resume_session(&user.call("ssm").await, resume(&others)).await));
        assert!(!user.ends(&others).await);
        assert!(user.ends(&session).await);
        let request = DescribeSessionsRequest {
            state: SessionState::History,
            max_results: None,
            next_token: None,
            filters: Vec::new(),
        };
        assert!(is_allowed(control.describe_sessions(&user.call("ssm").await, request).await));
        let request = GetConnectionStatusRequest { target: other.node_id.to_string() };
        assert!(is_allowed(control.get_connection_status(&user.call("ssm").await, request).await));
    }
}

#[tokio::test]
async fn an_administrator_by_tag_has_the_nodes_that_carry_it() {
    let world = World::new().await;
    let (tagged, other, plain) = (world.register(1).await, world.register(2).await, world.register(3).await);
    world.tag_node(&tagged, "Finance", "WebServers").await;
    world.tag_node(&other, "Finance", "Databases").await;
    let user = world
        .person(
            "ann",
            &[
                when(
                    allow("ssm:StartSession", NODES),
                    json!({"StringLike": {"ssm:resourceTag/Finance": ["WebServers"]}}),
                ),
                allow("ssm:StartSession", document_arn(SHELL)),
            ],
        )
        .await;
    assert!(user.starts(&tagged, None).await);
    assert!(!user.starts(&other, None).await, "otherwise tagged");
    assert!(!user.starts(&plain, None).await, "untagged");
    world.untag_node(&tagged, "Finance").await;
    assert!(!user.starts(&tagged, None).await, "a tag that is taken away counts at once");
}

/// The tags of a node are not in the question about the document: in one statement they exclude each other.
#[tokio::test]
async fn a_node_by_its_tag_and_a_document_belong_into_two_statements() {
    let world = World::new().await;
    let node = world.register(1).await;
    world.tag_node(&node, "env", "prod").await;
    let both = json!([NODES, document_arn(SHELL)]);
    let tag = json!({"StringEquals": {"aws:ResourceTag/env": "prod"}});
    let user = world.person("ann", &[when(allow("ssm:StartSession", both.clone()), tag)]).await;
    assert!(!user.starts(&node, None).await);
    let tag = json!({"StringEqualsIfExists": {"aws:ResourceTag/env": "prod"}});
    user.may(&[when(allow("ssm:StartSession", both), tag)]).await;
    assert!(user.starts(&node, None).await);
}

#[tokio::test]
async fn two_tags_in_one_condition_are_both_needed() {
    let world = World::new().await;
    let (both, one) = (world.register(1).await, world.register(2).await);
    for (machine, key) in [(&both, "tag-key1"), (&both, "tag-key2"), (&one, "tag-key1")] {
        world.tag_node(machine, key, "yes").await;
    }
    let condition = json!({"StringLike": {"ssm:resourceTag/tag-key1": ["yes"], "ssm:resourceTag/tag-key2": ["yes"]}});
    let statements =
        [when(allow("ssm:StartSession", NODES), condition), allow("ssm:StartSession", document_arn(SHELL))];
    let user = world.person("ann", &statements).await;
    assert!(user.starts(&both, None).await);
    assert!(!user.starts(&one, None).await);
}

#[tokio::test]
async fn named_nodes_are_those_and_no_others() {
    let world = World::new().await;
    let machines = [world.register(1).await, world.register(2).await, world.register(3).await];
    let other = world.register(4).await;
    let mut resources: Vec<String> = machines.iter().map(node_arn).collect();
    resources.push(document_arn(SHELL));
    let user = world.person("ann", &[allow("ssm:StartSession", json!(resources))]).await;
    for machine in &machines {
        assert!(user.starts(machine, None).await);
    }
    assert!(!user.starts(&other, None).await);
    // A machine of EC2 by the same suffix is not the node.
    let ec2: Vec<String> = machines.iter().map(|_| "arn:aws:ec2:*:*:instance/*".to_owned()).collect();
    user.may(&[allow("ssm:StartSession", json!(ec2)), allow("ssm:StartSession", document_arn(SHELL))]).await;
    assert!(!user.starts(&machines[0], None).await);
}

async fn keep_document(world: &World, name: &str, command: &str) {
    let content = json!({
        "schemaVersion": "1.0",
        "sessionType": "InteractiveCommands",
        "properties": {"linux": {"commands": command, "runAsElevated": false}}
    });
    world.session_document(name, content).await;
}

fn get(name: &str) -> GetDocumentRequest {
    GetDocumentRequest {
        name: name.parse().unwrap(),
        version: postern_model::document::NamedVersion::default(),
        document_format: None,
    }
}

#[tokio::test]
async fn the_documents_of_the_console_are_those_of_the_pattern() {
    let world = World::new().await;
    keep_document(&world, "SessionDocument-uptime", "uptime").await;
    keep_document(&world, "Other-uptime", "uptime").await;
    let user = world.person("ann", &[allow("ssm:GetDocument", document_arn("SessionDocument-*"))]).await;
    for (name, expected) in [("SessionDocument-uptime", true), ("SessionDocument-x", true), ("Other-uptime", false)] {
        let answer = world.control.get_document(&user.call("ssm").await, get(name)).await;
        assert_eq!(is_allowed(answer), expected, "{name}");
    }
}

#[tokio::test]
async fn restricted_commands_are_all_that_may_be_run() {
    let world = World::new().await;
    let node = world.register(1).await;
    keep_document(&world, "restart-web", "systemctl restart web").await;
    keep_document(&world, "anything", "sh").await;
    let resources = json!([NODES, document_arn("restart-web")]);
    let checked = json!({"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}});
    let user = world.person("ann", &[when(allow("ssm:StartSession", resources), checked)]).await;
    assert!(user.starts(&node, Some("restart-web")).await);
    assert!(!user.starts(&node, Some("anything")).await);
    assert!(!user.starts(&node, None).await, "no shell");
}

#[tokio::test]
async fn ssh_is_allowed_and_denied_by_its_document() {
    let world = World::new().await;
    let node = world.register(1).await;
    let ssh = "arn:aws:ssm:*:*:document/AWS-StartSSHSession";
    let shells = allow("ssm:StartSession", json!([NODES, document_arn(SHELL)]));
    let user = world.person("ann", std::slice::from_ref(&shells)).await;
    assert!(!user.starts(&node, Some("AWS-StartSSHSession")).await);
    user.may(&[shells, allow("ssm:StartSession", ssh)]).await;
    assert!(user.starts(&node, Some("AWS-StartSSHSession")).await);
    user.may(&[allow("ssm:*", "*"), deny("ssm:StartSession", ssh)]).await;
    assert!(!user.starts(&node, Some("AWS-StartSSHSession")).await, "a deny of the document is enough");
    assert!(user.starts(&node, None).await, "and stops nothing else");
}

#[tokio::test]
async fn ports_are_forwarded_and_own_sessions_ended_by_their_tag() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    let forwarding = "arn:aws:ssm:*:*:document/AWS-StartPortForwardingSession";
    let own = json!({"StringLike": {"ssm:resourceTag/aws:ssmmessages:session-id": ["${aws:userid}"]}});
    let user = world
        .person(
            "ann",
            &[
                allow("ssm:StartSession", json!([NODES, forwarding])),
                when(allow("ssm:TerminateSession", "arn:aws:ssm:*:*:session/*"), own),
            ],
        )
        .await;
    let mut request = start_request(node.node_id.as_str());
    request.document_name = Some("AWS-StartPortForwardingSession".parse().unwrap());
    request.parameters = BTreeMap::from([("portNumber".to_owned(), vec!["3389".to_owned()])]);
    let session = world.control.start_session(&user.call("ssm").await, request).await.unwrap().session_id;
    let others = world.start(&node).await.session_id;
    assert!(!user.starts(&node, None).await, "no shell");
    assert!(!user.ends(&others).await);
    assert!(user.ends(&session).await);
}

#[tokio::test]
async fn preferences_are_protected_by_a_deny() {
    let world = World::new().await;
    let actions = json!(["ssm:CreateDocument", "ssm:GetDocument", "ssm:UpdateDocument", "ssm:DeleteDocument"]);
    let user = world.person("ann", &[allow("ssm:*", "*"), deny(actions, document_arn(SHELL))]).await;
    let control = &world.control;
    assert!(!is_allowed(control.get_document(&user.call("ssm").await, get(SHELL)).await));
    assert!(is_allowed(control.get_document(&user.call("ssm").await, get("Other-document")).await));
    let request = DeleteDocumentRequest {
        name: SHELL.parse().unwrap(),
        version: postern_model::document::NamedVersion::default(),
        force: false,
    };
    assert!(!is_allowed(control.delete_document(&user.call("ssm").await, request).await));
    let node = world.register(1).await;
    assert!(user.starts(&node, None).await, "shells are not denied");
}

#[tokio::test]
async fn a_full_administrator_has_everybodys_sessions() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    let session = world.start(&node).await.session_id;
    let actions = ["StartSession", "TerminateSession", "ResumeSession", "DescribeSessions", "GetConnectionStatus"];
    let actions: Vec<String> = actions.iter().map(|action| format!("ssm:{action}")).collect();
    let user = world.person("ann", &[allow(json!(actions), "*")]).await;
    assert!(user.starts(&node, None).await);
    assert!(user.ends(&session).await);
    assert!(!is_allowed(world.control.get_document(&user.call("ssm").await, get(SHELL)).await));
}
