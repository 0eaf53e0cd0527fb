//! What a policy engine must get right (spec iam-policies §11), as far as it can be seen at requests.

use postern_model::iam::{
    AddUserToGroupRequest, CreateGroupRequest, CreatePolicyRequest, PutGroupPolicyRequest,
    PutUserPermissionsBoundaryRequest,
};
use postern_model::session::{DescribeSessionsRequest, SessionState};
use postern_store::{IdentityStore as _, InlinePolicy, PolicyStore as _};
use serde_json::json;

use super::*;

fn own_shells() -> Value {
    allow("ssm:StartSession", json!([NODES, document_arn(SHELL)]))
}

#[tokio::test]
async fn deny_wins_whatever_the_order_and_the_policy() {
    let world = World::new().await;
    let node = world.register(1).await;
    let denied = deny("ssm:StartSession", "*");
    let user = world.person("ann", &[own_shells(), denied.clone()]).await;
    assert!(!user.starts(&node, None).await);
    user.may(&[denied.clone(), own_shells()]).await;
    assert!(!user.starts(&node, None).await);
    user.may(&[own_shells()]).await;
    assert!(user.starts(&node, None).await);

    let admin = world.as_admin().await;
    let group = CreateGroupRequest { path: None, group_name: "staff".to_owned() };
    world.control.create_group(&admin, group).await.unwrap();
    let request = PutGroupPolicyRequest {
        group_name: "staff".to_owned(),
        policy_name: "no".to_owned(),
        policy_document: document(&[denied]),
    };
    world.control.put_group_policy(&admin, request).await.unwrap();
    assert!(user.starts(&node, None).await, "a group is others' affair");
    let request = AddUserToGroupRequest { group_name: "staff".to_owned(), user_name: "ann".to_owned() };
    world.control.add_user_to_group(&admin, request).await.unwrap();
    assert!(!user.starts(&node, None).await, "a member's group denies");
}

#[tokio::test]
async fn not_action_and_not_resource_turn_a_deny_around() {
    let world = World::new().await;
    let (own, other) = (world.register(1).await, world.register(2).await);
    let except = json!({"Effect": "Deny", "NotAction": "ssm:StartSession", "Resource": "*"});
    let user = world.person("ann", &[allow("ssm:*", "*"), except]).await;
    assert!(user.starts(&own, None).await);
    assert!(!user.ends("ann-1").await);
    let resources = json!([node_arn(&own), document_arn(SHELL)]);
    user.may(&[allow("*", "*"), json!({"Effect": "Deny", "Action": "ssm:StartSession", "NotResource": resources})])
        .await;
    assert!(user.starts(&own, None).await);
    assert!(!user.starts(&other, None).await);
}

#[tokio::test]
async fn actions_are_compared_without_case_and_resources_with_it() {
    let world = World::new().await;
    let node = world.register(1).await;
    let user = world.person("ann", &[allow("SSM:start*", "*")]).await;
    assert!(user.starts(&node, None).await);
    user.may(&[allow(
        "ssm:?tartSession",
        json!([node_arn(&node).replace("instance", "Instance"), document_arn(SHELL)]),
    )])
    .await;
    assert!(!user.starts(&node, None).await);
}

#[tokio::test]
async fn a_list_needs_a_star() {
    let world = World::new().await;
    let user = world.person("ann", &[allow("ssm:DescribeSessions", "arn:aws:ssm:*:*:session/*")]).await;
    let lists = async || {
        let request = DescribeSessionsRequest {
            state: SessionState::Active,
            max_results: None,
            next_token: None,
            filters: Vec::new(),
        };
        is_allowed(world.control.describe_sessions(&user.call("ssm").await, request).await)
    };
    assert!(!lists().await);
    user.may(&[allow("ssm:DescribeSessions", "*")]).await;
    assert!(lists().await);
}

#[tokio::test]
async fn variables_stay_as_they_are_written_in_policies_of_the_older_version() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    let statement = allow(
        json!(["ssm:StartSession", "ssm:TerminateSession"]),
        json!([NODES, document_arn(SHELL), "arn:aws:ssm:*:*:session/${aws:username}-*"]),
    );
    let user = world.person("ann", std::slice::from_ref(&statement)).await;
    let session = user.start(&node).await.session_id;
    let admin = world.as_admin().await;
    let request = PutUserPolicyRequest {
        user_name: "ann".to_owned(),
        policy_name: "own".to_owned(),
        policy_document: json!({"Statement": [statement]}).to_string(),
    };
    world.control.put_user_policy(&admin, request).await.unwrap();
    assert!(!user.ends(&session).await, "without a Version");
}

