//! Activations: what a machine shows once to become a managed node.

use async_trait::async_trait;
use postern_iam::ActivationId;

use crate::{Scope, StoreError, Tag, UnixMillis};

/// The keyed hash of an activation code. The code itself is shown once and never stored.
pub type CodeHash = [u8; 32];

/// An activation as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationRecord {
    /// Its id.
    pub activation_id: ActivationId,
    /// The hash that a presented code has to have.
    pub code_hash: CodeHash,
    /// For people.
    pub description: String,
    /// What nodes registered with it are called, if anything.
    pub default_instance_name: String,
    /// The role of nodes registered with it.
    pub iam_role: String,
    /// How many nodes may register with it.
    pub registration_limit: u32,
    /// How many did.
    pub registrations_count: u32,
    /// After this moment nobody registers with it.
    pub expires_at: UnixMillis,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Copied to every node that registers.
    pub tags: Vec<Tag>,
}

/// A condition of [`ActivationStore::activations_page`]; the values are alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivationFilter {
    /// One of these ids.
    Ids(Vec<String>),
    /// One of these default names.
    DefaultInstanceNames(Vec<String>),
    /// One of these roles.
    IamRoles(Vec<String>),
}

/// Where a page of activations goes on: after this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationCursor {
    /// When the last one shown was made.
    pub created_at: UnixMillis,
    /// Its id.
    pub activation_id: ActivationId,
}

/// Acts on activations. Using one up is part of [`crate::NodeStore::register_node`].
#[async_trait]
pub trait ActivationStore: Send + Sync {
    /// Stores a new activation. Its id is random, so there is none like it yet.
    async fn create_activation(&self, scope: &Scope, activation: ActivationRecord) -> Result<(), StoreError>;

    /// One activation.
    async fn activation(&self, scope: &Scope, id: &ActivationId) -> Result<Option<ActivationRecord>, StoreError>;

    /// Up to `limit` activations that meet every filter, newest first, from behind `after`.
    async fn activations_page(
        &self,
        scope: &Scope,
        filters: &[ActivationFilter],
        after: Option<&ActivationCursor>,
        limit: u32,
    ) -> Result<Vec<ActivationRecord>, StoreError>;

    /// Removes an activation; nodes registered with it stay. False if there is none.
    async fn delete_activation(&self, scope: &Scope, id: &ActivationId) -> Result<bool, StoreError>;
}
