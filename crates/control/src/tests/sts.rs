//! Temporary credentials: who gets them, what they say, and what makes them worthless.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use postern_iam::SecretString;
use postern_iam::sigv4::{self, Credentials, SignableRequest};
use postern_model::query::Form;
use postern_model::sts::Credentials as Issued;
use postern_model::{ApiError, ApiRequest, ErrorCode, decode_form};

use super::world::{World, code, origin};
use crate::caller::{CredentialFacts, Person, PersonKind};
use crate::{Arrival, Caller, Principal};

mod bounds;
mod guessing;
mod second_factors;

pub(super) use second_factors::digits;

const ACCOUNT: &str = "arn:aws:iam::123456789012:root";
const ADMIN: &str = "arn:aws:iam::123456789012:user/admin";

/// A request as a client would send it.
pub(super) fn ask<R: ApiRequest>(members: &[(&str, &str)]) -> R {
    let mut form = String::new();
    for (name, value) in members {
        let _ = write!(form, "&{name}=");
        value.bytes().for_each(|byte| write!(form, "%{byte:02X}").unwrap());
    }
    decode_form(&Form::parse(form.as_bytes()).unwrap()).unwrap()
}

pub(super) fn signer(issued: &Issued) -> Credentials {
    Credentials {
        access_key_id: issued.access_key_id.clone(),
        secret_access_key: issued.secret_access_key.0.clone(),
        session_token: Some(issued.session_token.0.clone()),
    }
}

pub(super) fn person(caller: &Caller) -> &Person {
    match &caller.principal {
        Principal::Person(person) => person,
        other => panic!("{other:?}"),
    }
}

pub(super) fn trust(principal: &str, actions: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":{actions},"Condition":{condition}}}]}}"#
    )
}

impl World {
    /// A role with every right, whom this document says may act as it.
    pub(super) async fn role(&self, name: &str, trust: &str) {
        let admin = self.as_admin().await;
        let request = ask(&[("RoleName", name), ("AssumeRolePolicyDocument", trust)]);
        self.control.create_role(&admin, request).await.unwrap();
        let policy = "arn:aws:iam::aws:policy/AdministratorAccess";
        self.control.attach_role_policy(&admin, ask(&[("RoleName", name), ("PolicyArn", policy)])).await.unwrap();
    }

    pub(super) async fn assume(&self, caller: &Caller, role: &str, more: &[(&str, &str)]) -> Result<Issued, ApiError> {
        let arn = format!("arn:aws:iam::123456789012:role/{role}");
        let members = [&[("RoleArn", arn.as_str()), ("RoleSessionName", "jane")], more].concat();
        Ok(self.control.assume_role(caller, ask(&members)).await?.credentials)
    }

    pub(super) async fn user(&self, name: &str) -> Credentials {
        let admin = self.as_admin().await;
        self.control.create_user(&admin, ask(&[("UserName", name)])).await.unwrap();
        let key = self.control.create_access_key(&admin, ask(&[("UserName", name)])).await.unwrap().access_key;
        let secret_access_key = key.secret_access_key.0;
        Credentials { access_key_id: key.access_key_id, secret_access_key, session_token: None }
    }

    async fn from(&self, who: &Credentials, service: &str, address: &str) -> Result<Caller, ApiError> {
        let mut headers = vec![("host".to_owned(), "ssm.example.org".to_owned())];
        let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: b"{}" };
        headers.extend(sigv4::sign(&request, who, "eu-west-1", service, self.millis()));
        let signed = sigv4::parse("POST", "/", &headers)?;
        let address: IpAddr = address.parse().unwrap();
        let services = &[service];
        let arrival = Arrival { body: b"{}", services, origin: origin(Some(address)), invocation_id: None };
        self.control.authenticate(&signed, arrival).await
    }

    async fn holds(&self, issued: &Issued) -> Result<Caller, ApiError> {
        self.sign_as(&signer(issued), "ssm", "/").await
    }
}

