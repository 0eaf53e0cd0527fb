//! The one place where it is decided who may do what. Deny by default.
//!
//! [`authorize`] turns a caller, an act and what it is about into an [`Authorized`] proof, and every function that
//! reads or changes state on somebody's behalf demands the proof of its own act as an argument. There is no other way
//! to make one. A proof is for one act on one resource; it cannot be used for another.
//!
//! The decision itself is one function without types to hide behind, `decide`. Who an action is for at all stands in
//! `audience`, whose `match` over [`Operation`] has no wildcard: a new operation does not compile until somebody has
//! decided about it.

use postern_iam::{Arn, KeyId, NodeId, SessionId};
use postern_model::kms::{KeyName, KeyReference};
use postern_model::{ApiError, Operation};
use postern_store::{Scope, Tag};

use crate::caller::{Caller, NodeProof, Principal, Rights};

pub mod act;
mod audience;
#[cfg(test)]
mod tests;

use audience::{Audience, audience};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An operation of the API.
    Api(Operation),
    /// Ask for a token for a control channel.
    CreateControlChannel,
    /// Open a control channel with a signed upgrade.
    OpenControlChannel,
    /// Ask for a token for the agent's side of a data channel.
    CreateDataChannel,
    /// Open a side of a data channel with a signed upgrade.
    OpenDataChannel,
}

impl Action {
    /// The name in policies and denials.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Api(operation) => format!("{}:{operation}", operation.service().name()),
            Self::CreateControlChannel => "ssmmessages:CreateControlChannel".to_owned(),
            Self::OpenControlChannel => "ssmmessages:OpenControlChannel".to_owned(),
            Self::CreateDataChannel => "ssmmessages:CreateDataChannel".to_owned(),
            Self::OpenDataChannel => "ssmmessages:OpenDataChannel".to_owned(),
        }
    }
}

/// What somebody wants to do it to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Nothing in particular: `*`.
    Any,
    /// A managed node, which need not exist.
    Node(NodeId),
    /// Something that was asked for by a name that nothing here can have.
    Target(String),
    /// A document.
    Document(Arn),
    /// A role, which need not exist.
    Role(Arn),
    /// A user, group, role or policy, which need not exist.
    Identity {
        /// Its ARN.
        arn: Arn,
        /// What the caller called it.
        asked: Arn,
        /// Its tags, if it is there.
        tags: Vec<Tag>,
    },
    /// A setting of the account.
    ServiceSetting(Arn),
    /// A session.
    Session {
        /// Which.
        id: SessionId,
        /// On which node; none if there is no such session.
        node: Option<NodeId>,
    },
    /// A key of the key service, or an alias, which need not exist.
    Key {
        /// Which, as it was named.
        named: KeyName,
        /// The key behind the name, if it is one of here or another name of one.
        id: Option<KeyId>,
    },
    /// A log group, which need not exist.
    LogGroup(String),
    /// A log stream, which need not exist.
    LogStream {
        /// In which group.
        group: String,
        /// Its name.
        stream: String,
        /// The node of the session that it is the log of; none if it is no session's, or not its log group.
        node: Option<NodeId>,
    },
    /// A ciphertext, by the session that it says it was made for.
    DataKey {
        /// Which session; none if it names none.
        session: Option<SessionId>,
        /// On which node; none if there is no such session, or it is another node's.
        node: Option<NodeId>,
    },
}

impl Resource {
    /// As policies and denials name it.
    #[must_use]
    pub fn name(&self, scope: &Scope) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::Node(node) => Arn::node(&scope.region, &scope.account, node).to_string(),
            Self::Target(target) => target.chars().filter(|c| !c.is_control()).take(64).collect(),
            Self::Document(arn) | Self::Role(arn) | Self::ServiceSetting(arn) | Self::Identity { arn, .. } => {
                arn.to_string()
            }
            Self::Session { id, .. } | Self::DataKey { session: Some(id), .. } => {
                Arn::session(&scope.region, &scope.account, id).to_string()
            }
            Self::DataKey { session: None, .. } => "*".to_owned(),
            Self::LogGroup(name) => Arn::log_group(&scope.region, &scope.account, name).to_string(),
            Self::LogStream { group, stream, .. } => {
                let stream: String = stream.chars().filter(|c| !c.is_control()).take(128).collect();
                format!("{}:log-stream:{stream}", Arn::log_group(&scope.region, &scope.account, group))
            }
            Self::Key { id: Some(id), .. } => Arn::key(&scope.region, &scope.account, id).to_string(),
            Self::Key { named: name, id: None } => match name.reference() {
                Ok(KeyReference::Key(id, None)) => Arn::key(&scope.region, &scope.account, &id).to_string(),
                Ok(KeyReference::Alias(alias, None)) => {
                    Arn::key_alias(&scope.region, &scope.account, alias.as_str()).to_string()
                }
                Ok(KeyReference::Key(_, Some(arn)) | KeyReference::Alias(_, Some(arn))) => arn.to_string(),
                Err(_) => name.shown(),
            },
        }
    }
}

