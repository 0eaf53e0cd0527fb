//! Locks: one call stops a user, a role or a node, whatever policies say, and another lets it go on.

use postern_model::ErrorCode;
use postern_model::lock::{
    ListLocksRequest, LockNodeRequest, LockPrincipalRequest, UnlockNodeRequest, UnlockPrincipalRequest,
};

use super::sts::{ask, signer, trust};
use super::world::{World, code, start_request};

pub(super) fn lock(principal: &str) -> LockPrincipalRequest {
    LockPrincipalRequest { principal: principal.to_owned(), reason: Some("she left\nin a hurry".to_owned()) }
}

pub(super) fn unlock(principal: &str) -> UnlockPrincipalRequest {
    UnlockPrincipalRequest { principal: principal.to_owned() }
}

const EVERYTHING: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

#[tokio::test]
async fn a_locked_user_may_do_nothing_and_its_sessions_end() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let admin = world.as_admin().await;
    let jane = world.user("jane").await;
    let attach = ask(&[("UserName", "jane"), ("PolicyArn", EVERYTHING)]);
    world.control.attach_user_policy(&admin, attach).await.unwrap();
    let hers = world.start_as(&jane, &machine).await;
    let other = world.start(&machine).await.session_id;
    let issued = world.control.get_session_token(&world.sign_as(&jane, "sts", "/").await.unwrap(), ask(&[])).await;
    let temporary = signer(&issued.unwrap().credentials);
    let mut watch = world.watch().await;

    world.control.lock_principal(&admin, lock("jane")).await.unwrap();
    assert_eq!(world.look(&mut watch).await.ended, 1);
    let sentence = world.sentence(&hers).await;
    assert!(sentence.ends_with("because the user is locked, whatever policies say."), "{sentence}");
    assert!(!sentence.contains("hurry"), "the reason is for administrators");
    assert!(world.goes_on(&other).await);
    for credentials in [&jane, &temporary] {
        let caller = world.sign_as(credentials, "ssm", "/?1").await.unwrap();
        let refused = world.control.start_session(&caller, start_request(machine.node_id.as_str())).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::AccessDeniedException);
        assert!(refused.message().ends_with("because the user is locked, whatever policies say"), "{refused}");
        assert_eq!(code(world.control.get_caller_identity(&caller, ask(&[])).await), ErrorCode::AccessDeniedException);
        assert_eq!(code(world.control.get_session_token(&caller, ask(&[])).await), ErrorCode::AccessDeniedException);
    }
    let again = world.control.create_administrator("jane").await.unwrap_err();
    assert!(again.message().contains("it is locked"), "a new key would be of no use: {again}");

    world.control.unlock_principal(&admin, unlock("arn:aws:iam::123456789012:user/jane")).await.unwrap();
    world.control.unlock_principal(&admin, unlock("user/jane")).await.unwrap();
    world.start_as(&jane, &machine).await;
    world.look(&mut watch).await;
}

