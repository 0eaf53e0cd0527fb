//! Whole sessions: real shells and commands on one side, a scripted client on the other, no service between them.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod commands;
mod draining;
mod encryption;
mod port;
mod shells;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use postern_iam::SecretBytes;
use postern_model::kms::DecryptRequest;
use postern_protocol::Clock as _;
use postern_protocol::channel::cipher::SessionCipher;
use postern_protocol::channel::data_channel::{Config, DataChannel, Event, Role};
use postern_protocol::wire::payload::{
    AgentOffer, AgentSessionState, ChannelClosed, ChannelOffer, ClientOffer, CommandSignal, EncChallenge, ExitCode,
    HandshakeResponse, JsonPayload as _, ProcessedAction, RequestedAction, SessionStart, SessionState, Size,
    StreamFlag,
};
use postern_protocol::wire::websocket::{Message, Role as SocketRole};
use postern_protocol::wire::{Flags, Frame, MessageId, MessageType, PayloadType};
use postern_transport::{SystemClock, WebSocket, WsEvent, sleep_until};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{AccountPolicy, DataKeys, End, Node, Terminate};
use crate::forward::ForwardPolicy;
use crate::link::{Connect, ConnectError, Connecting};

const PATIENCE: Duration = Duration::from_secs(30);
type Socket = WebSocket<DuplexStream>;

const NODE: &str = "mi-0123456789abcdef0";
const KEY: [u8; 64] = [7; 64];

/// A key service that opens one ciphertext, for one session.
struct Keys;

impl DataKeys for Keys {
    async fn decrypt(&self, request: DecryptRequest) -> Result<SecretBytes, String> {
        let context = |name: &str| request.encryption_context.get(name).map(String::as_str);
        assert_eq!(context("aws:ssm:SessionId"), Some("tester-0123456789abcdef0"));
        assert_eq!(context("aws:ssm:TargetId"), Some(NODE));
        match request.ciphertext_blob.as_slice() {
            b"sealed" => Ok(SecretBytes::new(KEY)),
            _ => Err("InvalidCiphertextException".into()),
        }
    }
}

/// Connects to the client of the test, or says what the test wants it to say.
#[derive(Clone)]
struct TestConnect {
    sockets: mpsc::UnboundedSender<Socket>,
    refuse: Arc<Mutex<Option<ConnectError>>>,
}

impl Connect for TestConnect {
    type Io = DuplexStream;

    fn connect(&self) -> Connecting<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        let socket = |io, role| WebSocket::from_io(io, role, BytesMut::new(), 1 << 20);
        let refused = self.refuse.lock().unwrap().take();
        if refused.is_none() {
            let _ = self.sockets.send(socket(theirs, SocketRole::Server));
        }
        Box::pin(async move {
            match refused {
                Some(error) => Err(error),
                None => Ok(socket(ours, SocketRole::Client)),
            }
        })
    }
}

/// A client, with everything it has seen.
struct Client {
    channel: DataChannel,
    sockets: mpsc::UnboundedReceiver<Socket>,
    socket: Option<Socket>,
    offer: Option<ClientOffer>,
    version: &'static str,
    properties: Value,
    flags: Vec<StreamFlag>,
    /// Whether output is taken (and so acknowledged).
    is_taking: bool,
    agent_offer: Option<AgentOffer>,
    has_begun: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    exit_code: Option<i64>,
    is_input_unwanted: bool,
    /// What this client got from the key service, if it is to encrypt: the encrypted data key and the key itself.
    ciphertext: Option<&'static str>,
    data_key: [u8; 64],
    /// What the agent says at the beginning.
    message: String,
    /// Every frame that came, as somebody in between sees them.
    frames: Vec<u8>,
    states: Vec<SessionState>,
    connections: usize,
}

struct Running {
    client: Client,
    session: JoinHandle<End>,
    mailbox: mpsc::Sender<Terminate>,
    refuse: Arc<Mutex<Option<ConnectError>>>,
}

fn ours() -> Option<ClientOffer> {
    Some(ClientOffer {
        version: 1,
        exit_status: true,
        channel: ChannelOffer { cumulative_acknowledgements: true, ..ChannelOffer::default() },
        terminal_size: Some(Size { cols: 91, rows: 33 }),
        term: Some("vt220".into()),
        ..ClientOffer::default()
    })
}

fn document(session_type: &str, properties: &Value) -> Value {
    json!({"schemaVersion": "1.0", "sessionType": session_type, "properties": {"linux": properties, "macos": properties}})
}

