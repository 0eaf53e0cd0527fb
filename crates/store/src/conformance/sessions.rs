//! Cases about sessions.

use std::time::Duration;

use futures_util::future::join_all;
use postern_iam::SessionId;
use postern_model::session::{EndReason, SessionStatus};

use super::fixture::{self, NOW, QUOTA, client, client_id, new_session, node_id, scope, session_id, try_open};
use crate::{
    AdmitClient, AgentResult, BoundClient, EndSession, OpenSession, ReachedAgent, RecordAgentResult, RenewToken,
    RequestTermination, SessionCursor, SessionEnd, SessionFilter, SessionLimits, SessionQuota, SessionRecord,
    StartRequest, Store,
};

pub(super) fn by_jane() -> EndReason {
    EndReason::Terminated { by: "arn:aws:iam::123456789012:user/jane".to_owned() }
}

pub(super) fn end(at: u64) -> SessionEnd {
    SessionEnd { reason: by_jane(), output: "good bye".to_owned(), ended_at: at, node_knows: false }
}

async fn read(store: &dyn Store, id: &SessionId) -> SessionRecord {
    store.session(&scope(), id).await.expect("reads").expect("it is there")
}

pub(super) async fn a_session_opens_only_on_a_connected_node_within_the_quota(store: &dyn Store) {
    let scope = scope();
    assert_eq!(try_open(store, &scope, &node_id(1), 1).await, OpenSession::NodeUnknown);
    let node = fixture::node(store, &scope, 1).await;
    match try_open(store, &scope, &node, 1).await {
        OpenSession::NodeNotConnected(record) => assert_eq!(record.node_id, node),
        other => panic!("a node without a control channel takes no session: {other:?}"),
    }
    store.node_connected(&scope, &node, fixture::connection(1), crate::NodeReport::default()).await.expect("writes");

    let quota = SessionQuota { per_node: 1, per_owner: 10, total: 2 };
    let open = |node, number| store.open_session(&scope, new_session(node, number), quota);
    assert_eq!(open(&node, 1).await.expect("answers"), OpenSession::Opened);
    assert_eq!(open(&node, 2).await.expect("answers"), OpenSession::NodeFull(1));
    let (second, third) =
        (fixture::connected_node(store, &scope, 2).await, fixture::connected_node(store, &scope, 3).await);
    assert_eq!(open(&second, 2).await.expect("answers"), OpenSession::Opened);
    assert_eq!(open(&third, 3).await.expect("answers"), OpenSession::ScopeFull(2));
    store.end_session(&scope, &session_id(1), end(NOW)).await.expect("writes");
    assert_eq!(open(&third, 3).await.expect("answers"), OpenSession::Opened, "an ended session makes room");
}

pub(super) async fn nobody_has_more_sessions_than_the_quota_allows(store: &dyn Store) {
    let scope = scope();
    let (first, second) =
        (fixture::connected_node(store, &scope, 1).await, fixture::connected_node(store, &scope, 2).await);
    let quota = SessionQuota { per_node: 10, per_owner: 2, total: 10 };
    let open = |node, number| store.open_session(&scope, new_session(node, number), quota);
    assert_eq!(open(&first, 1).await.expect("answers"), OpenSession::Opened);
    assert_eq!(open(&second, 2).await.expect("answers"), OpenSession::Opened);
    assert_eq!(open(&second, 3).await.expect("answers"), OpenSession::OwnerFull(2), "over all nodes");
    let again = open(&first, 1).await.expect("answers");
    assert!(matches!(again, OpenSession::Replayed(_)), "a repeated request has its session already: {again:?}");
    let owner = "arn:aws:iam::123456789012:user/joe".parse().expect("an ARN");
    let of_another = crate::NewSession { owner, ..new_session(&second, 4) };
    let other = store.open_session(&scope, of_another, quota).await.expect("answers");
    assert_eq!(other, OpenSession::Opened, "everybody has a quota of their own");
    store.request_termination(&scope, &session_id(1), &by_jane()).await.expect("answers");
    assert_eq!(open(&second, 3).await.expect("answers"), OpenSession::OwnerFull(2), "it has not ended yet");
    store.end_session(&scope, &session_id(1), end(NOW)).await.expect("writes");
    assert_eq!(open(&second, 3).await.expect("answers"), OpenSession::Opened);
}

