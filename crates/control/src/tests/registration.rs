//! How machines become nodes and stay themselves.

use std::net::IpAddr;
use std::time::Duration;

use postern_iam::NodeKeyPair;
use postern_model::activation::{CreateActivationRequest, CreateActivationResponse, DeleteActivationRequest, Tag};
use postern_model::agent::{
    ListInstanceAssociationsRequest, RegisterManagedInstanceRequest, RequestManagedInstanceRoleTokenRequest,
    UpdateInstanceInformationRequest, UpdateManagedInstancePublicKeyRequest,
};
use postern_model::node::DescribeInstanceInformationRequest;
use postern_model::{ErrorCode, Timestamp};

use super::world::{World, code, origin};

fn registration(activation: &CreateActivationResponse) -> RegisterManagedInstanceRequest {
    RegisterManagedInstanceRequest {
        activation_code: activation.activation_code.clone(),
        activation_id: activation.activation_id.clone(),
        fingerprint: "e66ea1dc-543a-4fda-a697-da7efd0c4fcf".to_owned(),
        public_key: NodeKeyPair::from_seed([5; 32]).public_key().to_registration(),
        public_key_type: "Ed25519".to_owned(),
    }
}

async fn try_register(world: &World, request: RegisterManagedInstanceRequest, from: u8) -> Result<(), ErrorCode> {
    let stranger = world.control.stranger(origin(Some(IpAddr::from([192, 0, 2, from]))));
    let registered = world.control.register_managed_instance(&stranger, request).await;
    registered.map(|_| ()).map_err(|error| error.code())
}

#[tokio::test]
async fn an_activation_is_good_for_its_registrations_and_its_day() {
    let world = World::new().await;
    let activation = world.activation(1).await;
    assert_eq!(activation.activation_code.len(), 32);
    let wrong = RegisterManagedInstanceRequest {
        activation_code: "wrongwrongwrongwrongwrong".into(),
        ..registration(&activation)
    };
    assert_eq!(try_register(&world, wrong, 1).await, Err(ErrorCode::InvalidActivation));
    assert_eq!(try_register(&world, registration(&activation), 1).await, Ok(()));
    assert_eq!(try_register(&world, registration(&activation), 1).await, Err(ErrorCode::InvalidActivation));

    let activation = world.activation(2).await;
    world.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(try_register(&world, registration(&activation), 1).await, Ok(()));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(try_register(&world, registration(&activation), 1).await, Err(ErrorCode::ActivationExpired));

    let activation = world.activation(1).await;
    let delete = DeleteActivationRequest { activation_id: activation.activation_id.clone() };
    world.control.delete_activation(&world.as_admin().await, delete.clone()).await.unwrap();
    assert_eq!(try_register(&world, registration(&activation), 1).await, Err(ErrorCode::InvalidActivation));
    let again = world.control.delete_activation(&world.as_admin().await, delete).await;
    assert_eq!(code(again), ErrorCode::InvalidActivation);
}

#[tokio::test]
async fn a_code_opens_only_its_own_activation() {
    let world = World::new().await;
    let (one, two) = (world.activation(1).await, world.activation(1).await);
    let crossed = RegisterManagedInstanceRequest { activation_code: two.activation_code, ..registration(&one) };
    assert_eq!(try_register(&world, crossed, 1).await, Err(ErrorCode::InvalidActivation));
}

