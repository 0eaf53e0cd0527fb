//! Looks after decisions for as long as the service runs: what is not allowed any more ends.

use std::sync::Arc;
use std::time::Duration;

use postern_control::Control;
use postern_protocol::Clock as _;
use postern_transport::SystemClock;
use postern_transport::tasks::Tasks;
use tokio::time::sleep;

/// Between two looks, if nobody hints at anything. One look is one row of the store.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// At least so long nothing is looked at after a look, whatever hints there are; and as long as the look has taken.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) async fn keep(control: Arc<Control>, tasks: Tasks) {
    tokio::select! {
        () = look(&control) => {}
        () = tasks.shutdown().cancelled() => {}
    }
}

async fn look(control: &Control) {
    let mut watch = loop {
        match control.watch_decisions().await {
            Ok(watch) => break watch,
            Err(error) => tracing::warn!(%error, "cannot listen for changes of what is allowed; trying again"),
        }
        sleep(LOOK_EVERY).await;
    };
    let mut is_failing = false;
    loop {
        let began = SystemClock.now().instant;
        match control.look(&mut watch).await {
            Ok(_) if std::mem::take(&mut is_failing) => {
                tracing::info!("it is known again what is allowed; sessions were asked about");
            }
            Ok(_) => {}
            // Said once: the store's own troubles are in the log as well.
            Err(error) if !std::mem::replace(&mut is_failing, true) => {
                tracing::warn!(%error, "it cannot be found out whether sessions are still allowed; they go on meanwhile");
            }
            Err(_) => {}
        }
        let took = SystemClock.now().instant.saturating_duration_since(began);
        sleep(PAUSE.max(took)).await;
        tokio::select! {
            () = watch.hint() => {}
            () = sleep(LOOK_EVERY) => {}
        }
    }
}
