//! Cases about logs.

pub(super) mod bounds;

use postern_iam::{KeyId, SecretBytes};

use super::fixture::{NOW, other_scope, scope, tag};
use crate::{
    CreateLogGroup, CreateLogStream, LOG_EVENT_OVERHEAD_BYTES, LogBatch, LogEventRecord, LogGroupFilter,
    LogGroupRecord, LogPage, LogPosition, LogQuery, LogStreamOrder, LogStreams, NewLogEvent, OnLogStream, PutLogEvents,
    Store, UnixMillis,
};

const MANY: u32 = 100;
const DAY: UnixMillis = 24 * 60 * 60 * 1000;

fn group(name: &str) -> LogGroupRecord {
    LogGroupRecord {
        name: name.to_owned(),
        created_at: NOW,
        retention_days: None,
        key_id: Some(KeyId::generate(&[7; 16])),
        stored_bytes: 0,
        tags: vec![tag("env", "prod")],
    }
}

async fn create(store: &dyn Store, name: &str) {
    let made = store.create_log_group(&scope(), group(name), MANY).await.expect("writes");
    assert_eq!(made, CreateLogGroup::Created);
}

async fn stream(store: &dyn Store, group: &str, name: &str) {
    let made = store.create_log_stream(&scope(), group, name, NOW).await.expect("writes");
    assert_eq!(made, CreateLogStream::Created);
}

fn batch(group: &str, stream: &str, events: Vec<NewLogEvent>, now: UnixMillis) -> LogBatch {
    LogBatch {
        group: group.to_owned(),
        stream: stream.to_owned(),
        key_id: Some(KeyId::generate(&[7; 16])),
        writer: None,
        events,
        now,
    }
}

async fn put(store: &dyn Store, group: &str, stream: &str, events: &[(UnixMillis, &str)], now: UnixMillis) -> u64 {
    let new = |(timestamp, text): &(UnixMillis, &str)| NewLogEvent {
        timestamp: *timestamp,
        message: SecretBytes::new(text.as_bytes().to_vec()),
    };
    let events = events.iter().map(new).collect();
    match store.put_log_events(&scope(), batch(group, stream, events, now)).await.expect("writes") {
        PutLogEvents::Stored(sequence) => sequence,
        other => panic!("the events were not stored: {other:?}"),
    }
}

fn query(group: &str, streams: LogStreams) -> LogQuery {
    LogQuery {
        group: group.to_owned(),
        streams,
        from: 0,
        until: UnixMillis::MAX,
        newest_first: false,
        after: None,
        max_events: 1000,
        max_bytes: 1_000_000,
    }
}

async fn page(store: &dyn Store, query: &LogQuery) -> LogPage {
    match store.log_events(&scope(), query).await.expect("reads") {
        OnLogStream::Done(page) => page,
        other => panic!("the events were not read: {other:?}"),
    }
}

async fn read(store: &dyn Store, query: &LogQuery) -> Vec<LogEventRecord> {
    page(store, query).await.events
}

fn texts(events: &[LogEventRecord]) -> Vec<&str> {
    events.iter().map(|event| std::str::from_utf8(event.message.expose()).expect("as it was put")).collect()
}