#[tokio::test]
async fn a_boundary_only_narrows() {
    let world = World::new().await;
    let node = world.register(1).await;
    let user = world.person("ann", &[allow("*", "*")]).await;
    let admin = world.as_admin().await;
    let make = async |name: &str, statements: &[Value]| {
        let request = CreatePolicyRequest {
            policy_name: name.to_owned(),
            path: None,
            policy_document: document(statements),
            description: None,
            tags: Vec::new(),
        };
        world.control.create_policy(&admin, request).await.unwrap().policy.arn.to_string()
    };
    let bound = async |arn: String| {
        let request = PutUserPermissionsBoundaryRequest { user_name: "ann".to_owned(), permissions_boundary: arn };
        world.control.put_user_permissions_boundary(&admin, request).await.unwrap();
    };
    bound(make("sessions", &[allow("ssm:*Session", "*")]).await).await;
    assert!(user.starts(&node, None).await);
    let error = world.control.start_session(&user.call("ssm").await, start_request("mi-00000000000000000")).await;
    assert_eq!(error.unwrap_err().code(), ErrorCode::TargetNotConnected);
    let request = CreateGroupRequest { path: None, group_name: "staff".to_owned() };
    let error = world.control.create_group(&user.call("iam").await, request).await.unwrap_err();
    assert!(error.message().ends_with("because no permissions boundary allows the iam:CreateGroup action"), "{error}");
    bound(make("logs", &[allow("logs:*", "*")]).await).await;
    assert!(!user.starts(&node, None).await, "what the boundary does not name");
    user.may(&[]).await;
    bound(make("everything", &[allow("*", "*")]).await).await;
    assert!(!user.starts(&node, None).await, "a boundary gives nothing");
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_takes_every_right() {
    let world = World::new().await;
    let node = world.register(1).await;
    let user = world.person("ann", &[allow("*", "*")]).await;
    assert!(user.starts(&node, None).await);
    let account = world.as_admin().await.scope.account;
    let broken = InlinePolicy { name: "broken".to_owned(), document: "{".to_owned() };
    world.store.put_inline_policy(&account, IdentityKind::User, "ann", broken, 10_000).await.unwrap();
    assert!(!user.starts(&node, None).await);
    world.store.delete_inline_policy(&account, IdentityKind::User, "ann", "broken").await.unwrap();
    assert!(user.starts(&node, None).await);
    // Whoever it is can still ask who it is.
    let found = world.store.identity(&account, IdentityKind::User, "ann").await.unwrap().unwrap();
    assert_eq!(found.name, "ann");
}

#[tokio::test]
async fn conditions_see_the_time_the_address_and_the_connection() {
    let world = World::new().await;
    let node = world.register(1).await;
    let user = world.person("ann", &[allow("*", "*")]).await;
    let starts = async |condition: Value, source: Option<&str>| {
        user.may(&[when(own_shells(), condition)]).await;
        let mut caller = user.call("ssm").await;
        caller.source_ip = source.map(|address| address.parse().unwrap());
        world.starts(&caller, start_request(node.node_id.as_str())).await
    };
    let office = || json!({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}});
    assert!(starts(office(), Some("192.0.2.7")).await);
    assert!(
        starts(office(), Some("::ffff:192.0.2.7")).await,
        "the same address, as a listener for both families sees it"
    );
    assert!(starts(office(), Some("2001:db8::1")).await);
    assert!(!starts(office(), Some("198.51.100.1")).await);
    assert!(!starts(office(), None).await, "unknown");
    assert!(starts(json!({"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}), None).await);
    assert!(!starts(json!({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}), None).await);
    assert!(starts(json!({"NumericGreaterThan": {"aws:EpochTime": 1_700_000_000}}), None).await);
    assert!(starts(json!({"Bool": {"aws:SecureTransport": true}}), None).await);
    assert!(!starts(json!({"Bool": {"aws:SecureTransport": false}}), None).await);
    assert!(
        starts(json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1", "aws:PrincipalType": "User"}}), None).await
    );
    assert!(starts(json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/a*"}}), None).await);
    assert!(
        starts(json!({"Null": {"aws:MultiFactorAuthPresent": true}}), None).await,
        "long-lived keys have no such key"
    );
    assert!(!starts(json!({"Bool": {"aws:MultiFactorAuthPresent": false}}), None).await);
    assert!(starts(json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": true}}), None).await);
}

#[tokio::test]
async fn a_session_of_a_role_is_no_user() {
    let world = World::new().await;
    let node = world.register(1).await;
    let starts = async |statements: &[Value], tags: &[(&str, &str)]| {
        let caller = world.role_session("PosternNode", "ann", tags, statements).await;
        world.starts(&caller, start_request(node.node_id.as_str())).await
    };
    let shells = own_shells;
    assert!(starts(&[shells()], &[]).await);
    let named = json!({"StringEquals": {"aws:username": "ann"}});
    assert!(!starts(&[when(shells(), named)], &[]).await, "no user name");
    let other = json!({"StringNotEquals": {"aws:username": "ann"}});
    assert!(!starts(&[shells(), when(deny("*", "*"), other)], &[]).await, "a negated condition holds without the key");
    let role = json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/PosternNode"}});
    assert!(starts(&[when(shells(), role)], &[]).await);
    let team = || json!({"StringEquals": {"aws:PrincipalTag/team": "web", "aws:PrincipalType": "AssumedRole"}});
    assert!(starts(&[when(shells(), team())], &[("team", "web")]).await);
    assert!(!starts(&[when(shells(), team())], &[]).await);
    let issued = json!({"DateGreaterThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}});
    assert!(starts(&[when(shells(), issued)], &[]).await);
    let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": false}});
    assert!(starts(&[when(shells(), mfa)], &[]).await, "temporary credentials say that there was none");
}
