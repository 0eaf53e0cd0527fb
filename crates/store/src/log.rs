//! Logs: groups, streams in groups, events in streams. The text of an event is opaque here; it may come sealed.

use async_trait::async_trait;
use postern_iam::{KeyId, NodeId, SecretBytes};

use crate::{Scope, StoreError, Tag, UnixMillis};

/// A log group as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroupRecord {
    /// Unique in its scope.
    pub name: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// How many days events stay; for ever if there is no number.
    pub retention_days: Option<u32>,
    /// The key that its events are sealed with; never changed.
    pub key_id: Option<KeyId>,
    /// Bytes of the events that are there, each with [`LOG_EVENT_OVERHEAD_BYTES`].
    pub stored_bytes: u64,
    /// Labels, ordered by key.
    pub tags: Vec<Tag>,
}

/// A log stream as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStreamRecord {
    /// Unique in its group.
    pub name: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// The time of the first event that is there.
    pub first_event_at: Option<UnixMillis>,
    /// The latest time of any event that ever was there.
    pub last_event_at: Option<UnixMillis>,
    /// When events last arrived.
    pub last_ingestion_at: Option<UnixMillis>,
    /// The place of the last event that arrived, in its group; 0 before the first.
    pub last_sequence: u64,
}

/// What an event costs beside its text, as AWS counts it.
pub const LOG_EVENT_OVERHEAD_BYTES: u64 = 26;

/// An event that arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLogEvent {
    /// When it happened.
    pub timestamp: UnixMillis,
    /// Its text, perhaps sealed.
    pub message: SecretBytes,
}

/// A node whose events arrive, and how much of it there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogWriter {
    /// The node.
    pub node_id: NodeId,
    /// Bytes of its events that may be there, in all groups together, each event with [`LOG_EVENT_OVERHEAD_BYTES`]. What
    /// was removed counts until it is forgotten.
    pub max_bytes: u64,
}

/// Events of one stream that arrive together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogBatch {
    /// The group.
    pub group: String,
    /// The stream.
    pub stream: String,
    /// The key that the texts are sealed with, which is the group's.
    pub key_id: Option<KeyId>,
    /// The node that sends them; what people send is not counted.
    pub writer: Option<LogWriter>,
    /// The events.
    pub events: Vec<NewLogEvent>,
    /// When they arrive.
    pub now: UnixMillis,
}

/// Where an event is in the order of its stream and of its group: by time, then in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    /// When it happened.
    pub timestamp: UnixMillis,
    /// How many events of its group arrived up to it; unique in the group.
    pub sequence: u64,
}

/// An event as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEventRecord {
    /// In which stream.
    pub stream: String,
    /// Where.
    pub position: LogPosition,
    /// When it arrived.
    pub ingested_at: UnixMillis,
    /// Its text, as it came.
    pub message: SecretBytes,
}

/// Which groups are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogGroupFilter {
    /// All.
    Any,
    /// Those whose names begin so.
    Prefix(String),
    /// Those whose names contain this.
    Containing(String),
}

/// In which order streams are listed, and where a page begins: behind the stream named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogStreamOrder {
    /// By name, those whose names begin with the prefix.
    Name {
        /// Empty for all.
        prefix: String,
        /// The last one shown.
        after: Option<String>,
    },
    /// By the time of the last event, then by name.
    LastEvent {
        /// The last one shown.
        after: Option<(UnixMillis, String)>,
    },
}

/// Which streams are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogStreams {
    /// All of the group.
    All,
    /// Those whose names begin so.
    Prefix(String),
    /// These.
    Named(Vec<String>),
}

/// Which events are read, and in which direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// The group.
    pub group: String,
    /// In which streams.
    pub streams: LogStreams,
    /// From this moment on.
    pub from: UnixMillis,
    /// Before this moment.
    pub until: UnixMillis,
    /// Backwards: the newest first.
    pub newest_first: bool,
    /// Behind this position, in the direction of reading.
    pub after: Option<LogPosition>,
    /// At most so many are looked at, be they of these streams or not.
    pub max_events: u32,
    /// At most so many bytes of text, but one event always.
    pub max_bytes: usize,
}

/// What a reading found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The events, in the direction of reading. There may be none, and more behind.
    pub events: Vec<LogEventRecord>,
    /// Reading goes on behind this one, if there is more.
    pub next: Option<LogPosition>,
}

/// The answer to [`LogStore::create_log_group`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateLogGroup {
    /// It is stored.
    Created,
    /// There is one of this name already.
    Exists,
    /// There are as many as there may be.
    LimitReached,
}

/// The answer to [`LogStore::create_log_stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateLogStream {
    /// It is stored.
    Created,
    /// There is one of this name already.
    Exists,
    /// There is no such group.
    GroupUnknown,
}

/// The answer to [`LogStore::put_log_events`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutLogEvents {
    /// They are stored. The sequence of the last one.
    Stored(u64),
    /// There is no such group. A group with another key than the events are sealed with is not the group that they are
    /// for: that one was removed meanwhile.
    GroupUnknown,
    /// There is no such stream in the group.
    StreamUnknown,
    /// With them, there would be more of this node than there may be.
    QuotaReached,
}

/// What an act on a stream found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLogStream<T> {
    /// It was done.
    Done(T),
    /// There is no such group.
    GroupUnknown,
    /// There is no such stream in the group.
    StreamUnknown,
}

/// Acts on logs.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Stores a new group, empty, if there are fewer than `limit`.
    async fn create_log_group(
        &self,
        scope: &Scope,
        group: LogGroupRecord,
        limit: u32,
    ) -> Result<CreateLogGroup, StoreError>;

    /// One group.
    async fn log_group(&self, scope: &Scope, name: &str) -> Result<Option<LogGroupRecord>, StoreError>;

    /// Up to `limit` groups in the order of their names, from behind `after`.
    async fn log_groups_page(
        &self,
        scope: &Scope,
        filter: &LogGroupFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<LogGroupRecord>, StoreError>;

    /// Says how long the events of a group stay. False if there is none.
    async fn set_log_retention(&self, scope: &Scope, name: &str, days: Option<u32>) -> Result<bool, StoreError>;

    /// Removes a group with all its streams and events. False if there is none. A new one of the same name is empty.
    async fn delete_log_group(&self, scope: &Scope, name: &str) -> Result<bool, StoreError>;

    /// Stores a new stream, empty.
    async fn create_log_stream(
        &self,
        scope: &Scope,
        group: &str,
        name: &str,
        created_at: UnixMillis,
    ) -> Result<CreateLogStream, StoreError>;

    /// Removes a stream with all its events.
    async fn delete_log_stream(&self, scope: &Scope, group: &str, name: &str) -> Result<OnLogStream<()>, StoreError>;

    /// Up to `limit` streams of a group; none if there is no such group.
    async fn log_streams_page(
        &self,
        scope: &Scope,
        group: &str,
        order: &LogStreamOrder,
        descending: bool,
        limit: u32,
    ) -> Result<Option<Vec<LogStreamRecord>>, StoreError>;

    /// Stores events, all or none.
    async fn put_log_events(&self, scope: &Scope, batch: LogBatch) -> Result<PutLogEvents, StoreError>;

    /// Reads events in the order asked for. A stream that is named and is not there is unknown.
    async fn log_events(&self, scope: &Scope, query: &LogQuery) -> Result<OnLogStream<LogPage>, StoreError>;

    /// Forgets up to `limit` events that are older than their groups keep them, or whose streams were removed. To be
    /// called until it answers 0.
    async fn forget_log_events(&self, now: UnixMillis, limit: u32) -> Result<u64, StoreError>;
}
