//! Cases about asking again what was decided.

use super::fixture::{self, NOW, node_id, scope, session_id, tag};
use super::identities::{account, create, group, key, user};
use super::policies;
use super::sessions::end;
use crate::{
    IdentityChange, IdentityKind, InlinePolicy, KeyUse, Lock, Locked, LockedThing, NodeReport, SessionCursor, Store,
    Tagged,
};

fn lock(reason: &str) -> Lock {
    Lock { reason: reason.to_owned(), by: "arn:aws:iam::123456789012:user/admin".to_owned(), at: NOW }
}

/// Whether the number has grown since it was last looked at.
async fn has_grown(store: &dyn Store, last: &mut u64) -> bool {
    let known = store.known_generation().await.expect("reads");
    let now = store.decision_generation().await.expect("reads");
    assert_eq!(known, now, "who was told of a change finds that it counts");
    assert!(now >= *last, "it never shrinks");
    std::mem::replace(last, now) < now
}

pub(super) async fn what_identities_may_rest_on_raises_the_number(store: &dyn Store) {
    use IdentityKind::User;
    let account = account();
    let jane = create(store, user(1, "jane")).await;
    create(store, group(2, "web")).await;
    let arn = policies::create(store, 3, "managed").await;
    let mut last = store.decision_generation().await.expect("reads");

    for document in ["{}", "{ }"] {
        let inline = InlinePolicy { name: "own".to_owned(), document: document.to_owned() };
        store.put_inline_policy(&account, User, "jane", inline, 100).await.expect("writes");
        assert!(has_grown(store, &mut last).await, "an inline policy, also in the place of another");
    }
    store.delete_inline_policy(&account, User, "jane", "own").await.expect("writes");
    assert!(has_grown(store, &mut last).await, "an inline policy is gone");
    store.add_user_to_group(&account, "jane", "web", 10).await.expect("writes");
    assert!(has_grown(store, &mut last).await, "a new member");
    store.remove_user_from_group(&account, "jane", "web").await.expect("writes");
    assert!(has_grown(store, &mut last).await, "a member has left");
    store.attach_policy(&account, User, "jane", &arn, 10).await.expect("writes");
    assert!(has_grown(store, &mut last).await, "a policy is attached");
    store.add_policy_version(&account, &arn, policies::version("{}", true), 5).await.expect("writes");
    assert!(has_grown(store, &mut last).await, "a policy has a new version");
    store.set_default_policy_version(&account, &arn, 1, NOW).await.expect("writes");
    assert!(has_grown(store, &mut last).await, "an old version is in effect again");
    store.detach_policy(&account, User, "jane", &arn).await.expect("writes");
    assert!(has_grown(store, &mut last).await, "a policy is detached");
    policies::create(store, 5, "another").await;
    assert!(has_grown(store, &mut last).await, "a policy that somebody's session may have missed");
    for change in [
        IdentityChange::AddTags { tags: vec![tag("team", "web")], limit: 50 },
        IdentityChange::RemoveTags(vec!["team".to_owned()]),
        IdentityChange::Boundary(Some(arn)),
        IdentityChange::Boundary(None),
        IdentityChange::Lock(Some(lock("first"))),
        IdentityChange::Lock(Some(lock("another"))),
    ] {
        store.change_identity(&account, User, "jane", change).await.expect("writes");
        assert!(has_grown(store, &mut last).await, "an identity is another");
    }

    let locked = store.identity(&account, User, "jane").await.expect("reads").expect("she is there");
    assert_eq!(locked.lock, Some(lock("another")), "in the place of the first");
    let by_id = store.identity_of_id(&account, &jane.id).await.expect("reads").expect("she is there");
    assert_eq!(by_id.lock, locked.lock);
    store.change_identity(&account, User, "jane", IdentityChange::Lock(None)).await.expect("writes");
    assert!(has_grown(store, &mut last).await, "unlocked");

    let key = key(4, &jane);
    store.add_access_key(key.clone(), 2).await.expect("writes");
    has_grown(store, &mut last).await;
    let used = KeyUse { at: NOW, service: "ssm".to_owned(), region: scope().region.to_string() };
    store.note_access_key_use(&key.access_key_id, used).await.expect("writes");
    assert!(!has_grown(store, &mut last).await, "a use of a key decides nothing");
    store.set_access_key_active(&account, None, &key.access_key_id, false).await.expect("writes");
    assert!(has_grown(store, &mut last).await, "a key is switched off");
    store.delete_access_key(&account, &jane.id, &key.access_key_id).await.expect("writes");
    assert!(has_grown(store, &mut last).await, "a key is gone");
    store.delete_identity(&account, User, "jane").await.expect("writes");
    assert!(has_grown(store, &mut last).await, "a user is gone");
}

