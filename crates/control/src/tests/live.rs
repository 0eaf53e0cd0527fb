//! Sessions that are not allowed any more end, those that are go on, and asking costs as much as there are people.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_iam::sigv4::Credentials;
use postern_iam::totp::step_at;
use postern_model::session::{EndReason, SessionStatus, StartSessionRequest};

use super::sts::{ask, digits, signer, trust};
use super::world::{Machine, World, start_request};
use crate::{Caller, DecisionWatch, Review, SessionCommand, SessionNews};

const STARTS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:StartSession","Resource":"*"}]}"#;

fn starts_if(condition: &str) -> String {
    STARTS.replace(r#""Resource":"*""#, &format!(r#""Resource":"*","Condition":{condition}"#))
}

impl World {
    async fn put_policy(&self, user: &str, name: &str, document: &str) {
        let request = ask(&[("UserName", user), ("PolicyName", name), ("PolicyDocument", document)]);
        self.control.put_user_policy(&self.as_admin().await, request).await.unwrap();
    }

    async fn delete_policy(&self, user: &str, name: &str) {
        let request = ask(&[("UserName", user), ("PolicyName", name)]);
        self.control.delete_user_policy(&self.as_admin().await, request).await.unwrap();
    }

    pub(super) async fn start_as(&self, who: &Credentials, machine: &Machine) -> String {
        let mut random = [0; 8];
        self.fill(&mut random);
        let caller = self.sign_as(who, "ssm", &format!("/?{}", u64::from_be_bytes(random))).await.unwrap();
        self.start_by(&caller, machine).await
    }

    async fn start_by(&self, caller: &Caller, machine: &Machine) -> String {
        self.control.start_session(caller, start_request(machine.node_id.as_str())).await.unwrap().session_id
    }

    /// Somebody who has looked once.
    pub(super) async fn watch(&self) -> DecisionWatch {
        let mut watch = self.control.watch_decisions().await.unwrap();
        self.look(&mut watch).await;
        watch
    }

    pub(super) async fn look(&self, watch: &mut DecisionWatch) -> Review {
        let review = self.control.look(watch).await.unwrap();
        assert_eq!(review.unanswered, 0);
        review
    }

    async fn end_of(&self, session: &str) -> (SessionStatus, Option<EndReason>) {
        let record = self.control.find_session(session).await.unwrap().unwrap();
        (record.status, record.end_reason)
    }

    pub(super) async fn goes_on(&self, session: &str) -> bool {
        self.end_of(session).await.1.is_none()
    }

    /// Why a session is ended, as its user and its history read it.
    pub(super) async fn sentence(&self, session: &str) -> String {
        let (status, reason) = self.end_of(session).await;
        assert_eq!(status, SessionStatus::Terminating);
        reason.unwrap().details()
    }
}

#[tokio::test]
async fn a_session_ends_when_its_policy_goes_and_another_one_does_not() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let (jane, joe) = (world.user("jane").await, world.user("joe").await);
    for user in ["jane", "joe"] {
        world.put_policy(user, "start", STARTS).await;
    }
    let hers = world.start_as(&jane, &machine).await;
    let his = world.start_as(&joe, &machine).await;
    let mut supervision = world.control.supervise(&hers.parse().unwrap(), true).await.unwrap().unwrap();
    let mut watch = world.watch().await;
    assert!(world.goes_on(&hers).await && world.goes_on(&his).await);

    world.delete_policy("jane", "start").await;
    let review = world.look(&mut watch).await;
    assert_eq!((review.asked, review.ended), (2, 1));
    assert!(world.goes_on(&his).await);
    let expected = format!(
        "Ended by the service: arn:aws:iam::123456789012:user/jane is no longer authorized to perform: ssm:StartSession \
         on resource: arn:aws:ssm:eu-west-1:123456789012:managed-instance/{} because no identity-based policy allows \
         the ssm:StartSession action.",
        machine.node_id
    );
    assert_eq!(world.sentence(&hers).await, expected);
    let told = supervision.commands.next().await.unwrap();
    let SessionNews::Command(SessionCommand::Terminate { output, .. }) = told else { panic!("{told:?}") };
    assert_eq!(output, expected, "and its user reads it");
    let again = world.control.session_news(&hers.parse().unwrap()).await.unwrap();
    assert!(again.contains(&SessionCommand::Terminate { reason: world.end_of(&hers).await.1.unwrap(), output }));
    assert_eq!(world.look(&mut watch).await.ended, 0, "once");
}

