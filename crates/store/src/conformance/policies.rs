//! Cases about policies.

use postern_iam::{AccountId, Arn, UniqueId};

use super::fixture::{NOW, scope, tag};
use super::identities::{create as create_identity, group, user};
use crate::{
    AddPolicyVersion, AttachPolicy, ChangeIdentity, ChangeTags, CreatePolicy, DeleteIdentity, DeletePolicy,
    IdentityChange, IdentityKind, IdentityUse, InlinePolicy, OnPolicyVersion, PoliciesInEffect, PolicyFilter,
    PolicyInEffect, PolicyRecord, PolicyUsage, PolicyUses, PolicyVersion, PutInlinePolicy, RemovePolicy, Store,
    TagChange,
};

const MANY: u32 = 100;

fn account() -> AccountId {
    scope().account
}

fn policy(number: u8, name: &str) -> PolicyRecord {
    PolicyRecord {
        id: UniqueId::of_policy(&[number; 11]),
        name: name.to_owned(),
        path: "/".to_owned(),
        description: "for é".to_owned(),
        created_at: NOW,
        updated_at: NOW,
        default_version: 1,
        tags: vec![tag("env", "prod")],
        attachments: 0,
        boundaries: 0,
    }
}

pub(super) async fn create(store: &dyn Store, number: u8, name: &str) -> Arn {
    let policy = policy(number, name);
    let arn = policy.arn(&account());
    let created = store.create_policy(&account(), policy, format!("{name} 1"), MANY).await.expect("writes");
    assert_eq!(created, CreatePolicy::Created);
    arn
}

pub(super) fn version(document: &str, is_default: bool) -> PolicyVersion {
    PolicyVersion { number: 0, document: document.to_owned(), created_at: NOW + 1, is_default }
}

pub(super) async fn an_identity_has_policies_of_its_own_up_to_a_size(store: &dyn Store) {
    create_identity(store, user(1, "jane")).await;
    let put = async |identity: &str, name: &str, document: &str| {
        let policy = InlinePolicy { name: name.to_owned(), document: document.to_owned() };
        store.put_inline_policy(&account(), IdentityKind::User, identity, policy, 8).await.expect("writes")
    };
    let list = async |name: &str| store.inline_policies(&account(), IdentityKind::User, name).await.expect("reads");
    assert_eq!(put("nobody", "p", "x").await, PutInlinePolicy::IdentityUnknown);
    assert_eq!(list("nobody").await, None);
    assert_eq!(put("jane", "two", "5 5 5 5 5").await, PutInlinePolicy::Put, "white space does not count");
    assert_eq!(put("jane", "one", "4444").await, PutInlinePolicy::LimitReached);
    assert_eq!(put("jane", "one", "333").await, PutInlinePolicy::Put);
    assert_eq!(put("jane", "two", "4444").await, PutInlinePolicy::Put, "in place of the older one");
    let policy = |name: &str, document: &str| InlinePolicy { name: name.to_owned(), document: document.to_owned() };
    assert_eq!(list("JANE").await, Some(vec![policy("one", "333"), policy("two", "4444")]));

    let gone = store.delete_identity(&account(), IdentityKind::User, "jane").await.expect("writes");
    assert_eq!(gone, DeleteIdentity::InUse(IdentityUse::InlinePolicies));
    let delete = async |identity: &str, name: &str| {
        store.delete_inline_policy(&account(), IdentityKind::User, identity, name).await.expect("writes")
    };
    assert_eq!(delete("nobody", "one").await, RemovePolicy::IdentityUnknown);
    assert_eq!(delete("jane", "none").await, RemovePolicy::PolicyUnknown);
    assert_eq!(delete("jane", "one").await, RemovePolicy::Removed);
    assert_eq!(list("jane").await, Some(vec![policy("two", "4444")]));
}