pub(super) async fn what_nodes_may_be_asked_for_raises_the_number_and_their_reports_do_not(store: &dyn Store) {
    let scope = scope();
    let node = fixture::connected_node(store, &scope, 1).await;
    let mut last = store.decision_generation().await.expect("reads");
    assert!(!has_grown(store, &mut last).await, "looking changes nothing");

    let on = Tagged::Node(node.clone());
    for value in ["one", "other"] {
        store.add_tags(&scope, &on, vec![tag("new", value)], 50).await.expect("writes");
        assert!(has_grown(store, &mut last).await, "a node's tags");
    }
    store.remove_tags(&scope, &on, vec!["new".to_owned()]).await.expect("writes");
    assert!(has_grown(store, &mut last).await, "a tag is gone");

    for lock in [Some(lock("why")), None] {
        assert!(store.lock_node(&scope, &node, lock.clone()).await.expect("writes"));
        assert!(has_grown(store, &mut last).await, "a lock");
        let record = store.node(&scope, &node).await.expect("reads").expect("it is there");
        assert_eq!(record.lock, lock);
    }
    assert!(!store.lock_node(&scope, &node_id(9), None).await.expect("writes"), "there is none");
    has_grown(store, &mut last).await;

    store.node_reported(&scope, &node, NodeReport::default(), NOW + 1).await.expect("writes");
    fixture::open(store, &scope, &node, 1).await;
    store.session_connected(&scope, &session_id(1), NOW).await.expect("writes");
    store.end_session(&scope, &session_id(1), end(NOW)).await.expect("writes");
    assert!(!has_grown(store, &mut last).await, "what happens every second decides nothing");
    store.deregister_node(&scope, &node).await.expect("writes");
    assert!(has_grown(store, &mut last).await, "with its tags");
}

pub(super) async fn what_a_session_was_allowed_for_is_kept_while_it_goes_on(store: &dyn Store) {
    let scope = scope();
    let node = fixture::connected_node(store, &scope, 1).await;
    for number in 1..=6 {
        fixture::open(store, &scope, &node, number).await;
    }
    let asked = super::sessions::by_jane();
    store.request_termination(&scope, &session_id(2), &asked).await.expect("writes");
    store.end_session(&scope, &session_id(3), end(NOW)).await.expect("writes");

    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.standing_sessions(&scope, 0, after.as_ref(), 3).await.expect("reads");
        let Some(last) = page.last() else { break };
        after = Some(SessionCursor { started_at: last.started_at, session_id: last.session_id.clone() });
        seen.extend(page);
    }
    let ids: Vec<_> = seen.iter().map(|session| session.session_id.clone()).collect();
    assert_eq!(ids, [1, 4, 5, 6].map(session_id), "who has to go need not be asked");
    let expected = fixture::new_session(&node, 1);
    assert_eq!(seen[0].grounds, expected.grounds);
    assert_eq!((&seen[0].node_id, &seen[0].owner), (&node_id(1), &expected.owner));
    assert_eq!(seen[0].owner_id.as_ref(), Some(&expected.owner_id));
    assert_eq!((&seen[0].document_name, seen[0].started_at), (&expected.document_name, expected.started_at));
    let young = store.standing_sessions(&scope, NOW + 5, None, 50).await.expect("reads");
    assert_eq!(young.len(), 2, "from the moment on");
    assert!(store.standing_sessions(&fixture::other_scope(), 0, None, 50).await.expect("reads").is_empty());
}

pub(super) async fn what_is_locked_is_listed_in_pages(store: &dyn Store) {
    let (account, scope) = (account(), scope());
    let node = fixture::node(store, &scope, 1).await;
    for number in [1, 2] {
        create(store, user(number, &format!("jane{number}"))).await;
    }
    assert_eq!(store.locks_page(&scope, None, 9).await.expect("reads"), []);
    let locked = IdentityChange::Lock(Some(lock("left")));
    store.change_identity(&account, IdentityKind::User, "JANE2", locked).await.expect("writes");
    assert!(store.lock_node(&scope, &node, Some(lock(""))).await.expect("writes"));
    let identity =
        |name: &str| LockedThing::Identity { kind: IdentityKind::User, path: "/".to_owned(), name: name.to_owned() };
    let (one, two) = (
        Locked { on: LockedThing::Node(node.clone()), lock: lock("") },
        Locked { on: identity("jane2"), lock: lock("left") },
    );
    assert_eq!(store.locks_page(&scope, None, 9).await.expect("reads"), [one.clone(), two.clone()]);
    assert_eq!(store.locks_page(&scope, None, 1).await.expect("reads"), std::slice::from_ref(&one));
    let after = one.on.cursor();
    assert_eq!(store.locks_page(&scope, Some(&after), 9).await.expect("reads"), std::slice::from_ref(&two));
    store.lock_node(&scope, &node, None).await.expect("writes");
    assert_eq!(store.locks_page(&scope, None, 9).await.expect("reads"), [two]);
}