fn bash(script: &str) -> Value {
    let commands = shell_words::join(["exec", "bash", "--norc", "--noprofile", "-c", script]);
    document("InteractiveCommands", &json!({"commands": commands}))
}

fn start(document: Value, offer: Option<ClientOffer>) -> Running {
    start_with(document, offer, ForwardPolicy::default())
}

fn start_with(document: Value, offer: Option<ClientOffer>, forwarding: ForwardPolicy) -> Running {
    let start = json!({"SessionId": "tester-0123456789abcdef0", "DocumentContent": document});
    let start: SessionStart = serde_json::from_value(start).unwrap();
    let policy = AccountPolicy { run_as_invoking_user: true, ..AccountPolicy::default() };
    let (sender, sockets) = mpsc::unbounded_channel();
    let refuse = Arc::new(Mutex::new(None));
    let connect = TestConnect { sockets: sender, refuse: Arc::clone(&refuse) };
    let (mailbox, mut receiver) = mpsc::channel(1);
    let session = tokio::spawn(async move {
        super::run(&start, &policy, &forwarding, "copy-files", connect, Node { id: NODE, keys: &Keys }, &mut receiver)
            .await
    });
    Running { client: Client::new(sockets, offer), session, mailbox, refuse }
}

impl Client {
    fn new(sockets: mpsc::UnboundedReceiver<Socket>, offer: Option<ClientOffer>) -> Self {
        Self {
            channel: DataChannel::new(Config::new(Role::Client, 1)),
            sockets,
            socket: None,
            offer,
            version: "1.2.999.0",
            properties: Value::Null,
            flags: Vec::new(),
            is_taking: true,
            agent_offer: None,
            has_begun: false,
            stdout: Vec::new(),
            stderr: Vec::new(),
            exit_code: None,
            is_input_unwanted: false,
            ciphertext: None,
            data_key: KEY,
            message: String::new(),
            frames: Vec::new(),
            states: Vec::new(),
            connections: 0,
        }
    }