#[tokio::test]
async fn guessing_codes_is_slow() {
    let world = World::new().await;
    let activation = world.activation(1).await;
    let guess = || RegisterManagedInstanceRequest {
        activation_code: "guessguessguessguess".into(),
        ..registration(&activation)
    };
    for _ in 0..20 {
        assert_eq!(try_register(&world, guess(), 1).await, Err(ErrorCode::InvalidActivation));
    }
    assert_eq!(try_register(&world, guess(), 1).await, Err(ErrorCode::ThrottlingException));
    assert_eq!(try_register(&world, registration(&activation), 2).await, Ok(()), "others are not disturbed");
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_before_the_activation_is_used() {
    let world = World::new().await;
    let activation = world.activation(1).await;
    let bad = RegisterManagedInstanceRequest { public_key: "AAAA".to_owned(), ..registration(&activation) };
    assert_eq!(try_register(&world, bad, 1).await, Err(ErrorCode::ValidationException));
    assert_eq!(try_register(&world, registration(&activation), 1).await, Ok(()));
}

#[tokio::test]
async fn dates_and_tags_of_an_activation_make_sense() {
    let world = World::new().await;
    let create = |expires: Option<u64>, tags: &[&str]| {
        let tags = tags.iter().map(|key| Tag { key: (*key).to_owned(), value: String::new() }).collect();
        let expiration_date = expires.map(Timestamp::from_millis);
        let request = CreateActivationRequest {
            iam_role: "PosternNode".to_owned(),
            expiration_date,
            tags,
            ..CreateActivationRequest::default()
        };
        let world = &world;
        async move { world.control.create_activation(&world.as_admin().await, request).await }
    };
    let now = world.millis();
    let day = 24 * 3600 * 1000;
    assert!(create(Some(now + 30 * day), &["a", "b"]).await.is_ok());
    for (expires, tags) in [
        (Some(now), vec![]),
        (Some(now + 30 * day + 1), vec![]),
        (None, vec!["env", "ENV"]),
        (None, vec!["AWS:reserved"]),
    ] {
        assert_eq!(code(create(expires, &tags).await), ErrorCode::InvalidParameters, "{expires:?} {tags:?}");
    }
}

#[tokio::test]
async fn a_role_token_is_only_for_the_machine_that_registered() {
    let world = World::new().await;
    let machine = world.register(1).await;
    let caller = world.with_key(&machine).await.unwrap();
    let request = RequestManagedInstanceRoleTokenRequest { fingerprint: "another".to_owned() };
    let copied = world.control.request_managed_instance_role_token(&caller, request).await;
    assert_eq!(code(copied), ErrorCode::MachineFingerprintDoesNotMatch);
    // Credentials of the role do not beget new ones.
    let caller = world.with_role(&machine).await;
    let request = RequestManagedInstanceRoleTokenRequest { fingerprint: machine.fingerprint };
    let begotten = world.control.request_managed_instance_role_token(&caller, request).await;
    assert_eq!(code(begotten), ErrorCode::AccessDeniedException);
}

#[tokio::test]
async fn a_new_key_counts_at_once_and_the_old_one_no_more() {
    let world = World::new().await;
    let mut machine = world.register(1).await;
    let new = NodeKeyPair::from_seed([2; 32]);
    let request = |key: &NodeKeyPair| UpdateManagedInstancePublicKeyRequest {
        new_public_key: key.public_key().to_registration(),
        new_public_key_type: "Ed25519".to_owned(),
    };
    let (caller, racing) = (world.with_key(&machine).await.unwrap(), world.with_key(&machine).await.unwrap());
    world.control.update_managed_instance_public_key(&caller, request(&new)).await.unwrap();
    // Signed with the old key before it was replaced, carried out after.
    let late = world.control.update_managed_instance_public_key(&racing, request(&new)).await;
    assert_eq!(code(late), ErrorCode::TooManyUpdates);
    assert_eq!(code(world.with_key(&machine).await), ErrorCode::InvalidSignatureException);
    machine.key = new;
    assert!(world.with_key(&machine).await.is_ok());
}

#[tokio::test]
async fn a_report_is_about_oneself_and_is_never_judged() {
    let world = World::new().await;
    let (one, two) = (world.register(1).await, world.register(2).await);
    let caller = world.with_role(&one).await;
    let report = |instance_id: &str| UpdateInstanceInformationRequest {
        instance_id: instance_id.to_owned(),
        agent_version: Some("not a version".to_owned()),
        computer_name: Some("web1".to_owned()),
        ..UpdateInstanceInformationRequest::default()
    };
    world.control.update_instance_information(&caller, report(one.node_id.as_str())).await.unwrap();
    for other in [two.node_id.as_str(), "i-0123456789abcdef0", ""] {
        let refused = world.control.update_instance_information(&caller, report(other)).await;
        assert_eq!(code(refused), ErrorCode::AccessDeniedException, "{other:?}");
    }
    let short = UpdateInstanceInformationRequest {
        instance_id: one.node_id.to_string(),
        agent_version: Some("3.3.0.0".to_owned()),
        ..UpdateInstanceInformationRequest::default()
    };
    world.control.update_instance_information(&caller, short).await.unwrap();
    let nodes = DescribeInstanceInformationRequest::default();
    let nodes = world.control.describe_instance_information(&world.as_admin().await, nodes).await.unwrap();
    let node =
        &nodes.instance_information_list.iter().find(|node| node.instance.instance_id == one.node_id).unwrap().instance;
    assert_eq!(node.agent_version.as_deref(), Some("3.3.0.0"));
    assert_eq!(node.computer_name.as_deref(), Some("web1"), "the short form erases nothing");

    let question = ListInstanceAssociationsRequest { instance_id: one.node_id.to_string() };
    let answer = world.control.list_instance_associations(&caller, question).await.unwrap();
    assert!(answer.associations.is_empty());
}
