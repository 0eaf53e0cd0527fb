//! Conditions on nodes: as the store knows them where it can, and on a record where it cannot.

use std::cmp::Ordering;

use postern_iam::NodeId;
use postern_model::ApiError;
use postern_model::node::{Comparison, NodeFilter, NodeFilterKey, PingStatus, ResourceType};
use postern_store::{NodeFilter as Stored, NodeRecord};

use super::view::{SOURCE_TYPE, ping_status};
use crate::{Control, failure};

/// Records read at once when they are looked at one by one. Few in tests, so that they come to a second reading.
const CHUNK: u32 = if cfg!(test) { 2 } else { 500 };

impl Control {
    /// Up to `limit` nodes from behind `after` that meet the filters and, each for itself, the condition. However many
    /// do not meet it, a page is full or the last one.
    pub(super) async fn nodes_where(
        &self,
        filters: &[Stored],
        mut after: Option<NodeId>,
        limit: u32,
        meets: impl Fn(&NodeRecord) -> bool,
    ) -> Result<Vec<NodeRecord>, ApiError> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let chunk = CHUNK.max(limit);
        let mut found = Vec::new();
        loop {
            let records = self.store.nodes_page(self.scope(), filters, after.as_ref(), chunk).await;
            let records = records.map_err(failure::store)?;
            let is_last = records.len() < usize::try_from(chunk).unwrap_or(usize::MAX);
            after = records.last().map(|record| record.node_id.clone());
            found.extend(records.into_iter().filter(&meets));
            if is_last || found.len() >= wanted {
                found.truncate(wanted);
                return Ok(found);
            }
        }
    }
}

/// The filters as the store knows them; nothing if no node can meet them.
pub(super) fn stored(filters: Vec<NodeFilter>) -> Option<Vec<Stored>> {
    let mut stored = Vec::new();
    for filter in filters {
        match condition(filter) {
            Condition::Stored(filter) => stored.push(filter),
            Condition::Always => {}
            Condition::Never => return None,
        }
    }
    Some(stored)
}

/// A filter, as far as the store is concerned.
enum Condition {
    Stored(Stored),
    /// Every node meets it.
    Always,
    /// No node meets it.
    Never,
}

fn condition(filter: NodeFilter) -> Condition {
    let NodeFilter { key, values } = filter;
    let has = |value: &str| values.iter().any(|given| given == value);
    let when = |met: bool| if met { Condition::Always } else { Condition::Never };
    match key {
        NodeFilterKey::PingStatus => {
            match (has(PingStatus::Online.as_str()), has(PingStatus::ConnectionLost.as_str())) {
                (true, true) => Condition::Always,
                (true, false) => Condition::Stored(Stored::Connected(true)),
                (false, true) => Condition::Stored(Stored::Connected(false)),
                (false, false) => Condition::Never,
            }
        }
        NodeFilterKey::ResourceType => when(has(ResourceType::ManagedInstance.as_str())),
        NodeFilterKey::SourceTypes => when(has(SOURCE_TYPE)),
        NodeFilterKey::AssociationStatus | NodeFilterKey::DocumentName => Condition::Never,
        NodeFilterKey::InstanceIds | NodeFilterKey::SourceIds => Condition::Stored(Stored::Ids(values)),
        NodeFilterKey::PlatformTypes => Condition::Stored(Stored::PlatformTypes(values)),
        NodeFilterKey::AgentVersion => Condition::Stored(Stored::AgentVersions(values)),
        NodeFilterKey::ActivationIds => Condition::Stored(Stored::ActivationIds(values)),
        NodeFilterKey::IamRole => Condition::Stored(Stored::IamRoles(values)),
        NodeFilterKey::TagKey => Condition::Stored(Stored::TagKeys(values)),
        NodeFilterKey::Tag(tag) => Condition::Stored(Stored::Tag(tag, values)),
    }
}

