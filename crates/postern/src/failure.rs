//! How failures of our own are told: one sentence on standard error, status 255.

use std::fmt;
use std::process::ExitCode;

/// The exit status of our own failures, as with ssh: a remote program seldom uses it.
pub(crate) const OWN_FAILURE: u8 = 255;

/// Tells a failure and gives the exit status that goes with it.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    say!("postern: {}", Sentence(error));
    ExitCode::from(OWN_FAILURE)
}

/// Says a line to a person, as `eprintln!` does. Whoever has closed standard error, as `2>&1 | head` does, does not want
/// to hear it, and is no reason to stop before everything is tidied up.
macro_rules! say {
    ($($words:tt)*) => {{
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($words)*)));
    }};
}
pub(crate) use say;

/// An error and its causes in one line, with nothing in it that could move a terminal's cursor.
struct Sentence<'a>(&'a anyhow::Error);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::table::printable(&postern_client::sentence(self.0.as_ref())))
    }
}

/// Diagnostics for whoever asks for them by `POSTERN_LOG`; the sentence on standard error is for everybody else.
pub(crate) fn log_to_stderr() {
    let Some(filter) = std::env::var("POSTERN_LOG").ok().filter(|filter| !filter.is_empty()) else { return };
    let filter = tracing_subscriber::EnvFilter::new(filter);
    // Fails only when there is a subscriber already, and then that one may stay.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
