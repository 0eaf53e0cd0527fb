//! Many sessions at once: every store act of a whole session, so that none of them becomes a bottleneck unnoticed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use postern_iam::SessionId;
use postern_model::session::EndReason;
use postern_protocol::wire::payload::{TaskComplete, TaskStatus};

use super::world::{World, start_request};
use crate::lifecycle::End;

/// Whole sessions a second that even an unoptimised build on a busy machine must reach. The goal of an optimised one is
/// 200 (performance P13); this guards against a mistake, not against a percent.
const FLOOR: f64 = 20.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_share_their_flushes() {
    const SESSIONS: usize = 200;
    let world = Arc::new(World::new().await);
    let (machine, lease) = world.online(1).await;
    let agent = world.with_role(&machine).await;
    let begin = Instant::now();
    join_all((0..SESSIONS).map(|_| whole_session(&world, &machine.node_id, &agent, &lease))).await;
    let rate =
        f64::from(u32::try_from(SESSIONS).unwrap()) / begin.elapsed().max(Duration::from_millis(1)).as_secs_f64();
    println!("{rate:.0} whole sessions a second");
    assert!(rate > FLOOR, "{rate:.0} whole sessions a second");
    assert!(world.control.active_sessions().await.unwrap().is_empty());
}

async fn whole_session(world: &World, node: &postern_iam::NodeId, agent: &crate::Caller, lease: &crate::ControlLease) {
    let control = &world.control;
    let started = control.start_session(&world.as_admin().await, start_request(node.as_str())).await.unwrap();
    let id: SessionId = started.session_id.parse().unwrap();
    let token = control.create_data_channel(agent, id.as_str()).await.unwrap();
    world.open_client(id.as_str(), &started.token_value, "c1").await.unwrap();
    world.open_agent(id.as_str(), &token, node).await.unwrap();
    control.session_connected(&id, node).await.unwrap();
    let task =
        TaskComplete { task_id: id.to_string(), final_task_status: TaskStatus::Success, ..TaskComplete::default() };
    control.agent_task_completed(lease, &task).await.unwrap();
    let end = End { reason: EndReason::Completed { exit_status: None }, output: String::new() };
    control.session_ended(&id, &end, false).await.unwrap();
}
