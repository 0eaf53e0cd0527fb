//! `postern tag …`: the labels by which nodes and documents are found, and which policies speak of.

use std::process::ExitCode;

use clap::Subcommand;
use postern_client::Service;
use postern_model::activation::Tag;
use postern_model::tag::{
    AddTagsToResourceRequest, ListTagsForResourceRequest, RemoveTagsFromResourceRequest, TaggedType,
};
use serde_json::Value;

use super::activation::tag;
use super::listing::text;
use super::node_name;
use crate::context::ServiceFlags;
use crate::table;

#[derive(Subcommand)]
pub(crate) enum Arguments {
    /// List the tags of a node or a document
    List {
        #[command(flatten)]
        on: On,
        /// Print JSON: a list with the members of AWS's Tag
        #[arg(long)]
        json: bool,
    },
    /// Put tags on a node or a document; a key that is there gets the new value
    Add {
        #[command(flatten)]
        on: On,
        /// The tags
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = tag)]
        tags: Vec<Tag>,
    },
    /// Take tags from a node or a document
    Remove {
        #[command(flatten)]
        on: On,
        /// The keys of the tags
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
    },
}

/// What has the tags.
#[derive(clap::Args)]
pub(crate) struct On {
    /// The node: its id, its name, or tag:KEY=VALUE if that is one node's only. With --document, a document's name
    #[arg(value_name = "NODE")]
    name: String,
    /// A document is meant
    #[arg(long)]
    document: bool,
}

/// Does what was asked.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let service = flags.service()?;
    match arguments {
        Arguments::List { on, json } => {
            let (resource_type, resource_id) = resource(&service, on).await?;
            list(&service, resource_type, resource_id, json).await?;
        }
        Arguments::Add { on, tags } => {
            let (resource_type, resource_id) = resource(&service, on).await?;
            service.call(&AddTagsToResourceRequest { resource_type, resource_id, tags }).await?;
        }
        Arguments::Remove { on, keys } => {
            let (resource_type, resource_id) = resource(&service, on).await?;
            service.call(&RemoveTagsFromResourceRequest { resource_type, resource_id, tag_keys: keys }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn resource(service: &Service, on: On) -> anyhow::Result<(TaggedType, String)> {
    if on.document {
        return Ok((TaggedType::Document, on.name));
    }
    Ok((TaggedType::ManagedInstance, node_name::resolve(service, &on.name).await?))
}

async fn list(service: &Service, resource_type: TaggedType, resource_id: String, json: bool) -> anyhow::Result<()> {
    let tags = tags_of(service, resource_type, resource_id).await?;
    if json {
        return table::print_json(&tags);
    }
    if tags.is_empty() {
        crate::failure::say!("no tags");
        return Ok(());
    }
    table::print(&["KEY", "VALUE"], tags.iter().map(|tag| vec![text(tag, "Key"), text(tag, "Value")]).collect())
}

/// The tags of one thing, as the service sends them.
pub(super) async fn tags_of(
    service: &Service,
    resource_type: TaggedType,
    resource_id: String,
) -> anyhow::Result<Vec<Value>> {
    let mut answer = service.call_json(&ListTagsForResourceRequest { resource_type, resource_id }).await?;
    match answer.get_mut("TagList").map(Value::take) {
        Some(Value::Array(tags)) => Ok(tags),
        _ => Ok(Vec::new()),
    }
}
