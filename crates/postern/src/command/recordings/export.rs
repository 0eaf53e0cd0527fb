//! `postern recordings export`: a recording as a file.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use postern_recording::playback::Playback;

use super::rendered::Rendered;
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
pub(crate) enum Format {
    /// The recording itself, with its hashes and signatures: what `postern recordings verify` checks
    Proof,
    /// The bytes that the session showed, and nothing else: a terminal would act on them
    Raw,
    /// What could be read, as text
    Text,
    /// A page for a browser, with colours and times
    Html,
    /// A cast for asciinema 3 and asciinema-player (asciicast v3)
    Asciicast,
    /// A cast for older players, too (asciicast v2)
    AsciicastV2,
}

/// Writes it.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut source = Source::open(flags, &arguments.session)?;
    let mut out: Box<dyn Write> = match &arguments.output {
        Some(path) => Box::new(BufWriter::new(create(path)?)),
        None => Box::new(BufWriter::new(std::io::stdout().lock())),
    };
    if arguments.format == Format::Proof {
        while let Some(piece) = source.next().await? {
            out.write_all(&piece)?;
        }
    } else {
        let (mut playback, mut rendered) = (Playback::new(), Rendered::new(arguments.format));
        while let Some(piece) = source.next().await? {
            playback.push(&piece)?;
            rendered.take(&mut playback, &mut out)?;
        }
        playback.finish();
        rendered.take(&mut playback, &mut out)?;
        rendered.finish(&mut out)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// What sessions show is for the eyes of whoever may see it.
fn create(path: &Path) -> anyhow::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(|| format!("cannot make {}", path.display()))
}
