//! Whole sessions against a peer made of other parts: a websocket of tungstenite and the agent's half of the channel.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod encryption;
mod peer;
mod ports;

use std::io::{self, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use peer::{FakeAccess, Peer, session_type_action, within};
use postern_client::{Cause, Console, Ended, Input, LinkError, Manner, SessionError, SessionRunner, Ticket};
use postern_protocol::CLIENT_VERSION;
use postern_protocol::channel::data_channel::Event;
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{ActionStatus, RequestedAction, StreamFlag};
use postern_transport::{Dialer, Proxy, Trust};
use tokio::sync::mpsc;

pub(crate) const COMMAND: Manner = Manner::Command { standard_input: true };
pub(crate) const PLUGIN: Manner = Manner::Plugin { legacy_cli: false };

/// What the session has written.
#[derive(Clone, Default)]
pub(crate) struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A user whose keys and screens are the test's.
pub(crate) struct User {
    pub(crate) keys: mpsc::Sender<Input>,
    pub(crate) out: Screen,
    pub(crate) err: Screen,
    access: Rc<FakeAccess>,
}

impl User {
    pub(crate) fn new(ticket: Ticket, manner: Manner, tokens: &[&'static str]) -> (User, SessionRunner<FakeAccess>) {
        let (keys, input) = mpsc::channel(4);
        let user =
            User { keys, out: Screen::default(), err: Screen::default(), access: Rc::new(FakeAccess::new(tokens)) };
        let console = Console::new(input, Box::new(user.out.clone()), Box::new(user.err.clone())).unwrap();
        let dialer = Dialer::new(Trust::WebPki, Proxy::none());
        let runner = SessionRunner { access: Rc::clone(&user.access), dialer, ticket, manner, console };
        (user, runner)
    }

    pub(crate) async fn keys(&self, text: impl Into<Bytes>) {
        self.keys.send(Input::Bytes(text.into())).await.unwrap();
    }
}

/// Runs a session beside the script of its peer.
pub(crate) async fn play<T>(
    runner: SessionRunner<FakeAccess>,
    script: impl Future<Output = T>,
) -> (Result<Ended, SessionError>, T) {
    within(Box::pin(async { tokio::join!(runner.run(), script) })).await
}

fn closed(output: &str, exit_status: Option<i64>) -> Ended {
    Ended { cause: Cause::Closed { output: output.to_owned() }, exit_status }
}

#[tokio::test]
async fn a_commands_streams_stay_apart_and_its_status_is_told() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, COMMAND, &[]);
    let script = async {
        let open = peer.accept().await;
        assert_eq!((open.token_value.expose(), open.client_version.as_deref()), ("token-0", Some(CLIENT_VERSION)));
        let response = peer.shake_hands(true, "NonInteractiveCommands").await;
        assert_eq!(response.client_version, CLIENT_VERSION);
        assert!(response.postern.unwrap().exit_status);
        peer.output(PayloadType::OUTPUT, "out 1\n").await;
        peer.output(PayloadType::STD_ERR, "err\n").await;
        peer.output(PayloadType::OUTPUT, "out 2\n").await;
        peer.output(PayloadType::EXIT_CODE, "EXIT_CODE: 3").await;
        peer.drained().await;
        peer.close("").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap(), closed("", Some(3)));
    assert_eq!(user.out.text(), "out 1\nout 2\n");
    assert_eq!(user.err.text(), "welcome\nerr\n");
}

#[tokio::test]
async fn a_command_gets_what_is_piped_into_us_and_hears_of_its_end() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, COMMAND, &[]);
    let script = async {
        user.keys("one\n~.").await;
        user.keys("\x03").await;
        user.keys.send(Input::End).await.unwrap();
        peer.accept().await;
        let response = peer.shake_hands(true, "NonInteractiveCommands").await;
        assert!(response.postern.unwrap().standard_input);
        assert_eq!(peer.input().await, (PayloadType::OUTPUT, Bytes::from_static(b"one\n~.")), "nothing is an escape");
        assert_eq!(peer.input().await, (PayloadType::OUTPUT, Bytes::from_static(b"\x03")));
        assert_eq!(peer.input().await, (PayloadType::FLAG, StreamFlag::EndOfInput.encode()));
        peer.output(PayloadType::EXIT_CODE, "EXIT_CODE: 0").await;
        peer.drained().await;
        peer.close("").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap(), closed("", Some(0)));
}

#[tokio::test]
async fn input_that_the_command_does_not_want_is_read_no_further() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, COMMAND, &[]);
    let script = async {
        peer.accept().await;
        peer.shake_hands(true, "NonInteractiveCommands").await;
        peer.output(PayloadType::FLAG, StreamFlag::EndOfInput.encode()).await;
        // The queue's other end is gone.
        while user.keys.send(Input::Bytes("more".into())).await.is_ok() {}
        peer.output(PayloadType::EXIT_CODE, "EXIT_CODE: 0").await;
        peer.drained().await;
        peer.close("").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap(), closed("", Some(0)));
}

