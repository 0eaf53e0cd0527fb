//! Who somebody is and how they prove it: identifiers, secrets, request signatures, node keys.
//!
//! Everything here is a pure function of its arguments. There is no clock, no randomness, no file and no socket:
//! a constructor that needs chance takes the random bytes, a check that needs the time takes `now`. That is what lets
//! the same code be tested against AWS's published vectors, against captured traffic and inside a simulator.
//!
//! - [`ids`] and [`arn`]: one type for each kind of identifier, with a closed alphabet and a bounded length, so that an
//!   identifier can be used in a path, a log line or an ARN without further thought.
//! - [`secret`]: text and bytes that cannot be printed by accident and are wiped when dropped.
//! - [`sigv4`]: AWS Signature Version 4, signing and verifying, and its variant made with a node's own key.
//! - [`ini`]: the form of the files in which AWS's tools keep credentials.
//! - [`jwt`]: what other providers of identities sign.
//! - [`totp`]: the codes of devices that are a second factor.
//! - [`node_key`]: the keys with which managed nodes prove their identity.
//!
//! Policies, which say who may do what, are the crate `postern-policy`.

#![warn(missing_docs)]

pub mod arn;
pub mod ids;
pub mod ini;
pub mod jwt;
pub mod node_key;
pub mod secret;
pub mod sigv4;
pub mod totp;

pub use arn::Arn;
pub use ids::{
    AccessKeyId, AccountId, ActivationId, ClientId, DocumentName, IdError, KeyId, NodeId, OsGroupName, OsUserName,
    Region, SessionId, UniqueId,
};
pub use node_key::{NodeKeyError, NodeKeyPair, NodePublicKey};
pub use secret::{SecretBytes, SecretString};
