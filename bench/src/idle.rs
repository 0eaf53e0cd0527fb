//! What an idle managed node costs the service: thousands of real control channels, held by this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use postern_iam::ids::NodeId;
use postern_iam::node_key::NodeKeyPair;
use postern_iam::secret::SecretString;
use postern_iam::sigv4::Credentials;
use postern_protocol::Entropy;
use postern_protocol::wire::websocket::Message;
use postern_testkit::{Scheme, Service};
use postern_transport::{
    Anonymous, Dialer, Endpoint, JsonApi, NetStream, NodeKeySigner, Proxy, SystemEntropy, Trust, WebSocket, WsEvent,
    connect_websocket,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::Row;
use crate::memory::Memory;

/// An activation registers at most this many nodes.
const ACTIVATION_LIMIT: usize = 1000;
/// Nodes that come up at the same time; two cores do not get faster with more.
const AT_ONCE: usize = 32;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Holds `counts` control channels, plain and over TLS, and measures the service each time.
pub(crate) fn measure(counts: &[usize]) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let mut rows = Vec::new();
    for (scheme, name, goal) in [(Scheme::Http, "plain", "P10: <= 4 KB"), (Scheme::Https, "TLS", "P10: <= 12 KB")] {
        let service = Service::start(scheme);
        let before = Memory::of(service.process_id())?;
        let nodes = Nodes::of(&service)?;
        let mut held = JoinSet::new();
        let mut previous = None;
        for &count in counts {
            eprintln!("idle: {count} control channels, {name}");
            let started = Instant::now();
            runtime.block_on(nodes.hold(&service, &mut held, count))?;
            let took = started.elapsed();
            // What connecting needed and idling does not has been given back by then.
            std::thread::sleep(Duration::from_secs(3));
            let memory = Memory::of(service.process_id())?;
            let ticks = cpu_ticks(service.process_id())?;
            std::thread::sleep(Duration::from_secs(20));
            let busy = (cpu_ticks(service.process_id())? - ticks) as f64 / 100.0 / 20.0 * 100.0;
            let each = memory.rss.saturating_sub(before.rss) as f64 / 1e3 / count as f64;
            rows.push(Row {
                measure: format!("service, RSS per idle node, {count} control channels, {name} (KB)"),
                result: format!("{each:.1} (process {:.0} MB, {busy:.1} % of a core)", memory.rss as f64 / 1e6),
                goal,
            });
            // What the process holds for itself falls out of the difference of two counts.
            if let Some((fewer, less)) = previous.replace((count, memory.rss)) {
                let further = memory.rss.saturating_sub(less) as f64 / 1e3 / count.saturating_sub(fewer).max(1) as f64;
                rows.push(Row {
                    measure: format!("service, RSS per further node, {fewer} to {count}, {name} (KB)"),
                    result: format!("{further:.1}"),
                    goal,
                });
            }
            rows.push(Row {
                measure: format!("registered and connected up to {count}, {name} (s)"),
                result: format!("{:.1}", took.as_secs_f64()),
                goal: "",
            });
        }
    }
    Ok(rows)
}

/// User and system time of a process in clock ticks of 10 ms.
fn cpu_ticks(process_id: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat"))?;
    // The program's name, in parentheses, may contain blanks.
    let fields = stat.rsplit(')').next().context("stat has a name in parentheses")?;
    let ticks: Vec<u64> = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Ok(ticks.iter().sum())
}

/// How nodes are made.
struct Nodes {
    dialer: Dialer,
    ssm: JsonApi,
    messages: JsonApi,
}

impl Nodes {
    fn of(service: &Service) -> Result<Self> {
        let endpoint: Endpoint = service.endpoint().parse()?;
        let trust = service.ca_file().map_or(Trust::WebPki, Trust::CaFile);
        let dialer = Dialer::new(trust, Proxy::none());
        let ssm = JsonApi::new(dialer.clone(), endpoint, "us-east-1", "ssm").with_timeout(TIMEOUT);
        let messages = ssm.clone().with_service("ssmmessages");
        Ok(Self { dialer, ssm, messages })
    }

    /// Adds nodes to `held` until there are `count`.
    async fn hold(&self, service: &Service, held: &mut JoinSet<()>, count: usize) -> Result<()> {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        while held.len() < count {
            let batch = (count - held.len()).min(ACTIVATION_LIMIT);
            let (id, code) = service.create_activation(u32::try_from(batch)?);
            let mut coming = JoinSet::new();
            for _ in 0..batch {
                let permit = Arc::clone(&permits).acquire_owned().await?;
                let node = self.clone_for_task();
                let (id, code) = (id.clone(), code.clone());
                coming.spawn(async move {
                    let socket = node.connect(&id, &code).await;
                    drop(permit);
                    socket
                });
            }
            while let Some(socket) = coming.join_next().await {
                held.spawn(keep_alive(socket??));
            }
        }
        Ok(())
    }

