//! Putting events into streams, within AWS's limits.

use postern_model::ApiError;
use postern_model::logs::{InputLogEvent, PutLogEventsRequest, PutLogEventsResponse, RejectedLogEventsInfo};
use postern_store::{
    LOG_EVENT_OVERHEAD_BYTES, LogBatch, LogGroupRecord, LogWriter, NewLogEvent, PutLogEvents, UnixMillis,
};

use super::{DAY_MILLIS, invalid, no_group, no_stream, oldest_kept};
use crate::authz::act::{self, OnStream};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

/// The texts of one request, each with its overhead. A single event may fill it (AWS allows events of 1 MB since 2025).
const MAX_BATCH_BYTES: u64 = 1_048_576;
/// Between the first and the last event of one request.
const MAX_SPAN: UnixMillis = DAY_MILLIS;
const MAX_AHEAD: UnixMillis = 2 * 60 * 60 * 1000;
const MAX_AGE: UnixMillis = 14 * DAY_MILLIS;

impl Control {
    /// `PutLogEvents`: stores what is neither too old nor too new, and says what it left out.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidParameterException` for a request that is too large, out of order, or spans
    /// more than a day; `AccessDeniedException`. A node that has as many logs here as it may have gets
    /// `ResourceNotFoundException` too: the only answer at which AWS's agent stops. After any other it sends the same
    /// again every second, and keeps the session's process for that when the session is over.
    pub async fn put_log_events(
        &self,
        caller: &Caller,
        request: PutLogEventsRequest,
    ) -> Result<PutLogEventsResponse, ApiError> {
        let on = self.on_stream(caller, self.own_group(&request.log_group_name), &request.log_stream_name).await?;
        let allowed = authorize::<act::PutLogEvents>(caller, on)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.store_events(allowed, &request.log_events).await
    }

    async fn store_events(
        &self,
        allowed: Authorized<act::PutLogEvents>,
        events: &[InputLogEvent],
    ) -> Result<PutLogEventsResponse, ApiError> {
        check(events)?;
        let OnStream { group: group_name, stream, .. } = allowed.on();
        let node_id = allowed.caller().node_id();
        let group = self.store.log_group(self.scope(), group_name).await.map_err(failure::store)?;
        let group = group.ok_or_else(no_group)?;
        let now = self.unix_millis();
        let (kept, rejected_log_events_info) = sift(events, &group, now);
        let sealer = self.sealer(&group).await?;
        let seal =
            |event: &InputLogEvent| NewLogEvent { timestamp: event.timestamp, message: sealer.seal(&event.message) };
        let events = kept.iter().map(seal).collect();
        let max_bytes = self.settings.log_bytes_per_node;
        let batch = LogBatch {
            group: group_name.clone(),
            stream: stream.clone(),
            key_id: group.key_id.clone(),
            writer: node_id.map(|node_id| LogWriter { node_id: node_id.clone(), max_bytes }),
            events,
            now,
        };
        let stored = self.store.put_log_events(self.scope(), batch).await;
        match stored.map_err(failure::store)? {
            PutLogEvents::Stored(sequence) => Ok(PutLogEventsResponse {
                next_sequence_token: Some(sequence_token(sequence)),
                rejected_log_events_info,
            }),
            PutLogEvents::GroupUnknown => Err(no_group()),
            PutLogEvents::StreamUnknown => Err(no_stream()),
            PutLogEvents::QuotaReached => Err(self.log_quota_reached(node_id, max_bytes)),
        }
    }
}

/// What older programs send with the next events. Nobody looks at it; it has the form that AWS's have.
pub(super) fn sequence_token(sequence: u64) -> String {
    format!("{sequence:056}")
}

