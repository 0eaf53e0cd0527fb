//! Managed nodes: as users see them (`describe`, `properties`), as they come to be (`register`), as they speak for
//! themselves (`report`).

mod describe;
mod filter;
mod properties;
mod register;
mod report;
mod role;
mod view;

use postern_iam::NodeId;
use postern_model::ApiError;

use crate::authz::act::{OnNode, Target};
use crate::{Control, failure};

impl Control {
    /// What a decision about a node is about, whether it exists or not: a refusal must not tell the difference.
    pub(crate) async fn on_node(&self, id: NodeId) -> Result<OnNode, ApiError> {
        let node = self.store.node(self.scope(), &id).await.map_err(failure::store)?;
        let is_locked = node.as_ref().is_some_and(|node| node.lock.is_some());
        Ok(OnNode { id, tags: node.map(|node| node.tags).unwrap_or_default(), is_locked })
    }

    /// The same of what a session is asked for with.
    pub(crate) async fn target(&self, name: &str) -> Result<Target, ApiError> {
        match name.parse() {
            Ok(id) => Ok(Target::Node(self.on_node(id).await?)),
            Err(_) => Ok(Target::Other(name.to_owned())),
        }
    }
}