impl Resource {
    /// As a denial names it: what was found behind the name is nothing for who may not use it.
    fn as_asked_for(&self, scope: &Scope) -> String {
        match self {
            Self::Key { named, .. } => Self::Key { named: named.clone(), id: None }.name(scope),
            Self::Identity { asked, .. } => asked.to_string(),
            other => other.name(scope),
        }
    }
}

/// An act that needs a decision. Implemented by one empty type for each action, in [`act`].
pub trait Act {
    /// What it is called.
    const ACTION: Action;
    /// What it is done to.
    type On: Clone;

    /// Everything the decision is about; all of it must be allowed.
    fn resources(on: &Self::On) -> Vec<Resource>;
}

/// The proof that a caller may do `A`, and to what.
#[derive(Debug)]
#[must_use = "a decision that nobody acts on protects nothing"]
pub struct Authorized<A: Act> {
    caller: Caller,
    on: A::On,
}

impl<A: Act> Authorized<A> {
    /// Who may.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What it may be done to.
    #[must_use]
    pub fn on(&self) -> &A::On {
        &self.on
    }

    /// Where.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.caller.scope
    }
}

/// Decides whether `caller` may do `A` to `on`.
///
/// # Errors
/// `AccessDeniedException`, naming the principal, the action, the resource and the reason.
pub fn authorize<A: Act>(caller: &Caller, on: A::On) -> Result<Authorized<A>, ApiError> {
    for resource in A::resources(&on) {
        if let Decision::Deny(reason) = decide(&caller.principal, A::ACTION, &resource) {
            let (action, resource) = (A::ACTION.name(), resource.as_asked_for(&caller.scope));
            tracing::info!(principal = %caller.principal, action, resource, reason, "denied");
            return Err(ApiError::access_denied(&caller.principal, &action, &resource, reason));
        }
    }
    Ok(Authorized { caller: caller.clone(), on })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Allow,
    Deny(&'static str),
}

const NO_POLICY: Decision = Decision::Deny("because no identity-based policy allows the action");
const NOT_ITS_OWN: Decision = Decision::Deny("because a managed node may act only for itself and its own sessions");
const NEEDS_KEY: Decision = Decision::Deny("because it must be signed with the node's registered key");
const NEEDS_ROLE: Decision = Decision::Deny("because it must be signed with the credentials of the node's role");
const NOT_A_NODE: Decision = Decision::Deny("because only a managed node may do this, with its own credentials");

fn decide(principal: &Principal, action: Action, resource: &Resource) -> Decision {
    let audience = audience(action);
    match principal {
        Principal::Person(person) => decide_for_user(person.rights, audience),
        Principal::Node { node_id, proof } => decide_for_node(node_id, *proof, audience, resource),
        // An anonymous registration brings its own proof, the activation's code, which the act checks.
        Principal::Anonymous if audience == Audience::Anyone => Decision::Allow,
        Principal::Anonymous => NO_POLICY,
    }
}

/// A user may do what policies allow and is a user's to do. What only a node can do is not: a control channel that a
/// person opened would be a node that nobody registered.
fn decide_for_user(rights: Rights, audience: Audience) -> Decision {
    match (audience, rights) {
        (Audience::NodeWithKey | Audience::NodeWithRole, _) => NOT_A_NODE,
        (Audience::Anyone | Audience::Everybody, _) | (_, Rights::Everything) => Decision::Allow,
        (Audience::People | Audience::PeopleAndNodes | Audience::PeopleAndAnyNode, Rights::Nothing) => NO_POLICY,
    }
}

fn decide_for_node(node: &NodeId, proof: NodeProof, audience: Audience, resource: &Resource) -> Decision {
    let needed = match audience {
        Audience::NodeWithKey => NodeProof::Key,
        Audience::NodeWithRole | Audience::PeopleAndNodes | Audience::PeopleAndAnyNode | Audience::Everybody => {
            NodeProof::Role
        }
        Audience::Anyone | Audience::People => return NO_POLICY,
    };
    let own = match resource {
        Resource::Node(other) => other == node,
        Resource::Session { node: Some(other), .. }
        | Resource::DataKey { node: Some(other), .. }
        | Resource::LogStream { node: Some(other), .. } => other == node,
        Resource::Session { node: None, .. }
        | Resource::DataKey { node: None, .. }
        | Resource::LogStream { node: None, .. } => false,
        // What no node owns and every node may look at.
        Resource::Any => matches!(audience, Audience::PeopleAndAnyNode | Audience::Everybody),
        Resource::Target(_)
        | Resource::Document(_)
        | Resource::Role(_)
        | Resource::Identity { .. }
        | Resource::ServiceSetting(_)
        | Resource::Key { .. }
        | Resource::LogGroup(_) => false,
    };
    match (own, needed == proof, needed) {
        (true, true, _) => Decision::Allow,
        (false, _, _) => NOT_ITS_OWN,
        (true, false, NodeProof::Key) => NEEDS_KEY,
        (true, false, NodeProof::Role) => NEEDS_ROLE,
    }
}
