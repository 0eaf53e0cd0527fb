//! Reading streams, and searching them.

use std::str::FromStr;

use postern_model::ApiError;
use postern_model::logs::{
    FilterLogEventsRequest, FilterLogEventsResponse, FilterPattern, FilteredLogEvent, GetLogEventsRequest,
    GetLogEventsResponse, OutputLogEvent,
};
use postern_store::{LogEventRecord, LogPage, LogPosition, LogQuery, LogStreams, OnLogStream, UnixMillis};

use super::{cursor, invalid, no_group, no_stream, oldest_kept};
use crate::authz::act::{self, OnStream};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::{Control, failure};

/// Events of one page, AWS's maximum. So many are looked at for it, be they of the streams asked for or not.
const MAX_EVENTS: u32 = 10_000;
/// Text of one page, AWS's maximum.
const MAX_BYTES: usize = 1_048_576;
/// Pages that one search looks through before it answers with what it has, which may be nothing, and a token.
const PAGES_SEARCHED: usize = 4;
/// Bytes of text times terms of the pattern after which it does so, too: a pattern has room for hundreds of terms, and
/// nobody else gets to run while a text is searched.
const MAX_WORK: usize = 128 * 1024 * 1024;

impl Control {
    /// `GetLogEvents`: a page of one stream.
    ///
    /// # Errors
    /// `ResourceNotFoundException`, `InvalidParameterException` for a token that is none; `AccessDeniedException`.
    pub async fn get_log_events(
        &self,
        caller: &Caller,
        request: GetLogEventsRequest,
    ) -> Result<GetLogEventsResponse, ApiError> {
        let group = self.group_named(caller, &request.log_group)?;
        let on = self.on_stream(caller, group, &request.log_stream_name).await?;
        let allowed = authorize::<act::GetLogEvents>(caller, on)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.read_stream(allowed, &request).await
    }

    async fn read_stream(
        &self,
        allowed: Authorized<act::GetLogEvents>,
        request: &GetLogEventsRequest,
    ) -> Result<GetLogEventsResponse, ApiError> {
        let OnStream { group: group_name, stream, .. } = allowed.on();
        let group = self.store.log_group(self.scope(), group_name).await.map_err(failure::store)?;
        let group = group.ok_or_else(no_group)?;
        let token: Option<StreamToken> = match &request.next_token {
            Some(token) => Some(token.parse().map_err(|()| invalid("The specified nextToken is invalid."))?),
            None => None,
        };
        let kept = oldest_kept(self.unix_millis(), group.retention_days);
        let from = request.start_time.unwrap_or(0).max(kept);
        let newest_first = token.map_or(!request.start_from_head, |token| token.backward);
        let query = LogQuery {
            group: group_name.clone(),
            streams: LogStreams::Named(vec![stream.clone()]),
            from,
            until: request.end_time.unwrap_or(UnixMillis::MAX),
            newest_first,
            after: token.map(|token| token.position),
            max_events: request.limit.unwrap_or(MAX_EVENTS),
            max_bytes: MAX_BYTES,
        };
        let mut records = self.events(&query).await?.events;
        if newest_first {
            records.reverse();
        }
        let (forward, backward) = tokens(token, &records, from);
        let sealer = self.sealer(&group).await?;
        let output = |record: &LogEventRecord| {
            Ok(OutputLogEvent {
                timestamp: record.position.timestamp,
                message: sealer.open(&record.message)?,
                ingestion_time: record.ingested_at,
            })
        };
        Ok(GetLogEventsResponse {
            events: records.iter().map(output).collect::<Result<_, ApiError>>()?,
            next_forward_token: Some(forward.to_string()),
            next_backward_token: Some(backward.to_string()),
        })
    }

    /// `FilterLogEvents`: a page of what a search finds in many streams.
    ///
    /// # Errors
    /// `ResourceNotFoundException`, `InvalidParameterException` for a pattern or token that is none;
    /// `AccessDeniedException`.
    pub async fn filter_log_events(
        &self,
        caller: &Caller,
        request: FilterLogEventsRequest,
    ) -> Result<FilterLogEventsResponse, ApiError> {
        let group = self.group_named(caller, &request.log_group)?;
        let allowed = authorize::<act::FilterLogEvents>(caller, self.on_group(group).await?)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.search(allowed, request).await
    }

    async fn search(
        &self,
        allowed: Authorized<act::FilterLogEvents>,
        request: FilterLogEventsRequest,
    ) -> Result<FilterLogEventsResponse, ApiError> {
        let pattern = FilterPattern::parse(&request.filter_pattern)?;
        let listing = self.listing(&request);
        let after: Option<StreamToken> = cursor(&listing, request.next_token.as_deref())?;
        let group = self.store.log_group(self.scope(), &allowed.on().name).await.map_err(failure::store)?;
        let group = group.ok_or_else(no_group)?;
        let sealer = self.sealer(&group).await?;
        let limit = usize::try_from(request.limit.unwrap_or(MAX_EVENTS)).unwrap_or(usize::MAX);
        let kept = oldest_kept(self.unix_millis(), group.retention_days);
        let mut query = LogQuery {
            group: group.name.clone(),
            streams: match (request.log_stream_names, request.log_stream_name_prefix) {
                (names, _) if !names.is_empty() => LogStreams::Named(names),
                (_, Some(prefix)) => LogStreams::Prefix(prefix),
                (_, None) => LogStreams::All,
            },
            from: request.start_time.unwrap_or(0).max(kept),
            until: request.end_time.map_or(UnixMillis::MAX, |end| end.saturating_add(1)),
            newest_first: false,
            after: after.map(|token| token.position),
            max_events: MAX_EVENTS,
            max_bytes: MAX_BYTES,
        };
        let (mut events, mut bytes, mut work) = (Vec::new(), 0, 0_usize);
        for _ in 0..PAGES_SEARCHED {
            let LogPage { events: records, next } = self.events(&query).await?;
            for record in records {
                let message = sealer.open(&record.message)?;
                work = work.saturating_add(message.len().saturating_mul(pattern.terms()));
                if pattern.matches(message.expose()) {
                    if events.len() == limit || (bytes + message.len() > MAX_BYTES && !events.is_empty()) {
                        return Ok(found(events, listing.token(&token_after(query.after))));
                    }
                    bytes += message.len();
                    events.push(FilteredLogEvent {
                        log_stream_name: record.stream,
                        timestamp: record.position.timestamp,
                        message,
                        ingestion_time: record.ingested_at,
                        event_id: record.position.digits(),
                    });
                }
                query.after = Some(record.position);
                if work > MAX_WORK {
                    return Ok(found(events, listing.token(&token_after(query.after))));
                }
            }
            if next.is_none() {
                return Ok(FilterLogEventsResponse { events, ..FilterLogEventsResponse::default() });
            }
            query.after = next;
        }
        Ok(found(events, listing.token(&token_after(query.after))))
    }