pub(super) async fn groups_are_kept_whole_up_to_a_limit_and_listed_by_name(store: &dyn Store) {
    for name in ["/ssm/b", "/ssm/a", "other"] {
        create(store, name).await;
    }
    let again = store.create_log_group(&scope(), group("/ssm/a"), MANY).await.expect("writes");
    assert_eq!(again, CreateLogGroup::Exists);
    let more = store.create_log_group(&scope(), group("more"), 3).await.expect("writes");
    assert_eq!(more, CreateLogGroup::LimitReached);
    assert_eq!(store.log_group(&scope(), "/ssm/a").await.expect("reads"), Some(group("/ssm/a")));
    assert_eq!(store.log_group(&scope(), "more").await.expect("reads"), None);
    let page = async |filter, after: Option<&str>, limit| {
        let found = store.log_groups_page(&scope(), &filter, after, limit).await.expect("reads");
        found.into_iter().map(|group| group.name).collect::<Vec<_>>()
    };
    assert_eq!(page(LogGroupFilter::Any, None, 50).await, ["/ssm/a", "/ssm/b", "other"]);
    assert_eq!(page(LogGroupFilter::Any, Some("/ssm/a"), 1).await, ["/ssm/b"]);
    assert_eq!(page(LogGroupFilter::Prefix("/ssm".to_owned()), None, 50).await, ["/ssm/a", "/ssm/b"]);
    assert_eq!(page(LogGroupFilter::Prefix("ssm".to_owned()), None, 50).await, [""; 0]);
    assert_eq!(page(LogGroupFilter::Containing("s".to_owned()), None, 50).await, ["/ssm/a", "/ssm/b"]);
    assert_eq!(page(LogGroupFilter::Containing("the".to_owned()), None, 50).await, ["other"]);

    assert!(store.set_log_retention(&scope(), "other", Some(7)).await.expect("writes"));
    let found = store.log_group(&scope(), "other").await.expect("reads").expect("it is there");
    assert_eq!(found.retention_days, Some(7));
    assert!(store.set_log_retention(&scope(), "other", None).await.expect("writes"));
    assert!(!store.set_log_retention(&scope(), "more", Some(7)).await.expect("writes"));
    assert_eq!(store.log_group(&other_scope(), "other").await.expect("reads"), None);
    assert!(store.log_groups_page(&other_scope(), &LogGroupFilter::Any, None, 50).await.expect("reads").is_empty());
    assert!(!store.delete_log_group(&other_scope(), "other").await.expect("writes"));
}

pub(super) async fn streams_are_listed_by_name_and_by_last_event(store: &dyn Store) {
    let made = store.create_log_stream(&scope(), "g", "s", NOW).await.expect("writes");
    assert_eq!(made, CreateLogStream::GroupUnknown);
    create(store, "g").await;
    for name in ["jane-b", "jane-a", "tom-é", "tom-ê"] {
        stream(store, "g", name).await;
    }
    let again = store.create_log_stream(&scope(), "g", "jane-a", NOW).await.expect("writes");
    assert_eq!(again, CreateLogStream::Exists);
    put(store, "g", "jane-b", &[(NOW + 5, "1"), (NOW + 9, "2")], NOW + 20).await;
    let last = put(store, "g", "jane-a", &[(NOW + 7, "3")], NOW + 21).await;

    let page = async |order, descending, limit| {
        let found = store.log_streams_page(&scope(), "g", &order, descending, limit).await.expect("reads");
        found.expect("there is such a group")
    };
    let names = async |order, descending, limit| {
        page(order, descending, limit).await.into_iter().map(|stream| stream.name).collect::<Vec<_>>()
    };
    let by_name = |prefix: &str, after: Option<&str>| LogStreamOrder::Name {
        prefix: prefix.to_owned(),
        after: after.map(str::to_owned),
    };
    assert_eq!(names(by_name("", None), false, 50).await, ["jane-a", "jane-b", "tom-é", "tom-ê"]);
    assert_eq!(names(by_name("", Some("jane-b")), true, 50).await, ["jane-a"]);
    assert_eq!(names(by_name("jane", Some("jane-a")), false, 1).await, ["jane-b"]);
    assert_eq!(names(by_name("tom-é", None), false, 50).await, ["tom-é"]);
    let by_event = |after: Option<(UnixMillis, &str)>| LogStreamOrder::LastEvent {
        after: after.map(|(moment, name)| (moment, name.to_owned())),
    };
    assert_eq!(names(by_event(None), true, 50).await, ["jane-b", "jane-a", "tom-ê", "tom-é"]);
    assert_eq!(names(by_event(Some((NOW + 9, "jane-b"))), true, 1).await, ["jane-a"]);
    assert_eq!(names(by_event(Some((0, "tom-é"))), false, 50).await, ["tom-ê", "jane-a", "jane-b"]);

    let first = page(by_name("jane-b", None), false, 1).await.remove(0);
    assert_eq!((first.first_event_at, first.last_event_at), (Some(NOW + 5), Some(NOW + 9)));
    assert_eq!((first.created_at, first.last_ingestion_at), (NOW, Some(NOW + 20)));
    let second = page(by_name("jane-a", None), false, 1).await.remove(0);
    assert_eq!(second.last_sequence, last);
    let empty = page(by_name("tom", None), false, 1).await.remove(0);
    assert_eq!((empty.first_event_at, empty.last_event_at, empty.last_sequence), (None, None, 0));
    let unknown = store.log_streams_page(&scope(), "none", &by_name("", None), false, 50).await.expect("reads");
    assert_eq!(unknown, None);
}

