//! Which nodes a person means by a word: `tag:KEY=VALUE`, `tag:KEY`, one of the service's own filters such as
//! `PingStatus=Online`, or else the id or name of a node. Several words narrow each other down.

use std::str::FromStr;

use postern_model::node::{NodeFilter, NodeFilterKey};
use serde_json::Value;

use super::listing::text;
use super::node_name::is_called;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// Asked of the service.
    Asked(NodeFilter),
    /// Looked at here: the service has no filter for names.
    Called(String),
}

impl Filter {
    pub(super) fn asked(&self) -> Option<NodeFilter> {
        match self {
            Self::Asked(filter) => Some(filter.clone()),
            Self::Called(_) => None,
        }
    }

    /// Whether a node that the service gave is meant.
    pub(super) fn means(&self, node: &Value) -> bool {
        match self {
            Self::Asked(_) => true,
            Self::Called(name) => text(node, "InstanceId") == *name || is_called(node, name),
        }
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let (key, given) = match (word.strip_prefix("tag:"), word.split_once('=')) {
            (Some(tag), _) => match tag.split_once('=') {
                Some((tag, given)) => (NodeFilterKey::Tag(tag.to_owned()), given),
                None => (NodeFilterKey::TagKey, tag),
            },
            (None, Some((key, given))) => match NodeFilterKey::from_name(key) {
                Some(key) => (key, given),
                None => return Err(format!("there is no filter {key}; try tag:KEY=VALUE or PingStatus=Online")),
            },
            (None, None) => return Ok(Self::Called(word.to_owned())),
        };
        let given: Vec<_> = given.split(',').map(str::to_owned).collect();
        if given.iter().any(String::is_empty) || key == NodeFilterKey::Tag(String::new()) {
            return Err("a filter is written tag:KEY=VALUE, tag:KEY, FILTER=VALUE or as a node's name".to_owned());
        }
        Ok(Self::Asked(NodeFilter { key, values: given }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(key: NodeFilterKey, values: &[&str]) -> Result<Filter, String> {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Ok(Filter::Asked(NodeFilter { key, values }))
    }

    #[test]
    fn words_are_filters() {
        assert_eq!("tag:env=a,b".parse(), asked(NodeFilterKey::Tag("env".to_owned()), &["a", "b"]));
        assert_eq!("tag:tag:env=a=b".parse(), asked(NodeFilterKey::Tag("tag:env".to_owned()), &["a=b"]));
        assert_eq!("tag:env".parse(), asked(NodeFilterKey::TagKey, &["env"]));
        assert_eq!("PingStatus=Online".parse(), asked(NodeFilterKey::PingStatus, &["Online"]));
        assert_eq!("web".parse(), Ok(Filter::Called("web".to_owned())));
        for wrong in ["tag:", "tag:=x", "tag:env=", "tag:env=a,,b", "PingStatus=", "Colour=red", "=x"] {
            assert!(wrong.parse::<Filter>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_and_ids_are_looked_at_here() {
        let node = json!({"InstanceId": "mi-0123456789abcdef0", "Name": "web", "ComputerName": "host.example.org"});
        for name in ["mi-0123456789abcdef0", "web", "host"] {
            assert!(Filter::Called(name.to_owned()).means(&node), "{name}");
        }
        assert!(!Filter::Called("db".to_owned()).means(&node));
    }
}
