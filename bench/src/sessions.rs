//! Whole sessions: StartSession, both channels, the first byte of output, its acknowledgement, the end. This process
//! is every agent and every client; what is measured of the service is its processor time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use postern_iam::sigv4::Credentials;
use postern_protocol::channel::control_channel::{
    AgentControl, AgentControlConfig, AgentControlEvent, ControlTransmit,
};
use postern_protocol::wire::payload::{Acknowledge, JsonPayload, SessionState, TaskComplete, TaskStatus};
use postern_protocol::wire::websocket::Message;
use postern_protocol::wire::{Frame, MessageType};
use postern_protocol::{Clock as _, Now};
use postern_testkit::{Scheme, Service};
use postern_transport::{NetStream, SystemClock, WebSocket, WsEvent};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::Row;
use crate::cpu::CpuTime;
use crate::fleet::{Fleet, Node, administrator, frame, session_state, uuid_text};
use crate::stats::Samples;

const NODES: usize = 16;
/// Sessions under way in the first half, which asks how many the service can do.
const AT_ONCE: usize = 16;
/// Sessions that begin in a second in the other, which asks how long one takes.
const PACE: u32 = 50;
const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

type Socket = WebSocket<NetStream>;

/// Runs `sessions` in each round and half.
pub(crate) fn measure(rounds: usize, sessions: u32) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let service = Service::start(Scheme::Https);
    let fleet = Arc::new(Fleet::of(&service)?);
    let mut nodes = Vec::new();
    runtime.block_on(fleet.raise(&service, NODES, |node| nodes.push(node)))?;
    let targets: Arc<Vec<String>> = Arc::new(nodes.iter().map(|node| node.id.to_string()).collect());
    for node in nodes {
        runtime.spawn(be_agent(Arc::clone(&fleet), node));
    }
    let caller = Arc::new(administrator(&service)?);
    let user = User { fleet, caller, targets };
    let (mut rate, mut cost, mut paced) = (Samples::default(), Samples::default(), Samples::default());
    for round in 0..rounds {
        eprintln!("sessions: round {} of {rounds}", round + 1);
        let (cpu, begun) = (CpuTime::of(service.process_id())?, Instant::now());
        let mut unpaced = Samples::default();
        runtime.block_on(user.run(sessions, None, &mut unpaced))?;
        rate.add_number(f64::from(sessions) / begun.elapsed().as_secs_f64());
        cost.add_number(cpu.passed()?.as_secs_f64() * 1e3 / f64::from(sessions));
        runtime.block_on(user.run(sessions, Some(PACE), &mut paced))?;
    }
    Ok(vec![
        Row {
            measure: format!("whole sessions, {AT_ONCE} at once (sessions/s); CPU of the service each (ms)"),
            result: format!("{:.0}; {:.2}", rate.median(), cost.median()),
            goal: "P13: >= 200/s; <= 3 ms",
        },
        Row {
            measure: format!("whole sessions, {PACE} begun in a second, p50 / p99 (ms)"),
            result: format!("{:.1} / {:.1}", paced.median(), paced.percentile(99.0)),
            goal: "P13: p99 <= 100 ms",
        },
    ])
}

/// Who starts sessions.
#[derive(Clone)]
struct User {
    fleet: Arc<Fleet>,
    caller: Arc<Credentials>,
    targets: Arc<Vec<String>>,
}

impl User {
    /// So many sessions, so many begun in a second or as many as may be under way. One that fails is a failure of all.
    async fn run(&self, sessions: u32, pace: Option<u32>, samples: &mut Samples) -> Result<()> {
        let begun = Instant::now();
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for number in 0..sessions {
            let permit = match pace {
                Some(pace) => {
                    let due = begun + Duration::from_secs(1) * number / pace;
                    tokio::time::sleep_until(due.into()).await;
                    None
                }
                None => Some(Arc::clone(&permits).acquire_owned().await?),
            };
            let (user, target) = (self.clone(), self.targets[number as usize % NODES].clone());
            running.spawn(async move {
                let took = user.one(&target).await;
                drop(permit);
                took
            });
        }
        while let Some(took) = running.join_next().await {
            samples.add(took??);
        }
        Ok(())
    }

