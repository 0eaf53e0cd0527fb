//! Cases about access keys.

use postern_iam::AccessKeyId;

use super::fixture::NOW;
use crate::{AccessKeyRecord, AddAccessKey, Store};

pub(super) async fn keys_are_found_by_id_and_never_replaced(store: &dyn Store) {
    let account = super::fixture::scope().account;
    let record = AccessKeyRecord {
        access_key_id: AccessKeyId::long_lived(&[1; 10]),
        account: account.clone(),
        principal: "arn:aws:iam::123456789012:user/admin".parse().expect("an ARN"),
        sealed_secret: vec![0, 1, 2, 255],
        active: true,
        created_at: NOW,
    };
    let id = record.access_key_id.clone();
    assert_eq!(store.access_key(&id).await.expect("reads"), None);
    assert_eq!(store.add_access_key(record.clone()).await.expect("writes"), AddAccessKey::Added);
    let other = AccessKeyRecord { sealed_secret: vec![9], ..record.clone() };
    assert_eq!(store.add_access_key(other).await.expect("writes"), AddAccessKey::Exists, "never replaced");
    assert_eq!(store.access_key(&id).await.expect("reads"), Some(record.clone()));

    let later =
        AccessKeyRecord { access_key_id: AccessKeyId::long_lived(&[0; 10]), created_at: NOW + 1, ..record.clone() };
    assert_eq!(store.add_access_key(later.clone()).await.expect("writes"), AddAccessKey::Added);
    assert_eq!(store.access_keys(&account).await.expect("reads"), [record.clone(), later], "in the order made");

    assert!(store.set_access_key_active(&account, &id, false).await.expect("writes"));
    assert!(!store.access_key(&id).await.expect("reads").expect("it is there").active);
    let elsewhere = "000000000000".parse().expect("an account");
    assert!(!store.set_access_key_active(&elsewhere, &id, true).await.expect("writes"), "not the account's key");
    assert!(store.access_keys(&elsewhere).await.expect("reads").is_empty());
}