    /// Goes on until `wanted` holds.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let done = tokio::time::timeout(PATIENCE, async {
            while !wanted(self) {
                self.step().await;
            }
        })
        .await;
        let seen = String::from_utf8_lossy(&self.stdout[self.stdout.len().saturating_sub(500)..]).into_owned();
        assert!(done.is_ok(), "waited for {what}; the last output is {seen:?}");
    }

    async fn until_output(&mut self, text: &str) {
        self.until(text, |client| client.output().contains(text)).await;
    }

    async fn step(&mut self) {
        self.take_events();
        let now = SystemClock.now();
        let Some(socket) = &mut self.socket else {
            let Some(socket) = self.sockets.recv().await else {
                // The session is over; whoever waits for more finds out by its patience.
                return std::future::pending().await;
            };
            self.socket = Some(socket);
            self.connections += 1;
            return self.channel.handle_connected(now);
        };
        while socket.can_feed()
            && let Some(frame) = self.channel.poll_transmit(now)
        {
            socket.feed(Message::Binary(frame));
        }
        let event = tokio::select! {
            event = socket.next() => event,
            () = sleep_until(self.channel.poll_timeout()) => return self.channel.handle_timeout(SystemClock.now()),
        };
        match event {
            Ok(WsEvent::Message(Message::Binary(frame))) => self.receive(frame),
            Ok(WsEvent::Closed) | Err(_) => self.cut(),
            Ok(_) => {}
        }
    }

    fn receive(&mut self, message: Bytes) {
        let frame = Frame::decode(message.clone()).unwrap();
        self.frames.extend(&message);
        if frame.message_type == MessageType::AgentSessionState {
            self.states.push(AgentSessionState::decode(&frame.payload).unwrap().session_state);
        } else {
            self.channel.handle_message(message, SystemClock.now()).unwrap();
        }
    }

    fn take_events(&mut self) {
        let now = SystemClock.now();
        while self.is_taking || !self.has_begun {
            match self.channel.poll_event(now) {
                None => return,
                Some(Event::HandshakeRequest(request)) => {
                    let actions =
                        request.requested_client_actions.iter().map(|action| self.processed(action)).collect();
                    if let Some(RequestedAction::SessionType { properties, .. }) =
                        request.requested_client_actions.first()
                    {
                        self.properties = properties.clone();
                    }
                    self.agent_offer = request.postern;
                    let response = HandshakeResponse {
                        client_version: self.version.into(),
                        processed_client_actions: actions,
                        postern: self.offer.clone(),
                        ..Default::default()
                    };
                    self.channel.respond_handshake(response, now);
                }
                Some(Event::HandshakeComplete(complete)) => {
                    self.has_begun = true;
                    self.message = complete.customer_message;
                }
                Some(Event::Data { payload_type: PayloadType::ENC_CHALLENGE_REQUEST, payload }) => {
                    self.answer_challenge(&payload);
                }
                Some(Event::Data { payload_type: PayloadType::OUTPUT, payload }) => self.stdout.extend(payload),
                Some(Event::Data { payload_type: PayloadType::STD_ERR, payload }) => self.stderr.extend(payload),
                Some(Event::Data { payload_type: PayloadType::EXIT_CODE, payload }) => {
                    self.exit_code = Some(ExitCode::decode(&payload).unwrap().0);
                }
                Some(Event::Data { payload_type: PayloadType::FLAG, payload }) => {
                    match StreamFlag::decode(&payload).unwrap() {
                        StreamFlag::EndOfInput => self.is_input_unwanted = true,
                        flag => self.flags.push(flag),
                    }
                }
                Some(event) => panic!("the agent sent {event:?}"),
            }
        }
    }

    fn processed(&self, action: &RequestedAction) -> ProcessedAction {
        let processed = ProcessedAction::success(action);
        match (action, self.ciphertext) {
            (RequestedAction::KmsEncryption { .. }, Some(ciphertext)) => ProcessedAction {
                action_result: json!({"KMSCipherTextKey": STANDARD.encode(ciphertext), "KMSCipherTextHash": null}),
                ..processed
            },
            (RequestedAction::KmsEncryption { .. }, None) => ProcessedAction::unsupported(action),
            _ => processed,
        }
    }

    fn answer_challenge(&mut self, payload: &[u8]) {
        let mut cipher = SessionCipher::new(Role::Client, &self.data_key, [1; 12]).unwrap();
        let challenge = STANDARD.decode(EncChallenge::decode(payload).unwrap().challenge).unwrap();
        let text = cipher.open(&challenge).unwrap_or_default();
        let answer = EncChallenge { challenge: STANDARD.encode(cipher.seal(&text)) };
        self.channel.encrypt(cipher);
        self.send(PayloadType::ENC_CHALLENGE_RESPONSE, answer.encode());
    }

    fn cut(&mut self) {
        self.socket = None;
        self.channel.handle_disconnected(SystemClock.now());
    }

    fn send(&mut self, payload_type: PayloadType, payload: impl Into<Bytes>) {
        self.channel.write(payload_type, payload.into(), SystemClock.now()).unwrap();
    }

    fn type_text(&mut self, text: &'static str) {
        self.send(PayloadType::OUTPUT, text);
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What the service does at the end of a session.
    fn close_channel(&mut self) {
        let frame = Frame {
            message_type: MessageType::ChannelClosed,
            created_millis: 1,
            sequence_number: 0,
            flags: Flags::SYN_FIN,
            message_id: MessageId([7; 16]),
            payload_type: PayloadType::NONE,
            payload: ChannelClosed::default().encode(),
        };
        self.socket.as_mut().unwrap().feed(Message::Binary(frame.encode()));
    }
}

impl Running {
    /// Goes on until the session has ended.
    async fn end(mut self) -> (Client, End) {
        let end = tokio::time::timeout(PATIENCE, async {
            loop {
                tokio::select! {
                    end = &mut self.session => break end.unwrap(),
                    () = self.client.step() => {}
                }
            }
        })
        .await;
        // Its last words may still be on the way.
        while self.client.socket.is_some() {
            self.client.step().await;
        }
        (self.client, end.expect("the session ends"))
    }
}

#[tokio::test]
async fn what_cannot_be_served_fails_without_a_connection() {
    let (client, end) = start(document("Ports", &json!({})), ours()).end().await;
    assert_eq!(end, End::Failed("session type \"Ports\" is not supported by this agent".into()));
    assert_eq!(client.connections, 0);
}

#[tokio::test]
async fn a_session_that_is_over_ends_and_a_refusal_does_not_end_it() {
    let mut running = start(bash("echo here; sleep 1234"), ours());
    *running.refuse.lock().unwrap() = Some(ConnectError::Failed("busy".into()));
    running.client.until_output("here").await;
    *running.refuse.lock().unwrap() = Some(ConnectError::Over);
    running.client.cut();
    let (_, end) = running.end().await;
    assert_eq!(end, End::Terminated);
}

/// Whether the process still runs; one that only waits to be buried does not.
fn is_alive(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
