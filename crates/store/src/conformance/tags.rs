//! Cases about tags.

use futures_util::future::join_all;

use postern_model::document::NamedVersion;

use super::documents;
use super::fixture::{self, node_id, other_scope, scope, tag};
use crate::{AddTags, FindDocument, NewDocument, NodeFilter, Store, Tag, Tagged};

async fn add(store: &dyn Store, on: &Tagged, tags: Vec<Tag>, limit: usize) -> AddTags {
    store.add_tags(&scope(), on, tags, limit).await.expect("answers")
}

async fn tags(store: &dyn Store, on: &Tagged) -> Option<Vec<Tag>> {
    store.tags(&scope(), on).await.expect("reads")
}

pub(super) async fn tags_are_added_replaced_and_removed(store: &dyn Store) {
    let scope = scope();
    let (one, other) = (fixture::node(store, &scope, 1).await, fixture::node(store, &scope, 2).await);
    let (on, untouched) = (Tagged::Node(one.clone()), Tagged::Node(other));
    let from_activation = vec![tag("env", "prod"), tag("number", "1")];
    assert_eq!(tags(store, &on).await, Some(from_activation.clone()));

    assert_eq!(add(store, &on, vec![tag("env", "test"), tag("a", "")], 50).await, AddTags::Added);
    let merged = vec![tag("a", ""), tag("env", "test"), tag("number", "1")];
    assert_eq!(tags(store, &on).await, Some(merged.clone()), "by key");
    let node = store.node(&scope, &one).await.expect("reads").expect("it is there");
    assert_eq!(node.tags, merged, "the same ones");
    let filter = [NodeFilter::Tag("env".to_owned(), vec!["test".to_owned()])];
    let found = store.nodes_page(&scope, &filter, None, 50).await.expect("reads");
    assert_eq!(found.len(), 1, "and found by them");

    assert!(store.remove_tags(&scope, &on, vec!["a".to_owned(), "nothing".to_owned()]).await.expect("writes"));
    assert_eq!(tags(store, &on).await, Some(vec![tag("env", "test"), tag("number", "1")]));
    // As many as a request has room for do not keep others from writing.
    let many = (0..250_000).map(|number| number.to_string()).collect();
    assert!(store.remove_tags(&scope, &on, many).await.expect("writes in time"));
    assert!(store.remove_tags(&scope, &on, Vec::new()).await.expect("writes"));
    assert_eq!(add(store, &on, Vec::new(), 50).await, AddTags::Added);
    assert_eq!(tags(store, &untouched).await, Some(vec![tag("env", "prod"), tag("number", "2")]));
}

pub(super) async fn a_documents_tags_are_added_replaced_and_removed(store: &dyn Store) {
    documents::create(store, NewDocument { tags: vec![tag("a", "1")], ..documents::new_document("Hello") }).await;
    let on = Tagged::Document(documents::name("Hello"));
    assert_eq!(add(store, &on, vec![tag("a", "2"), tag("b", "3")], 2).await, AddTags::Added);
    assert_eq!(add(store, &on, vec![tag("c", "4")], 2).await, AddTags::TooMany(3));
    assert!(store.remove_tags(&scope(), &on, vec!["a".to_owned(), "z".to_owned()]).await.expect("writes"));
    assert_eq!(add(store, &on, vec![tag("c", "4")], 2).await, AddTags::Added);
    let expected = vec![tag("b", "3"), tag("c", "4")];
    assert_eq!(tags(store, &on).await, Some(expected.clone()));
    let found = store.document(&scope(), &documents::name("Hello"), &NamedVersion::default()).await.expect("reads");
    assert!(matches!(found, FindDocument::Found(record, _) if record.tags == expected), "the same ones");

    let nobody = Tagged::Document(documents::name("Hallo"));
    assert_eq!(add(store, &nobody, vec![tag("a", "")], 50).await, AddTags::Unknown);
    assert!(!store.remove_tags(&scope(), &nobody, vec!["a".to_owned()]).await.expect("writes"));
    assert_eq!(tags(store, &nobody).await, None);
}

pub(super) async fn tags_that_do_not_fit_change_nothing(store: &dyn Store) {
    let on = Tagged::Node(fixture::node(store, &scope(), 1).await);
    let before = tags(store, &on).await;
    assert_eq!(add(store, &on, vec![tag("a", ""), tag("b", "")], 3).await, AddTags::TooMany(4));
    let clash = add(store, &on, vec![tag("a", ""), tag("ENV", "x")], 50).await;
    assert_eq!(clash, AddTags::KeyClash("env".to_owned()));
    assert_eq!(tags(store, &on).await, before);
    assert_eq!(
        add(store, &on, vec![tag("a", ""), tag("env", "x")], 3).await,
        AddTags::Added,
        "a new value is no new tag"
    );
}

pub(super) async fn nothing_has_tags_that_is_not_there(store: &dyn Store) {
    let here = fixture::node(store, &scope(), 1).await;
    let nobody = Tagged::Node(node_id(9));
    assert_eq!(add(store, &nobody, vec![tag("a", "")], 50).await, AddTags::Unknown);
    assert!(!store.remove_tags(&scope(), &nobody, vec!["a".to_owned()]).await.expect("writes"));
    assert_eq!(tags(store, &nobody).await, None);

    let (there, on) = (other_scope(), Tagged::Node(here));
    assert_eq!(store.add_tags(&there, &on, vec![tag("a", "")], 50).await.expect("answers"), AddTags::Unknown);
    assert!(!store.remove_tags(&there, &on, vec!["env".to_owned()]).await.expect("writes"));
    assert_eq!(store.tags(&there, &on).await.expect("reads"), None);
    assert_eq!(tags(store, &on).await.expect("it is there").len(), 2);
}

pub(super) async fn tags_never_pass_the_limit_when_everybody_adds_at_once(store: &dyn Store) {
    let on = &Tagged::Node(fixture::node(store, &scope(), 1).await);
    let all = (0..20).map(|number| add(store, on, vec![tag(&format!("key {number}"), "")], 10));
    let added = join_all(all).await.into_iter().filter(|answer| *answer == AddTags::Added).count();
    assert_eq!(added, 8, "two were there");
    assert_eq!(tags(store, on).await.expect("it is there").len(), 10);
}
