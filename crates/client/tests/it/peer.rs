//! A service and an agent in one, as far as a client can see them: a websocket made by another implementation, and the
//! agent's end of the data channel behind it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use postern_client::{Access, AccessError, DataKey, EncryptionContext, Resumed, Ticket};
use postern_iam::SecretBytes;
use postern_protocol::channel::data_channel::{Config, DataChannel, Event, Role};
use postern_protocol::wire::open::{ClientOpen, Token};
use postern_protocol::wire::payload::{
    AgentOffer, ChannelClosed, ChannelOffer, HandshakeComplete, HandshakeRequest, HandshakeResponse, JsonPayload as _,
    RequestedAction,
};
use postern_protocol::wire::{Flags, Frame, MessageIds, MessageType, PayloadType};
use postern_protocol::{Clock as _, Now};
use postern_transport::{Endpoint, SystemClock};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Longer than any step of a test takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What the key service makes.
pub(crate) const DATA_KEY: [u8; 64] = [5; 64];

/// What the client asked of the API, and what it was answered.
pub(crate) struct FakeAccess {
    /// Answers to ResumeSession; when they run out the session has ended.
    pub(crate) tokens: RefCell<Vec<&'static str>>,
    /// How often it was asked.
    pub(crate) resumes: Cell<u32>,
}

impl FakeAccess {
    pub(crate) fn new(tokens: &[&'static str]) -> FakeAccess {
        FakeAccess { tokens: RefCell::new(tokens.to_vec()), resumes: Cell::new(0) }
    }
}

impl Access for FakeAccess {
    async fn resume(&self, session_id: &str) -> Result<Option<Resumed>, AccessError> {
        assert_eq!(session_id, "session-1");
        self.resumes.set(self.resumes.get() + 1);
        let mut tokens = self.tokens.borrow_mut();
        let next = (!tokens.is_empty()).then(|| tokens.remove(0));
        Ok(next.map(|token| Resumed { token: Token::from(token), stream_url: None }))
    }

    async fn generate_data_key(&self, key_id: &str, context: EncryptionContext) -> Result<DataKey, AccessError> {
        assert_eq!(context["aws:ssm:SessionId"], "session-1");
        assert_eq!(context["aws:ssm:TargetId"], "mi-1");
        assert_eq!(context["aws:ssm:RandomChallenge"], "challenge");
        match key_id {
            "alias/right" => Ok(DataKey { ciphertext: b"sealed".to_vec(), plaintext: SecretBytes::new(DATA_KEY) }),
            other => Err(AccessError::Failed(format!("{other} does not exist"))),
        }
    }

    async fn sign_upgrade(&self, endpoint: &Endpoint) -> Vec<(String, String)> {
        vec![("authorization".to_owned(), format!("signed for {}", endpoint.path()))]
    }
}

/// The listening side and the agent's end of the channel.
pub(crate) struct Peer {
    listener: TcpListener,
    socket: Option<WebSocketStream<TcpStream>>,
    pub(crate) channel: DataChannel,
    /// What its handshake request says.
    pub(crate) agent_version: &'static str,
    events: std::collections::VecDeque<Event>,
}

impl Peer {
    pub(crate) async fn listen() -> (Peer, Ticket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let ticket = Ticket {
            session_id: "session-1".to_owned(),
            target: "mi-1".to_owned(),
            token: Token::from("token-0"),
            stream_url: format!("ws://{address}/v1/data-channel/session-1?role=publish_subscribe"),
        };
        let channel = DataChannel::new(Config::new(Role::Agent, 7));
        let events = std::collections::VecDeque::new();
        (Peer { listener, socket: None, channel, agent_version: "3.4.1.0", events }, ticket)
    }

    /// Takes the next connection: ping first, then the opening message, which is returned.
    pub(crate) async fn accept(&mut self) -> ClientOpen {
        let (stream, _) = within(self.listener.accept()).await.expect("the listener lives");
        let mut socket = within(tokio_tungstenite::accept_async(stream)).await.expect("the client speaks websocket");
        let first = within(socket.next()).await.expect("a message").expect("a good one");
        assert_eq!(first, Message::Ping(Bytes::from_static(b"keepalive")));
        let second = within(socket.next()).await.expect("a message").expect("a good one");
        let open = ClientOpen::parse(second.to_text().expect("the opening message is text")).expect("it can be read");
        self.socket = Some(socket);
        self.channel.handle_connected(now());
        open
    }

    /// Cuts the connection without a word.
    pub(crate) fn cut(&mut self) {
        self.socket = None;
        self.channel.handle_disconnected(now());
    }

    /// Opens the handshake as our agent does, or a stock one.
    pub(crate) fn ask(&mut self, ours: bool, actions: Vec<RequestedAction>) {
        let request = HandshakeRequest {
            agent_version: self.agent_version.to_owned(),
            requested_client_actions: actions,
            postern: ours.then_some(AgentOffer {
                version: 1,
                exit_status: true,
                channel: ChannelOffer { cumulative_acknowledgements: true, ..ChannelOffer::default() },
                standard_input: true,
                ..AgentOffer::default()
            }),
        };
        self.channel.request_handshake(request, now());
    }

