//! What is remembered about people: as long as nothing changes, and not a request longer.

use std::sync::Arc;
use std::time::Duration;

use postern_iam::sigv4::Credentials;
use postern_model::iam::GetAccessKeyLastUsedRequest;
use postern_model::{ApiError, ErrorCode};

use super::locks::{lock, unlock};
use super::sts::{ask, person, signer, trust};
use super::world::{World, code};
use crate::caller::Person;
use crate::{Caller, Principal};

const ACCOUNT: &str = "arn:aws:iam::123456789012:root";
const LIST_USERS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}]}"#;
const NOTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}]}"#;

fn shared(caller: &Caller) -> Arc<Person> {
    match &caller.principal {
        Principal::Person(person) => Arc::clone(person),
        other => panic!("{other:?}"),
    }
}

impl World {
    async fn calls(&self, who: &Credentials) -> Result<Caller, ApiError> {
        self.sign_as(who, "iam", "/").await
    }

    /// Whether these credentials are good for listing users.
    async fn lists(&self, who: &Credentials) -> bool {
        let Ok(caller) = self.calls(who).await else { return false };
        self.control.list_users(&caller, ask(&[])).await.is_ok()
    }

    /// Runs one step, which must change whether users may be listed, for a request before it and one after it.
    async fn turns(&self, what: &str, who: &[&Credentials], to: bool, step: impl Future<Output = ()>) {
        for credentials in who {
            assert_eq!(self.lists(credentials).await, !to, "before {what}");
        }
        step.await;
        for credentials in who {
            assert_eq!(self.lists(credentials).await, to, "after {what}");
        }
    }
}

/// Does an act of the administrator's that needs these members.
macro_rules! act {
    ($world:ident . $act:ident ( $($name:literal : $value:expr),* )) => {
        async {
            let admin = $world.as_admin().await;
            $world.control.$act(&admin, ask(&[$(($name, $value)),*])).await.unwrap();
        }
    };
}