/// What a node has to be compared: several values for its tags, none for what it has not got.
pub(super) fn values<'r>(record: &'r NodeRecord, key: &NodeFilterKey) -> Vec<&'r str> {
    let report = &record.report;
    match key {
        NodeFilterKey::ActivationIds => vec![record.activation_id.as_str()],
        NodeFilterKey::AgentVersion => report.agent_version.as_deref().into_iter().collect(),
        NodeFilterKey::AssociationStatus | NodeFilterKey::DocumentName => Vec::new(),
        NodeFilterKey::IamRole => vec![&record.iam_role],
        NodeFilterKey::InstanceIds | NodeFilterKey::SourceIds => vec![record.node_id.as_str()],
        NodeFilterKey::PingStatus => vec![ping_status(record).as_str()],
        NodeFilterKey::PlatformTypes => report.platform_type.as_deref().into_iter().collect(),
        NodeFilterKey::ResourceType => vec![ResourceType::ManagedInstance.as_str()],
        NodeFilterKey::SourceTypes => vec![SOURCE_TYPE],
        NodeFilterKey::TagKey => record.tags.iter().map(|tag| tag.key.as_str()).collect(),
        NodeFilterKey::Tag(key) => {
            record.tags.iter().filter(|tag| tag.key == *key).map(|tag| tag.value.as_str()).collect()
        }
    }
}

/// Whether what a node has compares with what is wanted.
pub(super) fn holds(has: &[&str], comparison: Comparison, wanted: &[String]) -> bool {
    let any = |test: fn(&str, &str) -> bool| has.iter().any(|has| wanted.iter().any(|wanted| test(has, wanted)));
    match comparison {
        Comparison::Equal => any(|has, wanted| has == wanted),
        Comparison::NotEqual => !any(|has, wanted| has == wanted),
        Comparison::BeginWith => any(|has, wanted| has.starts_with(wanted)),
        Comparison::LessThan => any(|has, wanted| order(has, wanted).is_lt()),
        Comparison::GreaterThan => any(|has, wanted| order(has, wanted).is_gt()),
    }
}

/// The longest version there is. What a caller gives to compare with may be far longer, and is taken apart for each node.
const MAX_VERSION_BYTES: usize = 64;

/// Versions number by number, everything else as texts.
fn order(left: &str, right: &str) -> Ordering {
    let numbers = |text: &str| match text.len() {
        0..=MAX_VERSION_BYTES => text.split('.').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    match (numbers(left), numbers(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.cmp(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds_one(has: &str, comparison: Comparison, wanted: &str) -> bool {
        holds(&[has], comparison, &[wanted.to_owned()])
    }

    #[test]
    fn versions_are_compared_number_by_number() {
        for (less, more) in [("3.9.0.0", "3.10.0.0"), ("3.3", "3.3.0"), ("2.0.0", "10.0.0"), ("a", "b")] {
            assert!(holds_one(less, Comparison::LessThan, more), "{less} {more}");
            assert!(holds_one(more, Comparison::GreaterThan, less), "{less} {more}");
            assert!(!holds_one(less, Comparison::LessThan, less) && !holds_one(less, Comparison::GreaterThan, less));
        }
        let no_version = format!("2{}", ".0".repeat(40));
        assert!(holds_one("10.0.0", Comparison::LessThan, &no_version), "too long to be one, so it is a text");
    }

    #[test]
    fn what_a_node_has_not_got_equals_nothing() {
        let wanted = ["x".to_owned()];
        for comparison in [Comparison::Equal, Comparison::BeginWith, Comparison::LessThan, Comparison::GreaterThan] {
            assert!(!holds(&[], comparison, &wanted), "{comparison:?}");
        }
        assert!(holds(&[], Comparison::NotEqual, &wanted));
    }

    #[test]
    fn several_values_are_alternatives_and_none_of_them_is_unequal() {
        let wanted = ["ab".to_owned(), "cd".to_owned()];
        assert!(holds(&["cd"], Comparison::Equal, &wanted) && holds(&["cde"], Comparison::BeginWith, &wanted));
        assert!(!holds(&["x", "cd"], Comparison::NotEqual, &wanted) && holds(&["x"], Comparison::NotEqual, &wanted));
    }
}
