//! The last output, when the client does not take it.

use super::super::channel::SessionChannel;
use super::super::document::SessionType;
use super::*;
use postern_protocol::wire::payload::{HandshakeComplete, HandshakeRequest, PUBLICATION};

const MOMENT: Duration = Duration::from_millis(50);
const LAST_WORDS: &[u8] = b"last words";

/// A session that has begun, with nothing but a channel; patience for what was sent, and for what was not.
async fn begun(kept: Duration, unsent: Duration) -> (SessionChannel<TestConnect>, Client) {
    let (sender, sockets) = mpsc::unbounded_channel();
    let connect = TestConnect { sockets: sender, refuse: Arc::default() };
    let mut client = Client::new(sockets, ours());
    let mut channel = SessionChannel::open("tester-0123456789abcdef0", SessionType::NonInteractiveCommands, connect);
    channel.request_handshake(HandshakeRequest::default());
    let shake = async {
        loop {
            if let Some(Event::HandshakeResponse(_)) = channel.poll_event() {
                return;
            }
            channel.drive().await.unwrap();
        }
    };
    meanwhile(&mut client, shake).await;
    channel.complete_handshake(HandshakeComplete::default());
    // Nothing is under way any more: an acknowledgement would end a pause.
    meanwhile(&mut client, channel.drain()).await.unwrap();
    (channel.with_patience(kept, unsent), client)
}

/// Runs the client until the agent's side is done.
async fn meanwhile<T>(client: &mut Client, agent: impl Future<Output = T>) -> T {
    let client = async {
        loop {
            client.step().await;
        }
    };
    let both = async {
        tokio::select! {
            done = agent => done,
            () = client => unreachable!("it goes on for ever"),
        }
    };
    tokio::time::timeout(PATIENCE, both).await.expect("it ends by itself")
}

impl Client {
    fn publication(&mut self, message_type: MessageType) {
        let frame = Frame {
            message_type,
            created_millis: 0,
            sequence_number: 0,
            flags: Flags::SYN_FIN,
            message_id: MessageId::from_wire([1; 16]),
            payload_type: PayloadType::NONE,
            payload: Bytes::from_static(PUBLICATION),
        };
        let mut message = BytesMut::new();
        frame.encode_into(&mut message);
        self.socket.as_mut().unwrap().feed(Message::Binary(message.freeze()));
    }

    /// Has the agent paused.
    async fn pause(&mut self, channel: &mut SessionChannel<TestConnect>) {
        self.publication(MessageType::PausePublication);
        let socket = self.socket.as_mut().unwrap();
        // What answers this has heard that.
        socket.feed(Message::Ping(Bytes::from_static(b"paused?")));
        let paused = async {
            loop {
                tokio::select! {
                    event = socket.next() => if let WsEvent::Message(Message::Pong(_)) = event.unwrap() { return },
                    driven = channel.drive() => driven.unwrap(),
                }
            }
        };
        tokio::time::timeout(PATIENCE, paused).await.expect("it answers");
    }
}

#[tokio::test]
async fn what_the_service_has_is_left_to_it() {
    let (mut channel, mut client) = begun(MOMENT, PATIENCE).await;
    (client.is_taking, client.has_begun) = (false, true);
    channel.write(PayloadType::OUTPUT, LAST_WORDS);
    assert_eq!(meanwhile(&mut client, channel.finish()).await, End::Finished);
    assert_eq!(client.stdout, b"", "the client has acknowledged nothing");
}

#[tokio::test]
async fn what_could_not_be_sent_is_waited_for() {
    let (mut channel, mut client) = begun(Duration::ZERO, PATIENCE).await;
    client.pause(&mut channel).await;
    channel.write(PayloadType::OUTPUT, LAST_WORDS);
    let early = tokio::time::timeout(2 * MOMENT, meanwhile(&mut client, channel.drain())).await;
    assert!(early.is_err(), "the client may come back: {early:?}");
    client.publication(MessageType::StartPublication);
    assert_eq!(meanwhile(&mut client, channel.finish()).await, End::Finished);
    assert_eq!(client.stdout, LAST_WORDS);
}

#[tokio::test]
async fn what_nobody_could_have_is_told_to_be_lost() {
    let (mut channel, mut client) = begun(Duration::ZERO, MOMENT).await;
    client.pause(&mut channel).await;
    channel.write(PayloadType::OUTPUT, LAST_WORDS);
    let End::Failed(reason) = meanwhile(&mut client, channel.finish()).await else { panic!("it is not finished") };
    assert!(reason.starts_with("The last output (10 bytes) is lost"), "{reason}");
    assert_eq!(client.states, [SessionState::Connected], "the end is told as a failure, and only so");
}
