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
use postern_store::NodeRecord;

use crate::authz::act::{OnNode, Target};
use crate::{Control, failure};

impl Control {
    /// What a decision about a node is about, whether it exists or not: a refusal must not tell the difference.
    pub(crate) async fn on_node(&self, id: NodeId) -> Result<OnNode, ApiError> {
        let node = self.store.node(self.scope(), &id).await.map_err(failure::store)?;
        Ok(on_node(id, node.as_ref()))
    }

    /// The same of what a session is asked for with.
    pub(crate) async fn target(&self, name: &str) -> Result<Target, ApiError> {
        Ok(self.target_and_node(name).await?.0)
    }

    /// The same, and the node if there is one.
    pub(crate) async fn target_and_node(&self, name: &str) -> Result<(Target, Option<NodeRecord>), ApiError> {
        let Ok(id) = name.parse() else { return Ok((Target::Other(name.to_owned()), None)) };
        let node = self.store.node(self.scope(), &id).await.map_err(failure::store)?;
        Ok((Target::Node(on_node(id, node.as_ref())), node))
    }
}

fn on_node(id: NodeId, node: Option<&NodeRecord>) -> OnNode {
    let is_locked = node.is_some_and(|node| node.lock.is_some());
    OnNode { id, tags: node.map(|node| node.tags.clone()).unwrap_or_default(), is_locked }
}