pub(super) async fn no_quota_of_sessions_is_passed_when_everybody_starts_at_once(store: &dyn Store) {
    let scope = &scope();
    let node = &fixture::connected_node(store, scope, 1).await;
    let other = &fixture::connected_node(store, scope, 2).await;
    let starts = |quota: SessionQuota, numbers: std::ops::Range<u8>, alternate: bool| async move {
        let attempts = numbers.map(|number| {
            let node = if alternate && number % 2 == 0 { other } else { node };
            store.open_session(scope, new_session(node, number), quota)
        });
        let answers = join_all(attempts).await;
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("answers")).collect();
        let opened = answers.iter().filter(|answer| **answer == OpenSession::Opened).count();
        let refused = answers.into_iter().filter(|answer| *answer != OpenSession::Opened);
        (opened, refused.collect::<Vec<_>>())
    };
    let most = SessionQuota { per_node: 100, per_owner: 100, total: 100 };
    let (opened, refused) = starts(SessionQuota { per_node: 3, ..most }, 0..30, false).await;
    assert_eq!((opened, refused), (3, vec![OpenSession::NodeFull(3); 27]));
    let (opened, refused) = starts(SessionQuota { per_owner: 5, ..most }, 30..60, true).await;
    assert_eq!((opened, refused), (2, vec![OpenSession::OwnerFull(5); 28]));
    let (opened, refused) = starts(SessionQuota { total: 9, ..most }, 60..90, true).await;
    assert_eq!((opened, refused), (4, vec![OpenSession::ScopeFull(9); 26]));
}

pub(super) async fn one_signature_opens_one_session(store: &dyn Store) {
    let scope = scope();
    let node = fixture::connected_node(store, &scope, 1).await;
    let id = fixture::open(store, &scope, &node, 1).await;
    let again = crate::NewSession { session_id: session_id(2), ..new_session(&node, 1) };
    match store.open_session(&scope, again.clone(), QUOTA).await.expect("answers") {
        OpenSession::Replayed(session) => assert_eq!(session.session_id, id),
        other => panic!("the same request finds its session: {other:?}"),
    }
    let request = StartRequest { invocation: Some("another".to_owned()), ..again.request.clone() };
    let other = crate::NewSession { request, ..again.clone() };
    assert_eq!(store.open_session(&scope, other, QUOTA).await.expect("answers"), OpenSession::SignatureUsed);
    store.end_session(&scope, &id, end(NOW)).await.expect("writes");
    let late = store.open_session(&scope, again, QUOTA).await.expect("answers");
    assert!(matches!(late, OpenSession::Replayed(_)), "also when the session has ended: {late:?}");
    assert_eq!(store.session(&scope, &session_id(2)).await.expect("reads"), None);
}

pub(super) async fn one_signature_opens_one_session_also_at_once(store: &dyn Store) {
    let scope = &scope();
    let node = fixture::connected_node(store, scope, 1).await;
    let attempts = (0..30).map(|number| {
        let session = crate::NewSession { session_id: session_id(number), ..new_session(&node, 1) };
        store.open_session(scope, session, QUOTA)
    });
    let answers = join_all(attempts).await;
    let opened = answers.iter().filter(|answer| matches!(answer, Ok(OpenSession::Opened))).count();
    let replayed = answers.iter().filter(|answer| matches!(answer, Ok(OpenSession::Replayed(_)))).count();
    assert_eq!((opened, replayed), (1, 29));
}

