//! A service for one test, and the peers that talk to it.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use postern_archive_files::FileArchive;
use postern_bus::InProcess;
use postern_control::{Control, Deps, Settings};
use postern_gateway::{Gateway, GatewayConfig, Limits, TrustedProxies};
use postern_iam::sigv4::Credentials;
use postern_iam::{NodeId, NodeKeyPair};
use postern_model::agent::RequestManagedInstanceRoleTokenResponse;
use postern_protocol::wire::payload::{
    Acknowledge, AgentSessionState, JsonPayload, SessionState, TaskComplete, TaskStatus,
};
use postern_protocol::wire::websocket::Message;
use postern_protocol::wire::{Flags, Frame, MessageId, MessageIds, MessageType, PayloadType};
use postern_store::{Scope, SessionQuota};
use postern_store_sqlite::SqliteStore;
use postern_transport::{
    Anonymous, ApiCallError, Dialer, Endpoint, HttpClient, HttpRequest, HttpResponse, JsonApi, NetStream,
    NodeKeySigner, Proxy, Signer, SystemClock, SystemEntropy, Trust, WebSocket, WsEvent, connect_websocket, listen,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Nothing in these tests takes longer unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const REGION: &str = "us-east-1";

/// What differs from the usual settings.
pub(crate) struct Options {
    pub(crate) limits: Limits,
    pub(crate) settings: fn(&mut Settings),
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) trusted_proxies: TrustedProxies,
}

impl Default for Options {
    fn default() -> Self {
        Self { limits: Limits::default(), settings: |_| {}, tls: None, trusted_proxies: TrustedProxies::default() }
    }
}

