//! Rights to give rights: what IAM's own condition keys are for.

use postern_model::activation::CreateActivationRequest;
use postern_model::iam::{AttachUserPolicyRequest, CreateUserRequest, GetUserRequest, TagUserRequest};
use serde_json::json;

use super::*;

const BOUNDARY: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

fn new_user(name: &str, boundary: Option<&str>, tags: Vec<Tag>) -> CreateUserRequest {
    CreateUserRequest {
        path: None,
        user_name: name.to_owned(),
        permissions_boundary: boundary.map(str::to_owned),
        tags,
    }
}

#[tokio::test]
async fn users_are_made_only_with_the_boundary_that_the_policy_wants() {
    let world = World::new().await;
    let condition = json!({"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}});
    let ann = world.person("ann", &[when(allow("iam:CreateUser", "*"), condition)]).await;
    let makes = async |name: &str, boundary: Option<&str>| {
        is_allowed(world.control.create_user(&ann.call("iam").await, new_user(name, boundary, Vec::new())).await)
    };
    assert!(!makes("one", None).await);
    assert!(!makes("two", Some("arn:aws:iam::123456789012:policy/other")).await);
    assert!(makes("three", Some(BOUNDARY)).await);
}

#[tokio::test]
async fn policies_are_attached_only_if_the_policy_lets_them_be() {
    let world = World::new().await;
    let condition = json!({"ArnLike": {"iam:PolicyARN": "arn:aws:iam::123456789012:policy/web-*"}});
    let ann = world.person("ann", &[when(allow("iam:AttachUserPolicy", "*"), condition)]).await;
    let attaches = async |policy: &str| {
        let request = AttachUserPolicyRequest { user_name: "ann".to_owned(), policy_arn: policy.to_owned() };
        is_allowed(world.control.attach_user_policy(&ann.call("iam").await, request).await)
    };
    assert!(attaches("arn:aws:iam::123456789012:policy/web-read").await, "there is none, but it may be asked for");
    assert!(!attaches(BOUNDARY).await);
}

#[tokio::test]
async fn tags_decide_about_users_and_what_they_may_be_tagged_with() {
    let world = World::new().await;
    let admin = world.as_admin().await;
    for (name, team) in [("web", "web"), ("db", "db")] {
        world.control.create_user(&admin, new_user(name, None, vec![tag("team", team)])).await.unwrap();
    }
    let team = json!({"StringEquals": {"iam:ResourceTag/team": "web"}});
    let tags = json!({
        "StringEquals": {"aws:ResourceTag/team": "web", "aws:RequestTag/level": ["1", "2"]},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["level"]}
    });
    let ann =
        world.person("ann", &[when(allow("iam:GetUser", "*"), team), when(allow("iam:TagUser", "*"), tags)]).await;
    let reads = async |name: &str| {
        let request = GetUserRequest { user_name: Some(name.to_owned()) };
        is_allowed(world.control.get_user(&ann.call("iam").await, request).await)
    };
    assert!(reads("web").await);
    assert!(!reads("db").await);
    assert!(!reads("nobody").await);
    let tags = async |name: &str, tags: Vec<Tag>| {
        let request = TagUserRequest { user_name: name.to_owned(), tags };
        is_allowed(world.control.tag_user(&ann.call("iam").await, request).await)
    };
    assert!(tags("web", vec![tag("level", "1")]).await);
    assert!(!tags("web", vec![tag("level", "3")]).await, "another value");
    assert!(!tags("web", vec![tag("level", "1"), tag("team", "db")]).await, "another key");
    assert!(!tags("db", vec![tag("level", "1")]).await, "another user");
}

#[tokio::test]
async fn an_activation_hands_its_role_to_the_service() {
    let world = World::new().await;
    let activate = allow("ssm:CreateActivation", "*");
    let role = "arn:aws:iam::123456789012:role/PosternNode";
    let to = |service: &str| json!({"StringEquals": {"iam:PassedToService": service}});
    let ann = world.person("ann", std::slice::from_ref(&activate)).await;
    let makes = async |tags: Vec<Tag>| {
        let request =
            CreateActivationRequest { iam_role: "PosternNode".to_owned(), tags, ..CreateActivationRequest::default() };
        world.control.create_activation(&ann.call("ssm").await, request).await
    };
    let error = makes(Vec::new()).await.unwrap_err();
    assert!(error.message().contains(&format!("perform: iam:PassRole on resource: {role} because")), "{error}");
    ann.may(&[activate.clone(), when(allow("iam:PassRole", role), to("ec2.amazonaws.com"))]).await;
    assert!(!is_allowed(makes(Vec::new()).await), "to another service");
    ann.may(&[activate, when(allow("iam:PassRole", role), to("ssm.amazonaws.com"))]).await;
    assert!(makes(Vec::new()).await.is_ok());
    let tagged = json!({"StringEquals": {"aws:RequestTag/env": "test"}});
    ann.may(&[when(allow("ssm:CreateActivation", "*"), tagged), allow("iam:PassRole", role)]).await;
    assert!(!is_allowed(makes(Vec::new()).await));
    assert!(!is_allowed(makes(vec![tag("env", "prod")]).await));
    assert!(makes(vec![tag("env", "test")]).await.is_ok());
}

#[tokio::test]
async fn no_administrators_key_is_made_that_could_not_do_everything() {
    let world = World::new().await;
    let admin = world.as_admin().await;
    let request = CreateUserRequest { path: Some("/ops/".to_owned()), ..new_user("bob", None, Vec::new()) };
    world.control.create_user(&admin, request).await.unwrap();
    let bob = world.control.create_administrator("bob").await.unwrap();
    assert_eq!(bob.principal.to_string(), "arn:aws:iam::123456789012:user/ops/bob", "with the path that it has");

    let ann = world.person("ann", &[allow("ssm:*", "*")]).await;
    let key = world.control.create_administrator("ann").await.unwrap();
    let may = async || world.control.may_do_everything(&key.access_key_id, &key.secret_access_key).await.unwrap();
    assert!(may().await);
    ann.may(&[deny("kms:Decrypt", "*")]).await;
    assert!(!may().await, "a deny of anything");
    let error = world.control.create_administrator("ann").await.unwrap_err();
    assert!(error.message().contains("the policy user/ann/own denies something"), "{error}");
    ann.may(&[]).await;
    assert!(may().await);
    let bound = |policy: &str| postern_model::iam::PutUserPermissionsBoundaryRequest {
        user_name: "ann".to_owned(),
        permissions_boundary: policy.to_owned(),
    };
    world.control.put_user_permissions_boundary(&admin, bound(BOUNDARY)).await.unwrap();
    assert!(may().await, "a boundary that lets everything through");
    let request = postern_model::iam::CreatePolicyRequest {
        policy_name: "sessions".to_owned(),
        path: None,
        policy_document: document(&[allow("ssm:*", "*")]),
        description: None,
        tags: Vec::new(),
    };
    let policy = world.control.create_policy(&admin, request).await.unwrap().policy.arn.to_string();
    world.control.put_user_permissions_boundary(&admin, bound(&policy)).await.unwrap();
    assert!(!may().await);
    let error = world.control.create_administrator("ann").await.unwrap_err();
    assert!(error.message().contains("no permissions boundary allows the * action"), "{error}");
}
