//! Cases about devices that make one-time codes.

use futures_util::future::join_all;
use postern_iam::{Arn, UniqueId};

use super::fixture::{NOW, tag};
use super::identities::{account, create, user};
use crate::{
    AssignDevice, CreateDevice, DeleteDevice, DeleteIdentity, DeviceAssignment, DeviceRecord, IdentityKind,
    IdentityUse, Store,
};

fn device(name: &str) -> DeviceRecord {
    DeviceRecord {
        serial: Arn::mfa_device(&account(), name),
        sealed_seed: vec![7, 0, 7],
        created_at: NOW,
        tags: vec![tag("env", "prod")],
        assignment: None,
    }
}

fn assignment(user: &UniqueId) -> DeviceAssignment {
    DeviceAssignment { user_id: user.clone(), enabled_at: NOW + 1, drift: -2, last_step: 10 }
}

pub(super) async fn devices_are_kept_whole_and_are_one_users_at_most(store: &dyn Store) {
    let (jane, john) = (create(store, user(1, "jane")).await, create(store, user(2, "john")).await);
    let add = async |name: &str, limit| store.create_device(&account(), device(name), limit).await.expect("writes");
    assert_eq!(add("b", 2).await, CreateDevice::Created);
    assert_eq!(add("B", 2).await, CreateDevice::NameTaken);
    assert_eq!(add("a", 1).await, CreateDevice::LimitReached);
    assert_eq!(add("a", 2).await, CreateDevice::Created);
    let serial = device("b").serial;
    let find = async || store.device(&account(), &serial).await.expect("reads");
    assert_eq!(find().await, Some((device("b"), None)));
    let elsewhere = "000000000000".parse().expect("an account");
    assert_eq!(store.device(&elsewhere, &serial).await.expect("reads"), None);

    let assign = async |to: &UniqueId, serial: &Arn, limit| {
        store.assign_device(&account(), serial, assignment(to), limit).await.expect("writes")
    };
    assert_eq!(assign(&jane.id, &device("none").serial, 8).await, AssignDevice::Unknown);
    assert_eq!(assign(&UniqueId::of_user(&[9; 11]), &serial, 8).await, AssignDevice::UserUnknown);
    assert_eq!(assign(&jane.id, &serial, 0).await, AssignDevice::LimitReached);
    assert_eq!(assign(&jane.id, &serial, 1).await, AssignDevice::Assigned);
    assert_eq!(assign(&john.id, &serial, 1).await, AssignDevice::Taken);
    assert_eq!(assign(&jane.id, &device("a").serial, 1).await, AssignDevice::LimitReached);
    let hers = DeviceRecord { assignment: Some(assignment(&jane.id)), ..device("b") };
    assert_eq!(find().await, Some((hers.clone(), Some(jane.clone()))));
    assert_eq!(store.devices_of_user(&account(), &jane.id).await.expect("reads"), std::slice::from_ref(&hers));
    assert!(store.devices_of_user(&account(), &john.id).await.expect("reads").is_empty());

    let page = async |assigned, after: Option<&Arn>, limit| {
        let after = after.map(Arn::to_string);
        let page = store.devices_page(&account(), assigned, after.as_deref(), limit).await.expect("reads");
        page.into_iter().map(|(device, _)| device.serial.short_name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, None, 9).await, ["a", "b"]);
    assert_eq!(page(None, None, 1).await, ["a"]);
    assert_eq!(page(None, Some(&device("A").serial), 9).await, ["b"]);
    assert_eq!(page(Some(true), None, 9).await, ["b"]);
    assert_eq!(page(Some(false), None, 9).await, ["a"]);

    let gone = store.delete_identity(&account(), IdentityKind::User, "jane").await.expect("writes");
    assert_eq!(gone, DeleteIdentity::InUse(IdentityUse::Devices));
    let delete = async || store.delete_device(&account(), &serial).await.expect("writes");
    assert_eq!(delete().await, DeleteDevice::Assigned);
    let release = async |user| store.release_device(&account(), &serial, user).await.expect("writes");
    assert!(!release(&john.id).await, "not his");
    assert!(release(&jane.id).await && !release(&jane.id).await);
    assert_eq!(find().await, Some((device("b"), None)), "nothing of her is left");
    assert_eq!(delete().await, DeleteDevice::Deleted);
    assert_eq!(delete().await, DeleteDevice::Unknown);
    assert_eq!(store.identity_of_id(&account(), &jane.id).await.expect("reads"), Some(jane.clone()));
    let gone = store.delete_identity(&account(), IdentityKind::User, "jane").await.expect("writes");
    assert_eq!(gone, DeleteIdentity::Deleted);
    assert_eq!(store.identity_of_id(&account(), &jane.id).await.expect("reads"), None);
}

pub(super) async fn a_step_is_taken_once_also_when_everybody_asks_at_once(store: &dyn Store) {
    let (jane, john) = (create(store, user(1, "jane")).await, create(store, user(2, "john")).await);
    let serial = device("b").serial;
    store.create_device(&account(), device("b"), 9).await.expect("writes");
    let take = async |user: &UniqueId, step| store.take_step(&account(), &serial, user, step, 3).await.expect("writes");
    assert!(!take(&jane.id, 11).await, "nobody's yet");
    store.assign_device(&account(), &serial, assignment(&jane.id), 9).await.expect("writes");
    assert!(!take(&jane.id, 9).await && !take(&jane.id, 10).await, "not an older one, and not that one");
    assert!(!take(&john.id, 11).await, "not his");
    let all = join_all((0..10).map(|_| take(&jane.id, 11))).await;
    assert_eq!(all.into_iter().filter(|taken| *taken).count(), 1);
    assert!(!take(&jane.id, 11).await && take(&jane.id, 12).await);
    let (found, _) = store.device(&account(), &serial).await.expect("reads").expect("it is there");
    let expected = DeviceAssignment { drift: 3, last_step: 12, ..assignment(&jane.id) };
    assert_eq!(found.assignment, Some(expected));
}