pub(super) async fn a_session_belongs_to_the_client_that_opened_it_first(store: &dyn Store) {
    let scope = scope();
    let node = fixture::connected_node(store, &scope, 1).await;
    let id = fixture::open(store, &scope, &node, 1).await;
    let admit = |client| store.admit_client(&scope, &id, client);
    assert_eq!(admit(client(1, 2, NOW)).await.expect("answers"), AdmitClient::Superseded, "no such generation yet");
    match admit(client(1, 1, NOW)).await.expect("answers") {
        AdmitClient::Admitted(session) => {
            assert_eq!(session.client, Some(BoundClient { client_id: client_id(1), token_used_at: Some(NOW) }));
        }
        other => panic!("the first client is admitted: {other:?}"),
    }
    let again = admit(client(1, 1, NOW + 60_000)).await.expect("answers");
    assert!(matches!(again, AdmitClient::Admitted(_)), "again within a minute: {again:?}");
    assert_eq!(admit(client(1, 1, NOW + 60_001)).await.expect("answers"), AdmitClient::WindowOver);
    assert_eq!(admit(client(2, 1, NOW)).await.expect("answers"), AdmitClient::OtherClient);
    store.end_session(&scope, &id, end(NOW + 5)).await.expect("writes");
    match admit(client(1, 1, NOW + 6)).await.expect("answers") {
        AdmitClient::Ended(session) => assert_eq!(session.output, "good bye"),
        other => panic!("the right client is told of the end: {other:?}"),
    }
    assert_eq!(admit(client(2, 1, NOW + 6)).await.expect("answers"), AdmitClient::OtherClient, "and nobody else");
    let unknown = store.admit_client(&scope, &session_id(9), client(1, 1, NOW)).await.expect("answers");
    assert_eq!(unknown, AdmitClient::Unknown);
}

pub(super) async fn a_renewed_token_voids_the_older_ones(store: &dyn Store) {
    let scope = scope();
    let node = fixture::connected_node(store, &scope, 1).await;
    let id = fixture::open(store, &scope, &node, 1).await;
    store.admit_client(&scope, &id, client(1, 1, NOW)).await.expect("answers");
    match store.renew_token(&scope, &id).await.expect("answers") {
        RenewToken::Renewed(session) => {
            let bound = BoundClient { client_id: client_id(1), token_used_at: None };
            assert_eq!((session.token_generation, session.client), (2, Some(bound)));
        }
        other => panic!("an active session's token can be renewed: {other:?}"),
    }
    let old = store.admit_client(&scope, &id, client(1, 1, NOW + 1)).await.expect("answers");
    assert_eq!(old, AdmitClient::Superseded);
    let other = store.admit_client(&scope, &id, client(2, 2, NOW + 1)).await.expect("answers");
    assert_eq!(other, AdmitClient::OtherClient, "also a new token is only for the session's own client");
    let again = NOW + 500_000;
    let new = store.admit_client(&scope, &id, client(1, 2, again)).await.expect("answers");
    assert!(matches!(new, AdmitClient::Admitted(_)), "however long ago it used the old one: {new:?}");
    let late = store.admit_client(&scope, &id, client(1, 2, again + 60_001)).await.expect("answers");
    assert_eq!(late, AdmitClient::WindowOver, "and the new one is used up like the old");
    store.request_termination(&scope, &id, &by_jane()).await.expect("answers");
    assert!(matches!(store.renew_token(&scope, &id).await.expect("answers"), RenewToken::Ended(_)));
    assert_eq!(store.renew_token(&scope, &session_id(9)).await.expect("answers"), RenewToken::Unknown);
}

pub(super) async fn states_change_only_forward(store: &dyn Store) {
    let scope = scope();
    let node = fixture::connected_node(store, &scope, 1).await;
    let id = fixture::open(store, &scope, &node, 1).await;
    assert!(!store.session_disconnected(&scope, &id, "too early").await.expect("writes"));
    assert!(store.session_connected(&scope, &id, NOW + 1).await.expect("writes"));
    assert!(store.session_disconnected(&scope, &id, "the client is gone").await.expect("writes"));
    let session = read(store, &id).await;
    assert_eq!((session.status, session.details.as_str()), (SessionStatus::Disconnected, "the client is gone"));
    assert!(store.session_connected(&scope, &id, NOW + 2).await.expect("writes"));
    let session = read(store, &id).await;
    assert_eq!((session.status, session.details.as_str()), (SessionStatus::Connected, ""));
    assert_eq!(session.connected_at, Some(NOW + 1), "the first time counts");

    let requested = store.request_termination(&scope, &id, &by_jane()).await.expect("answers");
    assert!(matches!(requested, RequestTermination::Requested(_)), "{requested:?}");
    let again = store.request_termination(&scope, &id, &EndReason::ClientGone).await.expect("answers");
    assert_eq!(again, RequestTermination::AlreadyTerminating);
    assert!(!store.session_connected(&scope, &id, NOW + 3).await.expect("writes"), "no way back");
    assert!(!store.session_disconnected(&scope, &id, "late").await.expect("writes"));
    let session = read(store, &id).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Terminating, Some(by_jane())));
    let unknown = store.request_termination(&scope, &session_id(9), &by_jane()).await.expect("answers");
    assert_eq!(unknown, RequestTermination::Unknown);
}