    fn clone_for_task(&self) -> Self {
        Self { dialer: self.dialer.clone(), ssm: self.ssm.clone(), messages: self.messages.clone() }
    }

    /// The service lets only so many strangers register in a second; a whole fleet has to wait for its turn.
    async fn register(&self, request: &Value) -> Result<Value> {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            match self.ssm.call("AmazonSSM.RegisterManagedInstance", request, &Anonymous).await {
                Err(error) if error.code() == Some("ThrottlingException") && Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                other => return Ok(other?),
            }
        }
    }

    /// Registers a node and opens its control channel, as an agent does.
    async fn connect(&self, activation_id: &str, activation_code: &str) -> Result<WebSocket<NetStream>> {
        let mut seed = [0; 32];
        SystemEntropy.fill(&mut seed);
        let key = NodeKeyPair::from_seed(seed);
        let fingerprint = uuid_text();
        let register = json!({
            "ActivationId": activation_id, "ActivationCode": activation_code, "Fingerprint": fingerprint,
            "PublicKey": key.public_key().to_registration(), "PublicKeyType": "Ed25519",
        });
        let made = self.register(&register).await?;
        let node: NodeId = text(&made, "InstanceId")?.parse()?;
        let signer = NodeKeySigner { node: &node, key: &key };
        let target = "AmazonSSM.RequestManagedInstanceRoleToken";
        let token: Value = self.ssm.call(target, &json!({"Fingerprint": fingerprint}), &signer).await?;
        let credentials = Credentials {
            access_key_id: text(&token, "AccessKeyId")?,
            secret_access_key: SecretString::new(text(&token, "SecretAccessKey")?),
            session_token: Some(SecretString::new(text(&token, "SessionToken")?)),
        };
        let information = json!({
            "AgentName": "amazon-ssm-agent", "AgentStatus": "Active", "AgentVersion": "3.4.1.0",
            "ComputerName": format!("{node}.example.org"), "IPAddress": "192.0.2.1", "InstanceId": node,
            "PlatformName": "Debian GNU/Linux", "PlatformType": "Linux", "PlatformVersion": "12",
        });
        let _: Value = self.ssm.call("AmazonSSM.UpdateInstanceInformation", &information, &credentials).await?;

        let path = format!("/v1/control-channel/{node}");
        let create = json!({"MessageSchemaVersion": "1.0", "RequestId": uuid_text()});
        let answer = self.messages.post_to(&path, &create, &credentials).await?;
        let answer = String::from_utf8(answer.body.to_vec())?;
        let token = answer
            .split("<TokenValue>")
            .nth(1)
            .and_then(|rest| rest.split("</TokenValue>").next())
            .context("the answer has no TokenValue")?;
        let upgrade = format!("{path}?role=subscribe&stream=input");
        let (url, headers) = self.messages.signed_upgrade(&upgrade, &credentials)?;
        let mut socket = connect_websocket(&self.dialer, &url, headers, 65536, TIMEOUT).await?;
        let open = json!({
            "Cookie": null, "MessageSchemaVersion": "1.0", "RequestId": uuid_text(), "TokenValue": token,
            "AgentVersion": "3.4.1.0", "PlatformType": "linux",
        });
        socket.feed(Message::Text(open.to_string()));
        tokio::time::timeout(TIMEOUT, socket.flush()).await??;
        Ok(socket)
    }
}

/// Reads for ever, so that the service's pings are answered, and pings as an agent does.
async fn keep_alive(mut socket: WebSocket<NetStream>) {
    let mut due = tokio::time::interval(Duration::from_secs(54));
    loop {
        tokio::select! {
            _ = due.tick() => socket.feed(Message::Ping("keepalive".into())),
            event = socket.next() => match event {
                Ok(WsEvent::Message(_) | WsEvent::Writable) => {}
                Ok(WsEvent::Closed) | Err(_) => return eprintln!("idle: a control channel was lost"),
            },
        }
    }
}

fn text(value: &Value, key: &str) -> Result<String> {
    match value[key].as_str() {
        Some(text) => Ok(text.to_string()),
        None => bail!("{key} is missing in the answer"),
    }
}

/// A random UUID of version 4, as text.
fn uuid_text() -> String {
    let mut bytes = [0; 16];
    SystemEntropy.fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