#[tokio::test]
async fn a_person_is_read_once_and_again_after_any_change() {
    let world = World::new().await;
    world.role("web", &trust(ACCOUNT, r#""sts:AssumeRole""#, "{}")).await;
    let role = signer(&world.assume(&world.as_admin().await, "web", &[]).await.unwrap());
    let other = signer(&world.assume(&world.as_admin().await, "web", &[]).await.unwrap());
    for who in [&world.admin, &role] {
        let first = shared(&world.calls(who).await.unwrap());
        assert!(Arc::ptr_eq(&first, &shared(&world.calls(who).await.unwrap())), "it is the same one");
    }
    let [one, two] = [&role, &other].map(|who| async { shared(&world.calls(who).await.unwrap()) });
    assert!(!Arc::ptr_eq(&one.await, &two.await), "each session is its own");
    let before = shared(&world.calls(&world.admin).await.unwrap());
    act!(world.create_user("UserName": "somebody")).await;
    assert!(!Arc::ptr_eq(&before, &shared(&world.calls(&world.admin).await.unwrap())));
}

#[tokio::test]
async fn whatever_a_users_rights_rest_on_counts_from_the_next_request_on() {
    let world = World::new().await;
    let jane = world.user("jane").await;
    let all = [&jane];
    let own = act!(world.put_user_policy("UserName": "jane", "PolicyName": "own", "PolicyDocument": LIST_USERS));
    world.turns("a policy of her own", &all, true, own).await;
    let other = act!(world.put_user_policy("UserName": "jane", "PolicyName": "own", "PolicyDocument": NOTHING));
    world.turns("another in its place", &all, false, other).await;
    act!(world.delete_user_policy("UserName": "jane", "PolicyName": "own")).await;

    act!(world.create_policy("PolicyName": "managed", "PolicyDocument": LIST_USERS)).await;
    let arn = "arn:aws:iam::123456789012:policy/managed";
    world.turns("attached", &all, true, act!(world.attach_user_policy("UserName": "jane", "PolicyArn": arn))).await;
    let version =
        act!(world.create_policy_version("PolicyArn": arn, "PolicyDocument": NOTHING, "SetAsDefault": "true"));
    world.turns("a new version", &all, false, version).await;
    let back = act!(world.set_default_policy_version("PolicyArn": arn, "VersionId": "v1"));
    world.turns("the old version", &all, true, back).await;
    let boundary = act!(world.put_user_permissions_boundary(
        "UserName": "jane", "PermissionsBoundary": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"));
    world.turns("a boundary", &all, false, boundary).await;
    let none = act!(world.delete_user_permissions_boundary("UserName": "jane"));
    world.turns("no boundary", &all, true, none).await;
    world.turns("detached", &all, false, act!(world.detach_user_policy("UserName": "jane", "PolicyArn": arn))).await;

    act!(world.create_group("GroupName": "web")).await;
    act!(world.attach_group_policy("GroupName": "web", "PolicyArn": arn)).await;
    world.turns("in a group", &all, true, act!(world.add_user_to_group("GroupName": "web", "UserName": "jane"))).await;
    let detach = act!(world.detach_group_policy("GroupName": "web", "PolicyArn": arn));
    world.turns("the group's policy gone", &all, false, detach).await;
    let own = act!(world.put_group_policy("GroupName": "web", "PolicyName": "own", "PolicyDocument": LIST_USERS));
    world.turns("the group's own policy", &all, true, own).await;
    let leave = act!(world.remove_user_from_group("GroupName": "web", "UserName": "jane"));
    world.turns("out of the group", &all, false, leave).await;
}

#[tokio::test]
async fn who_somebody_is_counts_from_the_next_request_on() {
    let world = World::new().await;
    let jane = world.user("jane").await;
    let all = [&jane];
    let tagged = LIST_USERS.replace(
        r#""Resource":"*""#,
        r#""Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"web","aws:username":"jane"}}"#,
    );
    act!(world.put_user_policy("UserName": "jane", "PolicyName": "own", "PolicyDocument": &tagged)).await;
    let tag = act!(world.tag_user("UserName": "jane", "Tags.member.1.Key": "team", "Tags.member.1.Value": "web"));
    world.turns("a tag", &all, true, tag).await;
    world.turns("a name", &all, false, act!(world.update_user("UserName": "jane", "NewUserName": "joan"))).await;
    world.turns("back", &all, true, act!(world.update_user("UserName": "joan", "NewUserName": "jane"))).await;
    let untag = act!(world.untag_user("UserName": "jane", "TagKeys.member.1": "team"));
    world.turns("no tag", &all, false, untag).await;
    act!(world.put_user_policy("UserName": "jane", "PolicyName": "own", "PolicyDocument": LIST_USERS)).await;

    let locked = async {
        world.control.lock_principal(&world.as_admin().await, lock("jane")).await.unwrap();
    };
    world.turns("a lock", &all, false, locked).await;
    let unlocked = async {
        world.control.unlock_principal(&world.as_admin().await, unlock("jane")).await.unwrap();
    };
    world.turns("no lock", &all, true, unlocked).await;

    let id = jane.access_key_id.as_str();
    for (status, good) in [("Inactive", false), ("Active", true)] {
        let set = act!(world.update_access_key("UserName": "jane", "AccessKeyId": id, "Status": status));
        world.turns(status, &all, good, set).await;
    }
    world.turns("deleted", &all, false, act!(world.delete_access_key("UserName": "jane", "AccessKeyId": id))).await;
    assert_eq!(code(world.calls(&jane).await), ErrorCode::UnrecognizedClientException);
}

#[tokio::test]
async fn sessions_of_roles_and_of_users_follow_as_well() {
    let world = World::new().await;
    let admin = world.as_admin().await;
    let document = trust(ACCOUNT, r#""sts:AssumeRole""#, "{}");
    world
        .control
        .create_role(&admin, ask(&[("RoleName", "web"), ("AssumeRolePolicyDocument", &document)]))
        .await
        .unwrap();
    act!(world.create_policy("PolicyName": "narrow", "PolicyDocument": LIST_USERS)).await;
    let narrow = "arn:aws:iam::123456789012:policy/narrow";
    let plain = signer(&world.assume(&admin, "web", &[]).await.unwrap());
    let narrowed = signer(&world.assume(&admin, "web", &[("PolicyArns.member.1.arn", narrow)]).await.unwrap());
    let all = [&plain, &narrowed];
    let put = act!(world.put_role_policy("RoleName": "web", "PolicyName": "own", "PolicyDocument": LIST_USERS));
    world.turns("a policy of the role", &all, true, put).await;
    let gone = act!(world.delete_policy("PolicyArn": narrow));
    world.turns("the session's policy gone", &[&narrowed], false, gone).await;
    let again = act!(world.create_policy("PolicyName": "narrow", "PolicyDocument": LIST_USERS));
    world.turns("another of its name", &[&narrowed], true, again).await;
    let locked = async {
        world.control.lock_principal(&admin, lock("role/web")).await.unwrap();
    };
    world.turns("a lock", &all, false, locked).await;
    let unlocked = async {
        world.control.unlock_principal(&admin, unlock("role/web")).await.unwrap();
    };
    world.turns("no lock", &all, true, unlocked).await;
    act!(world.delete_role_policy("RoleName": "web", "PolicyName": "own")).await;
    act!(world.delete_role("RoleName": "web")).await;
    assert_eq!(code(world.calls(&plain).await), ErrorCode::UnrecognizedClientException);
}

/// What is known of a token is not known of its secret, and a key's secret is asked for each time.
#[tokio::test]
async fn whoever_is_known_still_has_to_sign() {
    let world = World::new().await;
    world.role("web", &trust(ACCOUNT, r#""sts:AssumeRole""#, "{}")).await;
    let role = signer(&world.assume(&world.as_admin().await, "web", &[]).await.unwrap());
    for who in [&world.admin, &role] {
        world.calls(who).await.unwrap();
        let forged = Credentials { secret_access_key: "wrong".into(), ..who.clone() };
        assert_eq!(code(world.calls(&forged).await), ErrorCode::InvalidSignatureException);
        world.calls(who).await.unwrap();
    }
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(code(world.calls(&role).await), ErrorCode::ExpiredTokenException);
}

#[tokio::test]
async fn a_use_of_a_key_is_noted_every_quarter_of_an_hour() {
    let world = World::new().await;
    let jane = world.user("jane").await;
    let used = async || {
        let request = GetAccessKeyLastUsedRequest { access_key_id: jane.access_key_id.clone() };
        let admin = world.as_admin().await;
        world.control.get_access_key_last_used(&admin, request).await.unwrap().access_key_last_used
    };
    assert_eq!(used().await.last_used_date, None);
    let noted = async || used().await.last_used_date.map(|date| date.0.millis());
    world.sign_as(&jane, "ssm", "/").await.unwrap();
    let first = world.millis();
    assert_eq!(noted().await, Some(first));
    for seconds in [1, 898] {
        world.clock.advance(Duration::from_secs(seconds));
        world.sign_as(&jane, "sts", "/").await.unwrap();
        assert_eq!(noted().await, Some(first), "it is remembered, and so is the note");
    }
    world.clock.advance(Duration::from_secs(1));
    world.sign_as(&jane, "sts", "/").await.unwrap();
    assert_eq!((noted().await, used().await.service_name.as_str()), (Some(world.millis()), "sts"));
    assert_eq!(person(&world.calls(&jane).await.unwrap()).user_name(), Some("jane"));
}
