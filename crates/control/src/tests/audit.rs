//! What becomes of audit events when the service is killed, when callers leave, and when the store is behind.

use postern_audit::Check;
use postern_iam::SessionId;
use postern_model::session::EndReason;
use postern_model::{ErrorCode, Operation};
use postern_store::{AuditStore as _, SessionEnd, SessionStore as _};
use serde_json::Value;

use super::world::World;
use crate::Origin;
use crate::authz::Action;
use crate::lifecycle::End;

/// Every event that is stored, once the log was found to be whole.
async fn stored(world: &World) -> Vec<Value> {
    let account = &world.control.settings().scope.account;
    let ends = world.store.audit_log_ends(account).await.unwrap();
    let records = world.store.audit_records(account, 0, 100_000).await.unwrap();
    let mut check = Check::new(ends.first);
    for record in &records {
        check.next(record.number, &record.record).unwrap();
    }
    check.finish(&ends.last).unwrap();
    records.iter().map(|record| serde_json::from_str(&record.record).unwrap()).collect()
}

fn ends(events: &[Value]) -> usize {
    events.iter().filter(|event| event["eventName"] == "SessionEnded").count()
}

async fn call(world: &World, operation: Operation) {
    let event = world.control.begin_call(Action::Api(operation), Origin::default()).unwrap();
    event.set_caller(&world.as_admin().await);
    event.finish(None).await.unwrap();
}

#[tokio::test]
async fn a_change_is_stored_when_it_is_answered_and_a_question_soon() {
    let mut world = World::new().await;
    call(&world, Operation::ListNodes).await;
    assert_eq!(stored(&world).await.len(), 0, "it waits");
    call(&world, Operation::CreateDocument).await;
    // As if killed.
    world.restart().await;
    let names: Vec<String> = stored(&world).await.iter().map(|event| event["eventName"].to_string()).collect();
    assert_eq!(names, ["\"ListNodes\"", "\"CreateDocument\""], "in the order in which they came");
    call(&world, Operation::ListNodes).await;
    world.control.flush_audit().await.unwrap();
    assert_eq!(stored(&world).await.len(), 3, "the log goes on where it was");
}

#[tokio::test]
async fn a_session_whose_end_was_stored_and_its_event_not_has_one_later() {
    let mut world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let told: SessionId = world.start(&machine).await.session_id.parse().unwrap();
    let forgotten: SessionId = world.start(&machine).await.session_id.parse().unwrap();
    call(&world, Operation::StartSession).await;
    let end = End { reason: EndReason::ClientGone, output: String::new() };
    world.control.session_ended(&told, &end, true).await.unwrap();
    world.control.session_ended(&told, &end, true).await.unwrap();
    world.control.flush_audit().await.unwrap();
    // Killed in the middle of ending this one.
    let end = SessionEnd { reason: end.reason, output: end.output, ended_at: world.millis(), node_knows: true };
    world.store.end_session(&world.control.settings().scope, &forgotten, end).await.unwrap();
    assert_eq!(ends(&stored(&world).await), 1, "the first has one, however often it is ended");
    for _ in 0..2 {
        world.restart().await;
        world.control.recover().await.unwrap();
        let events = stored(&world).await;
        assert_eq!(ends(&events), 2, "{events:#?}");
    }
}

#[tokio::test]
async fn everybody_at_once_leaves_one_whole_log() {
    let world = World::new().await;
    let calls = (0..300).map(|n| {
        let operation = if n % 3 == 0 { Operation::CreateDocument } else { Operation::ListNodes };
        call(&world, operation)
    });
    futures_util::future::join_all(calls).await;
    // Some leave while their event is written.
    for _ in 0..50 {
        let leaving = Box::pin(call(&world, Operation::CreateDocument));
        let _ = tokio::time::timeout(std::time::Duration::ZERO, leaving).await;
    }
    world.control.flush_audit().await.unwrap();
    let events = stored(&world).await;
    let count = |name: &str| events.iter().filter(|event| event["eventName"] == name).count();
    assert_eq!((count("ListNodes"), count("CreateDocument")), (200, 150));
}

#[tokio::test]
async fn nothing_is_done_when_nothing_can_be_written_down() {
    let world = World::new().await;
    let administrator = world.as_admin().await;
    let mut refused = None;
    // Nobody writes them.
    for _ in 0..20_000 {
        match world.control.begin_call(Action::Api(Operation::ListNodes), Origin::default()) {
            Ok(event) => {
                event.set_caller(&administrator);
                drop(event);
            }
            Err(error) => {
                refused = Some(error.code());
                break;
            }
        }
    }
    assert_eq!(refused, Some(ErrorCode::ServiceUnavailable));
    world.control.flush_audit().await.unwrap();
    assert!(world.control.begin_call(Action::Api(Operation::ListNodes), Origin::default()).is_ok(), "it goes on then");
}
