//! The log: to standard error, level by `POSTERN_LOG`, one line an event.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts logging. The filter has the usual form, such as `info` or `postern_gateway=debug,info`; one that makes no
/// sense is named and replaced by the default.
pub fn init() {
    let wanted = std::env::var("POSTERN_LOG").unwrap_or_default();
    let (filter, complaint) = match EnvFilter::try_new(if wanted.is_empty() { "info" } else { &wanted }) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A second start in one process (tests) keeps the first.
    let _ = logging.try_init();
    if let Some(error) = complaint {
        tracing::warn!(%error, "POSTERN_LOG is not a log filter; write for example POSTERN_LOG=debug");
    }
}