pub(super) async fn managed_policies_are_kept_whole_and_listed_by_name(store: &dyn Store) {
    assert_eq!(store.policy(&account(), &Arn::policy(&account(), "b")).await.expect("reads"), None);
    let b = create(store, 1, "b").await;
    create(store, 2, "A").await;
    let in_path = PolicyRecord { path: "/p/".to_owned(), ..policy(3, "c") };
    let created = store.create_policy(&account(), in_path.clone(), "c".to_owned(), MANY).await.expect("writes");
    assert_eq!(created, CreatePolicy::Created);
    let taken = store.create_policy(&account(), policy(4, "B"), "x".to_owned(), MANY).await.expect("writes");
    assert_eq!(taken, CreatePolicy::NameTaken);
    let full = store.create_policy(&account(), policy(4, "d"), "x".to_owned(), 3).await.expect("writes");
    assert_eq!(full, CreatePolicy::LimitReached);

    assert_eq!(store.policy(&account(), &b).await.expect("reads"), Some(policy(1, "b")));
    assert_eq!(store.policy(&account(), &Arn::policy(&account(), "c")).await.expect("reads"), None, "it has a path");
    assert_eq!(store.policy(&account(), &in_path.arn(&account())).await.expect("reads"), Some(in_path.clone()));
    let page = async |path_prefix: &str, after: Option<&str>, limit| {
        let filter = PolicyFilter { path_prefix: path_prefix.to_owned(), ..PolicyFilter::default() };
        store.policies_page(&account(), &filter, after, limit).await.expect("reads")
    };
    assert_eq!(page("/", None, 50).await, [policy(2, "A"), policy(1, "b"), in_path.clone()]);
    assert_eq!(page("/", Some("a"), 1).await, [policy(1, "b")]);
    assert_eq!(page("/p", None, 50).await, [in_path]);

    let change = async |change| store.change_policy_tags(&account(), &b, change).await.expect("writes");
    let add = |key: &str, limit| TagChange::Add { tags: vec![tag(key, "x")], limit };
    assert_eq!(change(add("team", 1)).await, ChangeTags::TooMany);
    assert_eq!(change(add("team", 2)).await, ChangeTags::Changed);
    assert_eq!(change(TagChange::Remove(vec!["ENV".to_owned()])).await, ChangeTags::Changed);
    let found = store.policy(&account(), &b).await.expect("reads").expect("it is there");
    assert_eq!(found.tags, [tag("team", "x")]);
}

pub(super) async fn a_policys_versions_are_numbered_once(store: &dyn Store) {
    let arn = create(store, 1, "p").await;
    let none = Arn::policy(&account(), "none");
    let add = async |arn: &Arn, of, limit| store.add_policy_version(&account(), arn, of, limit).await.expect("writes");
    assert_eq!(add(&none, version("x", true), 5).await, AddPolicyVersion::Unknown);
    assert_eq!(add(&arn, version("p 2", false), 3).await, AddPolicyVersion::Added(2));
    assert_eq!(add(&arn, version("p 3", true), 3).await, AddPolicyVersion::Added(3));
    assert_eq!(add(&arn, version("p 4", true), 3).await, AddPolicyVersion::LimitReached);
    let found = store.policy(&account(), &arn).await.expect("reads").expect("it is there");
    assert_eq!((found.default_version, found.updated_at), (3, NOW + 1));

    let delete = async |arn: &Arn, number| store.delete_policy_version(&account(), arn, number).await.expect("writes");
    assert_eq!(delete(&none, 1).await, OnPolicyVersion::Unknown);
    assert_eq!(delete(&arn, 3).await, OnPolicyVersion::IsDefault);
    assert_eq!(delete(&arn, 9).await, OnPolicyVersion::VersionUnknown);
    assert_eq!(delete(&arn, 2).await, OnPolicyVersion::Done);
    assert_eq!(add(&arn, version("p 4", false), 3).await, AddPolicyVersion::Added(4), "2 is not given again");
    let set = async |number| store.set_default_policy_version(&account(), &arn, number, NOW + 2).await.expect("writes");
    assert_eq!(set(2).await, OnPolicyVersion::VersionUnknown);
    assert_eq!(set(1).await, OnPolicyVersion::Done);
    let versions = store.policy_versions(&account(), &arn).await.expect("reads").expect("it is there");
    let shown: Vec<_> =
        versions.iter().map(|version| (version.number, version.document.as_str(), version.is_default)).collect();
    assert_eq!(shown, [(4, "p 4", false), (3, "p 3", false), (1, "p 1", true)]);
    assert_eq!(store.policy_versions(&account(), &none).await.expect("reads"), None);
    assert_eq!(store.delete_policy(&account(), &arn).await.expect("writes"), DeletePolicy::HasVersions);
}

