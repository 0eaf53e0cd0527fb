//! Cases about activations and managed nodes.

use futures_util::future::join_all;
use postern_iam::ActivationId;
use postern_model::session::{EndReason, SessionStatus};

use super::fixture::{self, NOW, connection, key, new_node, node_id, scope, tag};
use crate::{
    ActivationCursor, ActivationFilter, DeregisterNode, NodeConnected, NodeDisconnection, NodeFilter, NodeReport,
    RegisterNode, ReplacePublicKey, Store,
};

pub(super) async fn an_activation_registers_up_to_its_limit_and_date(store: &dyn Store) {
    let scope = scope();
    let unknown = ActivationId::generate(&[9; 16]);
    let register = |activation: ActivationId, number, now| {
        let scope = scope.clone();
        async move { store.register_node(&scope, &activation, new_node(number), now).await.expect("answers") }
    };
    assert_eq!(register(unknown, 1, NOW).await, RegisterNode::ActivationUnknown);

    let activation = fixture::activation(store, &scope, 1, 2).await;
    assert_eq!(register(activation.clone(), 1, NOW).await, RegisterNode::Registered);
    assert_eq!(
        register(activation.clone(), 2, NOW + 1000).await,
        RegisterNode::ActivationExpired(NOW + 1000),
        "an activation is good before its date, not on it"
    );
    assert_eq!(register(activation.clone(), 2, NOW + 999).await, RegisterNode::Registered);
    assert_eq!(register(activation.clone(), 3, NOW).await, RegisterNode::ActivationUsedUp(2));
    assert_eq!(store.node(&scope, &node_id(3)).await.expect("reads"), None, "a refused node is not stored");
    let record = store.activation(&scope, &activation).await.expect("reads").expect("it is there");
    assert_eq!(record.registrations_count, 2);

    assert!(store.delete_activation(&scope, &activation).await.expect("writes"));
    assert!(!store.delete_activation(&scope, &activation).await.expect("writes"), "gone already");
    assert!(store.node(&scope, &node_id(1)).await.expect("reads").is_some(), "its nodes stay");
    assert_eq!(register(activation, 3, NOW).await, RegisterNode::ActivationUnknown);
}

pub(super) async fn an_activation_counts_right_when_everybody_comes_at_once(store: &dyn Store) {
    let scope = &scope();
    let activation = &fixture::activation(store, scope, 1, 7).await;
    let all = (0..40).map(|number| store.register_node(scope, activation, new_node(number), NOW));
    let answers = join_all(all).await;
    let registered = answers.iter().filter(|answer| matches!(answer, Ok(RegisterNode::Registered))).count();
    assert_eq!(registered, 7);
    assert_eq!(store.nodes_page(scope, &[], None, 50).await.expect("reads").len(), 7);
    let record = store.activation(scope, activation).await.expect("reads").expect("it is there");
    assert_eq!(record.registrations_count, 7);
}

pub(super) async fn a_registered_node_takes_name_role_and_tags_from_its_activation(store: &dyn Store) {
    let scope = scope();
    let id = fixture::node(store, &scope, 4).await;
    let node = store.node(&scope, &id).await.expect("reads").expect("it is there");
    assert_eq!((node.name.as_str(), node.iam_role.as_str()), ("web 4", "PosternNode"));
    assert_eq!(node.tags, [tag("env", "prod"), tag("number", "4")]);
    assert_eq!((node.fingerprint.as_str(), node.key), ("fingerprint 4", key(4)));
    assert_eq!((node.registered_at, node.last_seen_at), (NOW, None));
    assert_eq!((node.connection, node.disconnection), (None, None));
    assert_eq!(node.report, NodeReport::default());
}

pub(super) async fn activations_are_listed_newest_first_in_pages(store: &dyn Store) {
    let scope = scope();
    let mut ids = Vec::new();
    for number in 1..=5 {
        ids.push(fixture::activation(store, &scope, number, 1).await);
    }
    ids.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.activations_page(&scope, &[], after.as_ref(), 2).await.expect("reads");
        let Some(last) = page.last() else { break };
        after = Some(ActivationCursor { created_at: last.created_at, activation_id: last.activation_id.clone() });
        assert!(page.len() <= 2);
        seen.extend(page.into_iter().map(|activation| activation.activation_id));
    }
    assert_eq!(seen, ids);

    let filtered = |filter| async move {
        let page = store.activations_page(&scope, &[filter], None, 50).await.expect("reads");
        page.into_iter().map(|activation| activation.activation_id).collect::<Vec<_>>()
    };
    let by_name = ActivationFilter::DefaultInstanceNames(vec!["web 2".to_owned(), "web 3".to_owned()]);
    assert_eq!(filtered(by_name).await, [ids[2].clone(), ids[3].clone()]);
}

