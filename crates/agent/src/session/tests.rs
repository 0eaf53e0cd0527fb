//! Whole sessions: real shells and commands on one side, a scripted client on the other, no service between them.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

mod encryption;
mod port;

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
    AgentOffer, AgentSessionState, ChannelClosed, ClientOffer, CommandSignal, EncChallenge, ExitCode,
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
        cumulative_acknowledgements: true,
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
    let client = Client {
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
    };
    Running { client, session, mailbox, refuse }
}

impl Client {
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
async fn a_login_shell_begins_with_the_clients_terminal_and_reports_its_status() {
    let mut running = start(json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream"}), ours());
    let client = &mut running.client;
    client.until("the session begins", |client| client.has_begun).await;
    let offer =
        AgentOffer { version: 1, exit_status: true, cumulative_acknowledgements: true, ..AgentOffer::default() };
    assert_eq!(client.agent_offer, Some(offer));
    client.type_text("stty size; echo term=$TERM home=$HOME in=$PWD 'user'=$USER zero=$0; exit 5\n");
    let (client, end) = running.end().await;
    let output = client.output();
    assert_eq!(end, End::Finished);
    assert!(output.contains("33 91"), "{output:?}");
    let home = postern_pty::Account::current().unwrap().home;
    let home = home.to_str().unwrap();
    assert!(output.contains(&format!("term=vt220 home={home} in={home}")), "{output:?}");
    assert!(output.contains("zero=-"), "a login shell: {output:?}");
    assert_eq!(client.exit_code, Some(5));
    assert_eq!(client.states, [SessionState::Connected, SessionState::Terminating]);
}

#[tokio::test]
async fn a_stock_client_tells_its_size_afterwards_and_hears_no_status() {
    let mut running = start(bash("stty size; read line; stty size; exit 5"), None);
    running.client.until("the session begins", |client| client.has_begun).await;
    running.client.send(PayloadType::SIZE, r#"{"cols":120,"rows":40}"#);
    running.client.until_output("40 120").await;
    running.client.send(PayloadType::SIZE, r#"{"cols":70000,"rows":10}"#);
    running.client.type_text("\n");
    let (client, end) = running.end().await;
    assert_eq!(end, End::Finished);
    assert!(client.output().contains("10 65535"), "{:?}", client.output());
    assert_eq!(client.exit_code, None);
}

#[tokio::test]
async fn a_client_without_a_size_gets_its_shell_all_the_same() {
    let running = start(bash("stty size"), None);
    let (client, end) = running.end().await;
    assert_eq!((client.output().trim(), end), ("24 80", End::Finished));
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_the_connection_breaks_again_and_again() {
    let mut running = start(bash("stty -echo -onlcr; echo go; head -n 20000; seq 1 40000; exit 3"), ours());
    running.client.until_output("go\n").await;
    running.client.stdout.clear();
    let lines: String = (1..=20_000).map(|number| format!("in{number}\n")).collect();
    let mut input = Bytes::from(lines.clone());
    for round in 1..=12 {
        let cut = input.len().min(14_000);
        running.client.send(PayloadType::OUTPUT, input.split_to(cut));
        let wanted = round * 9_000;
        let is_back = |client: &Client| client.connections >= round && client.stdout.len() >= wanted;
        running.client.until("a connection with some output", is_back).await;
        running.client.cut();
    }
    running.client.send(PayloadType::OUTPUT, input);
    let (client, end) = running.end().await;
    assert_eq!(end, End::Finished);
    let numbers: String = (1..=40_000).map(|number| format!("{number}\n")).collect();
    assert!(client.stdout == (lines + &numbers).as_bytes(), "the streams differ");
    assert!(client.connections > 10, "{}", client.connections);
    assert_eq!(client.exit_code, Some(3));
    assert_eq!(client.states, [SessionState::Connected, SessionState::Terminating], "once each");
}

#[tokio::test]
async fn control_c_stops_a_flood_that_nobody_reads() {
    let mut running = start(bash("trap 'echo; echo stopped; exit 7' INT; yes; sleep 1"), ours());
    running.client.until_output("y\r\ny\r\n").await;
    // The client's terminal stands still: the window fills, and the agent stops reading the program.
    running.client.is_taking = false;
    let before = running.client.stdout.len();
    let still = tokio::time::timeout(Duration::from_millis(300), async {
        loop {
            running.client.step().await;
        }
    });
    still.await.unwrap_err();
    running.client.type_text("\u{3}");
    running.client.until("the input has left", |client| client.channel.is_drained()).await;
    running.client.is_taking = true;
    let (client, end) = running.end().await;
    assert_eq!((client.exit_code, end), (Some(7), End::Finished));
    assert!(client.output().ends_with("stopped\r\n"));
    let rest = client.stdout.len() - before;
    assert!(rest <= 256 * 1024, "{rest} bytes still came");
}

#[tokio::test]
async fn a_program_that_does_not_read_holds_its_client_back_and_loses_nothing() {
    let mut running = start(bash("stty raw -echo; echo ready; sleep 0.7; exec head -c 1500000"), ours());
    running.client.until_output("ready\n").await;
    running.client.stdout.clear();
    let pasted: Vec<u8> = (0..1_500_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    running.client.send(PayloadType::OUTPUT, pasted.clone());
    let (client, end) = running.end().await;
    assert_eq!(end, End::Finished);
    assert!(client.stdout == pasted, "the streams differ");
}

#[tokio::test]
async fn the_service_ends_a_session_and_nothing_stays_behind() {
    for by_mailbox in [true, false] {
        let mut running = start(bash("sleep 1234 & echo pids=$$,$!,; wait"), ours());
        running.client.until("the process ids", |client| client.output().matches(',').count() == 2).await;
        let pids: Vec<i32> = running
            .client
            .output()
            .split_once('=')
            .unwrap()
            .1
            .split(',')
            .take(2)
            .map(|pid| pid.trim().parse().unwrap())
            .collect();
        if by_mailbox {
            running.mailbox.send(Terminate).await.unwrap();
        } else {
            running.client.close_channel();
        }
        let (client, end) = running.end().await;
        assert_eq!(end, End::Terminated);
        assert_eq!(client.exit_code, None);
        let gone = tokio::time::timeout(PATIENCE, async {
            while pids.iter().any(|pid| is_alive(*pid)) {
                tokio::task::yield_now().await;
            }
        });
        gone.await.expect("the processes are gone");
    }
}

#[tokio::test]
async fn a_foreground_job_that_is_deaf_to_hangups_ends_with_its_session() {
    let properties = json!({"commands": "exec bash --norc --noprofile -i"});
    let mut running = start(document("InteractiveCommands", &properties), ours());
    running.client.until("the session begins", |client| client.has_begun).await;
    running.client.type_text("(trap '' HUP; echo pid=$BASHPID, $((1+1)); while :; do sleep 0.05; done)\n");
    running.client.until_output(", 2").await;
    let output = running.client.output();
    let pid: i32 = output.rsplit_once("pid=").unwrap().1.split(',').next().unwrap().parse().unwrap();
    running.mailbox.send(Terminate).await.unwrap();
    let (_, end) = running.end().await;
    assert_eq!(end, End::Terminated);
    tokio::time::timeout(PATIENCE, async {
        while is_alive(pid) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the job is gone");
}

#[tokio::test]
async fn a_command_has_two_streams_and_a_status() {
    let commands = r"sh -c 'echo out; echo err >&2; cat; exit 9'";
    let separate = json!({"commands": commands, "separateOutputStream": "true",
        "stdOutSeparatorPrefix": "O:", "stdErrSeparatorPrefix": "E:"});
    // Stock clients hear the status of such a command too.
    for offer in [ours(), None] {
        let (client, end) = start(document("NonInteractiveCommands", &separate), offer).end().await;
        assert_eq!((client.stdout.as_slice(), client.stderr.as_slice()), (&b"O:out\n"[..], &b"E:err\n"[..]));
        assert_eq!((client.exit_code, end), (Some(9), End::Finished));
        assert_eq!(client.states, [SessionState::Connected, SessionState::Terminating]);
    }
    let together = json!({"commands": "sh -c 'echo 1; echo 2 >&2; echo 3; exit 9'"});
    for (offer, exit_code) in [(ours(), Some(9)), (None, None)] {
        let (client, _) = start(document("NonInteractiveCommands", &together), offer).end().await;
        assert_eq!((client.output().as_str(), client.exit_code), ("1\n2\n3\n", exit_code));
    }
}

#[tokio::test]
async fn a_command_can_be_interrupted_and_ended() {
    let properties = json!({"commands": "sh -c 'echo go; exec sleep 1234'", "separateOutputStream": true});
    for (offer, exit_code) in [(ours(), 130), (None, -1)] {
        let mut running = start(document("NonInteractiveCommands", &properties), offer);
        running.client.until_output("go\n").await;
        running.client.type_text("anything but \u{3}");
        let (client, end) = running.end().await;
        assert_eq!((client.exit_code, end), (Some(exit_code), End::Finished));
    }
    let mut running = start(document("NonInteractiveCommands", &properties), ours());
    running.client.until_output("go\n").await;
    running.mailbox.send(Terminate).await.unwrap();
    let (client, end) = running.end().await;
    assert_eq!((client.exit_code, end), (None, End::Terminated));
    assert_eq!(client.states, [SessionState::Connected, SessionState::Terminating]);
}

fn ours_with_input() -> Option<ClientOffer> {
    ours().map(|offer| ClientOffer { standard_input: true, ..offer })
}

#[tokio::test]
async fn a_command_reads_what_the_client_reads_to_the_last_byte() {
    let properties = json!({"commands": "sh -c 'cat; echo end >&2; exit 4'", "separateOutputStream": true});
    let mut running = start(document("NonInteractiveCommands", &properties), ours_with_input());
    running.client.until("the session begins", |client| client.has_begun).await;
    assert!(running.client.agent_offer.as_ref().unwrap().standard_input);
    // The bytes that mean signals to others are bytes here.
    let input: Vec<u8> = (0..1_500_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    running.client.send(PayloadType::OUTPUT, input.clone());
    running.client.send(PayloadType::FLAG, StreamFlag::EndOfInput.encode());
    let (client, end) = running.end().await;
    assert!(client.stdout == input, "the streams differ");
    assert_eq!((client.stderr.as_slice(), client.exit_code, end), (&b"end\n"[..], Some(4), End::Finished));
}

#[tokio::test]
async fn a_signal_does_not_wait_behind_input_that_nobody_reads() {
    let properties = json!({"commands": "sh -c 'echo go; exec sleep 1234'", "separateOutputStream": true});
    let mut running = start(document("NonInteractiveCommands", &properties), ours_with_input());
    running.client.until_output("go\n").await;
    running.client.send(PayloadType::OUTPUT, vec![0; 500_000]);
    running.client.send(PayloadType::SIGNAL, CommandSignal::Interrupt.encode());
    let (client, end) = running.end().await;
    assert_eq!((client.exit_code, end), (Some(130), End::Finished));
}

#[tokio::test]
async fn a_signal_is_delivered_once_whether_it_overtook_or_not() {
    let script = "trap 'echo caught' INT; sleep 1234 & echo go; wait; kill $!; wc -c; echo end";
    let commands = shell_words::join(["bash", "-c", script]);
    let properties = json!({"commands": commands, "separateOutputStream": true});
    let mut running = start(document("NonInteractiveCommands", &properties), ours_with_input());
    running.client.until_output("go\n").await;
    running.client.send(PayloadType::OUTPUT, vec![b'x'; 400_000]);
    running.client.send(PayloadType::SIGNAL, CommandSignal::Interrupt.encode());
    running.client.until_output("caught\n").await;
    running.client.send(PayloadType::FLAG, StreamFlag::EndOfInput.encode());
    let (client, _) = running.end().await;
    assert_eq!(client.output(), "go\ncaught\n400000\nend\n");
}

#[tokio::test]
async fn a_command_that_closes_its_input_goes_on() {
    let properties = json!({"commands": "sh -c 'exec <&-; echo deaf; exec sleep 1234'", "separateOutputStream": true});
    let mut running = start(document("NonInteractiveCommands", &properties), ours_with_input());
    running.client.until_output("deaf\n").await;
    running.client.send(PayloadType::OUTPUT, vec![b'x'; 900_000]);
    running.client.until("word that no more is wanted", |client| client.is_input_unwanted).await;
    running.client.send(PayloadType::SIGNAL, CommandSignal::Terminate.encode());
    let (client, end) = running.end().await;
    assert_eq!((client.exit_code, end), (Some(143), End::Finished));
}

#[tokio::test]
async fn a_command_that_does_not_start_says_so() {
    let properties = json!({"commands": "/no/such/program x", "separateOutputStream": true});
    for (offer, exit_code) in [(ours(), 127), (None, 1)] {
        let (client, end) = start(document("NonInteractiveCommands", &properties), offer).end().await;
        assert_eq!(String::from_utf8_lossy(&client.stderr), "/no/such/program: command not found\n");
        assert_eq!((client.exit_code, end), (Some(exit_code), End::Finished));
    }
}

#[tokio::test]
async fn the_shell_profile_is_typed_first() {
    let profile = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
        "inputs": {"shellProfile": {"linux": "cd /tmp; PS1='p> '"}}});
    let mut running = start(profile, ours());
    running.client.until("the session begins", |client| client.has_begun).await;
    running.client.type_text("echo now in $PWD; exit\n");
    let (client, _) = running.end().await;
    assert!(client.output().contains("now in /tmp"), "{:?}", client.output());
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