    /// The whole handshake of a session of this type. Returns the client's answer.
    pub(crate) async fn shake_hands(&mut self, ours: bool, session_type: &str) -> HandshakeResponse {
        self.shake_hands_for(ours, session_type_action(session_type)).await
    }

    /// The same with everything that the document says.
    pub(crate) async fn shake_hands_for(&mut self, ours: bool, session_type: RequestedAction) -> HandshakeResponse {
        self.ask(ours, vec![session_type]);
        let Event::HandshakeResponse(response) = self.event().await else { panic!("the answer comes first") };
        let complete = HandshakeComplete { handshake_time_to_complete: 1, customer_message: "welcome".to_owned() };
        self.channel.complete_handshake(complete, now());
        response
    }

    /// The next thing that comes from the client.
    pub(crate) async fn event(&mut self) -> Event {
        within(async {
            loop {
                if let Some(event) = self.events.pop_front().or_else(|| self.channel.poll_event(now())) {
                    return event;
                }
                self.step().await;
            }
        })
        .await
    }

    /// The next payload from the client.
    pub(crate) async fn input(&mut self) -> (PayloadType, Bytes) {
        match self.event().await {
            Event::Data { payload_type, payload } => (payload_type, payload),
            other => panic!("input was expected, not {other:?}"),
        }
    }

    /// Sends output, waiting for the window where needed.
    pub(crate) async fn output(&mut self, payload_type: PayloadType, text: impl Into<Bytes>) {
        let mut data: Bytes = text.into();
        within(async {
            while !data.is_empty() {
                let take = self.channel.write_capacity().min(data.len());
                if take > 0 {
                    self.channel.write(payload_type, data.split_to(take), now()).expect("the window has room");
                }
                self.transmit().await;
                if !data.is_empty() && self.channel.write_capacity() == 0 {
                    self.step().await;
                }
            }
        })
        .await;
    }

    /// Everything sent is acknowledged.
    pub(crate) async fn drained(&mut self) {
        within(async {
            while !self.channel.is_drained() {
                self.step().await;
                while let Some(event) = self.channel.poll_event(now()) {
                    self.events.push_back(event);
                }
            }
        })
        .await;
    }

    /// Answers what comes until the client hangs up.
    pub(crate) async fn until_gone(&mut self) {
        within(async {
            self.transmit().await;
            while let Some(Ok(message)) = self.socket.as_mut().expect("there is a connection").next().await {
                if let Message::Binary(frame) = message {
                    self.channel.handle_message(frame, now()).expect("a good message");
                }
                self.transmit().await;
            }
        })
        .await;
    }

    /// Ends the session as the service does.
    pub(crate) async fn close(&mut self, output: &str) {
        self.transmit().await;
        let closed = ChannelClosed {
            message_type: ChannelClosed::MESSAGE_TYPE.to_owned(),
            session_id: "session-1".to_owned(),
            schema_version: 1,
            output: output.to_owned(),
            ..ChannelClosed::default()
        };
        let frame = Frame {
            message_type: MessageType::ChannelClosed,
            created_millis: now().unix_millis,
            sequence_number: 0,
            flags: Flags::SYN_FIN,
            message_id: MessageIds::new(9).next(),
            payload_type: PayloadType::NONE,
            payload: closed.encode(),
        };
        if let Some(socket) = &mut self.socket {
            socket.send(Message::Binary(frame.encode())).await.expect("the client is there");
        }
    }

    /// Sends a frame past the channel.
    pub(crate) async fn send_raw(&mut self, frame: Bytes) {
        let socket = self.socket.as_mut().expect("there is a connection");
        within(socket.send(Message::Binary(frame))).await.expect("the client is there");
    }

    /// The next frame of input, past the channel.
    pub(crate) async fn raw_input(&mut self) -> Frame {
        let socket = self.socket.as_mut().expect("there is a connection");
        loop {
            let message = within(socket.next()).await.expect("a message").expect("a good one");
            let Message::Binary(frame) = message else { continue };
            let frame = Frame::decode(frame).expect("a good frame");
            if frame.message_type == MessageType::InputStreamData {
                return frame;
            }
        }
    }

    /// Waits for one message or a deadline, then sends what is due.
    async fn step(&mut self) {
        self.transmit().await;
        let timeout = self.channel.poll_timeout();
        let Some(socket) = &mut self.socket else { panic!("a step needs a connection") };
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(frame))) => self.channel.handle_message(frame, now()).expect("a good message"),
                Some(Ok(_)) => {}
                other => panic!("the client is gone: {other:?}"),
            },
            () = postern_transport::sleep_until(timeout) => self.channel.handle_timeout(now()),
        }
        self.transmit().await;
    }

    async fn transmit(&mut self) {
        let Some(socket) = &mut self.socket else { return };
        while let Some(frame) = self.channel.poll_transmit(now()) {
            if socket.send(Message::Binary(frame)).await.is_err() {
                return;
            }
        }
    }
}

pub(crate) fn session_type_action(name: &str) -> RequestedAction {
    RequestedAction::SessionType { session_type: name.to_owned(), properties: Value::Null }
}

pub(crate) fn now() -> Now {
    SystemClock.now()
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("no step takes this long")
}