#[tokio::test]
async fn whatever_takes_the_right_away_ends_the_session() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let admin = world.as_admin().await;
    world.tag_node(&machine, "env", "prod").await;
    world.control.create_group(&admin, ask(&[("GroupName", "web")])).await.unwrap();
    let group = [("GroupName", "web"), ("PolicyName", "start"), ("PolicyDocument", STARTS)];
    world.control.put_group_policy(&admin, ask(&group)).await.unwrap();
    let everything = "arn:aws:iam::aws:policy/AdministratorAccess";
    let mut watch = world.watch().await;

    let changes = [
        "a deny",
        "a policy is detached",
        "a boundary",
        "the user leaves the group",
        "the tag is removed",
        "the key is switched off",
        "the key is deleted",
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let name = format!("user{number}");
        let user = &[("UserName", name.as_str())];
        let credentials = world.user(&name).await;
        let key = [&user[..], &[("AccessKeyId", credentials.access_key_id.as_str())]].concat();
        match change {
            "a policy is detached" => {
                let request = ask(&[&user[..], &[("PolicyArn", everything)]].concat());
                world.control.attach_user_policy(&admin, request).await.unwrap();
            }
            "the user leaves the group" => {
                let request = ask(&[&user[..], &[("GroupName", "web")]].concat());
                world.control.add_user_to_group(&admin, request).await.unwrap();
            }
            "the tag is removed" => {
                let tagged = r#"{"StringEquals":{"ssm:resourceTag/env":"prod"}}"#;
                let document = r#"{"Null":{"ssm:DocumentType":"false"}}"#;
                world.put_policy(&name, "node", &starts_if(tagged)).await;
                world.put_policy(&name, "document", &starts_if(document)).await;
            }
            _ => world.put_policy(&name, "start", STARTS).await,
        }
        let session = world.start_as(&credentials, &machine).await;
        assert_eq!(world.look(&mut watch).await.ended, 0, "before: {change}");
        let because = match change {
            "a deny" => {
                world.put_policy(&name, "deny", &STARTS.replace("Allow", "Deny")).await;
                "with an explicit deny in an identity-based policy."
            }
            "a policy is detached" => {
                let request = ask(&[&user[..], &[("PolicyArn", everything)]].concat());
                world.control.detach_user_policy(&admin, request).await.unwrap();
                "because no identity-based policy allows the ssm:StartSession action."
            }
            "a boundary" => {
                let other = STARTS.replace("ssm:StartSession", "iam:GetUser");
                let request = ask(&[("PolicyName", "little"), ("PolicyDocument", &other)]);
                let boundary = world.control.create_policy(&admin, request).await.unwrap().policy.arn.to_string();
                let request = ask(&[&user[..], &[("PermissionsBoundary", boundary.as_str())]].concat());
                world.control.put_user_permissions_boundary(&admin, request).await.unwrap();
                "because no permissions boundary allows the ssm:StartSession action."
            }
            "the user leaves the group" => {
                let request = ask(&[&user[..], &[("GroupName", "web")]].concat());
                world.control.remove_user_from_group(&admin, request).await.unwrap();
                "because no identity-based policy allows the ssm:StartSession action."
            }
            "the tag is removed" => {
                world.untag_node(&machine, "env").await;
                "because no identity-based policy allows the ssm:StartSession action."
            }
            "the key is switched off" => {
                let request = ask(&[&key[..], &[("Status", "Inactive")]].concat());
                world.control.update_access_key(&admin, request).await.unwrap();
                "because the access key that it was started with is not active any more."
            }
            _ => {
                world.control.delete_access_key(&admin, ask(&key)).await.unwrap();
                "because the access key that it was started with is not active any more."
            }
        };
        assert_eq!(world.look(&mut watch).await.ended, 1, "{change}");
        let sentence = world.sentence(&session).await;
        assert!(sentence.ends_with(because), "{change}: {sentence}");
    }
}

