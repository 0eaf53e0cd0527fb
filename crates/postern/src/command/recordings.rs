//! `postern recordings`: what sessions looked like, checked and taken along.

mod export;
pub(crate) mod rendered;
pub(crate) mod source;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use crate::context::ServiceFlags;

#[derive(Subcommand)]
pub(crate) enum Arguments {
    /// Check that a recording is whole and unchanged
    Verify(verify::Arguments),
    /// Write a recording to a file or standard output
    Export(export::Arguments),
}

/// Does it.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments {
        Arguments::Verify(arguments) => verify::run(flags, arguments).await,
        Arguments::Export(arguments) => export::run(flags, arguments).await,
    }
}
