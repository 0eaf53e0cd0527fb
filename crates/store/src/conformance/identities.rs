//! Cases about users, groups, roles and access keys.

use futures_util::future::join_all;
use postern_iam::{AccessKeyId, AccountId, Arn, UniqueId};

use super::fixture::{NOW, scope, tag};
use crate::{
    AccessKeyRecord, AddAccessKey, ChangeIdentity, CreateIdentity, DeleteIdentity, IdentityChange, IdentityKind,
    IdentityRecord, IdentityUse, KeyUse, Membership, RoleTerms, Store,
};

const MANY: u32 = 100;

pub(super) fn account() -> AccountId {
    scope().account
}

pub(super) fn user(number: u8, name: &str) -> IdentityRecord {
    IdentityRecord {
        kind: IdentityKind::User,
        id: UniqueId::of_user(&[number; 11]),
        name: name.to_owned(),
        path: "/".to_owned(),
        created_at: NOW + u64::from(number),
        boundary: None,
        tags: Vec::new(),
        role: None,
        lock: None,
    }
}

pub(super) fn group(number: u8, name: &str) -> IdentityRecord {
    IdentityRecord { kind: IdentityKind::Group, id: UniqueId::of_group(&[number; 11]), ..user(number, name) }
}

fn role(number: u8, name: &str) -> IdentityRecord {
    let terms =
        RoleTerms { trust_policy: "{}".to_owned(), description: "for é".to_owned(), max_session_seconds: 3600 };
    IdentityRecord {
        kind: IdentityKind::Role,
        id: UniqueId::of_role(&[number; 11]),
        path: "/service-role/".to_owned(),
        tags: vec![tag("env", "prod")],
        role: Some(terms),
        ..user(number, name)
    }
}

pub(super) async fn create(store: &dyn Store, identity: IdentityRecord) -> IdentityRecord {
    let created = store.create_identity(&account(), identity.clone(), MANY).await.expect("writes");
    assert_eq!(created, CreateIdentity::Created);
    identity
}

async fn find(store: &dyn Store, kind: IdentityKind, name: &str) -> Option<IdentityRecord> {
    store.identity(&account(), kind, name).await.expect("reads")
}

pub(super) async fn identities_are_kept_whole_and_their_names_are_taken_once(store: &dyn Store) {
    use IdentityKind::{Group, Role, User};
    assert_eq!(find(store, User, "jane").await, None);
    let jane = create(store, user(1, "Jane")).await;
    assert_eq!(find(store, User, "jANE").await, Some(jane), "the case does not matter and stays");
    let again = store.create_identity(&account(), user(2, "JANE"), MANY).await.expect("writes");
    assert_eq!(again, CreateIdentity::NameTaken);
    create(store, group(1, "Jane")).await;
    let whole = create(store, role(1, "Jane")).await;
    assert_eq!(find(store, Role, "jane").await, Some(whole), "kinds have names of their own");

    let full = store.create_identity(&account(), user(3, "john"), 1).await.expect("writes");
    assert_eq!(full, CreateIdentity::LimitReached);
    assert_eq!(store.count_identities(&account(), User).await.expect("reads"), 1);
    let bound = IdentityRecord { boundary: Some(Arn::policy(&account(), "none")), ..user(3, "john") };
    let unbound = store.create_identity(&account(), bound, MANY).await.expect("writes");
    assert_eq!(unbound, CreateIdentity::BoundaryUnknown);
    assert_eq!(find(store, User, "john").await, None, "what was refused is not there");

    let elsewhere: AccountId = "000000000000".parse().expect("an account");
    assert_eq!(store.identity(&elsewhere, Group, "Jane").await.expect("reads"), None);
}

pub(super) async fn identities_are_listed_by_name_in_pages_and_by_path(store: &dyn Store) {
    let mut all = Vec::new();
    for (number, (name, path)) in [("b", "/x/"), ("A", "/"), ("c", "/x/y/"), ("D", "/xy/")].into_iter().enumerate() {
        let number = u8::try_from(number).expect("few");
        all.push(create(store, IdentityRecord { path: path.to_owned(), ..user(number, name) }).await);
    }
    create(store, group(9, "B")).await;
    all.sort_by_key(|user| user.name.to_lowercase());
    let page = async |prefix: &str, after: Option<&str>, limit| {
        store.identities_page(&account(), IdentityKind::User, prefix, after, limit).await.expect("reads")
    };
    assert_eq!(page("/", None, 50).await, all);
    assert_eq!(page("/", Some("a"), 2).await, all[1..3]);
    assert_eq!(page("/x/", None, 50).await, all[1..3]);
    assert!(page("/z", None, 50).await.is_empty());
}

