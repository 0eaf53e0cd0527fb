//! Logs: what agents do with them, who may, and what is read back.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_iam::SessionId;
use postern_model::document::{Content, DocumentFormat, Preferences, SessionDocument, SessionStart};
use postern_model::kms::{CreateKeyRequest, DisableKeyRequest, KeyName};
use postern_model::logs::{
    CreateLogGroupRequest, CreateLogStreamRequest, DescribeLogGroupsRequest, DescribeLogStreamsRequest,
    FilterLogEventsRequest, GetLogEventsRequest, GetLogEventsResponse, GroupReference, InputLogEvent, OrderBy,
    PutLogEventsRequest, PutLogEventsResponse, PutRetentionPolicyRequest,
};
use postern_model::{ApiError, ErrorCode};
use postern_store::{
    LogQuery, LogStore as _, LogStreams, NewSession, OnLogStream, OpenSession, SessionLimits, SessionQuota,
    SessionStore as _, StartRequest,
};
use serde_json::json;

use super::world::{Machine, World, code};
use crate::Caller;

const GROUP: &str = "/ssm/sessions";

fn reference() -> GroupReference {
    GroupReference::Name(GROUP.to_owned())
}

fn get() -> GetLogEventsRequest {
    GetLogEventsRequest {
        log_group: reference(),
        log_stream_name: "s".to_owned(),
        start_time: None,
        end_time: None,
        next_token: None,
        limit: None,
        start_from_head: false,
    }
}

fn filter(pattern: &str) -> FilterLogEventsRequest {
    FilterLogEventsRequest {
        log_group: reference(),
        log_stream_names: Vec::new(),
        log_stream_name_prefix: None,
        start_time: None,
        end_time: None,
        filter_pattern: pattern.to_owned(),
        next_token: None,
        limit: None,
    }
}

fn streams(prefix: Option<&str>) -> DescribeLogStreamsRequest {
    DescribeLogStreamsRequest {
        log_group: reference(),
        log_stream_name_prefix: prefix.map(str::to_owned),
        order_by: None,
        descending: false,
        limit: None,
        next_token: None,
    }
}

fn texts(page: &GetLogEventsResponse) -> Vec<&str> {
    page.events.iter().map(|event| event.message.expose()).collect()
}

impl World {
    /// A session whose document names this log group, opened as StartSession opens one.
    async fn start_logged(&self, machine: &Machine, group: &str) -> String {
        let mut random = [0; 16];
        self.fill(&mut random);
        let session_id = SessionId::generate("jane", &random);
        let source = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
                            "inputs": {"cloudWatchLogGroupName": group}});
        let content = Content::parse(&source.to_string(), DocumentFormat::Json).unwrap();
        let document = SessionDocument::read(&content).unwrap();
        let resolved = document.resolve(&BTreeMap::new(), &Preferences::default()).unwrap();
        let start = SessionStart {
            document_name: "Logged",
            session_id: session_id.as_str(),
            run_as_user: "",
            session_owner: "arn:aws:iam::123456789012:user/jane",
        };
        let session = NewSession {
            session_id: session_id.clone(),
            node_id: machine.node_id.clone(),
            owner: "arn:aws:iam::123456789012:user/jane".parse().unwrap(),
            owner_id: "AIDAJANEJANEJANEJANE".to_owned(),
            document_name: "Logged".parse().unwrap(),
            start_content: resolved.start_content(&start).to_string(),
            reason: None,
            limits: SessionLimits { idle_timeout: Duration::from_secs(1200), max_duration: None },
            request: StartRequest { signature: [random, random].concat().try_into().unwrap(), invocation: None },
            grounds: None,
            recording: None,
            started_at: self.millis(),
        };
        let quota = SessionQuota { per_node: 10, per_owner: 10, total: 10 };
        let scope = self.logs_admin().await.scope;
        assert_eq!(self.store.open_session(&scope, session, quota).await.unwrap(), OpenSession::Opened);
        session_id.to_string()
    }

    async fn logs_admin(&self) -> Caller {
        self.sign_as(&self.admin, "logs", "/").await.unwrap()
    }

    async fn group(&self, key: Option<&str>) {
        let request = CreateLogGroupRequest {
            log_group_name: GROUP.to_owned(),
            kms_key_id: key.map(KeyName::new),
            tags: Default::default(),
        };
        self.control.create_log_group(&self.logs_admin().await, request).await.unwrap();
    }

    async fn stream(&self, caller: &Caller, group: &str, name: &str) -> Result<(), ApiError> {
        let request = CreateLogStreamRequest { log_group_name: group.to_owned(), log_stream_name: name.to_owned() };
        self.control.create_log_stream(caller, request).await.map(drop)
    }

    async fn put(
        &self,
        caller: &Caller,
        stream: &str,
        events: &[(u64, &str)],
    ) -> Result<PutLogEventsResponse, ApiError> {
        let event = |(timestamp, text): &(u64, &str)| InputLogEvent { timestamp: *timestamp, message: (*text).into() };
        let request = PutLogEventsRequest {
            log_group_name: GROUP.to_owned(),
            log_stream_name: stream.to_owned(),
            log_events: events.iter().map(event).collect(),
            sequence_token: Some("anything".to_owned()),
        };
        self.control.put_log_events(caller, request).await
    }
}

