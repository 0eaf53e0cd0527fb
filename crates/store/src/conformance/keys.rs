//! Cases about keys of the key service and their aliases.

use futures_util::future::join_all;
use postern_iam::KeyId;
use postern_model::kms::AliasName;

use super::fixture::{NOW, scope, tag};
use crate::{AliasRecord, CreateAlias, CreateKey, KeyRecord, Store};

const MANY: u32 = 100;

fn key(number: u8) -> KeyRecord {
    KeyRecord {
        key_id: KeyId::generate(&[number; 16]),
        description: format!("key {number}"),
        enabled: true,
        managed: false,
        sealed_material: vec![0, number, 255],
        created_at: NOW + u64::from(number),
        tags: vec![tag("env", "prod")],
    }
}

fn alias(name: &str, key: &KeyRecord) -> AliasRecord {
    AliasRecord { name: name_of(name), key_id: key.key_id.clone(), created_at: NOW }
}

fn name_of(name: &str) -> AliasName {
    name.parse().expect("an alias")
}

async fn create(store: &dyn Store, number: u8) -> KeyRecord {
    let record = key(number);
    assert_eq!(store.create_key(&scope(), record.clone(), MANY).await.expect("writes"), CreateKey::Created);
    record
}

pub(super) async fn keys_are_kept_whole_up_to_a_limit_and_listed_by_id(store: &dyn Store) {
    assert_eq!(store.key(&scope(), &key(1).key_id).await.expect("reads"), None);
    let mut all = Vec::new();
    for number in [3, 1, 2] {
        all.push(create(store, number).await);
    }
    all.sort_by(|a, b| a.key_id.cmp(&b.key_id));
    assert_eq!(store.key(&scope(), &key(1).key_id).await.expect("reads"), Some(key(1)));
    assert_eq!(store.keys_page(&scope(), None, 50).await.expect("reads"), all);
    let rest = store.keys_page(&scope(), Some(&all[0].key_id), 1).await.expect("reads");
    assert_eq!(rest, all[1..2], "a page begins behind its cursor");
    assert_eq!(store.create_key(&scope(), key(4), 3).await.expect("writes"), CreateKey::LimitReached);
    assert_eq!(store.key(&scope(), &key(4).key_id).await.expect("reads"), None);
}

pub(super) async fn a_key_is_switched_off_and_on(store: &dyn Store) {
    let record = create(store, 1).await;
    for enabled in [false, false, true] {
        assert!(store.set_key_enabled(&scope(), &record.key_id, enabled).await.expect("writes"));
        let expected = KeyRecord { enabled, ..record.clone() };
        assert_eq!(store.key(&scope(), &record.key_id).await.expect("reads"), Some(expected));
    }
    assert!(!store.set_key_enabled(&scope(), &key(2).key_id, false).await.expect("writes"));
}

pub(super) async fn an_alias_leads_to_its_key_and_is_never_replaced(store: &dyn Store) {
    let (one, two) = (create(store, 1).await, create(store, 2).await);
    let made = |alias, limit| async move { store.create_alias(&scope(), alias, limit).await.expect("writes") };
    assert_eq!(made(alias("alias/b", &key(9)), MANY).await, CreateAlias::KeyUnknown);
    for (name, key) in [("alias/b", &one), ("alias/a", &two), ("alias/c", &one)] {
        assert_eq!(made(alias(name, key), MANY).await, CreateAlias::Created);
    }
    assert_eq!(made(alias("alias/a", &one), MANY).await, CreateAlias::Exists);
    assert_eq!(made(alias("alias/d", &one), 3).await, CreateAlias::LimitReached);
    let found = store.key_of_alias(&scope(), &name_of("alias/a")).await.expect("reads");
    assert_eq!(found, Some(two.clone()));
    assert_eq!(store.key_of_alias(&scope(), &name_of("alias/d")).await.expect("reads"), None);

    let page = async |of, after, limit| {
        let found = store.aliases_page(&scope(), of, after, limit).await.expect("reads");
        found.into_iter().map(|alias| alias.name.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, None, 50).await, ["alias/a", "alias/b", "alias/c"]);
    let first = name_of("alias/a");
    assert_eq!(page(None, Some(&first), 1).await, ["alias/b"]);
    assert_eq!(page(Some(&one.key_id), None, 50).await, ["alias/b", "alias/c"]);
    let whole = store.aliases_page(&scope(), Some(&two.key_id), None, 50).await.expect("reads");
    assert_eq!(whole, [alias("alias/a", &two)]);
}

pub(super) async fn everybody_gets_the_same_managed_key_also_at_once(store: &dyn Store) {
    let name = name_of("alias/aws/ssm");
    let (here, name) = (scope(), &name);
    let acts = (1..=8).map(|number| {
        let record = KeyRecord { managed: true, ..key(number) };
        let here = &here;
        async move { store.managed_key(here, name, record).await.expect("writes") }
    });
    let keys = join_all(acts).await;
    assert!(keys.iter().all(|key| *key == keys[0] && key.managed));
    assert_eq!(store.keys_page(&here, None, 50).await.expect("reads").len(), 1, "the others are not kept");
    assert_eq!(store.key_of_alias(&here, name).await.expect("reads").as_ref(), Some(&keys[0]));
    let elsewhere = super::fixture::other_scope();
    assert_eq!(store.key_of_alias(&elsewhere, name).await.expect("reads"), None);
    assert_eq!(store.key(&elsewhere, &keys[0].key_id).await.expect("reads"), None);
    assert!(!store.set_key_enabled(&elsewhere, &keys[0].key_id, false).await.expect("writes"));
    assert!(store.aliases_page(&elsewhere, None, None, 50).await.expect("reads").is_empty());
}
