//! Log streams: made, listed, removed.

use postern_model::logs::{
    CreateLogStreamRequest, DeleteLogStreamRequest, DescribeLogStreamsRequest, DescribeLogStreamsResponse, LogStream,
    OrderBy,
};
use postern_model::{ApiError, Empty, ErrorCode};
use postern_store::{CreateLogStream, LogStreamOrder, LogStreamRecord, OnLogStream};

use super::put::sequence_token;
use super::{DEFAULT_LIMIT, cursor, invalid, no_group, no_stream};
use crate::authz::act::{self, OnStream, StreamsOfGroup};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::page::Listing;
use crate::{Control, failure};

impl Control {
    /// `CreateLogStream`.
    ///
    /// # Errors
    /// `ResourceNotFoundException`, `ResourceAlreadyExistsException`; `AccessDeniedException`.
    pub async fn create_log_stream(&self, caller: &Caller, request: CreateLogStreamRequest) -> Result<Empty, ApiError> {
        let on = self.on_stream(caller, self.own_group(&request.log_group_name), &request.log_stream_name).await?;
        let allowed = authorize::<act::CreateLogStream>(caller, StreamsOfGroup(on))?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.make_log_stream(allowed).await
    }

    async fn make_log_stream(&self, allowed: Authorized<act::CreateLogStream>) -> Result<Empty, ApiError> {
        let OnStream { group, stream, .. } = &allowed.on().0;
        let made = self.store.create_log_stream(self.scope(), group, stream, self.unix_millis()).await;
        match made.map_err(failure::store)? {
            CreateLogStream::Created => Ok(Empty {}),
            CreateLogStream::GroupUnknown => Err(no_group()),
            CreateLogStream::Exists => {
                let message = "The specified log stream already exists";
                Err(ApiError::new(ErrorCode::ResourceAlreadyExistsException, message))
            }
        }
    }

    /// `DeleteLogStream`: with all that is in it.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `AccessDeniedException`.
    pub async fn delete_log_stream(&self, caller: &Caller, request: DeleteLogStreamRequest) -> Result<Empty, ApiError> {
        let on = self.on_stream(caller, self.own_group(&request.log_group_name), &request.log_stream_name).await?;
        let allowed = authorize::<act::DeleteLogStream>(caller, on)?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.remove_log_stream(allowed).await
    }

    async fn remove_log_stream(&self, allowed: Authorized<act::DeleteLogStream>) -> Result<Empty, ApiError> {
        let OnStream { group, stream, .. } = allowed.on();
        match self.store.delete_log_stream(self.scope(), group, stream).await.map_err(failure::store)? {
            OnLogStream::Done(()) => Ok(Empty {}),
            OnLogStream::GroupUnknown => Err(no_group()),
            OnLogStream::StreamUnknown => Err(no_stream()),
        }
    }

    /// `DescribeLogStreams`: a page of streams. A node may ask for the stream of a session of its own, by its whole name.
    ///
    /// # Errors
    /// `ResourceNotFoundException`, `InvalidParameterException` for a token that is none; `AccessDeniedException`.
    pub async fn describe_log_streams(
        &self,
        caller: &Caller,
        request: DescribeLogStreamsRequest,
    ) -> Result<DescribeLogStreamsResponse, ApiError> {
        let group = self.group_named(caller, &request.log_group)?;
        let prefix = request.log_stream_name_prefix.as_deref().unwrap_or_default();
        let on = self.on_stream(caller, group, prefix).await?;
        let allowed = authorize::<act::DescribeLogStreams>(caller, StreamsOfGroup(on))?;
        if let Some(answer) = self.pass_on(&allowed, &request).await {
            return answer;
        }
        self.page_of_log_streams(allowed, &request).await
    }

    async fn page_of_log_streams(
        &self,
        allowed: Authorized<act::DescribeLogStreams>,
        request: &DescribeLogStreamsRequest,
    ) -> Result<DescribeLogStreamsResponse, ApiError> {
        let OnStream { group, stream: prefix, .. } = &allowed.on().0;
        let listing = self.listing(request);
        let order = order(&listing, request, prefix)?;
        let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
        let found = self.store.log_streams_page(self.scope(), group, &order, request.descending, limit + 1).await;
        let mut streams = found.map_err(failure::store)?.ok_or_else(no_group)?;
        let next_token = listing.cut(&mut streams, limit, |stream| match order {
            LogStreamOrder::Name { .. } => stream.name.clone(),
            LogStreamOrder::LastEvent { .. } => format!("{}/{}", stream.last_event_at.unwrap_or(0), stream.name),
        });
        let log_streams = streams.into_iter().map(|stream| self.listed_stream(group, stream)).collect();
        Ok(DescribeLogStreamsResponse { log_streams, next_token })
    }

    fn listed_stream(&self, group: &str, stream: LogStreamRecord) -> LogStream {
        LogStream {
            arn: format!("{}:log-stream:{}", self.group_arn(group), stream.name),
            log_stream_name: stream.name,
            creation_time: stream.created_at,
            first_event_timestamp: stream.first_event_at,
            last_event_timestamp: stream.last_event_at,
            last_ingestion_time: stream.last_ingestion_at,
            upload_sequence_token: Some(sequence_token(stream.last_sequence)),
            stored_bytes: 0,
        }
    }
}

fn order(listing: &Listing<'_>, request: &DescribeLogStreamsRequest, prefix: &str) -> Result<LogStreamOrder, ApiError> {
    let after: Option<String> = cursor(listing, request.next_token.as_deref())?;
    if request.order_by != Some(OrderBy::LastEventTime) {
        return Ok(LogStreamOrder::Name { prefix: prefix.to_owned(), after });
    }
    let Some(after) = after else { return Ok(LogStreamOrder::LastEvent { after: None }) };
    let split = || {
        let (moment, name) = after.split_once('/')?;
        Some((moment.parse().ok()?, name.to_owned()))
    };
    let after = split().ok_or_else(|| invalid("The specified nextToken is invalid."))?;
    Ok(LogStreamOrder::LastEvent { after: Some(after) })
}
