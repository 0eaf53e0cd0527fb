//! Managed nodes: who they are, what they last said about themselves, and whether one holds a control channel.

use async_trait::async_trait;
use postern_iam::{ActivationId, NodeId, SessionId};

use crate::{Lock, Scope, StoreError, Tag, UnixMillis};

/// A public key as it was registered: both members of the API, verbatim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredKey {
    /// Base64 of the DER SubjectPublicKeyInfo.
    pub public_key: String,
    /// `Rsa` or `Ed25519`.
    pub key_type: String,
}

/// What a node says about itself in UpdateInstanceInformation. Every member is optional: the short form of the report
/// names four of them and must not erase the rest (spec agent-api-calls §3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeReport {
    /// Which agent.
    pub agent_name: Option<String>,
    /// Its version.
    pub agent_version: Option<String>,
    /// `Active`, as stock agents always say.
    pub agent_status: Option<String>,
    /// Host name.
    pub computer_name: Option<String>,
    /// Address, as the node sees it.
    pub ip_address: Option<String>,
    /// Distribution or edition.
    pub platform_name: Option<String>,
    /// `Linux`, `Windows` or `MacOS`.
    pub platform_type: Option<String>,
    /// Version of the distribution or edition.
    pub platform_version: Option<String>,
}

/// A control channel that a node holds open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConnection {
    /// Unique for every time a node connects; leaving compares it, so that a late goodbye cannot evict its successor.
    pub connection_id: String,
    /// Which process of the service holds the socket.
    pub service: String,
    /// Since when.
    pub connected_at: UnixMillis,
}

/// A managed node as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    /// Its id.
    pub node_id: NodeId,
    /// The activation's default instance name, or what it was named later.
    pub name: String,
    /// With which activation it registered.
    pub activation_id: ActivationId,
    /// The role of its credentials.
    pub iam_role: String,
    /// The fingerprint it registered with.
    pub fingerprint: String,
    /// The key it proves itself with.
    pub key: RegisteredKey,
    /// When it registered.
    pub registered_at: UnixMillis,
    /// What it last said about itself.
    pub report: NodeReport,
    /// When it last reported or connected; never before it did.
    pub last_seen_at: Option<UnixMillis>,
    /// Its control channel, while it holds one.
    pub connection: Option<NodeConnection>,
    /// When and why it lost the last one.
    pub disconnection: Option<NodeDisconnection>,
    /// Labels, ordered by key.
    pub tags: Vec<Tag>,
    /// It takes no sessions while this is there.
    pub lock: Option<Lock>,
}

/// The end of a control channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeDisconnection {
    /// When.
    pub at: UnixMillis,
    /// Why, as a clause: "its control channel was closed".
    pub reason: String,
}

/// A node that wants to be registered. Name, role and tags come from the activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// Its new id.
    pub node_id: NodeId,
    /// As it sent it.
    pub fingerprint: String,
    /// The key it will prove itself with.
    pub key: RegisteredKey,
}

/// The answer to [`NodeStore::register_node`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterNode {
    /// It is registered, and the activation counts one more.
    Registered,
    /// There is no such activation (any more).
    ActivationUnknown,
    /// The activation expired at this time.
    ActivationExpired(UnixMillis),
    /// This many nodes registered with the activation, and no more may.
    ActivationUsedUp(u32),
}

/// The answer to [`NodeStore::replace_public_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplacePublicKey {
    /// From now on only the new key counts.
    Replaced,
    /// The key that was to be replaced is not the node's key; nothing changed.
    Superseded,
    /// There is no such node.
    NodeUnknown,
}

/// The answer to [`NodeStore::node_connected`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeConnected {
    /// The node is connected by the new control channel; an older one, if there was, is displaced.
    Connected {
        /// The control channel that has to go.
        displaced: Option<NodeConnection>,
    },
    /// There is no such node.
    NodeUnknown,
}

/// The answer to [`NodeStore::deregister_node`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeregisterNode {
    /// It is gone.
    Deregistered {
        /// The control channel that has to be closed.
        connection: Option<NodeConnection>,
        /// Sessions that were open and are terminating now.
        sessions: Vec<SessionId>,
    },
    /// There is no such node.
    NodeUnknown,
}

/// A condition of [`NodeStore::nodes_page`]; the values of one are alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeFilter {
    /// One of these ids.
    Ids(Vec<String>),
    /// Holds a control channel, or does not.
    Connected(bool),
    /// One of these platform types.
    PlatformTypes(Vec<String>),
    /// One of these agent versions.
    AgentVersions(Vec<String>),
    /// Registered with one of these activations.
    ActivationIds(Vec<String>),
    /// Has one of these roles.
    IamRoles(Vec<String>),
    /// Has a tag with one of these keys.
    TagKeys(Vec<String>),
    /// Has the tag with one of these values.
    Tag(String, Vec<String>),
}

/// Acts on managed nodes.
#[async_trait]
pub trait NodeStore: Send + Sync {
    /// Registers a node with an activation, and counts it there: both or nothing, and never above the limit.
    async fn register_node(
        &self,
        scope: &Scope,
        activation: &ActivationId,
        node: NewNode,
        now: UnixMillis,
    ) -> Result<RegisterNode, StoreError>;

    /// One node.
    async fn node(&self, scope: &Scope, id: &NodeId) -> Result<Option<NodeRecord>, StoreError>;

    /// Up to `limit` nodes that meet every filter, ordered by id, from behind `after`.
    async fn nodes_page(
        &self,
        scope: &Scope,
        filters: &[NodeFilter],
        after: Option<&NodeId>,
        limit: u32,
    ) -> Result<Vec<NodeRecord>, StoreError>;

    /// Replaces the node's key, if `current` still is its key.
    async fn replace_public_key(
        &self,
        scope: &Scope,
        id: &NodeId,
        current: &RegisteredKey,
        new: RegisteredKey,
    ) -> Result<ReplacePublicKey, StoreError>;

    /// Gives the node another role. False if there is no such node.
    async fn change_node_role(&self, scope: &Scope, id: &NodeId, role: &str) -> Result<bool, StoreError>;

    /// Locks the node, in the place of an earlier lock, or unlocks it. False if there is no such node.
    async fn lock_node(&self, scope: &Scope, id: &NodeId, lock: Option<Lock>) -> Result<bool, StoreError>;

    /// Notes what a node says about itself; what it does not mention stays. False if there is no such node.
    async fn node_reported(
        &self,
        scope: &Scope,
        id: &NodeId,
        report: NodeReport,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// The node holds this control channel now, and said this about itself. The newest wins: an older one is displaced.
    async fn node_connected(
        &self,
        scope: &Scope,
        id: &NodeId,
        connection: NodeConnection,
        report: NodeReport,
    ) -> Result<NodeConnected, StoreError>;

    /// The node lost this control channel. False if it was not the present one (any more); then nothing changed.
    async fn node_disconnected(
        &self,
        scope: &Scope,
        id: &NodeId,
        connection_id: &str,
        disconnection: NodeDisconnection,
    ) -> Result<bool, StoreError>;

    /// Forgets every control channel that a process of the service held, because that process is new now. Answers how
    /// many there were.
    async fn forget_connections(
        &self,
        scope: &Scope,
        service: &str,
        disconnection: NodeDisconnection,
    ) -> Result<u64, StoreError>;

    /// Removes a node. Its open sessions become terminating for that reason; past ones keep naming it.
    async fn deregister_node(&self, scope: &Scope, id: &NodeId) -> Result<DeregisterNode, StoreError>;
}
