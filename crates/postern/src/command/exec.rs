//! `postern exec`: one command on a node. Its standard output, standard error and exit status are ours.

use std::collections::BTreeMap;
use std::process::ExitCode;

use postern_client::Manner;
use postern_model::session::StartSessionRequest;

use super::{node_name, session};
use crate::context::ServiceFlags;

/// The AWS-owned document for a command without a terminal (session-types.md §7.5).
const DOCUMENT: &str = "AWS-StartNonInteractiveCommand";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Id, name or computer name of the node, or tag:KEY=VALUE if one node has it
    node: String,
    /// Why, for whoever reads the list of sessions
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The command and its arguments. No shell reads them: write `sh -c '…'` for pipes and the like
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let service = flags.service()?;
    let node = node_name::resolve(&service, &arguments.node).await?;
    session::run(service, &request(node, &arguments.command, arguments.reason), Manner::Command).await
}

/// The request that runs these words on the node. The node splits the command by the shell's rules, so each word is
/// quoted by them.
pub(crate) fn request(node: String, words: &[String], reason: Option<String>) -> StartSessionRequest {
    let parameters = BTreeMap::from([
        ("command".to_owned(), vec![shell_words::join(words)]),
        ("separateOutputStream".to_owned(), vec!["true".to_owned()]),
    ]);
    let document_name = DOCUMENT.parse().expect("the name of AWS's own document is a document's name");
    StartSessionRequest { target: node, document_name: Some(document_name), reason, parameters }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn every_word_arrives_as_it_was() {
        let words = ["sh", "-c", "echo 'a b'; exit $?", "", "it's", "{{ x }}"].map(str::to_owned);
        let request = request("mi-0123456789abcdef0".to_owned(), &words, None);
        assert_eq!(shell_words::split(&request.parameters["command"][0]).unwrap(), words);
        assert_eq!(request.parameters["separateOutputStream"], ["true"]);
    }
}
