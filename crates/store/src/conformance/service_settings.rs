//! Cases about service settings.

use super::fixture::{NOW, other_scope, scope};
use crate::{ServiceSettingRecord, Store};

pub(super) async fn settings_are_set_and_returned_to_their_defaults(store: &dyn Store) {
    let (here, there) = (scope(), other_scope());
    let record = |value: &str, later| ServiceSettingRecord {
        value: value.to_owned(),
        modified_at: NOW + later,
        modified_by: "arn:aws:iam::123456789012:user/jane".parse().expect("an ARN"),
    };
    let get = async |path| store.service_setting(&here, path).await.expect("reads");
    assert_eq!(get("/ssm/a").await, None);
    store.set_service_setting(&here, "/ssm/a", record("one", 0)).await.expect("writes");
    store.set_service_setting(&here, "/ssm/a", record("two", 5)).await.expect("writes");
    store.set_service_setting(&here, "/ssm/b", record("' --", 0)).await.expect("writes");
    assert_eq!(get("/ssm/a").await, Some(record("two", 5)), "the last one counts");
    assert_eq!(get("/ssm/b").await, Some(record("' --", 0)));
    assert_eq!(store.service_setting(&there, "/ssm/a").await.expect("reads"), None);

    assert!(!store.reset_service_setting(&there, "/ssm/a").await.expect("writes"));
    assert!(store.reset_service_setting(&here, "/ssm/a").await.expect("writes"));
    assert!(!store.reset_service_setting(&here, "/ssm/a").await.expect("writes"), "it was there already");
    assert_eq!((get("/ssm/a").await, get("/ssm/b").await), (None, Some(record("' --", 0))));
}
