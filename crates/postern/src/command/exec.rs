//! `postern exec`: one command on a node. Its standard input, output, error and exit status are ours.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use postern_client::Manner;
use postern_model::session::StartSessionRequest;

use super::{node_name, session};
use crate::context::ServiceFlags;

/// The AWS-owned documents for a command without a terminal and with one (session-types.md §7.5).
const DOCUMENT: &str = "AWS-StartNonInteractiveCommand";
const TERMINAL_DOCUMENT: &str = "AWS-StartInteractiveCommand";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Id, name or computer name of the node, or tag:KEY=VALUE if one node has it
    node: String,
    /// Run it in a terminal, for programs that draw or ask; its two output streams are one then
    #[arg(short, long, conflicts_with = "no_stdin")]
    tty: bool,
    /// Give it nothing to read; needed where standard input is somebody else's, as in a `while read` loop
    #[arg(short = 'n', long)]
    no_stdin: bool,
    /// End it when it takes longer, for example 90s, 5m, 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// Why, for whoever reads the list of sessions
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The command and its arguments. No shell reads them: write `sh -c '…'` for pipes and the like
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { node, tty, no_stdin, timeout, reason, command } = arguments;
    let service = flags.service()?;
    let node = node_name::resolve(&service, &node).await?;
    let (request, manner) = if tty {
        (terminal_request(node, &command, reason), Manner::Shell)
    } else {
        (request(node, &command, reason), Manner::Command { standard_input: !no_stdin })
    };
    session::run(service, &request, session::Expectation { manner, needs_status: true, timeout }).await
}

/// The request that runs these words on the node. The node splits the command by the shell's rules, so each word is
/// quoted by them.
pub(crate) fn request(node: String, words: &[String], reason: Option<String>) -> StartSessionRequest {
    let parameters = BTreeMap::from([
        ("command".to_owned(), vec![shell_words::join(words)]),
        ("separateOutputStream".to_owned(), vec!["true".to_owned()]),
    ]);
    of_document(DOCUMENT, node, parameters, reason)
}

fn terminal_request(node: String, words: &[String], reason: Option<String>) -> StartSessionRequest {
    let parameters = BTreeMap::from([("command".to_owned(), vec![shell_words::join(words)])]);
    of_document(TERMINAL_DOCUMENT, node, parameters, reason)
}

fn of_document(
    name: &str,
    target: String,
    parameters: BTreeMap<String, Vec<String>>,
    reason: Option<String>,
) -> StartSessionRequest {
    let document_name = name.parse().expect("the name of AWS's own document is a document's name");
    StartSessionRequest { target, document_name: Some(document_name), reason, parameters }
}

/// A time as people write it: a number and s, m or h.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time; write for example 90s, 5m or 2h");
    let (number, seconds) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) if text.ends_with('m') => (number, 60),
        Some(number) if text.ends_with('h') => (number, 3600),
        Some(number) => (number, 1),
        None => (text, 1),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    if number == 0 { Err(wrong()) } else { Ok(Duration::from_secs(u64::from(number) * seconds)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn every_word_arrives_as_it_was() {
        let words = ["sh", "-c", "echo 'a b'; exit $?", "", "it's", "{{ x }}"].map(str::to_owned);
        let node = || "mi-0123456789abcdef0".to_owned();
        let request = request(node(), &words, None);
        assert_eq!(shell_words::split(&request.parameters["command"][0]).unwrap(), words);
        assert_eq!(request.parameters["separateOutputStream"], ["true"]);
        let request = terminal_request(node(), &words, None);
        assert_eq!(shell_words::split(&request.parameters["command"][0]).unwrap(), words);
    }

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("5m", 300), ("2h", 7200)] {
            assert_eq!(duration(text).unwrap(), Duration::from_secs(seconds));
        }
        for wrong in ["", "s", "0", "0m", "-1", "1d", "1.5h", "99999999999s"] {
            assert!(duration(wrong).unwrap_err().contains("write for example"), "{wrong:?}");
        }
    }
}
