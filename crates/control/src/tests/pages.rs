//! Page tokens: good for the listing that gave them out, and for nothing else.

use std::time::Duration;

use postern_model::ErrorCode;
use postern_model::activation::DescribeActivationsRequest;
use postern_model::node::{DescribeInstanceInformationRequest, NodeFilter, NodeFilterKey};
use postern_model::session::{DescribeSessionsRequest, SessionFilter, SessionState};

use super::world::{World, code};

fn sessions(next_token: Option<String>, max_results: u32) -> DescribeSessionsRequest {
    DescribeSessionsRequest {
        state: SessionState::Active,
        max_results: Some(max_results),
        next_token,
        filters: vec![SessionFilter::Owner("arn:aws:iam::123456789012:user/admin".to_owned())],
    }
}

#[tokio::test]
async fn a_token_is_good_for_the_listing_that_gave_it_out() {
    let mut world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    for _ in 0..5 {
        world.start(&machine).await;
        world.clock.advance(Duration::from_secs(1));
    }
    let admin = world.as_admin().await;
    let first = world.control.describe_sessions(&admin, sessions(None, 2)).await.unwrap();
    let token = first.next_token.unwrap();

    // The size of the page may change on the way, and so may the process that answers.
    let next = world.control.describe_sessions(&admin, sessions(Some(token.clone()), 3)).await.unwrap();
    assert_eq!((next.sessions.len(), next.next_token), (3, None));
    world.restart().await;
    let again = world.control.describe_sessions(&admin, sessions(Some(token.clone()), 2)).await.unwrap();
    assert_eq!(again.sessions[..], next.sessions[..2]);

    let other_filters = [
        DescribeSessionsRequest { filters: Vec::new(), ..sessions(Some(token.clone()), 2) },
        DescribeSessionsRequest { state: SessionState::History, ..sessions(Some(token.clone()), 2) },
    ];
    for request in other_filters {
        let refused = world.control.describe_sessions(&admin, request).await;
        assert_eq!(code(refused), ErrorCode::InvalidNextToken);
    }
    let request = DescribeActivationsRequest { next_token: Some(token), ..DescribeActivationsRequest::default() };
    assert_eq!(code(world.control.describe_activations(&admin, request).await), ErrorCode::InvalidNextToken);
}

#[tokio::test]
async fn nothing_made_up_changed_or_cut_short_is_a_token() {
    let world = World::new().await;
    for seed in 1..=6 {
        world.register(seed).await;
    }
    let admin = world.as_admin().await;
    let request = |next_token| DescribeInstanceInformationRequest {
        filters: vec![NodeFilter { key: NodeFilterKey::IamRole, values: vec!["PosternNode".to_owned()] }],
        max_results: Some(5),
        next_token,
    };
    let first = world.control.describe_instance_information(&admin, request(None)).await.unwrap();
    let token = first.next_token.unwrap();
    let last = first.instance_information_list.last().unwrap();
    assert!(!token.contains(last.instance.instance_id.as_str()), "what is inside is nobody's business");

    let mut changed = token.clone().into_bytes();
    changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
    for bad in [
        "",
        "made up",
        &token[1..],
        &token[..token.len() - 2],
        &format!("{token}AA"),
        std::str::from_utf8(&changed).unwrap(),
        &"A".repeat(100_000),
        last.instance.instance_id.as_str(),
    ] {
        let refused = world.control.describe_instance_information(&admin, request(Some(bad.to_owned()))).await;
        assert_eq!(code(refused), ErrorCode::InvalidNextToken, "{bad:.80?}");
    }
    let rest = world.control.describe_instance_information(&admin, request(Some(token))).await.unwrap();
    assert_eq!((rest.instance_information_list.len(), rest.next_token), (1, None));
}
