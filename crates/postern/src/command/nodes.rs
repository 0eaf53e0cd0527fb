//! `postern nodes`: the managed nodes, and their tags.

use std::process::ExitCode;

use futures_util::{StreamExt as _, stream};
use postern_client::Service;
use postern_model::tag::TaggedType;
use serde_json::Value;

use super::listing::text;
use super::node_filter::Filter;
use super::{node_name, tag};
use crate::context::ServiceFlags;
use crate::table;

/// Questions about tags at once. There is one a node: no listing of AWS's gives them.
const AT_ONCE: usize = 8;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only some: tag:KEY=VALUE, tag:KEY, FILTER=VALUE (PingStatus=Online, PlatformTypes=Linux, …), or an id or name
    #[arg(value_name = "FILTER")]
    filters: Vec<Filter>,
    /// Print JSON: a list with the members of AWS's InstanceInformation, and Tags
    #[arg(long)]
    json: bool,
}

/// Prints them.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let service = flags.service()?;
    let asked: Vec<_> = arguments.filters.iter().filter_map(Filter::asked).collect();
    let mut nodes = node_name::nodes(&service, &asked).await?;
    nodes.retain(|node| arguments.filters.iter().all(|filter| filter.means(node)));
    add_tags(&service, &mut nodes).await;
    if arguments.json {
        table::print_json(&nodes)?;
        return Ok(ExitCode::SUCCESS);
    }
    if nodes.is_empty() {
        if arguments.filters.is_empty() {
            crate::failure::say!(
                "no managed nodes yet; `postern activation create` prints the command that registers one"
            );
        } else {
            crate::failure::say!("no managed node is like this; `postern nodes` lists them all");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let headings = ["NODE", "NAME", "COMPUTER", "PLATFORM", "STATE", "AGENT", "ADDRESS", "TAGS"];
    table::print(&headings, nodes.iter().map(row).collect())?;
    for node in &nodes {
        if let Some(conflict) = node["PosternIdentityConflict"].as_str() {
            crate::failure::say!("{}", table::printable(&format!("{}: {conflict}", text(node, "InstanceId"))));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(node: &Value) -> Vec<String> {
    let members = ["InstanceId", "Name", "ComputerName", "PlatformName"];
    let tags = node.get("Tags").and_then(Value::as_array).into_iter().flatten();
    let tags: Vec<_> = tags.map(|tag| format!("{}={}", text(tag, "Key"), text(tag, "Value"))).collect();
    let last = [state(node), text(node, "AgentVersion"), text(node, "IPAddress"), tags.join(" ")];
    members.iter().map(|member| text(node, member)).chain(last).collect()
}

/// Whether it is connected, and whether it takes sessions at all.
fn state(node: &Value) -> String {
    let state = text(node, "PingStatus");
    match node.get("PosternLocked").and_then(Value::as_bool) {
        Some(true) => format!("{state}, locked"),
        _ => state,
    }
}

/// Puts each node's tags into it as `Tags`. Nodes of EC2 have theirs elsewhere, and whoever may list nodes need not be
/// allowed to read tags: the list is worth showing without them.
async fn add_tags(service: &Service, nodes: &mut [Value]) {
    let ids: Vec<_> = nodes.iter().map(|node| text(node, "InstanceId")).collect();
    let answers = stream::iter(ids).map(async |id| {
        if !id.starts_with("mi-") {
            return Ok(Vec::new());
        }
        tag::tags_of(service, TaggedType::ManagedInstance, id).await
    });
    let answers: Vec<_> = answers.buffered(AT_ONCE).collect().await;
    if let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()) {
        crate::failure::say!("tags cannot be shown: {}", table::printable(&postern_client::sentence(error.as_ref())));
    }
    for (node, tags) in nodes.iter_mut().zip(answers) {
        if let (Value::Object(node), Ok(tags)) = (node, tags) {
            node.insert("Tags".to_owned(), Value::Array(tags));
        }
    }
}