#[tokio::test]
async fn a_stream_is_read_from_both_ends_page_by_page() {
    let world = World::new().await;
    let admin = world.logs_admin().await;
    world.group(None).await;
    world.stream(&admin, GROUP, "s").await.unwrap();
    let now = world.millis();
    let page = async |request| world.control.get_log_events(&admin, request).await.unwrap();

    let empty = page(get()).await;
    assert!(empty.events.is_empty());
    let events: Vec<(u64, String)> = (0..7).map(|number| (now + number, number.to_string())).collect();
    let events: Vec<_> = events.iter().map(|(moment, text)| (*moment, text.as_str())).collect();
    world.put(&admin, "s", &events).await.unwrap();
    let tail = page(GetLogEventsRequest { next_token: empty.next_forward_token, ..get() }).await;
    assert_eq!(texts(&tail).len(), 7, "who came too early goes on from there");

    let mut request = GetLogEventsRequest { start_from_head: true, limit: Some(3), ..get() };
    let mut seen = Vec::new();
    loop {
        let found = page(request.clone()).await;
        seen.extend(found.events.iter().map(|event| event.message.expose().to_owned()));
        let next = found.next_forward_token;
        if next == request.next_token {
            assert!(found.events.is_empty());
            break;
        }
        request.next_token = next;
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"]);

    let newest = page(GetLogEventsRequest { limit: Some(3), ..get() }).await;
    assert_eq!(texts(&newest), ["4", "5", "6"]);
    let older = page(GetLogEventsRequest { next_token: newest.next_backward_token, limit: Some(3), ..get() }).await;
    assert_eq!(texts(&older), ["1", "2", "3"]);
    let oldest = page(GetLogEventsRequest { next_token: older.next_backward_token.clone(), ..get() }).await;
    assert_eq!(texts(&oldest), ["0"]);
    let none = page(GetLogEventsRequest { next_token: oldest.next_backward_token.clone(), ..get() }).await;
    assert_eq!((none.events.len(), &none.next_backward_token), (0, &oldest.next_backward_token));
    let back = page(GetLogEventsRequest { next_token: none.next_forward_token, limit: Some(1), ..get() }).await;
    assert_eq!(texts(&back), ["0"]);

    let range = GetLogEventsRequest { start_time: Some(now + 2), end_time: Some(now + 4), ..get() };
    assert_eq!(texts(&page(range).await), ["2", "3"], "from the start, before the end");
    let bad = GetLogEventsRequest { next_token: Some("f/1".to_owned()), ..get() };
    assert_eq!(code(world.control.get_log_events(&admin, bad).await), ErrorCode::InvalidParameterException);
    let arn = |place: &str| GroupReference::Identifier(format!("arn:{place}:log-group:{GROUP}:*"));
    let here = GetLogEventsRequest { log_group: arn("aws:logs:eu-west-1:123456789012"), ..get() };
    assert_eq!(page(here).await.events.len(), 7);
    for place in ["aws:logs:eu-west-2:123456789012", "aws-cn:logs:eu-west-1:123456789012"] {
        let elsewhere = GetLogEventsRequest { log_group: arn(place), ..get() };
        assert_eq!(code(world.control.get_log_events(&admin, elsewhere).await), ErrorCode::ResourceNotFoundException);
    }
}

#[tokio::test]
async fn a_search_goes_through_all_streams_in_order() {
    let world = World::new().await;
    let admin = world.logs_admin().await;
    world.group(None).await;
    let now = world.millis();
    for stream in ["one", "two"] {
        world.stream(&admin, GROUP, stream).await.unwrap();
    }
    world.put(&admin, "one", &[(now, "an ERROR"), (now + 2, "fine"), (now + 4, "ERROR again")]).await.unwrap();
    world.put(&admin, "two", &[(now + 1, "ERROR too"), (now + 3, "fine too")]).await.unwrap();
    let search = async |request| world.control.filter_log_events(&admin, request).await;
    let found = search(filter("ERROR")).await.unwrap();
    let seen: Vec<_> = found.events.iter().map(|e| (e.log_stream_name.as_str(), e.message.expose())).collect();
    assert_eq!(seen, [("one", "an ERROR"), ("two", "ERROR too"), ("one", "ERROR again")]);
    assert!(found.events.windows(2).all(|pair| pair[0].event_id < pair[1].event_id));
    assert_eq!(found.next_token, None);

    let (mut seen, mut next_token) = (Vec::new(), None);
    for _ in 0..3 {
        let request = FilterLogEventsRequest { limit: Some(1), next_token, ..filter("ERROR") };
        let page = search(request).await.unwrap();
        seen.extend(page.events.into_iter().map(|event| event.message.expose().to_owned()));
        next_token = page.next_token;
    }
    assert_eq!((seen, next_token), (["an ERROR", "ERROR too", "ERROR again"].map(str::to_owned).to_vec(), None));

    let count = async |request| search(request).await.unwrap().events.len();
    assert_eq!(count(filter("")).await, 5);
    assert_eq!(count(FilterLogEventsRequest { log_stream_names: vec!["two".to_owned()], ..filter("") }).await, 2);
    assert_eq!(count(FilterLogEventsRequest { log_stream_name_prefix: Some("o".to_owned()), ..filter("") }).await, 3);
    let range = FilterLogEventsRequest { start_time: Some(now + 1), end_time: Some(now + 3), ..filter("") };
    assert_eq!(count(range).await, 3, "the end is included");
    assert_eq!(code(search(filter("{ $.a = 1 }")).await), ErrorCode::InvalidParameterException);
    let unknown = FilterLogEventsRequest { log_stream_names: vec!["none".to_owned()], ..filter("") };
    assert_eq!(code(search(unknown).await), ErrorCode::ResourceNotFoundException);
}

#[tokio::test]
async fn a_search_for_much_takes_more_pages() {
    let world = World::new().await;
    let admin = world.logs_admin().await;
    world.group(None).await;
    world.stream(&admin, GROUP, "s").await.unwrap();
    let text = "b".repeat(100_000);
    for batch in 0..2 {
        let events: Vec<_> = (0..5).map(|number| (world.millis() + 5 * batch + number, text.as_str())).collect();
        world.put(&admin, "s", &events).await.unwrap();
    }
    let pages = async |pattern: &str| {
        let (mut sizes, mut next_token) = (Vec::new(), None);
        loop {
            let request = FilterLogEventsRequest { next_token, ..filter(pattern) };
            let page = world.control.filter_log_events(&admin, request).await.unwrap();
            sizes.push(page.events.len());
            next_token = page.next_token;
            if next_token.is_none() {
                return sizes;
            }
        }
    };
    assert_eq!(pages("?b").await, [10]);
    assert_eq!(pages(&format!("{}?b", "?a ".repeat(340))).await, [4, 4, 2], "all of it, and none twice");
}

#[tokio::test]
async fn events_past_the_retention_are_gone() {
    let world = World::new().await;
    let admin = world.logs_admin().await;
    world.group(None).await;
    world.stream(&admin, GROUP, "s").await.unwrap();
    world.put(&admin, "s", &[(world.millis(), "old")]).await.unwrap();
    world.clock.advance(Duration::from_secs(24 * 3600));
    world.put(&admin, "s", &[(world.millis(), "new")]).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    let read = async || world.control.get_log_events(&admin, get()).await.unwrap();
    assert_eq!(texts(&read().await), ["old", "new"]);
    assert_eq!(world.control.forget_log_events().await.unwrap(), 0);
    let request = PutRetentionPolicyRequest { log_group_name: GROUP.to_owned(), retention_in_days: 1 };
    world.control.put_retention_policy(&admin, request).await.unwrap();
    assert_eq!(texts(&read().await), ["new"], "at once");
    assert_eq!(world.control.filter_log_events(&admin, filter("")).await.unwrap().events.len(), 1);
    assert_eq!(world.control.forget_log_events().await.unwrap(), 1);
    let late = world.put(&admin, "s", &[(world.millis() - 25 * 3_600_000, "late")]).await.unwrap();
    assert_eq!(late.rejected_log_events_info.unwrap().expired_log_event_end_index, Some(1));
    assert_eq!(texts(&read().await), ["new"]);
}

#[tokio::test]
async fn a_group_with_a_key_is_encrypted_at_rest() {
    let world = World::new().await;
    let admin = world.logs_admin().await;
    let kms = world.sign_as(&world.admin, "kms", "/").await.unwrap();
    let key = world.control.create_key(&kms, CreateKeyRequest::default()).await.unwrap().key_metadata.arn.to_string();
    for unusable in ["alias/none", "nonsense"] {
        let request = CreateLogGroupRequest {
            log_group_name: "other".to_owned(),
            kms_key_id: Some(KeyName::new(unusable)),
            tags: Default::default(),
        };
        assert_eq!(code(world.control.create_log_group(&admin, request).await), ErrorCode::InvalidParameterException);
    }
    world.group(Some(&key)).await;
    world.stream(&admin, GROUP, "s").await.unwrap();
    world.put(&admin, "s", &[(world.millis(), "pass: hunter2")]).await.unwrap();
    let listed = world.control.describe_log_groups(&admin, DescribeLogGroupsRequest::default()).await.unwrap();
    assert_eq!(listed.log_groups[0].kms_key_id.as_ref(), Some(&key));

    let query = LogQuery {
        group: GROUP.to_owned(),
        streams: LogStreams::All,
        from: 0,
        until: u64::MAX,
        newest_first: false,
        after: None,
        max_events: 10,
        max_bytes: 1000,
    };
    let OnLogStream::Done(page) = world.store.log_events(&admin.scope, &query).await.unwrap() else {
        panic!("the event is not stored");
    };
    assert!(!page.events[0].message.expose().windows(7).any(|window| window == b"hunter2"));
    let read = async || world.control.get_log_events(&admin, get()).await;
    assert_eq!(texts(&read().await.unwrap()), ["pass: hunter2"]);
    assert_eq!(world.control.filter_log_events(&admin, filter("hunter2")).await.unwrap().events.len(), 1);
    world.control.disable_key(&kms, DisableKeyRequest { key_id: KeyName::new(&key) }).await.unwrap();
    assert_eq!(code(read().await), ErrorCode::DisabledException);
    let put = world.put(&admin, "s", &[(world.millis(), "more")]).await;
    assert_eq!(code(put), ErrorCode::DisabledException);
}

#[tokio::test]
async fn streams_are_listed_page_by_page_in_both_orders() {
    let world = World::new().await;
    let admin = world.logs_admin().await;
    world.group(None).await;
    let long = "é".repeat(512);
    for (at, stream) in ["a", "b", "c", "d", &long].into_iter().enumerate() {
        world.stream(&admin, GROUP, stream).await.unwrap();
        world.put(&admin, stream, &[(world.millis() + 100 - at as u64, "x")]).await.unwrap();
    }
    for (order_by, descending, expected) in [
        (None, false, ["a", "b", "c", "d", &long]),
        (None, true, [&long, "d", "c", "b", "a"]),
        (Some(OrderBy::LastEventTime), true, ["a", "b", "c", "d", &long]),
        (Some(OrderBy::LastEventTime), false, [&long, "d", "c", "b", "a"]),
    ] {
        let (mut seen, mut next_token) = (Vec::new(), None);
        loop {
            let request =
                DescribeLogStreamsRequest { order_by, descending, limit: Some(1), next_token, ..streams(None) };
            let page = world.control.describe_log_streams(&admin, request).await.unwrap();
            seen.extend(page.log_streams.into_iter().map(|stream| stream.log_stream_name));
            next_token = page.next_token;
            if next_token.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{order_by:?} {descending}");
    }
    let bad = DescribeLogStreamsRequest { next_token: Some("made up".to_owned()), ..streams(None) };
    assert_eq!(code(world.control.describe_log_streams(&admin, bad).await), ErrorCode::InvalidParameterException);
}

/// The calls of an agent (spec agent-sessions §5) by the node of the session, by another, and by a node whose session
/// logs elsewhere.
#[tokio::test]
async fn a_node_writes_the_logs_of_its_own_sessions_and_nothing_else() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let (other, _other_lease) = world.online(2).await;
    world.group(None).await;
    let admin = world.logs_admin().await;
    let session = world.start_logged(&machine, GROUP).await;
    let elsewhere = world.start_logged(&machine, "/ssm/elsewhere").await;
    let as_node = async |who| {
        let credentials = world.role_credentials(who).await.unwrap();
        world.sign_as(&credentials, "logs", "/").await.unwrap()
    };
    let (node, stranger) = (as_node(&machine).await, as_node(&other).await);
    let denied = ErrorCode::AccessDeniedException;

    for caller in [&node, &stranger] {
        let request = DescribeLogGroupsRequest { log_group_name_prefix: Some(GROUP.to_owned()), ..Default::default() };
        assert_eq!(world.control.describe_log_groups(caller, request).await.unwrap().log_groups.len(), 1);
    }
    assert_eq!(code(world.stream(&stranger, GROUP, &session).await), denied);
    assert_eq!(code(world.stream(&node, GROUP, &elsewhere).await), denied, "its document names another group");
    assert_eq!(code(world.stream(&node, GROUP, "anything").await), denied);
    world.stream(&node, GROUP, &session).await.unwrap();
    assert_eq!(code(world.stream(&node, GROUP, &session).await), ErrorCode::ResourceAlreadyExistsException);

    let describe =
        async |caller, prefix: Option<&str>| world.control.describe_log_streams(caller, streams(prefix)).await;
    let listed = describe(&node, Some(&session)).await.unwrap().log_streams;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].arn, format!("arn:aws:logs:eu-west-1:123456789012:log-group:{GROUP}:log-stream:{session}"));
    for (caller, prefix) in [(&node, None), (&node, Some("jane")), (&stranger, Some(session.as_str()))] {
        assert_eq!(code(describe(caller, prefix).await), denied);
    }
    let now = world.millis();
    let stored = world.put(&node, &session, &[(now, "hello")]).await.unwrap();
    assert!(stored.next_sequence_token.is_some() && stored.rejected_log_events_info.is_none());
    assert_eq!(code(world.put(&stranger, &session, &[(now, "forged")]).await), denied);
    assert_eq!(code(world.put(&node, "anything", &[(now, "forged")]).await), denied);

    let request = GetLogEventsRequest { log_stream_name: session.clone(), ..get() };
    assert_eq!(code(world.control.get_log_events(&node, request.clone()).await), denied);
    assert_eq!(texts(&world.control.get_log_events(&admin, request).await.unwrap()), ["hello"]);
}

