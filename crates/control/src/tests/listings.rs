//! Pages and filters of the listings.

use postern_model::activation::{ActivationFilter, ActivationFilterKey, DescribeActivationsRequest};
use postern_model::node::{DescribeInstanceInformationRequest, NodeFilter, NodeFilterKey};
use postern_model::session::{DescribeSessionsRequest, SessionFilter, SessionState};
use postern_model::{ErrorCode, Timestamp};

use super::world::{World, code};

#[tokio::test]
async fn sessions_come_newest_first_page_by_page() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(world.start(&machine).await.session_id);
        world.clock.advance(std::time::Duration::from_secs(1));
    }
    ids.reverse();
    let page = async |next_token, filters| {
        let request =
            DescribeSessionsRequest { state: SessionState::Active, max_results: Some(3), next_token, filters };
        world.control.describe_sessions(&world.as_admin().await, request).await
    };
    let (mut seen, mut next_token, mut pages) = (Vec::new(), None, 0);
    loop {
        let answer = page(next_token, Vec::new()).await.unwrap();
        seen.extend(answer.sessions.into_iter().map(|session| session.session_id));
        pages += 1;
        next_token = answer.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (ids.clone(), 3));
    assert_eq!(code(page(Some("made up".to_owned()), Vec::new()).await), ErrorCode::InvalidNextToken);

    let found = async |filter| page(None, vec![filter]).await.unwrap().sessions.len();
    assert_eq!(found(SessionFilter::SessionId(ids[0].clone())).await, 1);
    assert_eq!(found(SessionFilter::Owner("arn:aws:iam::123456789012:user/other".to_owned())).await, 0);
    assert_eq!(found(SessionFilter::AccessType("Standard".to_owned())).await, 3);
    assert_eq!(found(SessionFilter::AccessType("JustInTime".to_owned())).await, 0);
    let last_start = Timestamp::from_millis(world.millis() - 1000);
    assert_eq!(found(SessionFilter::InvokedAfter(last_start)).await, 1);
}

#[tokio::test]
async fn nodes_and_activations_come_in_pages_and_by_filters() {
    let world = World::new().await;
    let mut leases = Vec::new();
    for seed in 1..=7 {
        let machine = world.register(seed).await;
        if seed % 2 == 0 {
            leases.push(world.connect(&machine).await);
        }
    }
    let page = async |next_token, max_results, filters| {
        let request = DescribeInstanceInformationRequest { filters, max_results, next_token };
        world.control.describe_instance_information(&world.as_admin().await, request).await.unwrap()
    };
    let first = page(None, Some(5), Vec::new()).await;
    assert_eq!(first.instance_information_list.len(), 5);
    let second = page(first.next_token, Some(5), Vec::new()).await;
    assert_eq!((second.instance_information_list.len(), second.next_token), (2, None));

    let found = async |key, value: &str| {
        let filter = NodeFilter { key, values: vec![value.to_owned()] };
        page(None, None, vec![filter]).await.instance_information_list.len()
    };
    for (key, value, count) in [
        (NodeFilterKey::PingStatus, "Online", 3),
        (NodeFilterKey::PingStatus, "ConnectionLost", 4),
        (NodeFilterKey::PingStatus, "Inactive", 0),
        (NodeFilterKey::PlatformTypes, "Linux", 3),
        (NodeFilterKey::ResourceType, "ManagedInstance", 7),
        (NodeFilterKey::ResourceType, "EC2Instance", 0),
        (NodeFilterKey::AssociationStatus, "Success", 0),
        (NodeFilterKey::SourceTypes, "AWS::SSM::ManagedInstance", 7),
        (NodeFilterKey::IamRole, "PosternNode", 7),
        (NodeFilterKey::InstanceIds, leases[0].node_id().as_str(), 1),
        (NodeFilterKey::Tag("env".to_owned()), "prod", 0),
    ] {
        assert_eq!(found(key.clone(), value).await, count, "{key} {value}");
    }

    let page = async |next_token, filters| {
        let request = DescribeActivationsRequest { filters, max_results: Some(4), next_token };
        world.control.describe_activations(&world.as_admin().await, request).await.unwrap()
    };
    let first = page(None, Vec::new()).await;
    assert_eq!(first.activation_list.len(), 4);
    assert!(first.activation_list.iter().all(|activation| activation.registrations_count == 1 && !activation.expired));
    assert_eq!(page(first.next_token, Vec::new()).await.activation_list.len(), 3);
    let filter = ActivationFilter { key: ActivationFilterKey::DefaultInstanceName, values: vec!["db".to_owned()] };
    assert_eq!(page(None, vec![filter]).await.activation_list.len(), 0);
}