pub(super) async fn an_end_is_final(store: &dyn Store) {
    let scope = scope();
    let node = fixture::connected_node(store, &scope, 1).await;
    let id = fixture::open(store, &scope, &node, 1).await;
    match store.end_session(&scope, &id, end(NOW + 5)).await.expect("answers") {
        EndSession::Ended(session) => assert_eq!(session.ended_at, Some(NOW + 5)),
        other => panic!("an active session can be ended: {other:?}"),
    }
    let other = SessionEnd {
        reason: EndReason::NodeNeverConnected,
        output: String::new(),
        ended_at: NOW + 6,
        node_knows: false,
    };
    match store.end_session(&scope, &id, other).await.expect("answers") {
        EndSession::AlreadyEnded(session) => assert_eq!(session.end_reason, Some(by_jane())),
        other => panic!("it ends once: {other:?}"),
    }
    assert!(!store.session_connected(&scope, &id, NOW + 7).await.expect("writes"));
    let late = store.request_termination(&scope, &id, &EndReason::ClientGone).await.expect("answers");
    assert_eq!(late, RequestTermination::AlreadyEnded);
    let session = read(store, &id).await;
    assert_eq!((session.status, session.output.as_str()), (SessionStatus::Terminated, "good bye"));
    assert_eq!(session.details, by_jane().details());
    let failed = fixture::open(store, &scope, &node, 2).await;
    let reason = EndReason::NodeNeverConnected;
    let failure = SessionEnd { reason, output: String::new(), ended_at: NOW, node_knows: false };
    store.end_session(&scope, &failed, failure).await.expect("answers");
    assert_eq!(read(store, &failed).await.status, SessionStatus::Failed);
    assert_eq!(store.end_session(&scope, &session_id(9), end(NOW)).await.expect("answers"), EndSession::Unknown);
}

pub(super) async fn a_start_is_pending_until_it_reaches_the_agent(store: &dyn Store) {
    let scope = &scope();
    let node = &fixture::connected_node(store, scope, 1).await;
    let (one, two) = (fixture::open(store, scope, node, 1).await, fixture::open(store, scope, node, 2).await);
    let pending = || async move {
        let sessions = store.pending_starts(scope, node, 50).await.expect("reads");
        sessions.into_iter().map(|session| session.session_id).collect::<Vec<_>>()
    };
    assert_eq!(pending().await, [one.clone(), two.clone()], "oldest first");
    let reached = store.session_reached_agent(scope, &one, node).await.expect("answers");
    assert!(matches!(reached, ReachedAgent::Active(ref session) if session.reached_agent), "{reached:?}");
    assert_eq!(pending().await, std::slice::from_ref(&two));
    let again = store.session_reached_agent(scope, &one, node).await.expect("answers");
    assert!(matches!(again, ReachedAgent::Active(_)), "also at a reconnect: {again:?}");

    store.request_termination(scope, &two, &by_jane()).await.expect("answers");
    assert_eq!(pending().await, [], "never after somebody wanted its end");
    let late = store.session_reached_agent(scope, &two, node).await.expect("answers");
    assert!(matches!(late, ReachedAgent::Ended(_)), "{late:?}");
    let unknown = store.session_reached_agent(scope, &session_id(9), node).await.expect("answers");
    assert_eq!(unknown, ReachedAgent::Unknown);

    // An agent that failed before it opened its side must not be told again.
    let failed = fixture::open(store, scope, node, 3).await;
    let result = AgentResult { status: "Failed".to_owned(), output: "no such user".to_owned() };
    store.record_agent_result(scope, &failed, node, result).await.expect("answers");
    assert_eq!(pending().await, []);
}

