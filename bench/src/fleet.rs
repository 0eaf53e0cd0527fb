//! Nodes made by the hundred: registered, with credentials, their control channels held by this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use postern_iam::ids::NodeId;
use postern_iam::node_key::NodeKeyPair;
use postern_iam::secret::SecretString;
use postern_iam::sigv4::Credentials;
use postern_protocol::Entropy;
use postern_protocol::wire::payload::{AgentSessionState, JsonPayload, SessionState};
use postern_protocol::wire::websocket::Message;
use postern_protocol::wire::{Flags, Frame, MessageId, MessageType, PayloadType};
use postern_testkit::Service;
use postern_transport::{
    Anonymous, Dialer, Endpoint, JsonApi, NetStream, NodeKeySigner, Proxy, SystemEntropy, Trust, WebSocket,
    connect_websocket,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// An activation registers at most this many nodes.
const ACTIVATION_LIMIT: usize = 1000;
/// Nodes that come up at the same time; two cores do not get faster with more.
const AT_ONCE: usize = 32;
const TIMEOUT: Duration = Duration::from_secs(30);

/// How nodes are made.
#[derive(Clone)]
pub(crate) struct Fleet {
    pub(crate) dialer: Dialer,
    pub(crate) ssm: JsonApi,
    pub(crate) messages: JsonApi,
    pub(crate) ec2messages: JsonApi,
}

/// A node that is connected.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) key: NodeKeyPair,
    pub(crate) fingerprint: String,
    pub(crate) credentials: Credentials,
    pub(crate) control: WebSocket<NetStream>,
}

impl Fleet {
    pub(crate) fn of(service: &Service) -> Result<Self> {
        let endpoint: Endpoint = service.endpoint().parse()?;
        let trust = service.ca_file().map_or(Trust::WebPki, Trust::CaFile);
        let dialer = Dialer::new(trust, Proxy::none());
        let ssm = JsonApi::new(dialer.clone(), endpoint, "us-east-1", "ssm").with_timeout(TIMEOUT);
        let messages = ssm.clone().with_service("ssmmessages");
        let ec2messages = ssm.clone().with_service("ec2messages");
        Ok(Self { dialer, ssm, messages, ec2messages })
    }

