//! A thousand stock agents at the service: what each calls and how often is the spec's timeline (agent-api-calls §1),
//! measured with the real one.
//!
//! Their nodes have Ed25519 keys where stock agents have RSA ones, which is the dearer of the two to verify; everything
//! else on the wire is as a stock agent's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use postern_iam::sigv4::Credentials;
use postern_protocol::Entropy as _;
use postern_protocol::wire::websocket::Message;
use postern_testkit::{Scheme, Service};
use postern_transport::{SystemEntropy, WsEvent};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};

use crate::Row;
use crate::cpu::CpuTime;
use crate::fleet::{Fleet, Node, uuid_text};
use crate::memory::Memory;

const PING: Duration = Duration::from_secs(54);
const REPORT: Duration = Duration::from_secs(5 * 60);
const ASSOCIATIONS: Duration = Duration::from_secs(10 * 60);
/// Half the life of a token of an hour.
const ROLE_TOKEN: Duration = Duration::from_secs(30 * 60);
/// Messages are polled until the control channel has been there for a minute; each poll is held for a quarter of one.
const POLLS: u32 = 4;

/// What the agents did.
#[derive(Default)]
struct Done {
    calls: AtomicU64,
    failures: AtomicU64,
    pings: AtomicU64,
}

impl Done {
    fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

/// Lets `count` agents come up, and measures the service for `seconds` after their start and for as long at rest.
pub(crate) fn measure(count: usize, seconds: u64) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let mut rows = Vec::new();
    for (scheme, name) in [(Scheme::Http, "plain"), (Scheme::Https, "TLS")] {
        eprintln!("stock-agents: {count}, {name}");
        let service = Service::start(scheme);
        let fleet = Fleet::of(&service)?;
        let done = Arc::new(Done::default());
        let mut agents = JoinSet::new();
        runtime.block_on(fleet.raise(&service, count, |node| {
            agents.spawn(run(fleet.clone(), node, Arc::clone(&done)));
        }))?;
        for (phase, pause) in [("after their start", 0), ("at rest", 15)] {
            std::thread::sleep(Duration::from_secs(pause));
            let calls = done.calls.load(Ordering::Relaxed);
            let (cpu, begun) = (CpuTime::of(service.process_id())?, std::time::Instant::now());
            std::thread::sleep(Duration::from_secs(seconds));
            let (busy, took) = (cpu.passed()?.as_secs_f64(), begun.elapsed().as_secs_f64());
            let calls = (done.calls.load(Ordering::Relaxed) - calls) as f64 / took;
            let memory = Memory::of(service.process_id())?;
            rows.push(Row {
                measure: format!("{count} stock agents {phase}, {seconds} s, {name}: service (% of a core, MB)"),
                result: format!("{:.1} %, {:.0} MB; {calls:.1} calls/s", busy / took * 100.0, memory.rss as f64 / 1e6),
                goal: "",
            });
        }
        let (failures, pings) = (done.failures.load(Ordering::Relaxed), done.pings.load(Ordering::Relaxed));
        rows.push(Row {
            measure: format!("{count} stock agents, {name}: failed calls and lost channels, pongs"),
            result: format!("{failures}, {pings}"),
            goal: "0 failed",
        });
    }
    Ok(rows)
}

/// One agent, for as long as its control channel lives.
async fn run(fleet: Fleet, mut node: Node, done: Arc<Done>) {
    let now = Instant::now();
    let mut ping = interval_at(now + PING, PING);
    let mut report = interval_at(now + at_random(REPORT), REPORT);
    let mut associations = interval_at(now + at_random(Duration::from_secs(30)), ASSOCIATIONS);
    let mut again = true;
    let mut token = interval_at(now + ROLE_TOKEN, ROLE_TOKEN);
    let _polls = AbortOnDrop(tokio::spawn(poll(
        fleet.clone(),
        node.id.to_string(),
        node.credentials.clone(),
        Arc::clone(&done),
    )));
    loop {
        let id = node.id.to_string();
        tokio::select! {
            event = node.control.next() => match event {
                Ok(WsEvent::Message(Message::Pong(_))) => {
                    done.pings.fetch_add(1, Ordering::Relaxed);
                }
                Ok(WsEvent::Message(_) | WsEvent::Writable) => {}
                Ok(WsEvent::Closed) | Err(_) => return done.failed(),
            },
            _ = ping.tick() => node.control.feed(Message::Ping("keepalive".into())),
            _ = report.tick() => {
                let full = json!({
                    "AgentName": "amazon-ssm-agent", "AgentStatus": "Active", "AgentVersion": "3.3.0.0",
                    "AvailabilityZone": "", "AvailabilityZoneId": "", "ComputerName": "vm", "IPAddress": "192.0.2.1",
                    "InstanceId": id, "PlatformName": "Debian GNU/Linux", "PlatformType": "Linux",
                    "PlatformVersion": "12", "SSMConnectionChannel": "ssmmessages",
                });
                call(&fleet, &node, &done, "AmazonSSM.UpdateInstanceInformation", &full).await;
            }
            _ = associations.tick() => {
                let request = json!({"InstanceId": id, "MaxResults": 20});
                call(&fleet, &node, &done, "AmazonSSM.ListInstanceAssociations", &request).await;
                // Once more half a minute after an empty answer.
                if std::mem::take(&mut again) {
                    associations.reset_after(Duration::from_secs(30));
                }
            }
            _ = token.tick() => {
                done.calls.fetch_add(1, Ordering::Relaxed);
                match fleet.credentials(&node.id, &node.key, &node.fingerprint).await {
                    Ok(credentials) => node.credentials = credentials,
                    Err(_) => done.failed(),
                }
            }
        }
    }
}

/// The polls for messages, beside everything else.
async fn poll(fleet: Fleet, id: String, credentials: Credentials, done: Arc<Done>) {
    for _ in 0..POLLS {
        done.calls.fetch_add(1, Ordering::Relaxed);
        let request = json!({"Destination": id, "MessagesRequestId": uuid_text(), "VisibilityTimeoutInSeconds": 10});
        let target = "EC2WindowsMessageDeliveryService.GetMessages";
        if fleet.ec2messages.call::<_, Value>(target, &request, &credentials).await.is_err() {
            done.failed();
        }
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn call(fleet: &Fleet, node: &Node, done: &Done, target: &str, request: &Value) {
    done.calls.fetch_add(1, Ordering::Relaxed);
    if fleet.ssm.call::<_, Value>(target, request, &node.credentials).await.is_err() {
        done.failed();
    }
}

fn at_random(within: Duration) -> Duration {
    let mut bytes = [0; 4];
    SystemEntropy.fill(&mut bytes);
    within.mul_f64(f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX))
}
