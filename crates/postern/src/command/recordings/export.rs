//! `postern recordings export`: a recording as a file.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use postern_recording::playback::{Playback, What};

use super::source::Source;
use crate::context::ServiceFlags;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A session's id, or a file that was exported as proof
    #[arg(value_name = "SESSION|FILE")]
    session: String,
    /// What to make of it
    #[arg(long, value_enum, default_value_t = Format::Proof)]
    format: Format,
    /// Where to; standard output without it
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The recording itself, with its hashes and signatures: what `postern recordings verify` checks
    Proof,
    /// The bytes that the session showed, and nothing else
    Raw,
}

/// Writes it.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut source = Source::open(flags, &arguments.session)?;
    let mut out: Box<dyn Write> = match &arguments.output {
        Some(path) => Box::new(create(path)?),
        None => Box::new(std::io::stdout().lock()),
    };
    let mut playback = Playback::new();
    while let Some(piece) = source.next().await? {
        match arguments.format {
            Format::Proof => out.write_all(&piece)?,
            Format::Raw => {
                playback.push(&piece)?;
                write_shown(&mut playback, &mut out)?;
            }
        }
    }
    playback.finish();
    write_shown(&mut playback, &mut out)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn write_shown(playback: &mut Playback, out: &mut dyn Write) -> anyhow::Result<()> {
    while let Some(event) = playback.next_event() {
        if let What::Output(data) | What::StandardError(data) = event.what {
            out.write_all(&data)?;
        }
    }
    Ok(())
}

/// What sessions show is for the eyes of whoever may see it.
fn create(path: &Path) -> anyhow::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(|| format!("cannot make {}", path.display()))
}