pub(super) async fn a_short_report_erases_nothing(store: &dyn Store) {
    let scope = scope();
    let id = fixture::node(store, &scope, 1).await;
    let full = NodeReport {
        agent_name: Some("amazon-ssm-agent".to_owned()),
        agent_version: Some("3.3.0.0".to_owned()),
        agent_status: Some("Active".to_owned()),
        computer_name: Some("web1.example.org".to_owned()),
        ip_address: Some("2001:db8::1".to_owned()),
        platform_name: Some("Debian GNU/Linux".to_owned()),
        platform_type: Some("Linux".to_owned()),
        platform_version: Some("12".to_owned()),
    };
    assert!(store.node_reported(&scope, &id, full.clone(), NOW).await.expect("writes"));
    let short = NodeReport { agent_version: Some("3.3.1.0".to_owned()), ..NodeReport::default() };
    assert!(store.node_reported(&scope, &id, short, NOW + 5).await.expect("writes"));
    let node = store.node(&scope, &id).await.expect("reads").expect("it is there");
    assert_eq!(node.report, NodeReport { agent_version: Some("3.3.1.0".to_owned()), ..full });
    assert_eq!(node.last_seen_at, Some(NOW + 5));
    assert!(!store.node_reported(&scope, &node_id(9), NodeReport::default(), NOW).await.expect("writes"), "no node");
}

pub(super) async fn a_key_is_replaced_only_if_it_is_still_the_key(store: &dyn Store) {
    let scope = scope();
    let id = fixture::node(store, &scope, 1).await;
    let replace = |current, new| {
        let (scope, id) = (scope.clone(), id.clone());
        async move { store.replace_public_key(&scope, &id, &current, new).await.expect("answers") }
    };
    assert_eq!(replace(key(1), key(2)).await, ReplacePublicKey::Replaced);
    assert_eq!(replace(key(1), key(3)).await, ReplacePublicKey::Superseded, "an old key replaces nothing");
    let node = store.node(&scope, &id).await.expect("reads").expect("it is there");
    assert_eq!(node.key, key(2));
    let gone = store.replace_public_key(&scope, &node_id(9), &key(1), key(2)).await.expect("answers");
    assert_eq!(gone, ReplacePublicKey::NodeUnknown);
}

pub(super) async fn a_node_can_be_given_another_role(store: &dyn Store) {
    let scope = scope();
    let (one, two) = (fixture::node(store, &scope, 1).await, fixture::node(store, &scope, 2).await);
    assert!(store.change_node_role(&scope, &one, "Other").await.expect("writes"));
    assert!(!store.change_node_role(&scope, &node_id(9), "Other").await.expect("writes"), "no node");
    assert!(!store.change_node_role(&fixture::other_scope(), &one, "Third").await.expect("writes"), "not there");
    let role = async |id| store.node(&scope, &id).await.expect("reads").expect("it is there").iam_role;
    assert_eq!((role(one).await.as_str(), role(two).await.as_str()), ("Other", "PosternNode"));
}

pub(super) async fn the_newest_control_channel_wins_and_a_late_goodbye_changes_nothing(store: &dyn Store) {
    let scope = scope();
    let id = fixture::connected_node(store, &scope, 1).await;
    let report = NodeReport { agent_version: Some("3.4.1.0".to_owned()), ..NodeReport::default() };
    let second = store.node_connected(&scope, &id, connection(2), report.clone()).await.expect("writes");
    assert_eq!(second, NodeConnected::Connected { displaced: Some(connection(1)) });

    let goodbye = NodeDisconnection { at: NOW + 9, reason: "it was displaced".to_owned() };
    let late = store.node_disconnected(&scope, &id, "connection 1", goodbye.clone()).await;
    assert!(!late.expect("writes"), "the first one's goodbye comes after the second's hello");
    let node = store.node(&scope, &id).await.expect("reads").expect("it is there");
    assert_eq!((node.connection, node.report), (Some(connection(2)), report));
    assert_eq!(node.last_seen_at, Some(connection(2).connected_at));

    assert!(store.node_disconnected(&scope, &id, "connection 2", goodbye.clone()).await.expect("writes"));
    let node = store.node(&scope, &id).await.expect("reads").expect("it is there");
    assert_eq!((node.connection, node.disconnection), (None, Some(goodbye)));
    assert_eq!(
        store.node_connected(&scope, &node_id(9), connection(1), NodeReport::default()).await.expect("writes"),
        NodeConnected::NodeUnknown
    );
}