#[tokio::test]
async fn nothing_is_asked_while_nothing_changes_and_a_change_costs_as_much_as_there_are_people() {
    const SESSIONS: usize = 500;
    let world = World::new().await;
    let (first, _lease) = world.online(1).await;
    let (second, _lease) = world.online(2).await;
    let machines = [first, second];
    let mut people = Vec::new();
    for name in ["jane", "joe", "ann"] {
        people.push(world.user(name).await);
        world.put_policy(name, "start", STARTS).await;
    }
    for number in 0..SESSIONS {
        world.start_as(&people[number % people.len()], &machines[number % machines.len()]).await;
    }
    let mut watch = world.control.watch_decisions().await.unwrap();
    let all = world.look(&mut watch).await;
    assert_eq!(all, Review { asked: 500, ended: 0, unanswered: 0, reads: 3 + 2 + 1 });

    world.clock.advance(Duration::from_secs(30));
    world.look(&mut watch).await;
    assert_eq!(world.look(&mut watch).await, Review::default(), "young no more, and nothing is read");
    world.put_policy("joe", "another", STARTS).await;
    assert_eq!(world.look(&mut watch).await, all, "they are all still allowed");
    world.delete_policy("ann", "start").await;
    assert_eq!(world.look(&mut watch).await.ended, 166, "hers, and nobody else's");
}

#[tokio::test]
async fn a_start_that_was_decided_before_a_change_is_found() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let jane = world.user("jane").await;
    world.put_policy("jane", "start", STARTS).await;
    let mut watch = world.watch().await;
    let decided = world.sign_as(&jane, "ssm", "/").await.unwrap();
    world.delete_policy("jane", "start").await;
    world.look(&mut watch).await;
    let session = world.start_by(&decided, &machine).await;
    assert_eq!(world.look(&mut watch).await.ended, 1);
    assert!(!world.goes_on(&session).await);
}

#[tokio::test]
async fn what_only_the_clock_changes_is_found_within_a_minute() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let jane = world.user("jane").await;
    let until = world.millis() / 1000 + 30;
    let condition = format!(r#"{{"NumericLessThan":{{"aws:EpochTime":"{until}"}}}}"#);
    world.put_policy("jane", "start", &starts_if(&condition)).await;
    let session = world.start_as(&jane, &machine).await;
    let mut watch = world.watch().await;
    world.clock.advance(Duration::from_secs(29));
    world.look(&mut watch).await;
    assert!(world.goes_on(&session).await);
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(world.look(&mut watch).await.ended, 1);
}