    /// Makes so many nodes, and hands each over when it is connected.
    pub(crate) async fn raise(&self, service: &Service, count: usize, mut each: impl FnMut(Node)) -> Result<()> {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut left = count;
        while left > 0 {
            let batch = left.min(ACTIVATION_LIMIT);
            left -= batch;
            let (id, code) = service.create_activation(u32::try_from(batch)?);
            let mut coming = JoinSet::new();
            for _ in 0..batch {
                let permit = Arc::clone(&permits).acquire_owned().await?;
                let (fleet, id, code) = (self.clone(), id.clone(), code.clone());
                coming.spawn(async move {
                    let node = Box::pin(fleet.connect(&id, &code)).await;
                    drop(permit);
                    node
                });
            }
            while let Some(node) = coming.join_next().await {
                each(node??);
            }
        }
        Ok(())
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
    async fn connect(&self, activation_id: &str, activation_code: &str) -> Result<Node> {
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
        let credentials = self.credentials(&node, &key, &fingerprint).await?;
        let information = json!({
            "AgentName": "amazon-ssm-agent", "AgentStatus": "Active", "AgentVersion": "3.4.1.0",
            "ComputerName": format!("{node}.example.org"), "IPAddress": "192.0.2.1", "InstanceId": node,
            "PlatformName": "Debian GNU/Linux", "PlatformType": "Linux", "PlatformVersion": "12",
        });
        let _: Value = self.ssm.call("AmazonSSM.UpdateInstanceInformation", &information, &credentials).await?;

        let path = format!("/v1/control-channel/{node}");
        let token = self.channel_token(&path, &credentials).await?;
        let upgrade = format!("{path}?role=subscribe&stream=input");
        let open = json!({
            "Cookie": null, "MessageSchemaVersion": "1.0", "RequestId": uuid_text(), "TokenValue": token,
            "AgentVersion": "3.4.1.0", "PlatformType": "linux",
        });
        let control = self.open(&upgrade, &open, &credentials, 65536).await?;
        Ok(Node { id: node, key, fingerprint, credentials, control })
    }

    /// A node's temporary credentials, proved with its key.
    pub(crate) async fn credentials(&self, node: &NodeId, key: &NodeKeyPair, fingerprint: &str) -> Result<Credentials> {
        let signer = NodeKeySigner { node, key };
        let target = "AmazonSSM.RequestManagedInstanceRoleToken";
        let token: Value = self.ssm.call(target, &json!({"Fingerprint": fingerprint}), &signer).await?;
        Ok(Credentials {
            access_key_id: text(&token, "AccessKeyId")?,
            secret_access_key: SecretString::new(text(&token, "SecretAccessKey")?),
            session_token: Some(SecretString::new(text(&token, "SessionToken")?)),
        })
    }

    /// The token that opens a channel.
    pub(crate) async fn channel_token(&self, path: &str, credentials: &Credentials) -> Result<String> {
        let create = json!({"MessageSchemaVersion": "1.0", "RequestId": uuid_text(), "ClientId": ""});
        let answer = self.messages.post_to(path, &create, credentials).await?;
        let answer = String::from_utf8(answer.body.to_vec())?;
        let token = answer.split("<TokenValue>").nth(1).and_then(|rest| rest.split("</TokenValue>").next());
        Ok(token.context("the answer has no TokenValue")?.to_owned())
    }

    /// Opens the client's end of the session that StartSession has answered.
    pub(crate) async fn open_client(
        &self,
        session: &Value,
        version: &str,
        max_message_bytes: usize,
    ) -> Result<WebSocket<NetStream>> {
        let url: Endpoint = text(session, "StreamUrl")?.parse()?;
        let mut socket = connect_websocket(&self.dialer, &url, Vec::new(), max_message_bytes, TIMEOUT).await?;
        let hello = json!({
            "MessageSchemaVersion": "1.0", "RequestId": uuid_text(), "TokenValue": text(session, "TokenValue")?,
            "ClientId": uuid_text(), "ClientVersion": version,
        });
        socket.feed(Message::Text(hello.to_string()));
        tokio::time::timeout(TIMEOUT, socket.flush()).await??;
        Ok(socket)
    }

    /// Opens the agent's end of a session's data channel, and says that it is there.
    pub(crate) async fn open_agent(
        &self,
        session_id: &str,
        node: &NodeId,
        credentials: &Credentials,
        max_message_bytes: usize,
    ) -> Result<WebSocket<NetStream>> {
        let path = format!("/v1/data-channel/{session_id}");
        let token = self.channel_token(&path, credentials).await?;
        let hello = json!({
            "MessageSchemaVersion": "1.0", "RequestId": uuid_text(), "TokenValue": token, "ClientInstanceId": node,
            "ClientId": "",
        });
        let upgrade = format!("{path}?role=publish_subscribe");
        let mut socket = self.open(&upgrade, &hello, credentials, max_message_bytes).await?;
        socket.feed(session_state(SessionState::Connected, session_id));
        tokio::time::timeout(TIMEOUT, socket.flush()).await??;
        Ok(socket)
    }

    /// Opens an agent's end of a channel.
    pub(crate) async fn open(
        &self,
        upgrade: &str,
        open: &Value,
        credentials: &Credentials,
        max_message_bytes: usize,
    ) -> Result<WebSocket<NetStream>> {
        let (url, headers) = self.messages.signed_upgrade(upgrade, credentials)?;
        let mut socket = connect_websocket(&self.dialer, &url, headers, max_message_bytes, TIMEOUT).await?;
        socket.feed(Message::Text(open.to_string()));
        tokio::time::timeout(TIMEOUT, socket.flush()).await??;
        Ok(socket)
    }
}

/// What an agent says of its session to the service.
pub(crate) fn session_state(session_state: SessionState, session_id: &str) -> Message {
    let said = AgentSessionState { schema_version: 1, session_state, session_id: session_id.to_owned() };
    frame(MessageType::AgentSessionState, 0, said.encode())
}

/// A message as the socket takes it. Output carries terminal data.
pub(crate) fn frame(message_type: MessageType, sequence_number: i64, payload: Bytes) -> Message {
    let mut id = [7; 16];
    id[..8].copy_from_slice(&sequence_number.to_be_bytes());
    let payload_type = match message_type {
        MessageType::OutputStreamData => PayloadType::OUTPUT,
        _ => PayloadType::NONE,
    };
    let frame = Frame {
        message_type,
        created_millis: 1_795_384_779_000,
        sequence_number,
        flags: Flags::NONE,
        message_id: MessageId(id),
        payload_type,
        payload,
    };
    Message::Binary(frame.encode())
}

/// The administrator that the service made.
pub(crate) fn administrator(service: &Service) -> Result<Credentials> {
    let environment = service.environment();
    let of = |name: &str| {
        let found = environment.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.clone()).with_context(|| format!("the service gave no {name}"))
    };
    Ok(Credentials {
        access_key_id: of("AWS_ACCESS_KEY_ID")?,
        secret_access_key: SecretString::new(of("AWS_SECRET_ACCESS_KEY")?),
        session_token: None,
    })
}

pub(crate) fn text(value: &Value, key: &str) -> Result<String> {
    match value[key].as_str() {
        Some(text) => Ok(text.to_string()),
        None => bail!("{key} is missing in the answer"),
    }
}

/// A random UUID of version 4, as text.
pub(crate) fn uuid_text() -> String {
    let mut bytes = [0; 16];
    SystemEntropy.fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
