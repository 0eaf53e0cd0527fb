//! When a node has as many logs here as it may have: what it is told, and how often the operator is.

use std::collections::BTreeMap;

use postern_iam::NodeId;
use postern_model::{ApiError, ErrorCode};
use postern_store::UnixMillis;

use crate::Control;

/// Nodes remembered; of more at once, the others are not spoken of.
const NODES: usize = 1024;
/// Of one node it is said so often: its agent may try again every second.
const INTERVAL: UnixMillis = 60 * 60 * 1000;

/// The nodes of which it was said, and when.
#[derive(Default)]
pub(crate) struct FullNodes(BTreeMap<NodeId, UnixMillis>);

impl FullNodes {
    /// Whether it is time to say it of this node.
    fn is_news(&mut self, node_id: &NodeId, now: UnixMillis) -> bool {
        let is_recent = |said_at: &UnixMillis| now.saturating_sub(*said_at) < INTERVAL;
        if self.0.get(node_id).is_some_and(is_recent) {
            return false;
        }
        if self.0.len() >= NODES {
            self.0.retain(|_, said_at| is_recent(said_at));
        }
        let has_room = self.0.len() < NODES;
        if has_room {
            self.0.insert(node_id.clone(), now);
        }
        has_room
    }
}

impl Control {
    /// The answer to events that would be too many; people's are not counted.
    pub(super) fn log_quota_reached(&self, node_id: Option<&NodeId>, max_bytes: u64) -> ApiError {
        let megabytes = max_bytes / (1024 * 1024);
        if let Some(node_id) = node_id
            && self.full_nodes().is_news(node_id, self.unix_millis())
        {
            tracing::warn!(node.id = %node_id, megabytes,
                "the node has as many logs here as it may have, and no more of them are kept; let its log groups forget \
                 old events (PutRetentionPolicy), remove streams, or raise max_log_megabytes_per_node");
        }
        let message = format!(
            "The specified log stream takes no more events: the logs of this node have reached {megabytes} MiB \
             (max_log_megabytes_per_node)."
        );
        ApiError::new(ErrorCode::ResourceNotFoundException, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u16) -> NodeId {
        let mut random = [0; 9];
        random[..2].copy_from_slice(&number.to_be_bytes());
        NodeId::generate(&random)
    }

    #[test]
    fn it_is_said_of_each_node_once_an_hour_and_of_so_many_at_most() {
        let mut full = FullNodes::default();
        assert!(full.is_news(&node(0), 0));
        assert!(!full.is_news(&node(0), INTERVAL - 1));
        assert!(full.is_news(&node(0), INTERVAL));
        let said = (0..2000).filter(|number| full.is_news(&node(*number), INTERVAL + 1)).count();
        assert_eq!((said, full.0.len()), (NODES - 1, NODES));
        assert!(full.is_news(&node(1999), 2 * INTERVAL + 1), "old ones make room");
    }
}