#[tokio::test]
async fn input_for_a_command_that_cannot_read_it_is_refused_and_an_empty_one_is_not() {
    for (input, is_refused) in [(Input::Bytes("data".into()), true), (Input::End, false)] {
        let (mut peer, ticket) = Peer::listen().await;
        let (user, runner) = User::new(ticket, COMMAND, &[]);
        let script = async {
            user.keys.send(input).await.unwrap();
            peer.accept().await;
            peer.shake_hands(false, "NonInteractiveCommands").await;
            if is_refused {
                return peer.until_gone().await;
            }
            peer.output(PayloadType::EXIT_CODE, "EXIT_CODE: 0").await;
            peer.drained().await;
            peer.close("").await;
        };
        let (ended, ()) = play(runner, script).await;
        assert_eq!(matches!(ended, Err(SessionError::NoStandardInput)), is_refused, "{ended:?}");
    }
}

#[tokio::test]
async fn a_command_without_standard_input_leaves_ours_alone() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, Manner::Command { standard_input: false }, &[]);
    let script = async {
        user.keys("somebody else's").await;
        peer.accept().await;
        let response = peer.shake_hands(true, "NonInteractiveCommands").await;
        assert!(!response.postern.unwrap().standard_input);
        peer.output(PayloadType::EXIT_CODE, "EXIT_CODE: 0").await;
        peer.drained().await;
        peer.close("").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap(), closed("", Some(0)));
}

#[tokio::test]
async fn a_shell_behind_a_pipe_gets_its_size_its_input_and_its_end() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, Manner::Shell, &[]);
    let script = async {
        user.keys("echo hi\n").await;
        user.keys.send(Input::End).await.unwrap();
        peer.accept().await;
        let response = peer.shake_hands(false, "Standard_Stream").await;
        assert!(response.postern.is_none(), "a stock agent is offered nothing");
        let (payload_type, size) = peer.input().await;
        assert_eq!(payload_type, PayloadType::SIZE, "the size comes before the first byte");
        assert!(size.starts_with(br#"{"cols":"#), "{size:?}");
        assert_eq!(peer.input().await, (PayloadType::OUTPUT, Bytes::from_static(b"echo hi\n")));
        assert_eq!(peer.input().await, (PayloadType::OUTPUT, Bytes::from_static(b"\x04")));
        peer.output(PayloadType::OUTPUT, "hi\n").await;
        peer.drained().await;
        peer.close("idle for too long").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap(), closed("idle for too long", None));
    assert_eq!(user.out.text(), "hi\n");
}

#[tokio::test]
async fn our_agent_has_the_terminal_before_the_shell_starts() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, Manner::Shell, &[]);
    let script = async {
        user.keys("x").await;
        peer.accept().await;
        let offer = peer.shake_hands(true, "Standard_Stream").await.postern.unwrap();
        assert!(offer.terminal_size.is_some() && offer.term.is_some() && offer.exit_status);
        assert_eq!(peer.input().await.0, PayloadType::OUTPUT, "the size is known already");
        peer.output(PayloadType::EXIT_CODE, "EXIT_CODE: 7").await;
        peer.close("").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap(), closed("", Some(7)));
    assert_eq!(user.out.text(), "");
}

#[tokio::test]
async fn the_plugin_writes_everything_to_standard_output_and_leaves_with_its_input() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, PLUGIN, &[]);
    let script = async {
        peer.accept().await;
        let response = peer.shake_hands(true, "InteractiveCommands").await;
        assert!(!response.postern.unwrap().exit_status, "it would print the status of a shell");
        peer.output(PayloadType::OUTPUT, "out ").await;
        peer.output(PayloadType::STD_ERR, "err ").await;
        peer.output(PayloadType::EXIT_CODE, "EXIT_CODE: 17").await;
        peer.drained().await;
        user.keys("\n").await;
        assert_eq!(peer.input().await, (PayloadType::OUTPUT, Bytes::from_static(b"\r")), "a lone LF is sent as CR");
        user.keys.send(Input::End).await.unwrap();
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap().cause, Cause::InputEnded);
    assert_eq!(user.out.text(), "welcome\nout err EXIT_CODE: 17");
    assert_eq!(user.err.text(), "");
}

#[tokio::test]
async fn the_plugins_command_does_not_end_with_its_input() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, PLUGIN, &[]);
    user.keys.send(Input::End).await.unwrap();
    let script = async {
        peer.accept().await;
        peer.shake_hands(true, "NonInteractiveCommands").await;
        peer.output(PayloadType::OUTPUT, "late\n").await;
        peer.drained().await;
        peer.close("").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap(), closed("", None));
    assert_eq!(user.out.text(), "welcome\nlate\n");
}