    async fn one(&self, target: &str) -> Result<Duration> {
        let begun = Instant::now();
        // Equal requests of one second would have equal signatures.
        let request = json!({"Target": target, "Reason": uuid_text()});
        let session: Value = self.fleet.ssm.call("AmazonSSM.StartSession", &request, &*self.caller).await?;
        let mut socket = self.fleet.open_client(&session, "1.2.677.0", MAX_MESSAGE_BYTES).await?;
        let output = receive(&mut socket, MessageType::OutputStreamData).await?;
        ensure!(output.payload == GREETING, "another output came");
        let said = Acknowledge::new(output.message_type, output.message_id, output.sequence_number);
        socket.feed(frame(MessageType::Acknowledge, 0, said.encode()));
        receive(&mut socket, MessageType::ChannelClosed).await?;
        Ok(begun.elapsed())
    }
}

const GREETING: &[u8] = b"hello";

/// Holds a node's control channel and serves its sessions.
async fn be_agent(fleet: Arc<Fleet>, node: Node) -> Result<()> {
    let Node { id, credentials, mut control, .. } = node;
    let (ended, mut ends) = mpsc::channel::<String>(256);
    let mut channel = AgentControl::new(AgentControlConfig::new(1));
    channel.handle_connected(now());
    loop {
        while let Some(transmit) = channel.poll_transmit(now()) {
            control.feed(match transmit {
                ControlTransmit::Message(message) => Message::Binary(message),
                ControlTransmit::Ping => Message::Ping(Bytes::from_static(b"keepalive")),
            });
        }
        tokio::select! {
            event = control.next() => match event? {
                WsEvent::Message(Message::Binary(message)) => channel.handle_message(message, now())?,
                WsEvent::Message(_) => channel.handle_keepalive(now()),
                WsEvent::Writable => {}
                WsEvent::Closed => bail!("the service closed a control channel"),
            },
            Some(task_id) = ends.recv() => channel.complete_task(
                TaskComplete {
                    schema_version: 1,
                    task_id,
                    topic: TaskComplete::TOPIC.to_owned(),
                    final_task_status: TaskStatus::Success,
                    instance_id: id.to_string(),
                    ..TaskComplete::default()
                },
                now(),
            ),
            () = postern_transport::sleep_until(channel.poll_timeout()) => channel.handle_timeout(now()),
        }
        while let Some(event) = channel.poll_event() {
            if let AgentControlEvent::StartSession(start) = event {
                let (fleet, credentials, id, ended) =
                    (Arc::clone(&fleet), credentials.clone(), id.clone(), ended.clone());
                tokio::spawn(async move {
                    let socket = fleet.open_agent(&start.task_id, &id, &credentials, MAX_MESSAGE_BYTES).await?;
                    serve(socket, &start.task_id).await?;
                    ended.send(start.task_id).await.context("the control channel is gone")
                });
            }
        }
    }
}

/// Says one thing, waits until it was heard, and goes.
async fn serve(mut socket: Socket, session_id: &str) -> Result<()> {
    socket.feed(frame(MessageType::OutputStreamData, 0, Bytes::from_static(GREETING)));
    receive(&mut socket, MessageType::Acknowledge).await?;
    socket.feed(session_state(SessionState::Terminating, session_id));
    tokio::time::timeout(TIMEOUT, socket.flush()).await??;
    Ok(())
}

/// The next frame of that type.
async fn receive(socket: &mut Socket, message_type: MessageType) -> Result<Frame> {
    loop {
        let event = tokio::time::timeout(TIMEOUT, socket.next()).await;
        match event.with_context(|| format!("no {message_type} came"))?? {
            WsEvent::Message(Message::Binary(bytes)) => {
                let frame = Frame::decode_unverified(bytes)?;
                if frame.message_type == message_type {
                    return Ok(frame);
                }
            }
            WsEvent::Message(_) | WsEvent::Writable => {}
            WsEvent::Closed => bail!("the connection ended before {message_type} came"),
        }
    }
}

fn now() -> Now {
    SystemClock.now()
}
