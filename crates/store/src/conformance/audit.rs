//! Cases about the log of audit events.

use postern_audit::{Check, Event, EventType, Link, Term, UserIdentity, moment, seal, start, terms};
use postern_iam::AccountId;
use serde_json::Map;

use super::fixture::{NOW, scope};
use crate::{AppendAudit, AuditAppend, AuditPosition, AuditQuery, NewAuditRecord, Store};

/// An event of somebody's, `later` milliseconds after the usual moment.
fn event(name: &str, who: &str, later: u64) -> (u64, Event) {
    let event = Event {
        user_identity: UserIdentity { kind: "IAMUser", user_name: Some(who.to_owned()), ..UserIdentity::default() },
        event_time: moment(NOW + later),
        event_source: "ssm.amazonaws.com".to_owned(),
        event_name: name.to_owned(),
        aws_region: "eu-west-1".to_owned(),
        source_ip_address: None,
        user_agent: None,
        error_code: None,
        error_message: None,
        request_parameters: None,
        response_elements: None,
        additional_event_data: Map::new(),
        request_id: None,
        event_id: format!("{name}-{later}"),
        read_only: false,
        event_type: EventType::AwsApiCall,
        service_event_details: None,
        recipient_account_id: "123456789012".to_owned(),
    };
    (NOW + later, event)
}

fn append(events: Vec<(u64, Event)>, after: Link) -> AuditAppend {
    let (mut becomes, mut records) = (after, Vec::new());
    for (at, event) in events {
        let (record, link) = seal(event, &becomes);
        let terms = terms(&serde_json::from_str(&record).expect("JSON"));
        records.push(NewAuditRecord { at, record, terms });
        becomes = link;
    }
    AuditAppend { after, becomes, records }
}

async fn check(store: &dyn Store, account: &AccountId) -> u64 {
    let ends = store.audit_log_ends(account).await.expect("reads");
    let records = store.audit_records(account, 0, 1000).await.expect("reads");
    let mut check = Check::new(ends.first);
    for record in &records {
        check.next(record.number, &record.record).expect("linked");
    }
    check.finish(&ends.last).expect("whole");
    u64::try_from(records.len()).expect("few")
}

pub(super) async fn events_are_appended_once_and_never_beside_each_other(store: &dyn Store) {
    let account = scope().account;
    assert_eq!(check(store, &account).await, 0);
    let first = append(vec![event("A", "jane", 0), event("B", "joe", 1)], start());
    let other = append(vec![event("C", "joe", 0)], start());
    let behind = first.becomes;
    assert_eq!(store.append_audit(&account, first.clone()).await.expect("writes"), AppendAudit::Appended);
    assert_eq!(store.append_audit(&account, first).await.expect("writes"), AppendAudit::Appended, "tried again");
    let refused = store.append_audit(&account, other).await.expect("writes");
    assert_eq!(refused, AppendAudit::Elsewhere(behind), "the log does not branch");
    let many = (0..1200).map(|n| event("D", "joe", n)).collect();
    let many = append(many, behind);
    assert_eq!(store.append_audit(&account, many).await.expect("writes"), AppendAudit::Appended);
    assert_eq!(store.audit_log_ends(&account).await.expect("reads").last.count, 1202);
    let page = store.audit_records(&account, 1, 2).await.expect("reads");
    assert_eq!(page.iter().map(|record| record.number).collect::<Vec<_>>(), [1, 2]);
    let stranger: AccountId = "210987654321".parse().expect("an account");
    assert_eq!(check(store, &stranger).await, 0, "another account has another log");
}

pub(super) async fn events_are_found_by_what_they_are_about(store: &dyn Store) {
    let account = scope().account;
    // The second one happened before the first.
    let events = vec![event("A", "jane", 9), event("B", "joe", 1), event("A", "joe", 9), event("A", "jane", 20)];
    store.append_audit(&account, append(events, start())).await.expect("writes");
    let all = AuditQuery { term: None, from: 0, to: u64::MAX, before: None, limit: 50 };
    let by = |term, value: &str| AuditQuery { term: Some((term, value.to_owned())), ..all.clone() };
    let find = async |query: AuditQuery| -> Vec<u64> {
        let found = store.lookup_audit(&account, &query).await.expect("reads");
        found.iter().map(|record| record.number).collect()
    };
    assert_eq!(find(all.clone()).await, [3, 2, 0, 1], "the latest first");
    assert_eq!(find(by(Term::EventName, "A")).await, [3, 2, 0]);
    assert_eq!(find(by(Term::Username, "joe")).await, [2, 1]);
    assert_eq!(find(by(Term::EventId, "B-1")).await, [1]);
    assert_eq!(find(by(Term::Username, "A")).await, [0_u64; 0], "a value counts for its own attribute");
    assert_eq!(find(AuditQuery { from: NOW + 9, to: NOW + 9, ..all.clone() }).await, [2, 0]);
    let before = Some(AuditPosition { at: NOW + 9, number: 2 });
    assert_eq!(find(AuditQuery { before, ..all.clone() }).await, [0, 1]);
    assert_eq!(find(AuditQuery { before, limit: 1, ..by(Term::ReadOnly, "false") }).await, [0]);
}

pub(super) async fn old_events_are_forgotten_and_the_rest_stays_whole(store: &dyn Store) {
    let account = scope().account;
    assert_eq!(store.forget_audit(&account, u64::MAX, 10).await.expect("writes"), 0);
    let events = (0..6).map(|n| event("A", "jane", n * 10)).collect();
    store.append_audit(&account, append(events, start())).await.expect("writes");
    assert_eq!(store.forget_audit(&account, NOW + 40, 3).await.expect("writes"), 3, "so many at once");
    assert_eq!(check(store, &account).await, 3);
    assert_eq!(store.forget_audit(&account, NOW + 40, 10).await.expect("writes"), 1);
    assert_eq!(store.forget_audit(&account, NOW + 40, 10).await.expect("writes"), 0);
    assert_eq!(check(store, &account).await, 2);
    let jane = Some((Term::Username, "jane".to_owned()));
    let query = AuditQuery { term: jane, from: 0, to: u64::MAX, before: None, limit: 50 };
    assert_eq!(store.lookup_audit(&account, &query).await.expect("reads").len(), 2);
    let ends = store.audit_log_ends(&account).await.expect("reads");
    let next = append(vec![event("B", "jane", 70)], ends.last);
    assert_eq!(store.append_audit(&account, next).await.expect("writes"), AppendAudit::Appended);
    assert_eq!(store.forget_audit(&account, u64::MAX, 10).await.expect("writes"), 3);
    assert_eq!(check(store, &account).await, 0, "also all of them");
    assert_eq!(store.audit_log_ends(&account).await.expect("reads").first.count, 7);
}

pub(super) async fn a_sinks_place_is_kept(store: &dyn Store) {
    let account = scope().account;
    assert_eq!(store.audit_cursor(&account, "file").await.expect("reads"), None);
    store.set_audit_cursor(&account, "file", 3).await.expect("writes");
    store.set_audit_cursor(&account, "webhook", 1).await.expect("writes");
    store.set_audit_cursor(&account, "file", 5).await.expect("writes");
    assert_eq!(store.audit_cursor(&account, "file").await.expect("reads"), Some(5));
    assert_eq!(store.audit_cursor(&account, "webhook").await.expect("reads"), Some(1));
}