#[tokio::test]
async fn output_without_a_handshake_is_a_stock_agents_shell() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, PLUGIN, &[]);
    let script = async {
        peer.accept().await;
        // The agent's machine of ours always shakes hands; a stock one just begins.
        let frame = postern_protocol::wire::Frame {
            message_type: postern_protocol::wire::MessageType::OutputStreamData,
            created_millis: peer::now().unix_millis,
            sequence_number: 0,
            flags: postern_protocol::wire::Flags::SYN,
            message_id: postern_protocol::wire::MessageIds::new(3).next(),
            payload_type: PayloadType::OUTPUT,
            payload: Bytes::from_static(b"sh-5.2$ "),
        };
        peer.send_raw(frame.encode()).await;
        assert_eq!(peer.raw_input().await.payload_type, PayloadType::SIZE);
        user.keys("id\r").await;
        let input = peer.raw_input().await;
        assert_eq!((input.sequence_number, &input.payload[..]), (1, b"id\r".as_slice()));
        peer.close("").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap(), closed("", None));
    assert_eq!(user.out.text(), "sh-5.2$ ");
}

#[tokio::test]
async fn a_lost_connection_is_resumed_and_nothing_is_lost_or_doubled() {
    const BYTES: usize = 3_000_000;
    let stream: Vec<u8> = (0..BYTES).map(|index| (index * 7 / 5) as u8).collect();
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, Manner::Shell, &["token-1", "token-2"]);
    let keys = stream.clone();
    let typist = async {
        for chunk in keys.chunks(32 * 1024) {
            user.keys(Bytes::copy_from_slice(chunk)).await;
        }
    };
    let script = async {
        let first = peer.accept().await;
        peer.shake_hands(true, "Standard_Stream").await;
        let mut received = Vec::new();
        let mut sent = 0;
        let mut cuts = 0;
        while received.len() < BYTES || sent < BYTES {
            let end = (sent + 50_000).min(BYTES);
            if sent < end {
                peer.output(PayloadType::OUTPUT, Bytes::copy_from_slice(&stream[sent..end])).await;
                sent = end;
            }
            if received.len() < BYTES {
                received.extend_from_slice(&peer.input().await.1);
            }
            if cuts < 2 && received.len() > (cuts + 1) * BYTES / 4 {
                cuts += 1;
                peer.cut();
                let again = peer.accept().await;
                assert_eq!(again.client_id, first.client_id, "it is the same client");
                assert_eq!(again.token_value.expose(), ["token-1", "token-2"][cuts - 1]);
                assert_ne!(again.request_id, first.request_id);
            }
        }
        peer.drained().await;
        peer.close("").await;
        received
    };
    let (ended, (received, ())) = play(runner, async { tokio::join!(script, typist) }).await;
    assert_eq!(ended.unwrap(), closed("", None));
    assert!(received == stream, "input differs");
    assert!(user.out.bytes() == stream, "output differs");
    assert_eq!(user.access.resumes.get(), 2);
}

#[tokio::test]
async fn a_session_that_ended_meanwhile_is_not_waited_for() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, Manner::Shell, &[]);
    let script = async {
        peer.accept().await;
        peer.shake_hands(true, "Standard_Stream").await;
        peer.output(PayloadType::OUTPUT, "before").await;
        peer.drained().await;
        peer.cut();
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap().cause, Cause::TimedOut);
    assert_eq!((user.out.text().as_str(), user.access.resumes.get()), ("before", 1));
}

#[tokio::test]
async fn what_we_cannot_do_is_refused_in_words() {
    let other = RequestedAction::Other { action_type: "Frobnicate".to_owned(), parameters: serde_json::Value::Null };
    let cases = [
        (vec![session_type_action("Standard_Stream"), other], "Unsupported action Frobnicate"),
        (vec![session_type_action("Other")], "Unknown session type Other"),
    ];
    for (actions, expected) in cases {
        let (mut peer, ticket) = Peer::listen().await;
        let (_user, runner) = User::new(ticket, PLUGIN, &[]);
        let script = async {
            peer.accept().await;
            peer.ask(true, actions);
            let Event::HandshakeResponse(response) = peer.event().await else { panic!("an answer") };
            let last = response.processed_client_actions.last().unwrap();
            assert_ne!(last.action_status, ActionStatus::SUCCESS);
            peer.close("Encountered error while initiating handshake.").await;
        };
        let (ended, ()) = play(runner, script).await;
        let error = ended.unwrap_err();
        assert!(matches!(error, SessionError::Refused(_)) && error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_token_never_travels_in_clear() {
    let (_peer, mut ticket) = Peer::listen().await;
    ticket.stream_url = "ws://gateway.example.org/v1/data-channel/session-1".to_owned();
    let (_user, runner) = User::new(ticket, PLUGIN, &[]);
    let error = runner.run().await.unwrap_err();
    assert!(matches!(error, SessionError::Link(LinkError::StreamUrl(_))), "{error}");
}

#[tokio::test]
async fn a_full_disk_ends_the_session_with_a_sentence() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (mut peer, ticket) = Peer::listen().await;
    let (_user, mut runner) = User::new(ticket, COMMAND, &[]);
    runner.console = Console::new(mpsc::channel(1).1, Box::new(Full), Box::new(Screen::default())).unwrap();
    let script = async {
        peer.accept().await;
        peer.shake_hands(true, "NonInteractiveCommands").await;
        peer.output(PayloadType::OUTPUT, "x").await;
        peer.until_gone().await;
    };
    let (ended, ()) = play(runner, script).await;
    assert!(ended.unwrap_err().to_string().starts_with("cannot write the session's output: "));
}
