//! Where audit events go beside the database: a file, somebody's web address, a log group.
//!
//! Each sink has a task, which asks for the next events, hands them over, and notes how far it has come. So each event
//! arrives at least once and in order, an outage of a sink costs nobody else anything, and after a restart it goes on
//! where it was. The log in the database is the spool; it is bounded by `audit_retention`.

mod file;
mod log_group;
pub(crate) mod verify;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use postern_control::{Control, KeptEvent};
use postern_transport::tasks::Tasks;

pub(crate) use file::File;
pub(crate) use log_group::LogGroup;
pub(crate) use webhook::{Webhook, secret};

use crate::config::Config;

/// Events that are handed over at once.
const BATCH: u32 = 100;
/// Between two looks whether there is something new.
const LOOK: Duration = Duration::from_secs(1);
/// The longest pause after a failure; the first is as long as between two looks, and each is twice the one before.
const MOST_PATIENCE: Duration = Duration::from_secs(60);

/// Somewhere that events go.
#[async_trait]
pub(crate) trait Sink: Send + 'static {
    /// Its name, by which the database knows how far it has come.
    fn name(&self) -> &'static str;

    /// Takes events, all of them or so that they may be given to it again. The error is a sentence with the cause and the
    /// fix.
    async fn take(&mut self, events: &[KeptEvent]) -> Result<(), String>;
}

/// Begins to feed every sink that the settings name.
pub(crate) fn start(config: &Config, control: &Arc<Control>, tasks: &Tasks) {
    if let Some(path) = &config.audit_file {
        tasks.spawn("audit file", feed(Arc::clone(control), File::new(path), tasks.clone()));
    }
    if let (Some(url), Some(secret)) = (&config.audit_webhook, &config.audit_webhook_secret_file) {
        let webhook = Webhook::new(url.clone(), secret.clone());
        tasks.spawn("audit webhook", feed(Arc::clone(control), webhook, tasks.clone()));
    }
    if let Some(group) = &config.audit_log_group {
        let group = LogGroup::new(config, Arc::clone(control), group.clone());
        tasks.spawn("audit log group", feed(Arc::clone(control), group, tasks.clone()));
    }
}

async fn feed<S: Sink>(control: Arc<Control>, mut sink: S, tasks: Tasks) {
    let mut patience = None;
    loop {
        let pause = match hand_over(&control, &mut sink).await {
            Ok(has_more) => {
                if patience.take().is_some() {
                    tracing::info!(sink = sink.name(), "audit events are taken again");
                }
                if has_more { Duration::ZERO } else { LOOK }
            }
            Err(reason) => {
                let pause = patience.map_or(LOOK, |last: Duration| (last * 2).min(MOST_PATIENCE));
                if patience.replace(pause).is_none() {
                    tracing::warn!(sink = sink.name(), reason, "audit events are not taken; they wait in the database");
                }
                pause
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = tasks.shutdown().cancelled() => return,
        }
    }
}

/// Whether there may be more at once.
async fn hand_over<S: Sink>(control: &Control, sink: &mut S) -> Result<bool, String> {
    let name = sink.name();
    let batch = control.audit_batch(name, BATCH).await.map_err(|error| error.message().to_owned())?;
    let Some(last) = batch.events.last().map(|event| event.number) else { return Ok(false) };
    if batch.missed > 0 {
        tracing::error!(
            sink = name,
            missed = batch.missed,
            "audit events were forgotten before they could be handed over; raise audit_retention, or mend the sink sooner"
        );
    }
    sink.take(&batch.events).await?;
    control.audit_delivered(name, last).await.map_err(|error| error.message().to_owned())?;
    Ok(batch.events.len() == usize::try_from(BATCH).unwrap_or(usize::MAX))
}
