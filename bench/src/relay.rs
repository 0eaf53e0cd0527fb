//! What the broker's relay costs: the whole path of a message of 1 KiB and its acknowledgement through the service,
//! over loopback TCP, with the service's process on one core.
//!
//! Both legs are held by this process. What is measured is the processor time of the service, so that the speed of the
//! two ends does not count; it does decide how many messages a turn of the service finds.

use std::collections::VecDeque;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use postern_protocol::wire::payload::{Acknowledge, JsonPayload};
use postern_protocol::wire::websocket::Message;
use postern_protocol::wire::{Frame, MessageType};
use postern_testkit::{Scheme, Service};
use postern_transport::{NetStream, WebSocket, WsEvent};
use serde_json::{Value, json};

use crate::Row;
use crate::cpu::CpuTime;
use crate::fleet::{Fleet, administrator, frame, text};
use crate::stats::Samples;

const PAYLOAD: [u8; 1024] = [b'x'; 1024];
const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

type Socket = WebSocket<NetStream>;

/// Sends `messages` in each of `rounds`, with few and with many under way.
pub(crate) fn measure(rounds: usize, messages: u32) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let mut rows = Vec::new();
    for (window, few) in [(1, 20), (256, 1)] {
        eprintln!("relay: {window} under way");
        let service = Service::start(Scheme::Http);
        let core = on_one_core(service.process_id());
        let mut legs = runtime.block_on(open(&service))?;
        let messages = messages / few;
        let (mut each, mut speed) = (Samples::default(), Samples::default());
        for round in 0..u32::try_from(rounds)? {
            let (cpu, begun) = (CpuTime::of(service.process_id())?, Instant::now());
            legs = runtime.block_on(pass(legs, round * messages, messages, window))?;
            each.add_number(cpu.passed()?.as_secs_f64() * 1e6 / f64::from(messages));
            speed.add_number(f64::from(messages) / begun.elapsed().as_secs_f64() / 1e3);
        }
        rows.push(Row {
            measure: format!(
                "relay, 1 KiB and its acknowledgement, {window} under way, {core}: CPU of the service (µs)"
            ),
            result: format!("{:.2} (thousand messages/s: {:.0})", each.median(), speed.median()),
            goal: if window == 1 { "" } else { "P15: <= 1.3" },
        });
    }
    Ok(rows)
}

/// Binds all threads of the service to one core, where there is a program for it; says what it did.
fn on_one_core(process_id: u32) -> &'static str {
    let id = process_id.to_string();
    let bound = Command::new("taskset").args(["--all-tasks", "--cpu-list", "--pid", "0", &id]).output();
    if bound.is_ok_and(|output| output.status.success()) { "one core" } else { "any core" }
}

/// The two ends of a session.
struct Legs {
    agent: Socket,
    client: Socket,
}

async fn open(service: &Service) -> Result<Legs> {
    let fleet = Fleet::of(service)?;
    let mut nodes = Vec::new();
    fleet.raise(service, 1, |node| nodes.push(node)).await?;
    let mut node = nodes.pop().context("one node was asked for")?;
    let request = json!({"Target": node.id});
    let session: Value = fleet.ssm.call("AmazonSSM.StartSession", &request, &administrator(service)?).await?;
    let id = text(&session, "SessionId")?;
    let agent = fleet.open_agent(&id, &node.id, &node.credentials, MAX_MESSAGE_BYTES).await?;
    let client = fleet.open_client(&session, "1.2.677.0", MAX_MESSAGE_BYTES).await?;
    // Nobody listens to what the node is told, but somebody has to answer pings.
    tokio::spawn(async move { while !matches!(node.control.next().await, Ok(WsEvent::Closed) | Err(_)) {} });
    Ok(Legs { agent, client })
}

async fn pass(legs: Legs, first: u32, count: u32, window: usize) -> Result<Legs> {
    let Legs { agent, client } = legs;
    let client = tokio::spawn(acknowledge(client, first, count));
    let agent = tokio::spawn(send(agent, first, count, window));
    Ok(Legs { agent: agent.await??, client: client.await?? })
}

/// The agent's end: at most `window` messages wait for their acknowledgements.
async fn send(mut socket: Socket, first: u32, count: u32, window: usize) -> Result<Socket> {
    let mut numbers = (first..first + count).map(i64::from).peekable();
    let mut under_way = VecDeque::new();
    while numbers.peek().is_some() || !under_way.is_empty() {
        while under_way.len() < window && socket.can_feed() {
            let Some(number) = numbers.next() else { break };
            socket.feed(frame(MessageType::OutputStreamData, number, Bytes::from_static(&PAYLOAD)));
            under_way.push_back(number);
        }
        let Some(message) = next(&mut socket).await? else { continue };
        if message.message_type != MessageType::Acknowledge {
            continue;
        }
        let number = Acknowledge::decode(&message.payload)?.acknowledged_message_sequence_number;
        if under_way.pop_front() != Some(number) {
            bail!("{number} was acknowledged out of its turn");
        }
    }
    Ok(socket)
}

/// The client's end acknowledges each message.
async fn acknowledge(mut socket: Socket, first: u32, count: u32) -> Result<Socket> {
    let mut expected = i64::from(first);
    while expected < i64::from(first + count) {
        let Some(message) = next(&mut socket).await? else { continue };
        if message.sequence_number != expected || message.payload.len() != PAYLOAD.len() {
            bail!("message {} of {} bytes came for {expected}", message.sequence_number, message.payload.len());
        }
        expected += 1;
        let said = Acknowledge::new(message.message_type, message.message_id, message.sequence_number);
        socket.feed(frame(MessageType::Acknowledge, 0, said.encode()));
    }
    tokio::time::timeout(TIMEOUT, socket.flush()).await??;
    Ok(socket)
}

/// The next frame; nothing when there is room to send again, or somebody pinged.
async fn next(socket: &mut Socket) -> Result<Option<Frame>> {
    match tokio::time::timeout(TIMEOUT, socket.next()).await.context("the broker stands still")?? {
        WsEvent::Message(Message::Binary(bytes)) => Ok(Some(Frame::decode_unverified(bytes)?)),
        WsEvent::Message(_) | WsEvent::Writable => Ok(None),
        WsEvent::Closed => bail!("the broker closed a leg"),
    }
}
