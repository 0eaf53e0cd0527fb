//! `postern start`: a shell on a node, or the session that a document describes.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;
use postern_client::Manner;
use postern_iam::DocumentName;
use postern_model::session::StartSessionRequest;

use super::node_name;
use super::session::{self, Expectation};
use crate::context::ServiceFlags;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Id, name or computer name of the node, or tag:KEY=VALUE if one node has it
    node: String,
    /// Session document to start, instead of a shell
    #[arg(long, value_name = "NAME")]
    document: Option<String>,
    /// Parameter of the document; repeat it for several, or for several values of one
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Why, for whoever reads the list of sessions
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs the session.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let service = flags.service()?;
    let document_name = arguments
        .document
        .map(|name| name.parse::<DocumentName>().with_context(|| format!("{name:?} is no document's name")))
        .transpose()?;
    let request = StartSessionRequest {
        target: node_name::resolve(&service, &arguments.node).await?,
        document_name,
        reason: arguments.reason,
        parameters: grouped(arguments.parameters),
    };
    let manner = if request.document_name.is_some() { Manner::Document } else { Manner::Shell };
    session::run(service, &request, Expectation { manner, ..Expectation::SHELL }).await
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a parameter is written NAME=VALUE".to_owned()),
    }
}

fn grouped(parameters: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut grouped: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in parameters {
        grouped.entry(name).or_default().push(value);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_split_at_the_first_sign_and_grouped() {
        assert_eq!(parameter("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(parameter("=b").is_err() && parameter("a").is_err());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let grouped = grouped(vec![pair("a", "1"), pair("b", "2"), pair("a", "3")]);
        assert_eq!(grouped["a"], ["1", "3"]);
        assert_eq!(grouped["b"], ["2"]);
    }
}
