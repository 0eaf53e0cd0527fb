//! Tags on what is stored.

use async_trait::async_trait;
use postern_iam::{DocumentName, NodeId};

use crate::{Scope, StoreError, Tag};

/// What carries tags that can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tagged {
    /// A managed node.
    Node(NodeId),
    /// One of the account's documents.
    Document(DocumentName),
}

/// The answer to [`TagStore::add_tags`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddTags {
    /// They are there, in the place of earlier ones with the same keys.
    Added,
    /// There would be this many tags, or more; nothing changed.
    TooMany(usize),
    /// There is a tag whose key differs from a new one in case only; nothing changed. Policies compare such keys as one
    /// (spec iam-policies §3).
    KeyClash(String),
    /// There is nothing to be tagged.
    Unknown,
}

/// Acts on tags.
#[async_trait]
pub trait TagStore: Send + Sync {
    /// Adds tags, all or none, so that there are at most `limit`.
    async fn add_tags(&self, scope: &Scope, on: &Tagged, tags: Vec<Tag>, limit: usize) -> Result<AddTags, StoreError>;

    /// Removes the tags with these keys. False if there is nothing that could have tags.
    async fn remove_tags(&self, scope: &Scope, on: &Tagged, keys: Vec<String>) -> Result<bool, StoreError>;

    /// The tags, ordered by key; none at all if there is nothing that could have tags.
    async fn tags(&self, scope: &Scope, on: &Tagged) -> Result<Option<Vec<Tag>>, StoreError>;
}

/// What adding comes to, for backends to ask inside their act: the tags that would be there, or the answer without them.
///
/// # Errors
/// The answer that changes nothing.
pub fn merge_tags(present: Vec<Tag>, added: &[Tag], limit: usize) -> Result<Vec<Tag>, AddTags> {
    // Before they are compared one by one, inside the act.
    if added.len() > limit {
        return Err(AddTags::TooMany(added.len()));
    }
    let mut merged = present;
    for tag in added {
        let folded = tag.key.to_lowercase();
        match merged.iter_mut().find(|known| known.key.to_lowercase() == folded) {
            Some(known) if known.key == tag.key => known.value.clone_from(&tag.value),
            Some(known) => return Err(AddTags::KeyClash(known.key.clone())),
            None => merged.push(tag.clone()),
        }
    }
    if merged.len() > limit {
        return Err(AddTags::TooMany(merged.len()));
    }
    merged.sort();
    Ok(merged)
}
