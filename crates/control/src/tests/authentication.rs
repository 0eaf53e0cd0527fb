//! Who is believed, and what the others are told.

use std::time::Duration;

use postern_iam::NodeKeyPair;
use postern_iam::sigv4::{self, Credentials, SignableRequest};
use postern_model::ErrorCode;
use postern_model::iam::GetAccessKeyLastUsedRequest;
use postern_model::node::DeregisterManagedInstanceRequest;

use super::world::{World, code};
use crate::{NodeProof, Principal};

fn signed(world: &World, region: &str, service: &str, at: u64) -> Vec<(String, String)> {
    let mut headers = vec![("host".to_owned(), "ssm.example.org".to_owned())];
    let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: b"{}" };
    let added = sigv4::sign(&request, &world.admin, region, service, at);
    headers.extend(added);
    headers
}

#[tokio::test]
async fn an_administrator_is_known_by_the_key_in_the_store() {
    let world = World::new().await;
    let caller = world.as_admin().await;
    let Principal::Person(user) = &caller.principal else { panic!("{caller:?}") };
    assert_eq!(user.arn.to_string(), "arn:aws:iam::123456789012:user/admin");
    assert_eq!(user.user_name(), Some("admin"));
    assert!(caller.request.is_some());
}

#[tokio::test]
async fn wrong_credentials_get_awss_codes() {
    let world = World::new().await;
    let unknown = Credentials { access_key_id: "PKIAUNKNOWNUNKNOWN".to_owned(), ..world.admin.clone() };
    assert_eq!(code(world.sign_as(&unknown, "ssm", "/").await), ErrorCode::UnrecognizedClientException);
    let wrong = Credentials { secret_access_key: "wrong".into(), ..world.admin.clone() };
    assert_eq!(code(world.sign_as(&wrong, "ssm", "/").await), ErrorCode::InvalidSignatureException);
    let made_up = Credentials { session_token: Some("made up".into()), ..world.admin.clone() };
    assert_eq!(code(world.sign_as(&made_up, "ssm", "/").await), ErrorCode::UnrecognizedClientException);
    assert_eq!(code(world.arrive("/", &[], b"{}", "ssm").await), ErrorCode::MissingAuthenticationTokenException);
    for (region, service) in [("eu-west-1", "s3"), ("us-east-1", "ssm")] {
        let headers = signed(&world, region, service, world.millis());
        let elsewhere = world.arrive("/", &headers, b"{}", "ssm").await;
        assert_eq!(code(elsewhere), ErrorCode::InvalidSignatureException, "signed for {region} {service}");
    }
    let headers = signed(&world, "eu-west-1", "ssm", world.millis());
    let changed = world.arrive("/", &headers, b"{\"Target\":\"another\"}", "ssm").await;
    assert_eq!(code(changed), ErrorCode::InvalidSignatureException);

    let id = world.admin.access_key_id.parse().unwrap();
    assert!(world.control.may_do_everything(&id, &world.admin.secret_access_key).await.unwrap());
    assert!(!world.control.may_do_everything(&id, &"wrong".into()).await.unwrap());
    assert!(world.control.deactivate_access_key(&id).await.unwrap());
    assert_eq!(code(world.sign_as(&world.admin, "ssm", "/").await), ErrorCode::UnrecognizedClientException);
    assert!(!world.control.may_do_everything(&id, &world.admin.secret_access_key).await.unwrap());
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_both_times() {
    let world = World::new().await;
    let headers = signed(&world, "eu-west-1", "ssm", world.millis() - 3_600_000);
    let error = world.arrive("/", &headers, b"{}", "ssm").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidSignatureException);
    assert!(error.message().contains("set the clock"), "{}", error.message());
}

#[tokio::test]
async fn a_node_is_known_by_its_key_and_by_its_role() {
    let world = World::new().await;
    let machine = world.register(1).await;
    let node_id = machine.node_id.clone();
    let caller = world.with_key(&machine).await.unwrap();
    let Principal::Node { node_id: id, proof: NodeProof::Key } = caller.principal else { panic!("{caller:?}") };
    assert_eq!(id, node_id);
    let caller = world.with_role(&machine).await;
    let Principal::Node { node_id: id, proof: NodeProof::Role } = caller.principal else { panic!("{caller:?}") };
    assert_eq!(id, node_id);
}

#[tokio::test]
async fn a_role_is_worth_an_hour_and_nothing_without_all_its_parts() {
    let world = World::new().await;
    let (one, two) = (world.register(1).await, world.register(2).await);
    let credentials = world.role_credentials(&one).await.unwrap();
    let other = world.role_credentials(&two).await.unwrap();
    let swapped = Credentials { session_token: other.session_token.clone(), ..credentials.clone() };
    assert_eq!(code(world.sign_as(&swapped, "ssm", "/").await), ErrorCode::UnrecognizedClientException);
    let mixed = Credentials { secret_access_key: other.secret_access_key, ..credentials.clone() };
    assert_eq!(code(world.sign_as(&mixed, "ssm", "/").await), ErrorCode::InvalidSignatureException);

    world.clock.advance(Duration::from_secs(3599));
    assert!(world.sign_as(&credentials, "ssm", "/").await.is_ok());
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(code(world.sign_as(&credentials, "ssm", "/").await), ErrorCode::ExpiredTokenException);
}

#[tokio::test]
async fn a_node_that_is_gone_is_nobody() {
    let world = World::new().await;
    let machine = world.register(1).await;
    let credentials = world.role_credentials(&machine).await.unwrap();
    let request = DeregisterManagedInstanceRequest { instance_id: machine.node_id.clone() };
    world.control.deregister_managed_instance(&world.as_admin().await, request.clone()).await.unwrap();
    for error in [world.sign_as(&credentials, "ssm", "/").await, world.with_key(&machine).await] {
        let error = error.unwrap_err();
        assert_eq!(error.code(), ErrorCode::AccessDeniedException, "final on purpose");
        assert!(error.message().ends_with("register the machine again."), "{}", error.message());
    }
    let again = world.control.deregister_managed_instance(&world.as_admin().await, request).await;
    assert_eq!(code(again), ErrorCode::InvalidInstanceId);
}

#[tokio::test]
async fn a_signature_with_another_key_is_not_the_nodes() {
    let world = World::new().await;
    let mut machine = world.register(1).await;
    machine.key = NodeKeyPair::from_seed([99; 32]);
    assert_eq!(code(world.with_key(&machine).await), ErrorCode::InvalidSignatureException);
}

#[tokio::test]
async fn a_denial_does_not_tell_whose_key_it_is() {
    let world = World::new().await;
    let machine = world.register(1).await;
    let node = world.with_role(&machine).await;
    let mut denials = Vec::new();
    for access_key_id in [world.admin.access_key_id.as_str(), "PKIAUNKNOWNUNKNOWN"] {
        let request = GetAccessKeyLastUsedRequest { access_key_id: access_key_id.to_owned() };
        let denied = world.control.get_access_key_last_used(&node, request).await.unwrap_err();
        assert_eq!(denied.code(), ErrorCode::AccessDeniedException);
        denials.push(denied.to_string());
    }
    assert_eq!(denials[0], denials[1]);
    assert!(denials[0].contains("user/*"), "{}", denials[0]);
}
