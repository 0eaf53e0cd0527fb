//! Who asks: the outcome of authentication, and the only thing that authorisation looks at on the caller's side.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use postern_iam::{AccessKeyId, NodeId};
use postern_store::{RegisteredKey, Scope, StartRequest, UnixMillis};

use crate::session_token::SessionToken;

mod person;

pub use person::{CredentialFacts, LockedIdentity, Person, PersonKind, TemporaryFacts};

/// Who a request is from.
#[derive(Clone, Debug)]
pub enum Principal {
    /// Somebody, or somebody's program, with credentials: may do what policies allow.
    Person(Arc<Person>),
    /// A managed node. It may act for itself and the sessions given to it, and for nobody else.
    Node {
        /// Which.
        node_id: NodeId,
        /// How it proved itself.
        proof: NodeProof,
    },
    /// Nobody in particular.
    Anonymous,
}

/// How a node proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeProof {
    /// With its registered key, which is good for asking for credentials and for replacing the key.
    Key,
    /// With the temporary credentials of its role, which are good for everything else.
    Role,
}

/// A request's origin, once its signature has been verified.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// In which account and region.
    pub scope: Scope,
    /// The id that the reply, the log and the audit record show.
    pub request_id: String,
    /// When it arrived: the time that conditions see.
    pub arrived_at: UnixMillis,
    /// From where, if that is known: the address at the other end of the connection, or the one that a trusted proxy there
    /// names.
    pub source_ip: Option<IpAddr>,
    /// Whether the connection is encrypted up to the service, or to a trusted proxy.
    pub is_secure: bool,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// What it was signed with; none if it was not signed.
    pub(crate) access_key_id: Option<String>,
    /// What a person signed with, for asking again later. Nothing for callers that are made up within the service.
    pub(crate) credential: Option<Credential>,
    /// Recognises the same request if it comes again. Only signed requests have it.
    pub request: Option<StartRequest>,
    /// The key that a node's signature was verified with: replacing it must replace this one.
    pub verified_key: Option<RegisteredKey>,
}

/// What a person signed with: by it can be found out later who that is by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// An access key.
    Key(AccessKeyId),
    /// Temporary credentials, and what they say.
    Token(Arc<SessionToken>),
}

impl Caller {
    /// The node that calls, if a node calls.
    #[must_use]
    pub fn node_id(&self) -> Option<&NodeId> {
        match &self.principal {
            Principal::Node { node_id, .. } => Some(node_id),
            Principal::Person(_) | Principal::Anonymous => None,
        }
    }
}

/// As denials and logs name the principal.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(person) => write!(f, "{}", person.arn),
            Self::Node { node_id, .. } => write!(f, "{node_id}"),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}