pub(super) async fn an_end_is_pending_until_the_node_knows(store: &dyn Store) {
    let scope = &scope();
    let node = &fixture::connected_node(store, scope, 1).await;
    for number in 1..=4 {
        fixture::open(store, scope, node, number).await;
    }
    let pending = || async move { store.pending_ends(scope, node, 50).await.expect("reads") };
    assert_eq!(pending().await, []);
    store.request_termination(scope, &session_id(1), &by_jane()).await.expect("answers");
    store.end_session(scope, &session_id(2), end(NOW)).await.expect("answers");
    assert_eq!(pending().await, [session_id(1), session_id(2)]);

    store.end_delivered(scope, &session_id(1), node).await.expect("writes");
    assert_eq!(pending().await, [session_id(2)]);
    let result = || AgentResult { status: "Success".to_owned(), output: String::new() };
    let late = store.record_agent_result(scope, &session_id(2), node, result()).await.expect("answers");
    assert_eq!(late, RecordAgentResult::Repeated, "an ended session stays as it is");
    assert_eq!(pending().await, [], "but the node knows now");

    let first = store.record_agent_result(scope, &session_id(3), node, result()).await.expect("answers");
    assert_eq!(first, RecordAgentResult::Recorded);
    let second = AgentResult { status: "Failed".to_owned(), output: "again".to_owned() };
    let second = store.record_agent_result(scope, &session_id(3), node, second).await.expect("answers");
    assert_eq!(second, RecordAgentResult::Repeated);
    assert_eq!(read(store, &session_id(3)).await.agent_result, Some(result()), "the first time counts");
    store.end_session(scope, &session_id(3), end(NOW)).await.expect("answers");
    assert_eq!(pending().await, [], "who reported the end need not be told");

    // A node that says itself that it is done with a session is not told.
    let known = SessionEnd { node_knows: true, ..end(NOW) };
    let id = fixture::open(store, scope, node, 5).await;
    store.end_session(scope, &id, known).await.expect("answers");
    assert_eq!(pending().await, []);

    // An acknowledgement of something else does not count.
    store.end_delivered(scope, &session_id(4), node).await.expect("writes");
    store.request_termination(scope, &session_id(4), &by_jane()).await.expect("answers");
    assert_eq!(pending().await, [session_id(4)]);
}

pub(super) async fn only_the_sessions_own_node_speaks_for_it(store: &dyn Store) {
    let scope = scope();
    let node = fixture::connected_node(store, &scope, 1).await;
    let other = fixture::connected_node(store, &scope, 2).await;
    let id = fixture::open(store, &scope, &node, 1).await;
    let reached = store.session_reached_agent(&scope, &id, &other).await.expect("answers");
    assert_eq!(reached, ReachedAgent::Unknown);
    let result = AgentResult { status: "Success".to_owned(), output: String::new() };
    let recorded = store.record_agent_result(&scope, &id, &other, result).await.expect("answers");
    assert_eq!(recorded, RecordAgentResult::Unknown);
    store.request_termination(&scope, &id, &by_jane()).await.expect("answers");
    store.end_delivered(&scope, &id, &other).await.expect("writes");
    assert_eq!(store.pending_ends(&scope, &node, 9).await.expect("reads"), std::slice::from_ref(&id));
    assert_eq!(store.pending_ends(&scope, &other, 9).await.expect("reads"), []);
    let session = read(store, &id).await;
    assert_eq!((session.reached_agent, session.agent_result), (false, None));
}

