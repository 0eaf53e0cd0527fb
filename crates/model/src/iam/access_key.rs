//! Users' access keys. Without a user's name, they are the caller's own.

use postern_iam::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::user::EXISTING;
use super::{KEY_ID, Moment};
use crate::Empty;

const STATUSES: &[&str] = &["Active", "Inactive", "Expired"];

/// The secret of a new key, which is in one answer and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownOnce(pub SecretString);

impl Serialize for ShownOnce {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for ShownOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::new(text)))
    }
}

shapes! {
    /// A new key.
    AccessKey {
        user_name: String,
        access_key_id: String,
        status: String,
        secret_access_key: ShownOnce,
        create_date: Moment,
    }
    /// A new key.
    CreateAccessKeyResponse { access_key: AccessKey, }
    /// A key without its secret.
    AccessKeyMetadata { user_name: String, access_key_id: String, status: String, create_date: Moment, }
    /// All keys of a user.
    ListAccessKeysResponse { access_key_metadata: Vec<AccessKeyMetadata>, is_truncated: bool, marker: Option<String>, }
    /// What a key was last used for. A key that never was has `N/A`, as at AWS.
    AccessKeyLastUsed { last_used_date: Option<Moment>, service_name: String, region: String, }
    /// What a key was last used for.
    GetAccessKeyLastUsedResponse { user_name: String, access_key_last_used: AccessKeyLastUsed, }
}

requests! {
    /// Makes a key.
    CreateAccessKeyRequest for CreateAccessKey -> CreateAccessKeyResponse {
        user_name: Option<String> = text("UserName", EXISTING),
    }
    /// Lists a user's keys.
    ListAccessKeysRequest for ListAccessKeys -> ListAccessKeysResponse {
        user_name: Option<String> = text("UserName", EXISTING),
        marker: Option<String> = marker(),
        max_items: Option<u32> = max_items(),
    }
    /// Switches a key off or on.
    UpdateAccessKeyRequest for UpdateAccessKey -> Empty {
        user_name: Option<String> = text("UserName", EXISTING),
        access_key_id: String = required_text("AccessKeyId", KEY_ID),
        status: &'static str = required_named("Status", STATUSES),
    }
    /// Removes a key.
    DeleteAccessKeyRequest for DeleteAccessKey -> Empty {
        user_name: Option<String> = text("UserName", EXISTING),
        access_key_id: String = required_text("AccessKeyId", KEY_ID),
    }
    /// What a key was last used for.
    GetAccessKeyLastUsedRequest for GetAccessKeyLastUsed -> GetAccessKeyLastUsedResponse {
        access_key_id: String = required_text("AccessKeyId", KEY_ID),
    }
}
