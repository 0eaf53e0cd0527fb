//! Events for a log group: of this service, or of the one that its logs are passed on to.

use std::sync::Arc;

use async_trait::async_trait;
use postern_control::{Control, KeptEvent, Upstream as _, UpstreamError};
use postern_model::Operation;
use serde_json::{Value, json};

use super::Sink;
use crate::config::Config;
use crate::upstream::SignedService;

/// Between the first and the last event of one request, in milliseconds; less than the day that there may be.
const MAX_SPAN: u64 = 23 * 60 * 60 * 1000;
/// Texts of one request, in bytes, with what is counted beside each.
const MAX_BYTES: usize = 1_000_000;
const OVERHEAD: usize = 26;

/// The group.
pub(crate) struct LogGroup {
    group: String,
    stream: String,
    control: Arc<Control>,
    elsewhere: Option<SignedService>,
}

impl LogGroup {
    /// Opens nothing yet. The stream is named as CloudTrail names its own.
    pub(crate) fn new(config: &Config, control: Arc<Control>, group: String) -> Self {
        let stream = format!("{}_CloudTrail_{}", config.account_id, config.region);
        // That the settings fit together was checked when they were read.
        let elsewhere = config.logs_upstream().ok().flatten().map(SignedService::new);
        Self { group, stream, control, elsewhere }
    }

    async fn put(&self, events: &[KeptEvent]) -> Result<(), String> {
        let Some(service) = &self.elsewhere else {
            let stored = self.control.put_audit_in_logs(&self.group, &self.stream, events).await;
            return stored.map_err(|error| error.message().to_owned());
        };
        let texts: Vec<Value> =
            events.iter().map(|event| json!({"timestamp": event.at, "message": event.record})).collect();
        let request = json!({"logGroupName": self.group, "logStreamName": self.stream, "logEvents": texts});
        match call(service, Operation::PutLogEvents, &request).await {
            Err(UpstreamError::Answered { name: Some(name), .. }) if name == "ResourceNotFoundException" => {
                let group = json!({"logGroupName": self.group});
                let stream = json!({"logGroupName": self.group, "logStreamName": self.stream});
                for (operation, request) in [(Operation::CreateLogGroup, group), (Operation::CreateLogStream, stream)] {
                    match call(service, operation, &request).await {
                        Err(UpstreamError::Answered { name: Some(name), .. })
                            if name == "ResourceAlreadyExistsException" => {}
                        made => made.map_err(|error| sentence(&error))?,
                    }
                }
                call(service, Operation::PutLogEvents, &request).await.map_err(|error| sentence(&error))
            }
            put => put.map_err(|error| sentence(&error)),
        }
    }
}

async fn call(service: &SignedService, operation: Operation, request: &Value) -> Result<(), UpstreamError> {
    service.call(operation, request.to_string().into()).await.map(|_answer| ())
}

fn sentence(error: &UpstreamError) -> String {
    match error {
        UpstreamError::Answered { message, .. } => format!("the logs' service: {error}: {message}"),
        error => format!("the logs' service: {error}"),
    }
}

#[async_trait]
impl Sink for LogGroup {
    fn name(&self) -> &'static str {
        "log group"
    }

    async fn take(&mut self, events: &[KeptEvent]) -> Result<(), String> {
        let mut events = events.to_vec();
        events.sort_by_key(|event| event.at);
        let mut rest = &events[..];
        while let Some(first) = rest.first() {
            let mut bytes = 0;
            let fits = |event: &&KeptEvent| {
                bytes += event.record.len() + OVERHEAD;
                event.at - first.at <= MAX_SPAN && bytes <= MAX_BYTES
            };
            // No event is longer than a request.
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            self.put(now).await?;
            rest = later;
        }
        Ok(())
    }
}