pub(super) async fn sessions_are_listed_newest_first_in_pages_and_by_filters(store: &dyn Store) {
    let scope = &scope();
    let node = &fixture::connected_node(store, scope, 1).await;
    for number in 1..=6 {
        fixture::open(store, scope, node, number).await;
    }
    // Two of the same moment are told apart by their ids.
    let twin = crate::NewSession { started_at: NOW + 6, ..new_session(node, 7) };
    assert_eq!(store.open_session(scope, twin, QUOTA).await.expect("answers"), OpenSession::Opened);
    store.end_session(scope, &session_id(2), end(NOW)).await.expect("answers");

    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.sessions_page(scope, false, &[], after.as_ref(), 2).await.expect("reads");
        let Some(last) = page.last() else { break };
        after = Some(SessionCursor { started_at: last.started_at, session_id: last.session_id.clone() });
        seen.extend(page.into_iter().map(|session| session.session_id));
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 1].map(session_id));
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.active_sessions(scope, after.as_ref(), 4).await.expect("reads");
        let Some(last) = page.last() else { break };
        after = Some(SessionCursor { started_at: last.started_at, session_id: last.session_id.clone() });
        seen.extend(page.into_iter().map(|session| session.session_id));
    }
    assert_eq!(seen, [1, 3, 4, 5, 6, 7].map(session_id), "what goes on after a restart, oldest first");

    let found = |ended, filters: Vec<SessionFilter>| async move {
        let page = store.sessions_page(scope, ended, &filters, None, 50).await.expect("reads");
        page.into_iter().map(|session| session.session_id).collect::<Vec<_>>()
    };
    assert_eq!(found(true, Vec::new()).await, [session_id(2)]);
    let between = vec![SessionFilter::StartedAfter(NOW + 3), SessionFilter::StartedBefore(NOW + 5)];
    assert_eq!(found(false, between).await, [4, 3].map(session_id), "from the first moment, before the second");
    assert_eq!(found(false, vec![SessionFilter::Id("jane-004".to_owned())]).await, [session_id(4)]);
    assert_eq!(found(false, vec![SessionFilter::Node("mi-none".to_owned())]).await, []);
    assert_eq!(found(false, vec![SessionFilter::Owner("' OR 1=1 --".to_owned())]).await, []);
    assert_eq!(found(false, vec![SessionFilter::Status(SessionStatus::Connecting)]).await.len(), 6);
    assert_eq!(found(true, vec![SessionFilter::Status(SessionStatus::Failed)]).await, []);
}

pub(super) async fn old_history_is_forgotten_and_nothing_else(store: &dyn Store) {
    let scope = scope();
    let node = fixture::connected_node(store, &scope, 1).await;
    for number in 1..=4 {
        fixture::open(store, &scope, &node, number).await;
    }
    for (number, at) in [(1, NOW), (2, NOW + 1), (3, NOW + 9)] {
        store.end_session(&scope, &session_id(number), end(at)).await.expect("answers");
    }
    let late = store.sessions_page(&scope, true, &[crate::SessionFilter::EndedAfter(NOW + 1)], None, 50).await;
    let late: Vec<_> = late.expect("reads").into_iter().map(|session| session.session_id).collect();
    assert_eq!(late, [session_id(3), session_id(2)], "found by their ends");
    assert_eq!(store.forget_ended_sessions(&scope, NOW + 9, 1).await.expect("writes"), 1, "up to the limit");
    assert_eq!(store.session(&scope, &session_id(1)).await.expect("reads"), None, "the oldest first");
    assert_eq!(store.forget_ended_sessions(&scope, NOW + 9, 50).await.expect("writes"), 1);
    assert_eq!(store.forget_ended_sessions(&scope, NOW + 9, 50).await.expect("writes"), 0);
    assert!(store.session(&scope, &session_id(3)).await.expect("reads").is_some());
    assert!(store.session(&scope, &session_id(4)).await.expect("reads").is_some());
}

pub(super) async fn everything_survives_a_round_trip(store: &dyn Store) {
    let scope = scope();
    let node = fixture::connected_node(store, &scope, 1).await;
    let limits =
        SessionLimits { idle_timeout: Duration::from_millis(1), max_duration: Some(Duration::from_secs(86_400)) };
    let new = crate::NewSession { limits, reason: None, ..new_session(&node, 1) };
    assert_eq!(store.open_session(&scope, new.clone(), QUOTA).await.expect("answers"), OpenSession::Opened);
    let expected = SessionRecord {
        session_id: new.session_id.clone(),
        node_id: new.node_id,
        owner: new.owner,
        owner_id: Some(new.owner_id),
        document_name: new.document_name,
        start_content: new.start_content,
        recording: new.recording,
        reason: None,
        limits,
        status: SessionStatus::Connecting,
        details: String::new(),
        started_at: new.started_at,
        connected_at: None,
        ended_at: None,
        end_reason: None,
        token_generation: 1,
        client: None,
        reached_agent: false,
        agent_result: None,
        output: String::new(),
    };
    assert_eq!(read(store, &new.session_id).await, expected);
}