pub(super) async fn events_are_read_in_order_both_ways_within_bounds(store: &dyn Store) {
    create(store, "g").await;
    stream(store, "g", "one").await;
    stream(store, "g", "two").await;
    // Twelve at the same time keep the order in which they came; another came late.
    let same: Vec<(UnixMillis, String)> = (0..12).map(|number| (NOW, format!("same {number:02}"))).collect();
    let same: Vec<_> = same.iter().map(|(moment, text)| (*moment, text.as_str())).collect();
    assert_eq!(put(store, "g", "one", &same, NOW).await, 12);
    assert_eq!(put(store, "g", "two", &[(NOW, "two"), (NOW + 2, "later")], NOW).await, 14);
    assert_eq!(put(store, "g", "one", &[(NOW - 1, "late")], NOW + 1).await, 15);
    assert_eq!(put(store, "g", "two", &[], NOW + 2).await, 15, "nothing is a batch too");
    let order = LogStreamOrder::Name { prefix: "two".to_owned(), after: None };
    let found = store.log_streams_page(&scope(), "g", &order, false, 1).await.expect("reads").expect("it is there");
    assert_eq!((found[0].last_event_at, found[0].last_ingestion_at), (Some(NOW + 2), Some(NOW + 2)));

    let one = query("g", LogStreams::Named(vec!["one".to_owned()]));
    let whole = read(store, &one).await;
    let mut expected = vec!["late"];
    expected.extend(same.iter().map(|(_, text)| *text));
    assert_eq!(texts(&whole), expected);
    assert_eq!(whole[0].position, LogPosition { timestamp: NOW - 1, sequence: 15 });
    assert_eq!((whole[0].stream.as_str(), whole[0].ingested_at), ("one", NOW + 1));

    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = read(store, &LogQuery { after, max_events: 5, ..one.clone() }).await;
        let Some(last) = page.last() else { break };
        after = Some(last.position);
        seen.extend(page);
    }
    assert_eq!(seen, whole, "pages add up");
    let mut backwards = read(store, &LogQuery { newest_first: true, ..one.clone() }).await;
    backwards.reverse();
    assert_eq!(backwards, whole);
    let before = LogQuery { newest_first: true, after: Some(whole[3].position), max_events: 2, ..one.clone() };
    assert_eq!(texts(&read(store, &before).await), ["same 01", "same 00"]);

    let bounded = LogQuery { from: NOW, until: NOW + 1, ..query("g", LogStreams::All) };
    assert_eq!(read(store, &bounded).await.len(), 13);
    assert_eq!(texts(&read(store, &LogQuery { max_bytes: 15, ..one.clone() }).await), ["late", "same 00"]);
    assert_eq!(read(store, &LogQuery { max_bytes: 1, ..one }).await.len(), 1, "one always");
    assert_eq!(texts(&read(store, &query("g", LogStreams::Prefix("t".to_owned()))).await), ["two", "later"]);
    let both = query("g", LogStreams::Named(vec!["one".to_owned(), "two".to_owned()]));
    assert_eq!(read(store, &both).await.len(), 15);
    let missing = query("g", LogStreams::Named(vec!["one".to_owned(), "none".to_owned()]));
    assert_eq!(store.log_events(&scope(), &missing).await.expect("reads"), OnLogStream::StreamUnknown);
    let missing = query("none", LogStreams::All);
    assert_eq!(store.log_events(&scope(), &missing).await.expect("reads"), OnLogStream::GroupUnknown);
    let elsewhere = query("g", LogStreams::All);
    assert_eq!(store.log_events(&other_scope(), &elsewhere).await.expect("reads"), OnLogStream::GroupUnknown);
}

