//! Cases about providers of identities.

use postern_iam::Arn;

use super::fixture::{NOW, tag};
use super::identities::account;
use crate::{ChangeTags, CreateProvider, ProviderChange, ProviderRecord, Store, TagChange};

fn provider(address: &str) -> ProviderRecord {
    ProviderRecord {
        arn: Arn::oidc_provider(&account(), address),
        url: format!("https://{address}"),
        client_ids: vec!["b".to_owned(), "a".to_owned()],
        thumbprints: vec!["0".repeat(40)],
        created_at: NOW,
        tags: vec![tag("env", "prod")],
    }
}

pub(super) async fn providers_are_kept_whole_and_changed_whole_or_not_at_all(store: &dyn Store) {
    let add =
        async |address: &str, limit| store.create_provider(&account(), provider(address), limit).await.expect("writes");
    assert_eq!(add("ci.example.org/a", 2).await, CreateProvider::Created);
    assert_eq!(add("ci.example.org/a", 2).await, CreateProvider::Exists);
    assert_eq!(add("ci.example.org", 1).await, CreateProvider::LimitReached);
    assert_eq!(add("ci.example.org", 2).await, CreateProvider::Created);
    let (arn, url) = (provider("ci.example.org/a").arn, provider("ci.example.org/a").url);
    let find = async || store.provider(&account(), &arn).await.expect("reads");
    let kept = provider("ci.example.org/a");
    assert_eq!(find().await, Some(kept.clone()));
    assert_eq!(store.provider_of_url(&account(), &url).await.expect("reads"), Some(kept.clone()));
    for other in ["https://ci.example.org/A", "https://ci.example.org/a/", "http://ci.example.org/a"] {
        assert_eq!(store.provider_of_url(&account(), other).await.expect("reads"), None, "{other}");
    }
    let elsewhere = "000000000000".parse().expect("an account");
    assert_eq!(store.provider(&elsewhere, &arn).await.expect("reads"), None);
    assert_eq!(store.providers(&account()).await.expect("reads"), [provider("ci.example.org"), kept.clone()]);

    let change = async |change| store.change_provider(&account(), &arn, change).await.expect("writes");
    let client = |name: &str, limit| ProviderChange::AddClient(name.to_owned(), limit);
    assert_eq!(change(client("a", 2)).await, ChangeTags::Changed);
    assert_eq!(change(client("c", 2)).await, ChangeTags::TooMany);
    assert_eq!(find().await, Some(kept), "what was refused changed nothing");
    assert_eq!(change(client("c", 3)).await, ChangeTags::Changed);
    assert_eq!(change(ProviderChange::RemoveClient("b".to_owned())).await, ChangeTags::Changed);
    assert_eq!(change(ProviderChange::Thumbprints(Vec::new())).await, ChangeTags::Changed);
    let added = TagChange::Add { tags: vec![tag("ENV", "test")], limit: 1 };
    assert_eq!(change(ProviderChange::Tags(added)).await, ChangeTags::Changed);
    let changed = find().await.expect("it is there");
    assert_eq!(changed.client_ids, ["a", "c"]);
    assert_eq!((changed.thumbprints, changed.tags), (Vec::new(), vec![tag("ENV", "test")]));
    assert_eq!(change(ProviderChange::Tags(TagChange::Remove(vec!["env".to_owned()]))).await, ChangeTags::Changed);
    assert!(find().await.expect("it is there").tags.is_empty());

    let delete = async || store.delete_provider(&account(), &arn).await.expect("writes");
    assert!(delete().await && !delete().await);
    assert_eq!(find().await, None);
    assert_eq!(change(ProviderChange::RemoveClient("a".to_owned())).await, ChangeTags::Unknown);
}