/// As AWS's agent needs it: at any other answer it sends the same again every second, for ever.
#[tokio::test]
async fn a_node_with_too_many_logs_is_told_so_in_the_words_that_make_its_agent_stop() {
    let mut world = World::new().await;
    world.configure(|settings| settings.log_bytes_per_node = 2 * 1024 * 1024);
    let (machine, _lease) = world.online(1).await;
    let (other, _other_lease) = world.online(2).await;
    world.group(None).await;
    let (session, others) = (world.start_logged(&machine, GROUP).await, world.start_logged(&other, GROUP).await);
    let as_node = async |who| {
        let credentials = world.role_credentials(who).await.unwrap();
        world.sign_as(&credentials, "logs", "/").await.unwrap()
    };
    let (node, other) = (as_node(&machine).await, as_node(&other).await);
    world.stream(&node, GROUP, &session).await.unwrap();
    world.stream(&other, GROUP, &others).await.unwrap();
    let text = "x".repeat(1_000_000);
    let now = world.millis();
    for _ in 0..2 {
        world.put(&node, &session, &[(now, &text)]).await.unwrap();
    }
    let refused = world.put(&node, &session, &[(now, &text)]).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ResourceNotFoundException);
    let words = "The specified log stream takes no more events: the logs of this node have reached 2 MiB \
                 (max_log_megabytes_per_node).";
    assert_eq!(refused.message(), words);
    world.put(&node, &session, &[(now, "a little")]).await.unwrap();
    world.put(&other, &others, &[(now, &text)]).await.unwrap();
    let admin = world.logs_admin().await;
    world.put(&admin, &session, &[(now, &text)]).await.unwrap();
}

#[tokio::test]
async fn a_search_in_a_few_streams_of_a_large_group_looks_at_so_much_at_once() {
    let world = World::new().await;
    let admin = world.logs_admin().await;
    world.group(None).await;
    for stream in ["few", "many"] {
        world.stream(&admin, GROUP, stream).await.unwrap();
    }
    let now = world.millis();
    for batch in 0..5 {
        let noise: Vec<_> = (0..10_000).map(|number| (now + batch * 10_000 + number, "x")).collect();
        world.put(&admin, "many", &noise).await.unwrap();
    }
    world.put(&admin, "few", &[(now, "first"), (now + 50_000, "last")]).await.unwrap();
    let (mut pages, mut next_token) = (Vec::new(), None);
    loop {
        let request =
            FilterLogEventsRequest { log_stream_name_prefix: Some("fe".to_owned()), next_token, ..filter("") };
        let page = world.control.filter_log_events(&admin, request).await.unwrap();
        pages.push(page.events.iter().map(|event| event.message.expose().to_owned()).collect::<Vec<_>>());
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(pages, [["first"], ["last"]]);
}
