//! Being told to stop.

/// Waits for ^C, and for the signals by which systems and terminals end programs.
#[cfg(unix)]
pub(crate) async fn until_told_to_stop() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut signals =
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
    let [interrupt, terminate, hangup] = &mut signals;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

/// Waits for ^C.
#[cfg(not(unix))]
pub(crate) async fn until_told_to_stop() -> anyhow::Result<()> {
    Ok(tokio::signal::ctrl_c().await?)
}