#[tokio::test]
async fn a_locked_role_trusts_nobody_and_its_sessions_may_do_nothing() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let admin = world.as_admin().await;
    world.role("web", &trust("arn:aws:iam::123456789012:root", r#""sts:AssumeRole""#, "{}")).await;
    let issued = world.assume(&admin, "web", &[]).await.unwrap();
    let session = world.start_as(&signer(&issued), &machine).await;
    let mut watch = world.watch().await;
    let caller = world.sign_as(&signer(&issued), "ssm", "/?1").await.unwrap();
    assert_eq!(code(world.control.lock_principal(&caller, lock("role/web")).await), ErrorCode::ValidationException);

    world.control.lock_principal(&admin, lock("arn:aws:iam::123456789012:role/web")).await.unwrap();
    assert_eq!(world.look(&mut watch).await.ended, 1);
    assert!(world.sentence(&session).await.ends_with("because the role is locked, whatever policies say."));
    assert_eq!(code(world.assume(&admin, "web", &[]).await), ErrorCode::AccessDeniedException);
    world.control.unlock_principal(&admin, unlock("role/web")).await.unwrap();
    world.assume(&admin, "web", &[]).await.unwrap();
}

/// However many roles ago she began.
#[tokio::test]
async fn a_locked_user_may_do_nothing_as_a_role_either() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let admin = world.as_admin().await;
    for role in ["web", "next"] {
        world.role(role, &trust("arn:aws:iam::123456789012:root", r#""sts:AssumeRole""#, "{}")).await;
    }
    let jane = world.user("jane").await;
    let attach = ask(&[("UserName", "jane"), ("PolicyArn", EVERYTHING)]);
    world.control.attach_user_policy(&admin, attach).await.unwrap();
    let hers = world.sign_as(&jane, "sts", "/").await.unwrap();
    let first = world.assume(&hers, "web", &[]).await.unwrap();
    let second = world.sign_as(&signer(&first), "sts", "/").await.unwrap();
    let second = world.assume(&second, "next", &[]).await.unwrap();
    let others = world.assume(&admin, "web", &[]).await.unwrap();
    let session = world.start_as(&signer(&second), &machine).await;
    let mut watch = world.watch().await;

    let caller = world.sign_as(&signer(&second), "ssm", "/?1").await.unwrap();
    assert_eq!(code(world.control.lock_principal(&caller, lock("jane")).await), ErrorCode::ValidationException);
    world.control.lock_principal(&admin, lock("jane")).await.unwrap();
    assert_eq!(world.look(&mut watch).await.ended, 1);
    let because = "because the user who acts as the role is locked, whatever policies say";
    assert_eq!(world.sentence(&session).await.trim_end_matches('.').split_once(" because ").unwrap().1, &because[8..]);
    for issued in [&first, &second] {
        let caller = world.sign_as(&signer(issued), "iam", "/").await.unwrap();
        let refused = world.control.list_users(&caller, ask(&[])).await.unwrap_err();
        assert!(
            refused.code() == ErrorCode::AccessDeniedException && refused.message().ends_with(because),
            "{refused}"
        );
        assert_eq!(code(world.assume(&caller, "web", &[]).await), ErrorCode::AccessDeniedException);
    }
    let caller = world.sign_as(&signer(&others), "iam", "/").await.unwrap();
    world.control.list_users(&caller, ask(&[])).await.unwrap();

    world.control.unlock_principal(&admin, unlock("jane")).await.unwrap();
    let caller = world.sign_as(&signer(&second), "iam", "/").await.unwrap();
    world.control.list_users(&caller, ask(&[])).await.unwrap();
    let detach = ask(&[("UserName", "jane"), ("PolicyArn", EVERYTHING)]);
    world.control.detach_user_policy(&admin, detach).await.unwrap();
    let key = ask(&[("UserName", "jane"), ("AccessKeyId", &jane.access_key_id)]);
    world.control.delete_access_key(&admin, key).await.unwrap();
    world.control.delete_user(&admin, ask(&[("UserName", "jane")])).await.unwrap();
    for issued in [&first, &second] {
        let gone = world.sign_as(&signer(issued), "iam", "/").await;
        assert_eq!(code(gone), ErrorCode::UnrecognizedClientException, "with the user");
    }
}

#[tokio::test]
async fn a_locked_node_takes_no_sessions_and_those_on_it_end() {
    let world = World::new().await;
    let (first, _lease) = world.online(1).await;
    let (second, _lease) = world.online(2).await;
    let admin = world.as_admin().await;
    let session = world.start(&first).await.session_id;
    let other = world.start(&second).await.session_id;
    let mut watch = world.watch().await;

    let target = first.node_id.to_string();
    world.control.lock_node(&admin, LockNodeRequest { target: target.clone(), reason: None }).await.unwrap();
    assert_eq!(world.look(&mut watch).await.ended, 1);
    assert!(world.sentence(&session).await.ends_with("because the node is locked, whatever policies say."));
    assert!(world.goes_on(&other).await);
    let start = async || {
        let caller = world.as_admin().await;
        world.control.start_session(&caller, start_request(&target)).await
    };
    let refused = start().await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::AccessDeniedException);
    assert!(refused.message().contains("because the node is locked"), "{refused}");

    let nobody = world.user("nobody").await;
    let caller = world.sign_as(&nobody, "ssm", "/?1").await.unwrap();
    let refused = world.control.start_session(&caller, start_request(&target)).await.unwrap_err();
    assert!(!refused.message().contains("locked"), "that is not for those who may not use it anyway: {refused}");

    world.control.unlock_node(&admin, UnlockNodeRequest { target: target.clone() }).await.unwrap();
    start().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_locked_is_told_with_the_reason() {
    let world = World::new().await;
    let admin = world.as_admin().await;
    let refused = async |principal: &str| code(world.control.lock_principal(&admin, lock(principal)).await);
    assert_eq!(refused("admin").await, ErrorCode::ValidationException, "nobody locks itself out");
    assert_eq!(refused("ADMIN").await, ErrorCode::ValidationException);
    assert_eq!(refused("joe").await, ErrorCode::DoesNotExistException);
    for wrong in [
        "group/web",
        "user/",
        "a b",
        "arn:aws:iam::210987654321:user/joe",
        "arn:aws:iam::123456789012:group/web",
        "\u{1}",
    ] {
        assert_eq!(refused(wrong).await, ErrorCode::ValidationException, "{wrong:?}");
    }
    let node = |target: &str| LockNodeRequest { target: target.to_owned(), reason: None };
    assert_eq!(code(world.control.lock_node(&admin, node("web")).await), ErrorCode::ValidationException);
    let unknown = world.control.lock_node(&admin, node("mi-0123456789abcdef0")).await;
    assert_eq!(code(unknown), ErrorCode::DoesNotExistException);
}

#[tokio::test]
async fn what_is_locked_is_listed_with_the_reasons() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let admin = world.as_admin().await;
    let jane = world.user("jane").await;
    world.control.make_node_role().await.unwrap();
    for principal in ["jane", "role/PosternNode"] {
        world.control.lock_principal(&admin, lock(principal)).await.unwrap();
    }
    let node = LockNodeRequest { target: machine.node_id.to_string(), reason: None };
    world.control.lock_node(&admin, node).await.unwrap();
    let (mut next_token, mut listed) = (None, Vec::new());
    loop {
        let request = ListLocksRequest { max_results: Some(1), next_token };
        let page = world.control.list_locks(&admin, request).await.unwrap();
        listed.extend(page.locks);
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    let names: Vec<(&str, &str)> = listed.iter().map(|lock| (lock.kind.as_str(), lock.name.as_str())).collect();
    assert_eq!(names, [("Node", machine.node_id.as_str()), ("Role", "PosternNode"), ("User", "jane")]);
    assert_eq!(listed[0].reason, None);
    assert_eq!(listed[2].reason.as_deref(), Some("she left in a hurry"));
    assert_eq!(listed[2].arn.to_string(), "arn:aws:iam::123456789012:user/jane");
    assert_eq!(
        (listed[2].locked_by.clone(), listed[2].locked_at.millis()),
        (admin.principal.to_string(), world.millis())
    );
    let nodes = world.control.describe_instance_information(&admin, Default::default()).await.unwrap();
    assert_eq!(nodes.instance_information_list[0].postern_locked, Some(true));
    let hers = world.sign_as(&jane, "postern", "/").await.unwrap();
    assert_eq!(
        code(world.control.list_locks(&hers, ListLocksRequest::default()).await),
        ErrorCode::AccessDeniedException
    );
}