pub(super) async fn policies_are_attached_up_to_a_limit_and_stay_while_they_are(store: &dyn Store) {
    let (one, two) = (create(store, 1, "one").await, create(store, 2, "two").await);
    create_identity(store, user(1, "jane")).await;
    create_identity(store, group(1, "ops")).await;
    let attach = async |kind, name: &str, arn: &Arn, limit| {
        store.attach_policy(&account(), kind, name, arn, limit).await.expect("writes")
    };
    let none = Arn::policy(&account(), "none");
    let own = Arn::managed_policy("AdministratorAccess");
    assert_eq!(attach(IdentityKind::User, "nobody", &one, 9).await, AttachPolicy::IdentityUnknown);
    assert_eq!(attach(IdentityKind::User, "jane", &none, 9).await, AttachPolicy::PolicyUnknown);
    assert_eq!(attach(IdentityKind::User, "jane", &one, 1).await, AttachPolicy::Attached);
    assert_eq!(attach(IdentityKind::User, "jane", &one, 1).await, AttachPolicy::Attached, "once more changes nothing");
    assert_eq!(attach(IdentityKind::User, "jane", &own, 1).await, AttachPolicy::LimitReached);
    assert_eq!(attach(IdentityKind::User, "jane", &own, 2).await, AttachPolicy::Attached);
    assert_eq!(attach(IdentityKind::Group, "ops", &one, 1).await, AttachPolicy::Attached);
    let attached = store.attached_policies(&account(), IdentityKind::User, "jane").await.expect("reads");
    assert_eq!(attached, Some(vec![one.clone(), own]));
    assert_eq!(store.attached_policies(&account(), IdentityKind::User, "nobody").await.expect("reads"), None);
    let found = store.policy(&account(), &one).await.expect("reads").expect("it is there");
    assert_eq!((found.attachments, found.boundaries), (2, 0));
    let holders = store.identities_with_policy(&account(), &one, PolicyUsage::Attached).await.expect("reads");
    assert_eq!(holders, [user(1, "jane"), group(1, "ops")]);

    let bound = IdentityChange::Boundary(Some(two.clone()));
    let changed = store.change_identity(&account(), IdentityKind::User, "jane", bound).await.expect("writes");
    assert_eq!(changed, ChangeIdentity::Changed);
    let holders = store.identities_with_policy(&account(), &two, PolicyUsage::Boundary).await.expect("reads");
    assert_eq!(holders.len(), 1);
    let uses = store.policy_uses(&account(), &format!("arn:aws:iam::{}:", account())).await.expect("reads");
    let expected = [
        (one.to_string(), PolicyUses { attachments: 2, boundaries: 0 }),
        (two.to_string(), PolicyUses { attachments: 0, boundaries: 1 }),
    ];
    assert_eq!(uses.into_iter().collect::<Vec<_>>(), expected);
    let others = store.policy_uses(&account(), "arn:aws:iam::aws:").await.expect("reads");
    let expected =
        (Arn::managed_policy("AdministratorAccess").to_string(), PolicyUses { attachments: 1, boundaries: 0 });
    assert_eq!(others.into_iter().collect::<Vec<_>>(), [expected]);
    let page = async |attached, boundary| {
        let filter = PolicyFilter { path_prefix: "/".to_owned(), attached, boundary };
        let found = store.policies_page(&account(), &filter, None, 50).await.expect("reads");
        found.into_iter().map(|policy| policy.name).collect::<Vec<_>>()
    };
    assert_eq!((page(true, false).await, page(false, true).await), (vec!["one".to_owned()], vec!["two".to_owned()]));
    for arn in [&one, &two] {
        assert_eq!(store.delete_policy(&account(), arn).await.expect("writes"), DeletePolicy::Attached);
    }
    let gone = store.delete_identity(&account(), IdentityKind::User, "jane").await.expect("writes");
    assert_eq!(gone, DeleteIdentity::InUse(IdentityUse::AttachedPolicies));
    let detach = async |kind, name: &str| store.detach_policy(&account(), kind, name, &one).await.expect("writes");
    assert_eq!(detach(IdentityKind::User, "jane").await, RemovePolicy::Removed);
    assert_eq!(detach(IdentityKind::User, "jane").await, RemovePolicy::PolicyUnknown);
    assert_eq!(detach(IdentityKind::Group, "ops").await, RemovePolicy::Removed);
    assert_eq!(store.delete_policy(&account(), &one).await.expect("writes"), DeletePolicy::Deleted);
    assert_eq!(store.delete_policy(&account(), &one).await.expect("writes"), DeletePolicy::Unknown);
}

