//! How the supervisor of a session hears and stores what happens, and how the node hears of ends.

use postern_iam::SessionId;
use postern_model::session::{EndReason, SessionStatus, TerminateSessionRequest};
use postern_protocol::Clock as _;
use postern_protocol::channel::relay::Side;
use postern_protocol::wire::payload::{TaskComplete, TaskStatus};

use super::world::World;
use crate::command::{NodeCommand, SessionCommand};
use crate::lifecycle::Action;
use crate::{SessionNews, Supervision};

/// Carries out what a lifecycle asks for, as the broker's supervisor does.
pub(super) async fn carry_out(world: &World, supervision: &mut Supervision) -> Vec<Action> {
    let (id, node) = (supervision.session.session_id.clone(), supervision.session.node_id.clone());
    let mut done = Vec::new();
    while let Some(action) = supervision.lifecycle.poll_action() {
        match &action {
            Action::StoreConnected => world.control.session_connected(&id, &node).await.unwrap(),
            Action::StoreDisconnected { details } => {
                world.control.session_disconnected(&id, &node, details).await.unwrap();
            }
            Action::StoreTerminating(reason) => world.control.session_terminating(&id, reason).await.unwrap(),
            Action::TellAgent => world.control.tell_agent_to_end(&node, &id),
            Action::StoreEnded { end, node_knows } => {
                world.control.session_ended(&id, end, *node_knows).await.unwrap();
                supervision.lifecycle.handle_end_stored();
            }
            Action::WarnClient(_) | Action::TellClient { .. } => {}
        }
        done.push(action);
    }
    done
}

async fn stored_status(world: &World, id: &SessionId) -> SessionStatus {
    world.control.find_session(id.as_str()).await.unwrap().unwrap().status
}

fn task(id: &SessionId, status: TaskStatus, output: &str) -> TaskComplete {
    TaskComplete {
        task_id: id.to_string(),
        final_task_status: status,
        output: output.to_owned(),
        ..TaskComplete::default()
    }
}

#[tokio::test]
async fn a_session_lives_and_is_terminated() {
    let world = World::new().await;
    let (machine, mut lease) = world.online(1).await;
    let id: SessionId = world.start(&machine).await.session_id.parse().unwrap();
    let mut supervision = world.control.supervise(&id, true).await.unwrap().unwrap();
    let now = world.clock.now();
    supervision.lifecycle.handle_attached(Side::Client, now);
    supervision.lifecycle.handle_attached(Side::Agent, now);
    assert_eq!(carry_out(&world, &mut supervision).await, [Action::StoreConnected]);
    assert_eq!(stored_status(&world, &id).await, SessionStatus::Connected);

    let request = TerminateSessionRequest { session_id: id.to_string() };
    world.control.terminate_session(&world.as_admin().await, request).await.unwrap();
    let Some(SessionNews::Command(command)) = supervision.commands.next().await else { panic!("not told") };
    assert!(matches!(&command, SessionCommand::Terminate { output, .. } if output.is_empty()), "one's own session");
    supervision.lifecycle.handle_command(command, now);
    assert_eq!(carry_out(&world, &mut supervision).await, [Action::TellAgent]);
    assert_eq!(lease.next_command().await, Some(NodeCommand::WorkPending), "from its start");
    assert_eq!(lease.next_command().await, Some(NodeCommand::EndSession { session_id: id.clone() }));

    world.control.agent_task_completed(&lease, &task(&id, TaskStatus::Success, "")).await.unwrap();
    let Some(SessionNews::Command(command)) = supervision.commands.next().await else { panic!("not told") };
    supervision.lifecycle.handle_command(command, now);
    let done = carry_out(&world, &mut supervision).await;
    assert!(matches!(&done[..], [Action::StoreEnded { .. }, Action::TellClient { .. }]), "{done:?}");
    assert_eq!(stored_status(&world, &id).await, SessionStatus::Terminated);
    assert!(supervision.lifecycle.is_ended());
    assert!(world.control.supervise(&id, false).await.unwrap().is_none(), "there is nothing left to supervise");
    assert_eq!(world.control.pending_work(&lease).await.unwrap(), crate::PendingWork::default());
}

