//! What the service remembers, as traits: whole acts named after their intent, each atomic in every backend.
//!
//! There is no generic create, read, update, delete, and no transaction handle. An act does all of what its name says
//! or nothing, and where the answer can be no, the answer is an enum. So a rule like "open this session if the node is
//! connected" is decided by the database, not between two calls.
//!
//! Everything stored belongs to a [`Scope`], an account and a region, as ARNs say. The exceptions are identities and
//! policies, which belong to an account alone, and access keys: a request names its key before anybody knows whose it is.
//!
//! Time is an argument, in milliseconds since the epoch. Nothing here decides who may do something, and nothing here
//! sees a secret in the clear: activation codes come as keyed hashes, secret keys sealed.
//!
//! Implementations prove themselves with [`conformance`].

mod activation;
mod audit;
pub mod conformance;
mod decision;
mod document;
mod identity;
mod key;
mod lock;
mod log;
mod node;
mod policy;
mod provider;
mod recording;
mod second_factor;
mod service_setting;
mod session;
mod tag;

pub use activation::*;
pub use audit::*;
pub use decision::*;
pub use document::*;
pub use identity::*;
pub use key::*;
pub use lock::*;
pub use log::*;
pub use node::*;
pub use policy::*;
pub use provider::*;
pub use recording::*;
pub use second_factor::*;
pub use service_setting::*;
pub use session::*;
pub use tag::*;

use postern_iam::{AccountId, Region};

/// Milliseconds since the Unix epoch, UTC.
pub type UnixMillis = u64;

/// The account and region that something belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The unit of tenancy.
    pub account: AccountId,
    /// Where it is, as ARNs and signing scopes name it.
    pub region: Region,
}

/// A label that people put on things, for finding them and for policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// 0 to 256 characters.
    pub value: String,
}

/// Everything a backend implements.
pub trait Store:
    SessionStore
    + NodeStore
    + ActivationStore
    + AuditStore
    + DecisionStore
    + DocumentStore
    + IdentityStore
    + KeyStore
    + LockStore
    + LogStore
    + PolicyStore
    + ProviderStore
    + RecordingStore
    + SecondFactorStore
    + ServiceSettingStore
    + TagStore
{
}

impl<T> Store for T where
    T: SessionStore
        + NodeStore
        + ActivationStore
        + AuditStore
        + DecisionStore
        + DocumentStore
        + IdentityStore
        + KeyStore
        + LockStore
        + LogStore
        + PolicyStore
        + ProviderStore
        + RecordingStore
        + SecondFactorStore
        + ServiceSettingStore
        + TagStore
        + ?Sized
{
}

/// Why an act could not be done. None of these is the caller's fault.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The backend does not answer, is full, or is locked. Nothing was promised; trying again later may work.
    #[error("the database is not available: {reason}")]
    Unavailable {
        /// One sentence for whoever operates the service.
        reason: String,
        /// What the backend said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// What was read back is not what this program writes.
    #[error("the database holds a malformed {what}: {reason}")]
    Corrupt {
        /// The record and its column.
        what: &'static str,
        /// What is wrong with it, without its content.
        reason: String,
    },
}