pub(super) async fn an_identity_is_changed_whole_or_not_at_all(store: &dyn Store) {
    use IdentityKind::{Role, User};
    let change =
        async |kind, name: &str, change| store.change_identity(&account(), kind, name, change).await.expect("writes");
    let jane = create(store, user(1, "jane")).await;
    create(store, user(2, "john")).await;
    let rename = |name: &str| IdentityChange::Rename { name: Some(name.to_owned()), path: Some("/p/".to_owned()) };
    assert_eq!(change(User, "nobody", rename("x")).await, ChangeIdentity::Unknown);
    assert_eq!(change(User, "jane", rename("JOHN")).await, ChangeIdentity::NameTaken);
    assert_eq!(find(store, User, "jane").await, Some(jane.clone()), "the path stayed too");
    assert_eq!(change(User, "jane", rename("JANE")).await, ChangeIdentity::Changed, "its own name in another case");
    assert_eq!(change(User, "jane", rename("ann")).await, ChangeIdentity::Changed);
    let ann = find(store, User, "ann").await.expect("it is there");
    assert_eq!(ann, IdentityRecord { name: "ann".to_owned(), path: "/p/".to_owned(), ..jane });

    let tags = |tags: &[(&str, &str)], limit| IdentityChange::AddTags {
        tags: tags.iter().map(|(key, value)| tag(key, value)).collect(),
        limit,
    };
    assert_eq!(change(User, "ann", tags(&[("b", "1"), ("a", "2")], 2)).await, ChangeIdentity::Changed);
    assert_eq!(change(User, "ann", tags(&[("c", "3")], 2)).await, ChangeIdentity::TooManyTags);
    assert_eq!(change(User, "ann", tags(&[("B", "9")], 2)).await, ChangeIdentity::Changed);
    assert_eq!(find(store, User, "ann").await.expect("it is there").tags, [tag("B", "9"), tag("a", "2")]);
    let removed = IdentityChange::RemoveTags(vec!["b".to_owned(), "none".to_owned()]);
    assert_eq!(change(User, "ann", removed).await, ChangeIdentity::Changed);
    assert_eq!(find(store, User, "ann").await.expect("it is there").tags, [tag("a", "2")]);

    let unknown = IdentityChange::Boundary(Some(Arn::policy(&account(), "none")));
    assert_eq!(change(User, "ann", unknown).await, ChangeIdentity::BoundaryUnknown);
    let own = Arn::managed_policy("AdministratorAccess");
    assert_eq!(change(User, "ann", IdentityChange::Boundary(Some(own.clone()))).await, ChangeIdentity::Changed);
    assert_eq!(find(store, User, "ann").await.expect("it is there").boundary, Some(own));
    assert_eq!(change(User, "ann", IdentityChange::Boundary(None)).await, ChangeIdentity::Changed);

    let before = create(store, role(1, "web")).await.role.expect("a role has terms");
    let terms = IdentityChange::RoleTerms { description: None, max_session_seconds: Some(7200) };
    assert_eq!(change(Role, "web", terms).await, ChangeIdentity::Changed);
    let trust = IdentityChange::TrustPolicy(r#"{"Version":"2012-10-17"}"#.to_owned());
    assert_eq!(change(Role, "web", trust).await, ChangeIdentity::Changed);
    let after = find(store, Role, "web").await.expect("it is there").role.expect("a role has terms");
    let trust_policy = r#"{"Version":"2012-10-17"}"#.to_owned();
    assert_eq!(after, RoleTerms { trust_policy, max_session_seconds: 7200, ..before });
}

pub(super) async fn users_are_in_groups_up_to_a_limit(store: &dyn Store) {
    let add = async |user: &str, group: &str, limit| {
        store.add_user_to_group(&account(), user, group, limit).await.expect("writes")
    };
    let jane = create(store, user(1, "jane")).await;
    let john = create(store, user(2, "John")).await;
    let (ops, web) = (create(store, group(1, "ops")).await, create(store, group(2, "Web")).await);
    assert_eq!(add("nobody", "ops", 9).await, Membership::UserUnknown);
    assert_eq!(add("jane", "none", 9).await, Membership::GroupUnknown);
    assert_eq!(add("jane", "web", 1).await, Membership::Done);
    assert_eq!(add("jane", "web", 1).await, Membership::Done, "once more changes nothing");
    assert_eq!(add("jane", "ops", 1).await, Membership::LimitReached);
    assert_eq!(add("jane", "ops", 2).await, Membership::Done);
    assert_eq!(add("john", "ops", 2).await, Membership::Done);
    let groups = store.groups_of_user(&account(), "jane").await.expect("reads");
    assert_eq!(groups, Some(vec![ops.clone(), web]));
    assert_eq!(store.groups_of_user(&account(), "nobody").await.expect("reads"), None);
    let users = async |after| store.users_of_group(&account(), &ops.id, after, 50).await.expect("reads");
    assert_eq!(users(None).await, [jane, john.clone()]);
    assert_eq!(users(Some("jane")).await, [john]);

    let delete = async |kind, name: &str| store.delete_identity(&account(), kind, name).await.expect("writes");
    let in_use = DeleteIdentity::InUse(IdentityUse::Memberships);
    assert_eq!(delete(IdentityKind::Group, "ops").await, in_use);
    assert_eq!(delete(IdentityKind::User, "john").await, in_use);
    let removed = store.remove_user_from_group(&account(), "JOHN", "OPS").await.expect("writes");
    assert_eq!(removed, Membership::Done);
    assert_eq!(delete(IdentityKind::User, "john").await, DeleteIdentity::Deleted);
    assert_eq!(delete(IdentityKind::User, "john").await, DeleteIdentity::Unknown);
}

pub(super) fn key(number: u8, user: &IdentityRecord) -> AccessKeyRecord {
    AccessKeyRecord {
        access_key_id: AccessKeyId::long_lived(&[number; 10]),
        account: account(),
        user_id: user.id.clone(),
        sealed_secret: vec![0, 1, 2, 255],
        active: true,
        created_at: NOW + u64::from(number),
        last_used: None,
    }
}

pub(super) async fn keys_are_found_by_id_and_never_replaced(store: &dyn Store) {
    let admin = create(store, user(1, "admin")).await;
    let record = key(1, &admin);
    let id = &record.access_key_id.clone();
    let add = async |key: &AccessKeyRecord, limit| store.add_access_key(key.clone(), limit).await.expect("writes");
    assert_eq!(store.access_key(id).await.expect("reads"), None);
    assert_eq!(add(&record, 2).await, AddAccessKey::Added);
    let other = AccessKeyRecord { sealed_secret: vec![9], ..record.clone() };
    assert_eq!(add(&other, 2).await, AddAccessKey::Exists, "never replaced");
    assert_eq!(store.access_key(id).await.expect("reads"), Some((record.clone(), admin.clone())));
    assert_eq!(add(&key(2, &user(9, "nobody")), 2).await, AddAccessKey::UserUnknown);

    let later = key(2, &admin);
    assert_eq!(add(&later, 1).await, AddAccessKey::LimitReached);
    assert_eq!(add(&later, 2).await, AddAccessKey::Added);
    let keys = async |user: &IdentityRecord| store.access_keys(&account(), &user.id).await.expect("reads");
    assert_eq!(keys(&admin).await, [record.clone(), later.clone()], "in the order made");

    let john = create(store, user(2, "john")).await;
    let set = async |account: &AccountId, user: Option<&UniqueId>, active| {
        store.set_access_key_active(account, user, id, active).await.expect("writes")
    };
    assert!(!set(&account(), Some(&john.id), false).await, "not this user's key");
    assert!(set(&account(), Some(&admin.id), false).await && set(&account(), None, false).await);
    let elsewhere = "000000000000".parse().expect("an account");
    assert!(!set(&elsewhere, None, true).await, "not the account's key");
    let used = KeyUse { at: NOW + 7, service: "ssm".to_owned(), region: "eu-west-1".to_owned() };
    store.note_access_key_use(id, used.clone()).await.expect("writes");
    let (found, _) = store.access_key(id).await.expect("reads").expect("it is there");
    assert_eq!(found, AccessKeyRecord { active: false, last_used: Some(used), ..record });

    let delete = async |user: &IdentityRecord, id| store.delete_access_key(&account(), &user.id, id).await;
    let gone = store.delete_identity(&account(), IdentityKind::User, "admin").await.expect("writes");
    assert_eq!(gone, DeleteIdentity::InUse(IdentityUse::AccessKeys));
    assert!(!delete(&john, id).await.expect("writes"), "not this user's key");
    assert!(delete(&admin, id).await.expect("writes") && !delete(&admin, id).await.expect("writes"));
    assert_eq!(keys(&admin).await, [later]);
}

pub(super) async fn a_user_has_two_keys_also_when_everybody_asks_at_once(store: &dyn Store) {
    let jane = create(store, user(1, "jane")).await;
    let all = join_all((0..10).map(|number| store.add_access_key(key(number, &jane), 2))).await;
    let added = all.into_iter().filter(|answer| matches!(answer, Ok(AddAccessKey::Added))).count();
    assert_eq!(added, 2);
    assert_eq!(store.access_keys(&account(), &jane.id).await.expect("reads").len(), 2);
}

pub(super) async fn an_operator_makes_administrators(store: &dyn Store) {
    let policy = Arn::managed_policy("AdministratorAccess");
    for number in 1..=3 {
        let admin = user(number, "admin");
        let added = store.add_administrator(admin.clone(), &policy, key(number, &admin)).await.expect("writes");
        assert_eq!(added, AddAccessKey::Added, "without a limit");
    }
    let admin = find(store, IdentityKind::User, "admin").await.expect("it is there");
    assert_eq!(admin, user(1, "admin"), "made once");
    let keys = store.access_keys(&account(), &admin.id).await.expect("reads");
    assert_eq!(keys.len(), 3, "all are the same user's");
    let attached = store.attached_policies(&account(), IdentityKind::User, "admin").await.expect("reads");
    assert_eq!(attached, Some(vec![policy]));
}