pub(super) async fn a_full_batch_is_stored_and_counted(store: &dyn Store) {
    create(store, "g").await;
    let unknown = store.put_log_events(&scope(), batch("g", "s", Vec::new(), NOW)).await.expect("reads");
    assert_eq!(unknown, PutLogEvents::StreamUnknown);
    let unknown = store.put_log_events(&scope(), batch("none", "s", Vec::new(), NOW)).await.expect("reads");
    assert_eq!(unknown, PutLogEvents::GroupUnknown);
    stream(store, "g", "s").await;
    for key_id in [None, Some(KeyId::generate(&[8; 16]))] {
        let sealed_for_another = LogBatch { key_id, ..batch("g", "s", Vec::new(), NOW) };
        let unknown = store.put_log_events(&scope(), sealed_for_another).await.expect("reads");
        assert_eq!(unknown, PutLogEvents::GroupUnknown);
    }
    let events: Vec<_> = (0..10_000).map(|number| (NOW + number, "0123456789")).collect();
    assert_eq!(put(store, "g", "s", &events, NOW).await, 10_000);
    let found = store.log_group(&scope(), "g").await.expect("reads").expect("it is there");
    assert_eq!(found.stored_bytes, 10_000 * (10 + LOG_EVENT_OVERHEAD_BYTES));
    let all = read(store, &LogQuery { max_events: 20_000, ..query("g", LogStreams::All) }).await;
    assert_eq!(all.len(), 10_000);
    assert!(all.windows(2).all(|pair| pair[0].position < pair[1].position));
}

pub(super) async fn old_events_are_forgotten_and_removed_ones_are_gone_at_once(store: &dyn Store) {
    for name in ["short", "long", "removed"] {
        create(store, name).await;
        stream(store, name, "s").await;
        stream(store, name, "t").await;
        put(store, name, "s", &[(NOW - 2 * DAY, "old"), (NOW - DAY, "edge"), (NOW, "new")], NOW).await;
        put(store, name, "t", &[(NOW, "other")], NOW).await;
    }
    assert!(store.set_log_retention(&scope(), "short", Some(1)).await.expect("writes"));
    assert_eq!(store.forget_log_events(NOW, 100).await.expect("writes"), 1);
    assert_eq!(texts(&read(store, &query("short", LogStreams::All)).await), ["edge", "new", "other"]);
    assert_eq!(read(store, &query("long", LogStreams::All)).await.len(), 4, "kept for ever");
    let found = store.log_group(&scope(), "short").await.expect("reads").expect("it is there");
    assert_eq!(found.stored_bytes, 4 + 3 + 5 + 3 * LOG_EVENT_OVERHEAD_BYTES);

    let delete = async |group, stream| store.delete_log_stream(&scope(), group, stream).await.expect("writes");
    assert_eq!(delete("none", "s").await, OnLogStream::GroupUnknown);
    assert_eq!(delete("long", "none").await, OnLogStream::StreamUnknown);
    assert_eq!(delete("long", "s").await, OnLogStream::Done(()));
    assert_eq!(texts(&read(store, &query("long", LogStreams::All)).await), ["other"]);
    assert!(store.delete_log_group(&scope(), "removed").await.expect("writes"));
    assert!(!store.delete_log_group(&scope(), "removed").await.expect("writes"));
    // What comes in their places is empty.
    create(store, "removed").await;
    stream(store, "removed", "s").await;
    stream(store, "long", "s").await;
    assert!(read(store, &query("removed", LogStreams::All)).await.is_empty());
    assert!(read(store, &query("long", LogStreams::Named(vec!["s".to_owned()]))).await.is_empty());

    let mut forgotten = 0;
    loop {
        match store.forget_log_events(NOW, 2).await.expect("writes") {
            0 => break,
            some => forgotten += some,
        }
    }
    assert_eq!(forgotten, 3 + 4, "those of the stream and those of the group");
    let found = store.log_group(&scope(), "long").await.expect("reads").expect("it is there");
    assert_eq!(found.stored_bytes, 5 + LOG_EVENT_OVERHEAD_BYTES);
    assert_eq!(texts(&read(store, &query("long", LogStreams::All)).await), ["other"]);
    assert_eq!(read(store, &query("short", LogStreams::All)).await.len(), 3);
}