#[tokio::test]
async fn an_agents_failure_is_remembered_whoever_hears_it() {
    let world = World::new().await;
    let (machine, lease) = world.online(1).await;
    let id: SessionId = world.start(&machine).await.session_id.parse().unwrap();
    // Nobody supervises yet; a failed session says so twice.
    world.control.agent_task_completed(&lease, &task(&id, TaskStatus::Failed, "no such user")).await.unwrap();
    world.control.agent_task_completed(&lease, &task(&id, TaskStatus::Failed, "document failed")).await.unwrap();
    let mut supervision = world.control.supervise(&id, true).await.unwrap().unwrap();
    let done = carry_out(&world, &mut supervision).await;
    let Some(Action::TellClient { output }) = done.last() else { panic!("{done:?}") };
    assert_eq!(output, "no such user");
    let session = world.control.find_session(id.as_str()).await.unwrap().unwrap();
    assert_eq!(session.status, SessionStatus::Failed);
    assert_eq!(session.details, "The node could not run the session: no such user");
    assert_eq!(session.output, "no such user");
}

#[tokio::test]
async fn a_node_reports_only_on_its_own_sessions() {
    let world = World::new().await;
    let (machine, _lease) = world.online(1).await;
    let (_other, other_lease) = world.online(2).await;
    let id: SessionId = world.start(&machine).await.session_id.parse().unwrap();
    for task in [task(&id, TaskStatus::Failed, "gone"), TaskComplete::default()] {
        // Taken, so that it is not sent again, and without effect.
        world.control.agent_task_completed(&other_lease, &task).await.unwrap();
    }
    let session = world.control.find_session(id.as_str()).await.unwrap().unwrap();
    assert_eq!((session.status, session.agent_result), (SessionStatus::Connecting, None));
}

#[tokio::test]
async fn what_the_node_missed_it_is_told_when_it_is_back() {
    let world = World::new().await;
    let (machine, lease) = world.online(1).await;
    let id: SessionId = world.start(&machine).await.session_id.parse().unwrap();
    world.control.detach_control_channel(lease, "its control channel was closed").await.unwrap();
    // It came for its data channel before it was lost, so it runs the session.
    let agent = world.with_role(&machine).await;
    world.control.create_data_channel(&agent, id.as_str()).await.unwrap();
    let end = crate::lifecycle::End { reason: EndReason::NodeLost, output: String::new() };
    world.control.session_ended(&id, &end, false).await.unwrap();
    world.control.tell_agent_to_end(&machine.node_id, &id);

    let lease = world.connect(&machine).await;
    let work = world.control.pending_work(&lease).await.unwrap();
    assert_eq!((work.starts.len(), work.ends), (0, vec![id.clone()]), "its shell has to go");
    world.control.end_delivered(&lease, &id).await.unwrap();
    assert_eq!(world.control.pending_work(&lease).await.unwrap(), crate::PendingWork::default());
}

#[tokio::test]
async fn a_supervisor_hears_the_node_come_and_go() {
    let world = World::new().await;
    let (machine, lease) = world.online(1).await;
    let id: SessionId = world.start(&machine).await.session_id.parse().unwrap();
    let mut supervision = world.control.supervise(&id, true).await.unwrap().unwrap();
    world.control.detach_control_channel(lease, "its control channel was closed").await.unwrap();
    let gone = SessionNews::Command(SessionCommand::NodeConnected { connected: false });
    assert_eq!(supervision.commands.next().await, Some(gone));
    assert_eq!(
        world.control.session_news(&id).await.unwrap(),
        [SessionCommand::NodeConnected { connected: false }],
        "the store says the same"
    );
    let _lease = world.connect(&machine).await;
    let back = SessionNews::Command(SessionCommand::NodeConnected { connected: true });
    assert_eq!(supervision.commands.next().await, Some(back));
}