pub(super) async fn a_restarted_process_forgets_only_its_own_control_channels(store: &dyn Store) {
    let scope = scope();
    let (one, two) = (fixture::connected_node(store, &scope, 1).await, fixture::node(store, &scope, 2).await);
    let elsewhere = crate::NodeConnection { service: "another".to_owned(), ..connection(2) };
    store.node_connected(&scope, &two, elsewhere.clone(), NodeReport::default()).await.expect("writes");
    let restart = NodeDisconnection { at: NOW + 9, reason: "the service was restarted".to_owned() };
    assert_eq!(store.forget_connections(&scope, "posternd", restart.clone()).await.expect("writes"), 1);
    let node = store.node(&scope, &one).await.expect("reads").expect("it is there");
    assert_eq!((node.connection, node.disconnection), (None, Some(restart)));
    let node = store.node(&scope, &two).await.expect("reads").expect("it is there");
    assert_eq!(node.connection, Some(elsewhere));
}

pub(super) async fn nodes_are_listed_in_pages_and_by_filters(store: &dyn Store) {
    let scope = &scope();
    for number in 1..=5 {
        fixture::node(store, scope, number).await;
    }
    store.node_connected(scope, &node_id(2), connection(2), NodeReport::default()).await.expect("writes");
    let report = NodeReport { platform_type: Some("MacOS".to_owned()), ..NodeReport::default() };
    store.node_reported(scope, &node_id(3), report, NOW).await.expect("writes");

    let page = store.nodes_page(scope, &[], None, 3).await.expect("reads");
    assert_eq!(page.iter().map(|node| node.node_id.clone()).collect::<Vec<_>>(), [1, 2, 3].map(node_id));
    let page = store.nodes_page(scope, &[], Some(&node_id(3)), 3).await.expect("reads");
    assert_eq!(page.iter().map(|node| node.node_id.clone()).collect::<Vec<_>>(), [4, 5].map(node_id));

    let found = |filters: Vec<NodeFilter>| async move {
        let page = store.nodes_page(scope, &filters, None, 50).await.expect("reads");
        page.into_iter().map(|node| node.node_id).collect::<Vec<_>>()
    };
    let text = |text: &str| vec![text.to_owned()];
    assert_eq!(found(vec![NodeFilter::Connected(true)]).await, [node_id(2)]);
    assert_eq!(found(vec![NodeFilter::Connected(false)]).await.len(), 4);
    assert_eq!(found(vec![NodeFilter::PlatformTypes(text("MacOS"))]).await, [node_id(3)]);
    assert_eq!(found(vec![NodeFilter::Tag("number".to_owned(), text("4"))]).await, [node_id(4)]);
    assert_eq!(found(vec![NodeFilter::TagKeys(text("env"))]).await.len(), 5);
    assert_eq!(found(vec![NodeFilter::TagKeys(text("nothing"))]).await, []);
    assert_eq!(found(vec![NodeFilter::IamRoles(text("PosternNode")), NodeFilter::Connected(true)]).await.len(), 1);
    assert_eq!(found(vec![NodeFilter::Ids(Vec::new())]).await, [], "no values, no match");
    let hostile = NodeFilter::Ids(text("' OR 1=1 --"));
    assert_eq!(found(vec![hostile]).await, [], "values are data");
}

pub(super) async fn a_deregistered_node_is_gone_and_its_sessions_terminate(store: &dyn Store) {
    let scope = scope();
    let node = fixture::connected_node(store, &scope, 1).await;
    let (open, ended) = (fixture::open(store, &scope, &node, 1).await, fixture::open(store, &scope, &node, 2).await);
    let end = crate::SessionEnd {
        reason: EndReason::ClientGone,
        output: String::new(),
        ended_at: NOW + 9,
        node_knows: false,
    };
    store.end_session(&scope, &ended, end).await.expect("writes");
    let gone = store.deregister_node(&scope, &node).await.expect("writes");
    assert_eq!(gone, DeregisterNode::Deregistered { connection: Some(connection(1)), sessions: vec![open.clone()] });
    assert_eq!(store.node(&scope, &node).await.expect("reads"), None);
    let session = store.session(&scope, &open).await.expect("reads").expect("it is there");
    assert_eq!(session.status, SessionStatus::Terminating);
    assert_eq!(session.end_reason, Some(EndReason::NodeDeregistered));
    let session = store.session(&scope, &ended).await.expect("reads").expect("history keeps it");
    assert_eq!(session.end_reason, Some(EndReason::ClientGone));
    assert_eq!(store.deregister_node(&scope, &node).await.expect("writes"), DeregisterNode::NodeUnknown);
}