    async fn events(&self, query: &LogQuery) -> Result<LogPage, ApiError> {
        match self.store.log_events(self.scope(), query).await.map_err(failure::store)? {
            OnLogStream::Done(page) => Ok(page),
            OnLogStream::GroupUnknown => Err(no_group()),
            OnLogStream::StreamUnknown => Err(no_stream()),
        }
    }
}

fn found(events: Vec<FilteredLogEvent>, next_token: String) -> FilterLogEventsResponse {
    FilterLogEventsResponse { events, next_token: Some(next_token), ..FilterLogEventsResponse::default() }
}

fn token_after(position: Option<LogPosition>) -> String {
    let position = position.unwrap_or(LogPosition { timestamp: 0, sequence: 0 });
    StreamToken { backward: false, position }.to_string()
}

/// A place in a stream and a direction: `f/` or `b/` and 56 digits. It is no secret and proves nothing: a page is
/// decided upon like every other request, wherever it begins. At an end of the stream a program has to get the very
/// token that it sent, so there is nothing random in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StreamToken {
    backward: bool,
    /// Reading goes on behind it.
    position: LogPosition,
}

trait Digits {
    fn digits(&self) -> String;
}

impl Digits for LogPosition {
    /// 56 digits that order as positions do.
    fn digits(&self) -> String {
        format!("{:028}{:028}", self.timestamp, self.sequence)
    }
}

impl std::fmt::Display for StreamToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", if self.backward { 'b' } else { 'f' }, self.position.digits())
    }
}

impl FromStr for StreamToken {
    type Err = ();

    fn from_str(token: &str) -> Result<Self, ()> {
        let (direction, digits) = token.split_once('/').ok_or(())?;
        let backward = match direction {
            "f" => false,
            "b" => true,
            _ => return Err(()),
        };
        if digits.len() != 56 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(());
        }
        let (timestamp, sequence) = digits.split_at(28);
        let position =
            LogPosition { timestamp: timestamp.parse().map_err(|_| ())?, sequence: sequence.parse().map_err(|_| ())? };
        Ok(Self { backward, position })
    }
}

/// The tokens to newer and to older events than these, which are in order. Where there are none, the token that led here
/// leads here again, and the other one back over what it came from.
fn tokens(came: Option<StreamToken>, records: &[LogEventRecord], from: UnixMillis) -> (StreamToken, StreamToken) {
    let forward = |position| StreamToken { backward: false, position };
    let backward = |position| StreamToken { backward: true, position };
    if let (Some(first), Some(last)) = (records.first(), records.last()) {
        return (forward(last.position), backward(first.position));
    }
    match came {
        None => {
            let start = LogPosition { timestamp: from, sequence: 0 };
            (forward(start), backward(start))
        }
        Some(token) => {
            let LogPosition { timestamp, sequence } = token.position;
            let step = if token.backward { sequence.saturating_sub(1) } else { sequence.saturating_add(1) };
            let across = LogPosition { timestamp, sequence: step };
            if token.backward { (forward(across), token) } else { (token, backward(across)) }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn tokens_of_a_stream_round_trip_and_nothing_else_is_one() {
        for backward in [false, true] {
            let position = LogPosition { timestamp: 1_795_384_779_000, sequence: u64::MAX };
            let token = StreamToken { backward, position };
            assert_eq!(token.to_string().parse(), Ok(token));
            assert_eq!(token.to_string().len(), 58);
        }
        let good = StreamToken { backward: false, position: LogPosition { timestamp: 1, sequence: 2 } }.to_string();
        for bad in ["", "f/", "f/1", "x/", &good[1..], &good[..57], &format!("{good}0"), &good.replace('f', "c")] {
            assert!(bad.parse::<StreamToken>().is_err(), "{bad}");
        }
        let huge = format!("f/{}{}", "9".repeat(28), "0".repeat(28));
        assert!(huge.parse::<StreamToken>().is_err());
        let signed = format!("f/+{}", "0".repeat(55));
        assert!(signed.parse::<StreamToken>().is_err());
    }

    #[test]
    fn at_an_end_the_token_that_led_there_leads_there_again() {
        let end: StreamToken = token_after(Some(LogPosition { timestamp: 9, sequence: 5 })).parse().unwrap();
        let (forward, backward) = tokens(Some(end), &[], 0);
        assert_eq!(forward, end);
        // Going back begins with the event that was the last one.
        assert_eq!(backward.position, LogPosition { timestamp: 9, sequence: 6 });
        let (forward, again) = tokens(Some(backward), &[], 0);
        assert_eq!(again, backward);
        assert_eq!(forward.position, end.position);
    }
}
