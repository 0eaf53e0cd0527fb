//! The key service: keys that encrypt what sessions and their logs are encrypted with.
//!
//! Keys are made here, stored sealed under a key derived from the root key, and never shown.
//!
//! Such keys protect what is encrypted with them against whoever sees the network, the storage or a copy of the
//! database. They do not protect it against whoever runs the service, who has the root key.

mod alias;
mod blob;
mod data;
mod find;
mod key;

pub(crate) use blob::Material;
use postern_iam::{Arn, KeyId};
use postern_store::Scope;

/// Keys, and aliases, that there may be.
const MAX_KEYS: u32 = 10_000;
const MAX_ALIASES: u32 = 10_000;

/// The alias of the key that is there without anybody making it (AWS's name for Systems Manager's own key).
const MANAGED_ALIAS: &str = "alias/aws/ssm";

pub(crate) fn key_arn(scope: &Scope, id: &KeyId) -> Arn {
    Arn::key(&scope.region, &scope.account, id)
}
