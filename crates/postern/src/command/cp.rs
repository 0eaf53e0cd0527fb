//! `postern cp`: files to a node, or from one.

mod place;
mod progress;

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::bail;
use postern_client::{CopyRunner, CopyWork, PrintableStream, Service, Ticket};
use postern_model::document::COPY_DOCUMENT;
use postern_model::session::{StartSessionRequest, StartSessionResponse};
use postern_protocol::transfer::{Options, Writing};
use postern_protocol::wire::open::Token;
use serde_json::json;

use self::place::{Copying, copying};
use self::progress::Watch;
use super::{node_name, session};
use crate::context::ServiceFlags;

/// Places are written NODE:PATH on a node (relative to the home of the session's user; `*`, `?` and `[…]` are patterns
/// there) and PATH here; `-` is standard output, or standard input. A copy that was interrupted goes on where it stopped when the command is given again.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Copy folders with everything in them
    #[arg(short, long)]
    recursive: bool,
    /// Copy symbolic links in folders as links, unless they lead out of what is copied; else they are skipped
    #[arg(long)]
    links: bool,
    /// Compare files of the same size by their content, not by their time of change
    #[arg(long)]
    checksum: bool,
    /// Keep no modes and times; new files get those that new files get there
    #[arg(long)]
    no_preserve: bool,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// Why, for whoever reads the list of sessions
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// What to copy, and at last where to
    #[arg(required = true, num_args = 2.., value_names = ["SOURCE", "DESTINATION"])]
    places: Vec<String>,
}

impl Arguments {
    /// Refuses what means nothing where one of the places is a stream.
    fn check_for_stream(&self) -> anyhow::Result<()> {
        let flags = [
            ("--recursive", self.recursive),
            ("--links", self.links),
            ("--checksum", self.checksum),
            ("--json", self.json && self.places.last().is_some_and(|place| place == "-")),
        ];
        match flags.into_iter().find(|(_, is_given)| *is_given) {
            Some((flag, _)) => bail!("{flag} cannot be used with -, which is one file's content and nothing else"),
            None => Ok(()),
        }
    }
}

/// Copies.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Copying { node, work } = copying(&arguments.places)?;
    // What is wrong here is told before anybody is bothered.
    match &work {
        CopyWork::Get { sources, destination } => postern_transfer::check_destination(destination, sources.len())?,
        CopyWork::Put { sources, .. } => postern_transfer::check_sources(sources)?,
        CopyWork::GetToOutput { .. } | CopyWork::PutFromInput { .. } => arguments.check_for_stream()?,
    }
    let service = Rc::new(flags.service()?);
    let node = node_name::resolve(&service, &node).await?;
    let request = StartSessionRequest {
        target: node,
        document_name: Some(
            COPY_DOCUMENT.parse().expect("the name of the service's own document is a document's name"),
        ),
        reason: arguments.reason,
        parameters: BTreeMap::new(),
    };
    let mut interruption = Interruption::new()?;
    let StartSessionResponse { session_id, token_value, stream_url } = service.call(&request).await?;
    let shows_file = matches!(work, CopyWork::GetToOutput { .. }) && std::io::stdout().is_terminal();
    let watch = Watch::new(!arguments.quiet && !shows_file && std::io::stderr().is_terminal());
    let (output, named) = output(shows_file);
    let runner = CopyRunner {
        access: Rc::clone(&service),
        dialer: service.dialer().clone(),
        ticket: Ticket {
            session_id: session_id.clone(),
            token: Token::from(token_value.expose()),
            stream_url,
            target: request.target,
        },
        work,
        options: Options { recursive: arguments.recursive, links: arguments.links },
        writing: Writing { compares_content: arguments.checksum, forgets_attributes: arguments.no_preserve },
        progress: Box::new(watch.clone()),
        output,
    };
    let result = runner.run(interruption.comes()).await;
    if result.is_err() {
        session::end(&service as &Service, &session_id).await;
    }
    match named.load(Ordering::Relaxed) {
        0 => {}
        count => eprintln!(
            "postern: {count} characters would steer this terminal, and are shown by their names; a pipe or a file gets \
             them as they are"
        ),
    }
    let problems = watch.finish(result.as_ref().ok());
    let summary = result?;
    if arguments.json {
        let summary = json!({
            "Files": summary.files,
            "FilesInPlace": summary.files_in_place,
            "Bytes": summary.bytes,
            "BytesResumed": summary.bytes_resumed,
            "Problems": problems.all,
        });
        println!("{}", serde_json::to_string_pretty(&summary)?);
    }
    match (summary.problems, problems.untold) {
        (0, _) => Ok(ExitCode::SUCCESS),
        (1, Some(problem)) => bail!(problem),
        (count, _) => bail!("{count} things were not copied; the rest is in place"),
    }
}

/// Where a file goes that is copied as a stream, and how many of its characters were not shown as they are: a node must
/// not steer the terminal of somebody who looks at a file.
fn output(is_shown: bool) -> (Box<dyn Write + Send>, Arc<AtomicU64>) {
    if !is_shown {
        return (Box::new(std::io::stdout()), Arc::default());
    }
    let stream = PrintableStream::new(std::io::stdout());
    let named = stream.named();
    (Box::new(stream), named)
}

/// ^C and its like.
struct Interruption {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
}

impl Interruption {
    fn new() -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
            let [interrupt, terminate, hangup] = kinds.map(signal);
            Ok(Self { signals: [interrupt?, terminate?, hangup?] })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for one.
    async fn comes(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate, hangup] = &mut self.signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