/// A running service.
pub(crate) struct Service {
    pub(crate) endpoint: Endpoint,
    pub(crate) administrator: Credentials,
    gateway: Option<Gateway>,
    folder: TempDir,
    options: Options,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (gateway, endpoint, control) = serve(&folder, "127.0.0.1:0", &options).await;
        let key = control.create_administrator("jane").await.unwrap();
        let administrator = Credentials {
            access_key_id: key.access_key_id.to_string(),
            secret_access_key: key.secret_access_key,
            session_token: None,
        };
        Self { endpoint, administrator, gateway: Some(gateway), folder, options }
    }

    /// Stops the service and starts it again on the same port and store.
    pub(crate) async fn restart(&mut self) {
        self.gateway.take().unwrap().stop(PATIENCE).await.unwrap();
        let address = self.endpoint.host_and_port();
        let (gateway, ..) = serve(&self.folder, &address, &self.options).await;
        self.gateway = Some(gateway);
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    pub(crate) async fn stop(mut self) {
        self.gateway.take().unwrap().stop(PATIENCE).await.unwrap();
    }

    /// The API as the administrator calls it.
    pub(crate) async fn call(&self, operation: &str, request: Value) -> Result<Value, ApiCallError> {
        self.call_as(operation, request, &self.administrator).await
    }

    /// Another service as the administrator calls it.
    pub(crate) async fn call_service(
        &self,
        service: &str,
        target: &str,
        request: Value,
    ) -> Result<Value, ApiCallError> {
        self.api(service).call(target, &request, &self.administrator).await
    }

    pub(crate) async fn call_as(
        &self,
        operation: &str,
        request: Value,
        signer: &dyn Signer,
    ) -> Result<Value, ApiCallError> {
        self.api("ssm").call(&format!("AmazonSSM.{operation}"), &request, signer).await
    }

    pub(crate) fn api(&self, service: &str) -> JsonApi {
        JsonApi::new(dialer(), self.endpoint.clone(), REGION, service)
    }

    /// A request as it is, signed by nobody.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: Vec<(String, String)>,
        body: impl Into<Bytes>,
    ) -> HttpResponse {
        let url = self.endpoint.join(path).unwrap();
        let request = HttpRequest { method, url, headers, body: body.into() };
        HttpClient::new(dialer()).send(request, PATIENCE).await.unwrap()
    }

    /// Registers a machine, and gives it credentials.
    pub(crate) async fn node(&self) -> Node {
        let activation = self.call("CreateActivation", json!({"IamRole": "PosternNode"})).await.unwrap();
        let mut seed = [0; 32];
        postern_protocol::Entropy::fill(&SystemEntropy, &mut seed);
        let key = NodeKeyPair::from_seed(seed);
        let request = json!({
            "ActivationId": activation["ActivationId"],
            "ActivationCode": activation["ActivationCode"],
            "Fingerprint": "fingerprint",
            "PublicKey": key.public_key().to_registration(),
            "PublicKeyType": key.public_key().key_type(),
        });
        let registered = self.call_as("RegisterManagedInstance", request, &Anonymous).await.unwrap();
        let id: NodeId = registered["InstanceId"].as_str().unwrap().parse().unwrap();
        let signer = NodeKeySigner { node: &id, key: &key };
        let request = json!({"Fingerprint": "fingerprint"});
        let token = self.call_as("RequestManagedInstanceRoleToken", request, &signer).await.unwrap();
        let token: RequestManagedInstanceRoleTokenResponse = serde_json::from_value(token).unwrap();
        let credentials = Credentials {
            access_key_id: token.access_key_id,
            secret_access_key: token.secret_access_key,
            session_token: Some(token.session_token),
        };
        Node { id, credentials }
    }

    /// A node whose control channel is open.
    pub(crate) async fn connected_node(&self) -> (Node, Peer) {
        let node = self.node().await;
        let control = node.open_control_channel(self).await;
        (node, control)
    }

    /// Starts a session and waits until the node was told to.
    pub(crate) async fn start_session(&self, node: &Node, control: &mut Peer) -> Session {
        self.start_session_of("SSM-SessionManagerRunShell", node, control).await
    }

    /// The same of another document.
    pub(crate) async fn start_session_of(&self, document: &str, node: &Node, control: &mut Peer) -> Session {
        let request = json!({"Target": node.id.as_str(), "DocumentName": document});
        let session = self.call("StartSession", request).await.unwrap();
        let session = Session {
            id: session["SessionId"].as_str().unwrap().to_owned(),
            token: session["TokenValue"].as_str().unwrap().to_owned(),
            stream_url: session["StreamUrl"].as_str().unwrap().to_owned(),
        };
        let start = control.expect_frame(&MessageType::InteractiveShell).await;
        let start: Value = serde_json::from_slice(&start.payload).unwrap();
        assert_eq!(start["TaskId"], session.id.as_str());
        session
    }

    /// The state and details that DescribeSessions shows.
    pub(crate) async fn session_state(&self, id: &str) -> (String, String) {
        for state in ["Active", "History"] {
            let listed = self.call("DescribeSessions", json!({"State": state})).await.unwrap();
            let sessions = listed["Sessions"].as_array().unwrap();
            if let Some(session) = sessions.iter().find(|session| session["SessionId"] == id) {
                let text = |key: &str| session[key].as_str().unwrap_or_default().to_owned();
                return (text("Status"), text("Details"));
            }
        }
        panic!("{id} is not listed");
    }

    pub(crate) async fn wait_for_state(&self, id: &str, wanted: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (state, details) = self.session_state(id).await;
            if state == wanted {
                return details;
            }
            assert!(Instant::now() < deadline, "{id} is {state} ({details}), not {wanted}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn serve(folder: &TempDir, address: &str, options: &Options) -> (Gateway, Endpoint, Arc<Control>) {
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let listener = listen(address).unwrap();
    let address = listener.local_addr().unwrap();
    let scope = Scope { account: "000000000000".parse().unwrap(), region: REGION.parse().unwrap() };
    let mut settings = Settings::new(scope, "ws://configured.example");
    settings.session_quota = SessionQuota { per_node: 1000, per_owner: 10_000, total: 10_000 };
    (options.settings)(&mut settings);
    let control = Arc::new(Control::new(Deps {
        archive: Arc::new(FileArchive::open(&folder.path().join("recordings")).unwrap()),
        store: Arc::new(store),
        bus: Arc::new(InProcess::new()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        settings,
        root_key: [7; 32],
        upstreams: Default::default(),
    }));
    let sessions = control.recover().await.unwrap();
    let config = GatewayConfig {
        tls: options.tls.clone(),
        stream_url_follows_host: true,
        limits: options.limits,
        trusted_proxies: options.trusted_proxies.clone(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let gateway = Gateway::start(listener, Arc::clone(&control), sessions, config);
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    (gateway, Endpoint::parse(&format!("{scheme}://{address}")).unwrap(), control)
}

pub(crate) fn dialer() -> Dialer {
    Dialer::new(Trust::WebPki, Proxy::none())
}

/// A registered machine.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) credentials: Credentials,
}

/// A started session.
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) stream_url: String,
}

impl Node {
    /// Asks for a channel's token as an agent does; the answer has to be 201 and XML.
    pub(crate) async fn create_channel(&self, service: &Service, path: &str) -> Result<String, ApiCallError> {
        let request = json!({"MessageSchemaVersion": "1.0", "RequestId": "00000000-0000-4000-8000-000000000000"});
        let answer = service.api("ssmmessages").post_to(path, &request, &self.credentials).await?;
        assert_eq!(answer.status, 201);
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        let token = body.split("<TokenValue>").nth(1).unwrap().split("</TokenValue>").next().unwrap();
        Ok(token.to_owned())
    }

    pub(crate) async fn open_control_channel(&self, service: &Service) -> Peer {
        let path = format!("/v1/control-channel/{}", self.id);
        let token = self.create_channel(service, &path).await.unwrap();
        let upgrade = format!("{path}?role=subscribe&stream=input");
        let (url, headers) = service.api("ssmmessages").signed_upgrade(&upgrade, &self.credentials).unwrap();
        let mut control = Peer::connect(&url, headers).await;
        control.send_text(&control_open(&token)).await;
        let target = json!({"Target": self.id.as_str()});
        eventually("the node to be connected", async || {
            service.call("GetConnectionStatus", target.clone()).await.unwrap()["Status"] == "connected"
        })
        .await;
        control
    }

    /// Opens the agent's leg of a session, as far as the first word that it is connected.
    pub(crate) async fn open_leg(&self, service: &Service, session: &Session) -> Peer {
        let path = format!("/v1/data-channel/{}", session.id);
        let token = self.create_channel(service, &path).await.unwrap();
        let upgrade = format!("{path}?role=publish_subscribe");
        let (url, headers) = service.api("ssmmessages").signed_upgrade(&upgrade, &self.credentials).unwrap();
        let mut leg = Peer::connect(&url, headers).await;
        leg.send_text(&self.leg_open(&token)).await;
        leg.send_state(SessionState::Connected, &session.id).await;
        leg
    }

    pub(crate) fn leg_open(&self, token: &str) -> String {
        json!({"MessageSchemaVersion": "1.0", "RequestId": "r", "TokenValue": token,
               "ClientInstanceId": self.id.as_str(), "ClientId": ""})
        .to_string()
    }
}

impl Session {
    /// Opens the client's leg, unsigned as old plugins do.
    pub(crate) async fn open_leg(&self, client_id: &str) -> Peer {
        self.open_leg_with(client_id, &self.token).await
    }

    pub(crate) async fn open_leg_with(&self, client_id: &str, token: &str) -> Peer {
        let mut leg = Peer::connect(&Endpoint::parse(&self.stream_url).unwrap(), Vec::new()).await;
        leg.socket.feed(Message::Ping(Bytes::from_static(b"keepalive")));
        leg.send_text(&client_open(client_id, token)).await;
        leg
    }
}

pub(crate) fn client_open(client_id: &str, token: &str) -> String {
    json!({"MessageSchemaVersion": "1.0", "RequestId": "r", "TokenValue": token, "ClientId": client_id,
           "ClientVersion": "1.2.677.0"})
    .to_string()
}

pub(crate) fn control_open(token: &str) -> String {
    json!({"Cookie": null, "MessageSchemaVersion": "1.0", "RequestId": "r", "TokenValue": token,
           "AgentVersion": "3.3.0.0", "PlatformType": "linux"})
    .to_string()
}

/// One end of a channel's WebSocket, writing and reading frames by hand.
pub(crate) struct Peer {
    pub(crate) socket: WebSocket<NetStream>,
    ids: MessageIds,
}

impl Peer {
    pub(crate) async fn connect(url: &Endpoint, headers: Vec<(String, String)>) -> Self {
        let socket = connect_websocket(&dialer(), url, headers, 4 * 1024 * 1024, PATIENCE).await.unwrap();
        Self { socket, ids: MessageIds::new(url.port().into()) }
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.feed(Message::Text(text.to_owned()));
        self.socket.flush().await.unwrap();
    }

    pub(crate) async fn send_bytes(&mut self, bytes: impl Into<Bytes>) {
        self.socket.feed(Message::Binary(bytes.into()));
        self.socket.flush().await.unwrap();
    }

    /// Sends a frame; gives back its bytes.
    pub(crate) async fn send(&mut self, frame: Frame) -> Bytes {
        let bytes = frame.encode();
        self.send_bytes(bytes.clone()).await;
        bytes
    }

    pub(crate) async fn send_stream(&mut self, message_type: MessageType, number: i64, payload: &str) -> Bytes {
        let frame = self.frame(message_type, number, PayloadType::OUTPUT, Bytes::copy_from_slice(payload.as_bytes()));
        self.send(frame).await
    }

    pub(crate) async fn send_output(&mut self, number: i64, payload: &str) -> Bytes {
        self.send_stream(MessageType::OutputStreamData, number, payload).await
    }

    pub(crate) async fn send_input(&mut self, number: i64, payload: &str) -> Bytes {
        self.send_stream(MessageType::InputStreamData, number, payload).await
    }

    pub(crate) async fn acknowledge(&mut self, frame: &Frame) -> Bytes {
        let payload = Acknowledge::new(frame.message_type, frame.message_id, frame.sequence_number).encode();
        let frame = self.frame(MessageType::Acknowledge, 0, PayloadType::NONE, payload);
        self.send(frame).await
    }

    pub(crate) async fn send_state(&mut self, session_state: SessionState, session_id: &str) {
        let state = AgentSessionState { schema_version: 1, session_state, session_id: session_id.to_owned() };
        let frame = self.frame(MessageType::AgentSessionState, 0, PayloadType::NONE, state.encode());
        self.send(frame).await;
    }

    /// Reports a session's end on a control channel; gives back the report's id.
    pub(crate) async fn send_result(&mut self, session_id: &str, status: TaskStatus, output: &str) -> MessageId {
        let complete = TaskComplete {
            schema_version: 1,
            task_id: session_id.to_owned(),
            topic: TaskComplete::TOPIC.to_owned(),
            final_task_status: status,
            output: output.to_owned(),
            retry_number: 1,
            ..TaskComplete::default()
        };
        let frame = self.frame(MessageType::AgentTaskComplete, 0, PayloadType::NONE, complete.encode());
        let id = frame.message_id;
        self.send(frame).await;
        id
    }

    fn frame(&mut self, message_type: MessageType, number: i64, payload_type: PayloadType, payload: Bytes) -> Frame {
        Frame {
            message_type,
            created_millis: 1_700_000_000_000,
            sequence_number: number,
            flags: Flags::NONE,
            message_id: self.ids.next(),
            payload_type,
            payload,
        }
    }

    /// The next message that is no keep-alive; nothing when the socket was closed.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a message, or the end") {
                Ok(WsEvent::Message(Message::Ping(_) | Message::Pong(_)) | WsEvent::Writable) => {}
                Ok(WsEvent::Message(message)) => return Some(message),
                Ok(WsEvent::Closed) | Err(_) => return None,
            }
        }
    }

    /// The next frame, with its bytes.
    pub(crate) async fn next_frame(&mut self) -> (Frame, Bytes) {
        match self.next().await {
            Some(Message::Binary(bytes)) => (Frame::decode(bytes.clone()).unwrap(), bytes),
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    /// The next frame of this type; publication frames before it are skipped.
    pub(crate) async fn expect_frame(&mut self, message_type: &MessageType) -> Frame {
        loop {
            let (frame, _) = self.next_frame().await;
            match frame.message_type {
                MessageType::StartPublication | MessageType::PausePublication => {}
                ref found if found == message_type => return frame,
                found => panic!("expected {message_type}, got {found}"),
            }
        }
    }

    /// The next stream message, acknowledged.
    pub(crate) async fn read_stream(&mut self, message_type: MessageType) -> (i64, String) {
        let frame = self.expect_frame(&message_type).await;
        self.acknowledge(&frame).await;
        (frame.sequence_number, String::from_utf8(frame.payload.to_vec()).unwrap())
    }

    /// The text that `channel_closed` carries, which has to be the next frame but acknowledgements.
    pub(crate) async fn expect_closed(&mut self) -> String {
        loop {
            let (frame, _) = self.next_frame().await;
            match frame.message_type {
                MessageType::Acknowledge | MessageType::StartPublication | MessageType::PausePublication => {}
                MessageType::ChannelClosed => {
                    let closed: Value = serde_json::from_slice(&frame.payload).unwrap();
                    return closed["Output"].as_str().unwrap_or_default().to_owned();
                }
                other => panic!("expected channel_closed, got {other}"),
            }
        }
    }

    /// The code and reason with which the other end closes, whatever it sends before.
    pub(crate) async fn expect_close(&mut self) -> Option<(u16, String)> {
        loop {
            match self.next().await {
                Some(Message::Close(reason)) => return reason,
                Some(_) => {}
                None => return None,
            }
        }
    }
}

/// Asks again and again, within patience, until it is so.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
