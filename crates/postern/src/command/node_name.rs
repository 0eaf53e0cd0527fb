//! Which node a person means: an id is taken as it is; a name or `tag:KEY=VALUE` is looked up and must be one node's
//! only.

use anyhow::bail;
use postern_client::Service;
use postern_model::node::{DescribeInstanceInformationRequest, NodeFilter, NodeFilterKey};
use serde_json::Value;

use super::listing::{self, text};

/// The largest page the service gives.
const PAGE: u32 = 50;

/// The id of the node called `name`. An id costs no round trip.
pub(super) async fn resolve(service: &Service, name: &str) -> anyhow::Result<String> {
    if is_id(name) {
        return Ok(name.to_owned());
    }
    let filters: Vec<NodeFilter> = tag_filter(name).into_iter().collect();
    let mut nodes = nodes(service, &filters).await?;
    if filters.is_empty() {
        nodes.retain(|node| is_called(node, name));
    }
    let ids: Vec<String> = nodes.iter().map(|node| text(node, "InstanceId")).collect();
    the_one(name, &ids)
}

/// The one node that is meant.
fn the_one(name: &str, ids: &[String]) -> anyhow::Result<String> {
    match ids {
        // It becomes part of ssh's command line, and of files.
        [only] if !is_id(only) => bail!("the service says that {name:?} is the node {only:?}, which is no node's id"),
        [only] => Ok(only.clone()),
        [] => bail!("no managed node has the id, name or tag {name:?}; `postern nodes` lists them"),
        several => bail!("{} nodes are meant by {name:?}; use one of the ids {}", several.len(), several.join(", ")),
    }
}

/// The managed nodes that pass all filters.
pub(super) async fn nodes(service: &Service, filters: &[NodeFilter]) -> anyhow::Result<Vec<Value>> {
    let request = |next_token| DescribeInstanceInformationRequest {
        filters: filters.to_vec(),
        max_results: Some(PAGE),
        next_token,
    };
    listing::all(service, "InstanceInformationList", request).await
}

fn tag_filter(name: &str) -> Option<NodeFilter> {
    let (key, value) = name.strip_prefix("tag:")?.split_once('=')?;
    Some(NodeFilter { key: NodeFilterKey::Tag(key.to_owned()), values: vec![value.to_owned()] })
}

/// `mi-` of registered nodes, `i-` of EC2's.
pub(super) fn is_id(name: &str) -> bool {
    let unique = name.strip_prefix("mi-").or_else(|| name.strip_prefix("i-"));
    unique.is_some_and(|unique| {
        matches!(unique.len(), 8 | 17) && unique.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The name given at activation, or the computer's own with or without its domain.
pub(super) fn is_called(node: &Value, name: &str) -> bool {
    let computer = text(node, "ComputerName");
    let short = computer.split('.').next().unwrap_or_default();
    text(node, "Name") == name || computer.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_told_from_names() {
        for id in ["mi-0123456789abcdef0", "i-0123456789abcdef0", "i-01234567"] {
            assert!(is_id(id), "{id}");
        }
        for name in ["web", "mi-web", "mi-0123456789ABCDEF0", "mi-0123456789abcdef01", "i-", ""] {
            assert!(!is_id(name), "{name}");
        }
    }

    #[test]
    fn one_node_is_meant_and_its_id_is_an_id() {
        let one = |ids: &[&str]| the_one("web", &ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        assert_eq!(one(&["mi-0123456789abcdef0"]).ok().as_deref(), Some("mi-0123456789abcdef0"));
        for wrong in [&[][..], &["i-01234567", "i-01234568"], &["$(touch x)"], &["-oProxyCommand=x"], &[""]] {
            assert!(one(wrong).is_err_and(|error| error.to_string().contains("\"web\"")), "{wrong:?}");
        }
    }

    #[test]
    fn tags_are_filters() {
        let filter = tag_filter("tag:env=a=b").map(|filter| (filter.key, filter.values));
        assert_eq!(filter, Some((NodeFilterKey::Tag("env".to_owned()), vec!["a=b".to_owned()])));
        assert_eq!((tag_filter("tag:env"), tag_filter("env=prod")), (None, None));
    }

    #[test]
    fn nodes_are_called_by_either_name() {
        let node = json!({"Name": "Web", "ComputerName": "host1.example.org"});
        for name in ["Web", "host1.example.org", "HOST1"] {
            assert!(is_called(&node, name), "{name}");
        }
        for name in ["web", "example.org", "host", ""] {
            assert!(!is_called(&node, name), "{name}");
        }
    }
}