#[tokio::test]
async fn a_tunnel_is_asked_about_by_where_it_leads_and_a_request_by_where_it_came_from() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let jane = world.user("jane").await;
    world.put_policy("jane", "start", STARTS).await;
    let tunnel = async |uri: &str, port: &str| {
        let caller = world.sign_as(&jane, "ssm", uri).await.unwrap();
        let request = StartSessionRequest {
            document_name: Some("AWS-StartPortForwardingSession".parse().unwrap()),
            parameters: BTreeMap::from([("portNumber".to_owned(), vec![port.to_owned()])]),
            ..start_request(machine.node_id.as_str())
        };
        world.control.start_session(&caller, request).await.unwrap().session_id
    };
    let (web, database) = (tunnel("/?1", "443").await, tunnel("/?2", "5432").await);
    let mut watch = world.watch().await;
    world.put_policy("jane", "start", &starts_if(r#"{"StringEquals":{"postern:ForwardPort":"443"}}"#)).await;
    assert_eq!(world.look(&mut watch).await.ended, 1);
    assert!(world.goes_on(&web).await && !world.goes_on(&database).await);
    // These requests have no address.
    world.put_policy("jane", "start", &starts_if(r#"{"Null":{"aws:SourceIp":"false"}}"#)).await;
    assert_eq!(world.look(&mut watch).await.ended, 1);
}

#[tokio::test]
async fn a_session_of_a_role_outlives_its_credentials_and_not_its_role() {
    let mut world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let admin = world.as_admin().await;
    for role in ["web", "narrowed"] {
        world.role(role, &trust("arn:aws:iam::123456789012:root", r#""sts:AssumeRole""#, "{}")).await;
    }
    let whole = world.assume(&admin, "web", &[("DurationSeconds", "900")]).await.unwrap();
    let narrowed = world.assume(&admin, "narrowed", &[("Policy", STARTS)]).await.unwrap();
    let session = world.start_as(&signer(&whole), &machine).await;
    let other = world.start_as(&signer(&narrowed), &machine).await;
    let mut watch = world.watch().await;
    world.clock.advance(Duration::from_secs(901));
    world.look(&mut watch).await;
    assert!(world.goes_on(&session).await, "as at AWS");

    let policy = "arn:aws:iam::aws:policy/AdministratorAccess";
    let detach = ask(&[("RoleName", "web"), ("PolicyArn", policy)]);
    world.control.detach_role_policy(&admin, detach).await.unwrap();
    world.control.delete_role(&admin, ask(&[("RoleName", "web")])).await.unwrap();
    assert_eq!(world.look(&mut watch).await.ended, 1);
    let sentence = world.sentence(&session).await;
    assert!(sentence.contains("arn:aws:sts::123456789012:assumed-role/web/jane is no longer"), "{sentence}");
    assert!(sentence.ends_with("because the user or role that it was started by is not there any more."), "{sentence}");
    assert!(world.goes_on(&other).await, "its session policy still allows it");

    world.configure(|settings| settings.sessions_end_with_credentials = true);
    let mut watch = world.watch().await;
    assert!(world.goes_on(&other).await, "its credentials are good for an hour");
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.look(&mut watch).await.ended, 1);
    assert!(world.sentence(&other).await.ends_with("have expired."));
}

#[tokio::test]
async fn a_second_factor_does_not_grow_old_in_a_session() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let jane = world.user("jane").await;
    world.put_policy("jane", "start", &starts_if(r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":"600"}}"#)).await;
    let (serial, seed) = world.device("jane").await;
    let code = digits(&seed, step_at(world.millis()) + 1);
    let request = ask(&[("SerialNumber", serial.as_str()), ("TokenCode", &code)]);
    let caller = world.sign_as(&jane, "sts", "/").await.unwrap();
    let issued = world.control.get_session_token(&caller, request).await.unwrap().credentials;
    world.clock.advance(Duration::from_secs(300));
    let session = world.start_as(&signer(&issued), &machine).await;
    let mut watch = world.watch().await;
    world.clock.advance(Duration::from_secs(3600));
    world.look(&mut watch).await;
    assert!(world.goes_on(&session).await);
    world.put_policy("jane", "start", &starts_if(r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":"200"}}"#)).await;
    assert_eq!(world.look(&mut watch).await.ended, 1, "it was 300 seconds old");
}

#[tokio::test]
async fn whoever_watches_is_hinted_at_changes_and_a_new_process_asks_about_everything() {
    let mut world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let jane = world.user("jane").await;
    world.put_policy("jane", "start", STARTS).await;
    let session = world.start_as(&jane, &machine).await;
    let mut watch = world.watch().await;
    for quiet in [postern_model::Operation::GetUser, postern_model::Operation::StartSession] {
        world.control.operation_done(quiet);
    }
    assert!(tokio::time::timeout(Duration::from_millis(50), watch.hint()).await.is_err());
    world.control.operation_done(postern_model::Operation::DeleteUserPolicy);
    tokio::time::timeout(Duration::from_secs(60), watch.hint()).await.unwrap();

    world.delete_policy("jane", "start").await;
    drop(watch);
    world.restart().await;
    world.watch().await;
    assert!(!world.goes_on(&session).await);
}