pub(super) async fn everything_that_counts_for_an_identity_is_read_at_once(store: &dyn Store) {
    let (one, two) = (create(store, 1, "one").await, create(store, 2, "two").await);
    let jane = create_identity(store, user(1, "jane")).await;
    create_identity(store, user(2, "john")).await;
    for (number, name) in [(1, "ops"), (2, "web")] {
        create_identity(store, group(number, name)).await;
    }
    let own = Arn::managed_policy("AdministratorAccess");
    for (kind, name, arn) in
        [(IdentityKind::User, "jane", &own), (IdentityKind::Group, "ops", &one), (IdentityKind::Group, "web", &two)]
    {
        store.attach_policy(&account(), kind, name, arn, 9).await.expect("writes");
    }
    for (kind, name) in [(IdentityKind::User, "jane"), (IdentityKind::User, "john"), (IdentityKind::Group, "ops")] {
        let policy = InlinePolicy { name: format!("of {name}"), document: format!("{name}'s") };
        store.put_inline_policy(&account(), kind, name, policy, 99).await.expect("writes");
    }
    store.add_user_to_group(&account(), "jane", "ops", 9).await.expect("writes");
    store.add_policy_version(&account(), &one, version("one 2", true), 5).await.expect("writes");
    let bound = IdentityChange::Boundary(Some(two.clone()));
    store.change_identity(&account(), IdentityKind::User, "jane", bound).await.expect("writes");

    let policy = |name: &str, document: Option<&str>| PolicyInEffect {
        name: name.to_owned(),
        document: document.map(str::to_owned),
    };
    let mut found = store.policies_in_effect(&account(), &jane.id).await.expect("reads");
    found.identity.sort_by(|a, b| a.name.cmp(&b.name));
    let expected = PoliciesInEffect {
        identity: vec![
            policy(&one.to_string(), Some("one 2")),
            policy(&own.to_string(), None),
            policy("group/ops/of ops", Some("ops's")),
            policy("user/jane/of jane", Some("jane's")),
        ],
        boundary: Some(policy(&two.to_string(), Some("two 1"))),
    };
    assert_eq!(found, expected);
    let nobody = UniqueId::of_user(&[9; 11]);
    assert_eq!(store.policies_in_effect(&account(), &nobody).await.expect("reads"), PoliciesInEffect::default());
}
