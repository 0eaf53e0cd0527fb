//! `postern terminate`: ends a session for good, on the node too.

use std::process::ExitCode;

use crate::context::ServiceFlags;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Id of the session, as `postern sessions` shows it
    session: String,
}

/// Ends it.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    flags.service()?.terminate(&arguments.session).await?;
    crate::failure::say!("session {} is ended", arguments.session);
    Ok(ExitCode::SUCCESS)
}
