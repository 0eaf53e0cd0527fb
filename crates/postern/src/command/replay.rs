//! `postern replay`: a session as its user saw it, at any speed, from any moment on.
//!
//! What a node printed is never written to this terminal. It goes to one in memory, whose cells are drawn here with
//! sequences of our own ([`postern_rendering::Screen`]).

mod keys;
mod player;
mod stage;
mod tape;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use super::recordings::source::Source;
use crate::context::ServiceFlags;
use crate::stop::until_told_to_stop;
use player::{Player, Then};
use stage::Stage;
use tape::Tape;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A session's id, or a file that was exported as proof
    #[arg(value_name = "SESSION|FILE")]
    session: String,
    /// How much faster than it was
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Wait so many seconds at most where nothing happened
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    idle_limit: Option<Duration>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "a number, such as 2 or 0.5")?;
    if (0.01..=1000.0).contains(&speed) { Ok(speed) } else { Err("from 0.01 to 1000".to_owned()) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds, such as 2 or 0.5")?;
    if (0.0..=86_400.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("from 0 to 86400".to_owned())
    }
}

/// Plays it.
pub(crate) async fn run(flags: &ServiceFlags, arguments: Arguments) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
        "a replay needs a terminal; for a file or a pipe there is `postern recordings export --format text`"
    );
    let source = Source::open(flags, &arguments.session)?;
    let mut tape = Tape::open(source).await?;
    let mut player = Player::new(arguments.speed, arguments.idle_limit);
    // From here on the terminal is ours, until the stage is dropped.
    let mut stage = Stage::enter()?;
    let mut keys = keys::listen()?;
    let mut told_to_stop = std::pin::pin!(until_told_to_stop());
    loop {
        player.catch_up(&mut tape).await?;
        stage.show(&tape, &player)?;
        let key = tokio::select! {
            key = keys.recv() => key,
            () = player.wait(&tape) => continue,
            told = &mut told_to_stop => { told?; break }
        };
        // Without a keyboard there is nobody to look.
        let Some(key) = key else { break };
        match player.press(key, &mut tape).await? {
            Then::GoOn => {}
            Then::Leave => break,
        }
    }
    Ok(ExitCode::SUCCESS)
}