fn check(events: &[InputLogEvent]) -> Result<(), ApiError> {
    let bytes: u64 = events.iter().map(|event| event.message.len() as u64 + LOG_EVENT_OVERHEAD_BYTES).sum();
    if bytes > MAX_BATCH_BYTES {
        return Err(invalid(format!("Upload too large: {bytes} bytes exceeds limit of {MAX_BATCH_BYTES}")));
    }
    if events.windows(2).any(|pair| matches!(pair, [a, b] if a.timestamp > b.timestamp)) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    match (events.first(), events.last()) {
        (Some(first), Some(last)) if last.timestamp - first.timestamp > MAX_SPAN => {
            Err(invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours."))
        }
        _ => Ok(()),
    }
}

/// The events that are stored, and what is said about the others. They are in the order of their times.
fn sift<'a>(
    events: &'a [InputLogEvent],
    group: &LogGroupRecord,
    now: UnixMillis,
) -> (&'a [InputLogEvent], Option<RejectedLogEventsInfo>) {
    let before = |moment: UnixMillis| events.partition_point(|event| event.timestamp < moment);
    let too_old = before(now.saturating_sub(MAX_AGE));
    let expired = before(oldest_kept(now, group.retention_days));
    let too_new = before(now + MAX_AHEAD + 1);
    let place = |count: usize, is_any: bool| is_any.then(|| u32::try_from(count).unwrap_or(u32::MAX));
    let info = RejectedLogEventsInfo {
        too_new_log_event_start_index: place(too_new, too_new < events.len()),
        too_old_log_event_end_index: place(too_old, too_old > 0),
        expired_log_event_end_index: place(expired, expired > 0),
    };
    let kept = events.get(too_old.max(expired)..too_new).unwrap_or_default();
    (kept, (info != RejectedLogEventsInfo::default()).then_some(info))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = 1_795_384_779_000;

    fn events(times: &[UnixMillis]) -> Vec<InputLogEvent> {
        times.iter().map(|timestamp| InputLogEvent { timestamp: *timestamp, message: "text".into() }).collect()
    }

    fn group(retention_days: Option<u32>) -> LogGroupRecord {
        LogGroupRecord {
            name: "g".to_owned(),
            created_at: 0,
            retention_days,
            key_id: None,
            stored_bytes: 0,
            tags: Vec::new(),
        }
    }

    #[test]
    fn what_is_too_old_expired_or_too_new_is_left_out_and_told() {
        let edge = [NOW - MAX_AGE - 1, NOW - MAX_AGE, NOW - 3 * DAY_MILLIS, NOW, NOW + MAX_AHEAD, NOW + MAX_AHEAD + 1];
        for (retention, kept, old, expired, new) in [
            (None, 1..5, Some(1), None, Some(5)),
            (Some(30), 1..5, Some(1), None, Some(5)),
            (Some(3), 2..5, Some(1), Some(2), Some(5)),
            (Some(1), 3..5, Some(1), Some(3), Some(5)),
        ] {
            let all = events(&edge);
            let (stored, info) = sift(&all, &group(retention), NOW);
            assert_eq!(stored, &all[kept]);
            let expected = RejectedLogEventsInfo {
                too_new_log_event_start_index: new,
                too_old_log_event_end_index: old,
                expired_log_event_end_index: expired,
            };
            assert_eq!(info, Some(expected), "{retention:?}");
        }
        let fine = events(&[NOW, NOW]);
        assert_eq!(sift(&fine, &group(Some(1)), NOW), (&fine[..], None));
        let new = events(&[NOW + MAX_AHEAD + 1, NOW + MAX_AHEAD + 2]);
        let (stored, _) = sift(&new, &group(None), NOW);
        assert!(stored.is_empty());
    }

    #[test]
    fn a_batch_is_bounded_in_order_and_of_one_day() {
        let says = |events: &[InputLogEvent]| check(events).map_err(|error| error.message().to_owned());
        assert_eq!(says(&events(&[NOW, NOW, NOW + MAX_SPAN])), Ok(()));
        let text = "Log events in a single PutLogEvents request must be in chronological order.";
        assert_eq!(says(&events(&[NOW, NOW - 1])), Err(text.to_owned()));
        let text = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.";
        assert_eq!(says(&events(&[NOW, NOW + MAX_SPAN + 1])), Err(text.to_owned()));
        let sized = |bytes: usize| [InputLogEvent { timestamp: NOW, message: "x".repeat(bytes).into() }];
        assert_eq!(says(&sized(1_048_576 - 26)), Ok(()));
        let text = "Upload too large: 1048577 bytes exceeds limit of 1048576";
        assert_eq!(says(&sized(1_048_576 - 25)), Err(text.to_owned()));
    }
}