#[tokio::test]
async fn whoever_a_role_trusts_acts_as_it_until_its_time_is_over() {
    let world = World::new().await;
    world.role("web", &trust(ADMIN, r#""sts:AssumeRole""#, "{}")).await;
    let issued = world.assume(&world.as_admin().await, "web", &[("DurationSeconds", "900")]).await.unwrap();
    assert!(issued.access_key_id.starts_with("PSIA"));
    let caller = world.holds(&issued).await.unwrap();
    let session = person(&caller);
    assert_eq!(session.arn.to_string(), "arn:aws:sts::123456789012:assumed-role/web/jane");
    assert!(session.user_id.starts_with("AROA") && session.user_id.ends_with(":jane"), "{}", session.user_id);
    let who = world.control.get_caller_identity(&caller, ask(&[])).await.unwrap();
    assert_eq!((who.user_id, who.arn), (session.user_id.clone(), session.arn.clone()));
    let CredentialFacts::Temporary(facts) = &session.credentials else { panic!("{session:?}") };
    assert_eq!((facts.issued_at, facts.mfa_at), (world.millis(), None));
    world.control.list_users(&caller, ask(&[])).await.unwrap();

    world.clock.advance(Duration::from_secs(899));
    world.holds(&issued).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(code(world.holds(&issued).await), ErrorCode::ExpiredTokenException);
}

#[tokio::test]
async fn credentials_are_worth_nothing_without_all_their_parts() {
    let world = World::new().await;
    world.role("web", &trust(ACCOUNT, r#""sts:AssumeRole""#, "{}")).await;
    let admin = world.as_admin().await;
    let (one, two) = (world.assume(&admin, "web", &[]).await.unwrap(), world.assume(&admin, "web", &[]).await.unwrap());
    let (one, two) = (signer(&one), signer(&two));
    for (wrong, expected) in [
        (
            Credentials { session_token: two.session_token.clone(), ..one.clone() },
            ErrorCode::UnrecognizedClientException,
        ),
        (Credentials { session_token: None, ..one.clone() }, ErrorCode::UnrecognizedClientException),
        (
            Credentials { secret_access_key: two.secret_access_key.clone(), ..one.clone() },
            ErrorCode::InvalidSignatureException,
        ),
    ] {
        assert_eq!(code(world.sign_as(&wrong, "ssm", "/").await), expected);
    }
    let mut forged = one.session_token.clone().unwrap().expose().to_owned();
    forged.replace_range(30..31, if forged.as_bytes()[30] == b'A' { "B" } else { "A" });
    let forged = Credentials { session_token: Some(SecretString::new(forged)), ..one };
    assert_eq!(code(world.sign_as(&forged, "ssm", "/").await), ErrorCode::UnrecognizedClientException);
}

#[tokio::test]
async fn a_role_or_user_that_is_made_anew_is_another_one() {
    let world = World::new().await;
    let document = trust(ACCOUNT, r#""sts:AssumeRole""#, "{}");
    world.role("web", &document).await;
    let admin = world.as_admin().await;
    let issued = world.assume(&admin, "web", &[]).await.unwrap();
    let policy = "arn:aws:iam::aws:policy/AdministratorAccess";
    world.control.detach_role_policy(&admin, ask(&[("RoleName", "web"), ("PolicyArn", policy)])).await.unwrap();
    let denied = world.control.list_users(&world.holds(&issued).await.unwrap(), ask(&[])).await;
    assert_eq!(code(denied), ErrorCode::AccessDeniedException, "its policies are those of now");
    world.control.delete_role(&admin, ask(&[("RoleName", "web")])).await.unwrap();
    assert_eq!(code(world.holds(&issued).await), ErrorCode::UnrecognizedClientException);
    world.role("web", &document).await;
    assert_eq!(code(world.holds(&issued).await), ErrorCode::UnrecognizedClientException);

    let jane = world.user("jane").await;
    let hers = world.sign_as(&jane, "sts", "/").await.unwrap();
    let issued = world.control.get_session_token(&hers, ask(&[])).await.unwrap().credentials;
    assert_eq!(person(&world.holds(&issued).await.unwrap()).user_name(), Some("jane"));
    let key = [("UserName", "jane"), ("AccessKeyId", jane.access_key_id.as_str())];
    world.control.delete_access_key(&admin, ask(&key)).await.unwrap();
    world.holds(&issued).await.unwrap();
    world.control.delete_user(&admin, ask(&[("UserName", "jane")])).await.unwrap();
    assert_eq!(code(world.holds(&issued).await), ErrorCode::UnrecognizedClientException);
}

/// One sentence, whether a role is there and trusts somebody else, is there under another path, or is not there.
#[tokio::test]
async fn a_refusal_does_not_tell_which_roles_there_are() {
    let world = World::new().await;
    world.role("web", &trust("arn:aws:iam::123456789012:user/john", r#""sts:AssumeRole""#, "{}")).await;
    let admin = world.as_admin().await;
    for role in ["web", "none", "path/web"] {
        let denied = world.assume(&admin, role, &[]).await.unwrap_err();
        assert_eq!(denied.code(), ErrorCode::AccessDeniedException);
        let expected = format!(
            "User: {ADMIN} is not authorized to perform: sts:AssumeRole on resource: \
             arn:aws:iam::123456789012:role/{role}"
        );
        assert_eq!(denied.message().trim_end(), expected);
    }
    let elsewhere = world
        .control
        .assume_role(&admin, ask(&[("RoleArn", "arn:aws:iam::999999999999:role/web"), ("RoleSessionName", "jane")]));
    assert_eq!(code(elsewhere.await), ErrorCode::AccessDeniedException);
    let malformed = world.control.assume_role(&admin, ask(&[("RoleArn", ADMIN), ("RoleSessionName", "jane")]));
    assert_eq!(code(malformed.await), ErrorCode::ValidationError);
}

#[tokio::test]
async fn a_trust_policy_decides_with_all_its_conditions() {
    let world = World::new().await;
    let admin = world.as_admin().await;
    let set = |condition: &str| {
        let document = trust(ACCOUNT, r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#, condition);
        let request = ask(&[("RoleName", "web"), ("PolicyDocument", document.as_str())]);
        let world = &world;
        let admin = admin.clone();
        async move { world.control.update_assume_role_policy(&admin, request).await.unwrap() }
    };
    world.role("web", &trust(ACCOUNT, r#""sts:AssumeRole""#, "{}")).await;
    let tag = [("Tags.member.1.Key", "env"), ("Tags.member.1.Value", "prod")];
    let attempt = async |more: &[(&str, &str)]| world.assume(&admin, "web", more).await.is_ok();
    assert!(attempt(&[]).await);
    assert!(!attempt(&tag).await, "tags need sts:TagSession");
    assert!(!attempt(&[("SourceIdentity", "jane")]).await, "that needs sts:SetSourceIdentity");
    set("{}").await;
    assert!(attempt(&tag).await && attempt(&[("SourceIdentity", "jane")]).await);
    for (condition, good, bad) in [
        (
            r#"{"StringEquals":{"sts:ExternalId":"s3cret"}}"#,
            vec![("ExternalId", "s3cret")],
            vec![vec![], vec![("ExternalId", "secret")]],
        ),
        (r#"{"StringLike":{"sts:RoleSessionName":"${aws:username}*"}}"#, vec![], vec![]),
        (
            r#"{"StringEquals":{"aws:RequestTag/env":"prod"}}"#,
            tag.to_vec(),
            vec![vec![], vec![tag[0], ("Tags.member.1.Value", "test")]],
        ),
        (
            r#"{"ForAllValues:StringEquals":{"sts:TransitiveTagKeys":["env"]},"Null":{"sts:TransitiveTagKeys":"false"}}"#,
            [&tag[..], &[("TransitiveTagKeys.member.1", "env")]].concat(),
            vec![tag.to_vec()],
        ),
        (
            r#"{"StringEquals":{"sts:SourceIdentity":"jane"}}"#,
            vec![("SourceIdentity", "jane")],
            vec![vec![], vec![("SourceIdentity", "john")]],
        ),
        (r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#, vec![("no", "way")], vec![vec![]]),
        (r#"{"StringEquals":{"aws:PrincipalTag/env":"prod"}}"#, vec![("no", "way")], vec![vec![]]),
    ] {
        set(condition).await;
        for bad in bad {
            assert!(!attempt(&bad).await, "{condition} {bad:?}");
        }
        let expected = good != [("no", "way")] && !condition.contains("username");
        assert_eq!(attempt(&good).await, expected, "{condition} {good:?}");
    }
    let tagged = ask(&[("UserName", "admin"), ("Tags.member.1.Key", "env"), ("Tags.member.1.Value", "prod")]);
    world.control.tag_user(&admin, tagged).await.unwrap();
    assert!(world.assume(&world.as_admin().await, "web", &[]).await.is_ok(), "the last condition holds now");
}

#[tokio::test]
async fn a_session_goes_on_to_another_role_for_an_hour_with_what_stays() {
    let world = World::new().await;
    let all = r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#;
    world.role("one", &trust(ACCOUNT, all, "{}")).await;
    world.role("two", &trust("arn:aws:iam::123456789012:role/one", all, "{}")).await;
    let admin = world.as_admin().await;
    assert_eq!(code(world.assume(&admin, "two", &[]).await), ErrorCode::AccessDeniedException);
    let first = world.assume(
        &admin,
        "one",
        &[
            ("Tags.member.1.Key", "env"),
            ("Tags.member.1.Value", "prod"),
            ("Tags.member.2.Key", "team"),
            ("Tags.member.2.Value", "web"),
            ("TransitiveTagKeys.member.1", "ENV"),
            ("SourceIdentity", "jane@example.org"),
        ],
    );
    let first = world.holds(&first.await.unwrap()).await.unwrap();
    assert_eq!(person(&first).tags.len(), 2);
    for (more, expected) in [
        (&[("DurationSeconds", "3601")][..], ErrorCode::ValidationError),
        (&[("SourceIdentity", "john@example.org")], ErrorCode::AccessDeniedException),
        (&[("Tags.member.1.Key", "Env"), ("Tags.member.1.Value", "test")], ErrorCode::ValidationError),
        (&[("TransitiveTagKeys.member.1", "other")], ErrorCode::ValidationError),
        (
            &[("SerialNumber", "arn:aws:iam::123456789012:mfa/x"), ("TokenCode", "123456")],
            ErrorCode::AccessDeniedException,
        ),
    ] {
        assert_eq!(code(world.assume(&first, "two", more).await), expected, "{more:?}");
    }
    let second = world.assume(&first, "two", &[]).await.unwrap();
    let second = world.holds(&second).await.unwrap();
    let session = person(&second);
    assert!(matches!(&session.kind, PersonKind::RoleSession { role, .. } if role.short_name() == "two"));
    let tags: Vec<&str> = session.tags.iter().map(|tag| tag.key.as_str()).collect();
    assert_eq!(tags, ["env"], "only that one stays");
    let CredentialFacts::Temporary(facts) = &session.credentials else { panic!("{session:?}") };
    assert_eq!(facts.source_identity.as_deref(), Some("jane@example.org"));
    let again = world.control.get_session_token(&second, ask(&[])).await;
    assert_eq!(code(again), ErrorCode::AccessDeniedException, "only users have that");
}

/// Whoever is trusted as a member of the account needs policies as well; whoever is trusted by name does not, and what
/// denies or bounds them counts for both.
#[tokio::test]
async fn the_callers_policies_count_beside_the_trust_policy() {
    let world = World::new().await;
    let jane = world.user("jane").await;
    world.role("account", &trust(ACCOUNT, r#""sts:AssumeRole""#, "{}")).await;
    world.role("name", &trust("arn:aws:iam::123456789012:user/jane", r#""sts:AssumeRole""#, "{}")).await;
    let admin = world.as_admin().await;
    let may = async || {
        let hers = world.sign_as(&jane, "sts", "/").await.unwrap();
        (world.assume(&hers, "account", &[]).await.is_ok(), world.assume(&hers, "name", &[]).await.is_ok())
    };
    assert_eq!(may().await, (false, true));
    let put = async |effect: &str, resource: &str| {
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"sts:AssumeRole","Resource":"{resource}"}}]}}"#
        );
        let request = ask(&[("UserName", "jane"), ("PolicyName", "p"), ("PolicyDocument", document.as_str())]);
        world.control.put_user_policy(&admin, request).await.unwrap();
    };
    put("Allow", "arn:aws:iam::123456789012:role/account").await;
    assert_eq!(may().await, (true, true));
    put("Deny", "*").await;
    assert_eq!(may().await, (false, false));
}

#[tokio::test]
async fn a_key_says_whose_account_it_is_of_and_nothing_else() {
    let world = World::new().await;
    let admin = world.as_admin().await;
    world.role("web", &trust(ACCOUNT, r#""sts:AssumeRole""#, "{}")).await;
    let temporary = world.assume(&admin, "web", &[]).await.unwrap().access_key_id;
    for id in [world.admin.access_key_id.as_str(), &temporary] {
        let answer = world.control.get_access_key_info(&admin, ask(&[("AccessKeyId", id)])).await.unwrap();
        assert_eq!(answer.account, "123456789012");
    }
    let made_up = world.control.get_access_key_info(&admin, ask(&[("AccessKeyId", "PSIAAAAAAAAAAAAAAAAA")])).await;
    assert_eq!(code(made_up), ErrorCode::ValidationError);
}
