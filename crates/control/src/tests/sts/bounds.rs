//! How long credentials are good, and what narrows and revokes them.

use std::time::Duration;

use postern_model::ErrorCode;

use super::{ACCOUNT, ask, trust};
use crate::tests::world::{World, code};

#[tokio::test]
async fn how_long_and_how_much_is_bounded() {
    let world = World::new().await;
    world.role("web", &trust(ACCOUNT, r#"["sts:AssumeRole","sts:TagSession"]"#, "{}")).await;
    let admin = world.as_admin().await;
    assert_eq!(code(world.assume(&admin, "web", &[("DurationSeconds", "3601")]).await), ErrorCode::ValidationError);
    let longer = ask(&[("RoleName", "web"), ("MaxSessionDuration", "7200")]);
    world.control.update_role(&admin, longer).await.unwrap();
    let issued = world.assume(&admin, "web", &[("DurationSeconds", "7200")]).await.unwrap();
    assert_eq!(issued.expiration.0.millis(), world.millis() + 7_200_000);

    let policy =
        r#"{ "Version": "2012-10-17", "Statement": [ { "Effect": "Allow", "Action": "*", "Resource": "*" } ] }"#;
    let narrowed = world.assume(&admin, "web", &[("Policy", policy)]).await.unwrap();
    world.control.list_users(&world.holds(&narrowed).await.unwrap(), ask(&[])).await.unwrap();
    let policy = policy.replace("\"*\", \"R", "\"iam:ListRoles\", \"R");
    let narrowed = world.assume(&admin, "web", &[("Policy", policy.as_str())]).await.unwrap();
    let narrowed = world.holds(&narrowed).await.unwrap();
    world.control.list_roles(&narrowed, ask(&[])).await.unwrap();
    let denied = world.control.list_users(&narrowed, ask(&[])).await.unwrap_err();
    assert!(denied.message().ends_with("because no session policy allows the iam:ListUsers action"), "{denied}");
    for (more, expected) in [
        (&[("Policy", "{")][..], ErrorCode::MalformedPolicyDocument),
        (&[("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/None")], ErrorCode::ValidationError),
        (&[("PolicyArns.member.1.arn", "arn:aws:iam::123456789012:user/x")], ErrorCode::ValidationError),
        (
            &[
                ("Tags.member.1.Key", "a"),
                ("Tags.member.1.Value", "b"),
                ("Tags.member.2.Key", "A"),
                ("Tags.member.2.Value", "b"),
            ],
            ErrorCode::ValidationError,
        ),
    ] {
        assert_eq!(code(world.assume(&admin, "web", more).await), expected, "{more:?}");
    }
    let many: Vec<(String, String)> = (1..=50)
        .flat_map(|at| {
            [
                (format!("Tags.member.{at}.Key"), format!("{at:0>100}")),
                (format!("Tags.member.{at}.Value"), "v".to_owned()),
            ]
        })
        .collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let refused = world.assume(&admin, "web", &many).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::PackedPolicyTooLarge);
    assert!(refused.message().contains('%'), "{}", refused.message());
}

/// A managed policy that narrows a session does so as it is now, and one that is gone allows nothing.
#[tokio::test]
async fn a_managed_session_policy_is_looked_up_each_time() {
    let world = World::new().await;
    world.role("web", &trust(ACCOUNT, r#""sts:AssumeRole""#, "{}")).await;
    let admin = world.as_admin().await;
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}]}"#;
    let request = ask(&[("PolicyName", "narrow"), ("PolicyDocument", document)]);
    world.control.create_policy(&admin, request).await.unwrap();
    let arn = "arn:aws:iam::123456789012:policy/narrow";
    let issued = world.assume(&admin, "web", &[("PolicyArns.member.1.arn", arn)]).await.unwrap();
    let may = async || {
        let caller = world.holds(&issued).await.unwrap();
        let (users, roles) =
            (world.control.list_users(&caller, ask(&[])).await, world.control.list_roles(&caller, ask(&[])).await);
        (users.is_ok(), roles.is_ok())
    };
    assert_eq!(may().await, (true, false));
    let other = document.replace("ListUsers", "ListRoles");
    let version = [("PolicyArn", arn), ("PolicyDocument", other.as_str()), ("SetAsDefault", "true")];
    world.control.create_policy_version(&admin, ask(&version)).await.unwrap();
    assert_eq!(may().await, (false, true));
    world.control.delete_policy_version(&admin, ask(&[("PolicyArn", arn), ("VersionId", "v1")])).await.unwrap();
    world.control.delete_policy(&admin, ask(&[("PolicyArn", arn)])).await.unwrap();
    assert_eq!(may().await, (false, false), "nothing allows anything");
}

/// AWS's way of revoking a role's sessions: those from before a moment may do nothing, new ones may.
#[tokio::test]
async fn sessions_from_before_a_moment_are_revoked() {
    let world = World::new().await;
    world.role("web", &trust(ACCOUNT, r#""sts:AssumeRole""#, "{}")).await;
    let admin = world.as_admin().await;
    let old = world.assume(&admin, "web", &[]).await.unwrap();
    world.clock.advance(Duration::from_secs(2));
    let moment = world.millis() / 1000;
    let deny = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"DateLessThan":{{"aws:TokenIssueTime":"{moment}"}}}}}}]}}"#
    );
    let request = ask(&[("RoleName", "web"), ("PolicyName", "AWSRevokeOlderSessions"), ("PolicyDocument", &deny)]);
    world.control.put_role_policy(&admin, request).await.unwrap();
    let denied = world.control.list_users(&world.holds(&old).await.unwrap(), ask(&[])).await.unwrap_err();
    assert!(denied.message().ends_with("with an explicit deny in an identity-based policy"), "{denied}");
    world.clock.advance(Duration::from_secs(1));
    let new = world.assume(&world.as_admin().await, "web", &[]).await.unwrap();
    world.control.list_users(&world.holds(&new).await.unwrap(), ask(&[])).await.unwrap();
}
