//! Cases about how much of a node's there may be, and how much is looked at.

use postern_iam::NodeId;

use super::{DAY, batch, create, page, put, query, stream, texts};
use crate::conformance::fixture::{NOW, other_scope, scope};
use crate::{
    CreateLogGroup, CreateLogStream, LOG_EVENT_OVERHEAD_BYTES, LogBatch, LogQuery, LogStreams, LogWriter, NewLogEvent,
    PutLogEvents, Store, UnixMillis,
};

/// What a batch of so many bytes costs that is one event.
const ROOM: u64 = 1000;

fn node(number: u8) -> NodeId {
    NodeId::generate(&[number; 9])
}

/// Puts one event that costs so much, as a node's.
async fn put_as(store: &dyn Store, number: u8, group: &str, moment: UnixMillis, cost: u64) -> PutLogEvents {
    let length = usize::try_from(cost - LOG_EVENT_OVERHEAD_BYTES).expect("it is small");
    let event = NewLogEvent { timestamp: moment, message: vec![b'x'; length].into() };
    let writer = Some(LogWriter { node_id: node(number), max_bytes: ROOM });
    let batch = LogBatch { writer, ..batch(group, "s", vec![event], NOW) };
    store.put_log_events(&scope(), batch).await.expect("writes")
}

async fn forget_all(store: &dyn Store) {
    while store.forget_log_events(NOW, 2).await.expect("writes") > 0 {}
}

pub(in crate::conformance) async fn a_node_has_so_much_and_more_when_some_is_forgotten(store: &dyn Store) {
    for group in ["a", "b", "c"] {
        create(store, group).await;
        stream(store, group, "s").await;
    }
    let stored = |answer| matches!(answer, PutLogEvents::Stored(_));
    assert_eq!(put_as(store, 1, "a", NOW, ROOM + 1).await, PutLogEvents::QuotaReached);
    assert!(stored(put_as(store, 1, "a", NOW - 2 * DAY, 300).await));
    assert!(stored(put_as(store, 1, "b", NOW, 300).await));
    assert!(stored(put_as(store, 1, "c", NOW, 400).await), "exactly so much");
    assert_eq!(put_as(store, 1, "a", NOW, 26).await, PutLogEvents::QuotaReached);
    let found = store.log_group(&scope(), "a").await.expect("reads").expect("it is there");
    assert_eq!((found.stored_bytes, page(store, &query("a", LogStreams::All)).await.events.len()), (300, 1));

    // Others have room, and people are not counted.
    assert!(stored(put_as(store, 2, "a", NOW, ROOM).await));
    put(store, "a", "s", &[(NOW, "a person's")], NOW).await;
    let elsewhere = super::group("a");
    let made = store.create_log_group(&other_scope(), elsewhere, 10).await.expect("writes");
    assert_eq!(made, CreateLogGroup::Created);
    let made = store.create_log_stream(&other_scope(), "a", "s", NOW).await.expect("writes");
    assert_eq!(made, CreateLogStream::Created);
    let writer = Some(LogWriter { node_id: node(1), max_bytes: 0 });
    let nothing = LogBatch { writer, ..batch("a", "s", Vec::new(), NOW) };
    assert!(stored(store.put_log_events(&other_scope(), nothing).await.expect("writes")), "of another account");

    // What is past its group's retention, and what was removed, counts until it is forgotten.
    assert!(store.set_log_retention(&scope(), "a", Some(1)).await.expect("writes"));
    assert!(store.delete_log_group(&scope(), "b").await.expect("writes"));
    assert_eq!(put_as(store, 1, "c", NOW, 26).await, PutLogEvents::QuotaReached);
    forget_all(store).await;
    assert_eq!(put_as(store, 1, "c", NOW, 601).await, PutLogEvents::QuotaReached);
    assert!(stored(put_as(store, 1, "c", NOW, 600).await));
    store.delete_log_stream(&scope(), "c", "s").await.expect("writes");
    forget_all(store).await;
    stream(store, "c", "s").await;
    assert!(stored(put_as(store, 1, "c", NOW, ROOM).await), "all of it is there again");
}

pub(in crate::conformance) async fn no_more_is_looked_at_than_a_page(store: &dyn Store) {
    create(store, "g").await;
    for name in ["few", "many", "removed"] {
        stream(store, "g", name).await;
    }
    for number in 0..20 {
        let name = ["many", "removed"][usize::from(number % 2 == 0)];
        put(store, "g", name, &[(NOW + number, "noise")], NOW).await;
    }
    put(store, "g", "few", &[(NOW + 1, "first"), (NOW + 19, "last")], NOW).await;
    store.delete_log_stream(&scope(), "g", "removed").await.expect("writes");
    for (streams, newest_first, expected) in [
        (LogStreams::Prefix("fe".to_owned()), false, vec!["first", "last"]),
        (LogStreams::Prefix("fe".to_owned()), true, vec!["last", "first"]),
        (LogStreams::Prefix("none".to_owned()), false, vec![]),
        (LogStreams::All, true, [vec!["last"], vec!["noise"; 9], vec!["first", "noise"]].concat()),
    ] {
        let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let query = LogQuery { newest_first, after, max_events: 5, ..query("g", streams.clone()) };
            let page = page(store, &query).await;
            found.extend(texts(&page.events).into_iter().map(str::to_owned));
            pages += 1;
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        // 22 events, of which five are looked at each time.
        assert_eq!((found, pages), (expected.into_iter().map(str::to_owned).collect(), 5), "{streams:?}");
    }
    // A page that is cut for its bytes goes on with the event that had no room.
    let cut = page(store, &LogQuery { max_bytes: 6, ..query("g", LogStreams::Prefix("few".to_owned())) }).await;
    assert_eq!(texts(&cut.events), ["first"]);
    let rest = LogQuery { after: cut.next, ..query("g", LogStreams::Prefix("few".to_owned())) };
    assert_eq!(texts(&page(store, &rest).await.events), ["last"]);
}
