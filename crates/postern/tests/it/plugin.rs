//! The contract of AWS's plugin (client.md §2 and §3), word by word.

use std::process::Stdio;

use postern_protocol::CLIENT_VERSION;
use postern_protocol::wire::PayloadType;

use super::peer::Peer;
use super::{outcome, plugin};

const RESPONSE: &str = r#"{"SessionId":"s-1","TokenValue":"t","StreamUrl":"ws://gateway.example.org/"}"#;
const TARGET: &str = r#"{"Target":"mi-0123456789abcdef0"}"#;
/// What the stock plugin says first, and what ours says of a stream URL in clear.
const STARTING: &str = "\nStarting session with SessionId: s-1\n";

#[test]
fn questions_and_mistakes_are_answered_as_the_stock_plugin_does() {
    let folder = tempfile::tempdir().unwrap();
    let installed =
        "\nThe Session Manager plugin was installed successfully. Use the AWS CLI to start a session.\n\n".to_owned();
    let unknown = |word: &str| {
        format!("\nUnknown operation {word}. \nUse session-manager-plugin --version to check the version.\n\n")
    };
    let cases: [(&[&str], String); 7] = [
        (&[], installed),
        (&["--version"], format!("{CLIENT_VERSION}\n")),
        (&["hello"], unknown("hello")),
        (&["--version", "x"], unknown("--version")),
        (&["a", "b"], unknown("a")),
        (&[RESPONSE, "eu-west-1", "ResumeSession", "", TARGET, ""], "Invalid Operation".to_owned()),
        (&[RESPONSE, "eu-west-1", "startsession"], "Invalid Operation".to_owned()),
    ];
    for (words, expected) in cases {
        let (stdout, stderr, status) = outcome(plugin(folder.path()).args(words));
        assert_eq!((stdout, stderr.as_str(), status), (expected, "", Some(0)), "{words:?}");
    }
    for words in [&["no json", "r", "StartSession"][..], &["AWS_SSM_START_SESSION_RESPONSE", "r", "StartSession"]] {
        let (stdout, _, status) = outcome(plugin(folder.path()).args(words));
        assert!(stdout.starts_with("Cannot perform start session: ") && status == Some(0), "{words:?}: {stdout}");
    }
    for words in [&["{}", "r", "StartSession"][..], &[RESPONSE, "r", "StartSession", "", "{}", ""]] {
        let (stdout, stderr, status) = outcome(plugin(folder.path()).args(words));
        assert_eq!((stdout.as_str(), status), ("", Some(2)), "{words:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{words:?}: {stderr}");
    }
}

#[test]
fn the_version_keeps_the_aws_cli_quiet() {
    let parts: Vec<u32> = CLIENT_VERSION.split('.').map(|part| part.parse().unwrap()).collect();
    assert_eq!(parts.len(), 4, "stock peers compare versions of four parts only");
    assert!(parts.as_slice() > [1, 2, 764, 0].as_slice(), "below it recent CLIs print a warning");
}

#[test]
fn a_stream_in_clear_is_refused_in_every_form_of_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let name = "AWS_SSM_START_SESSION_RESPONSE";
    let forms: [&[&str]; 3] = [
        &[RESPONSE, "eu-west-1", "StartSession", "", TARGET, "https://ssm.example.org"],
        &[name, "eu-west-1", "StartSession", "", TARGET, ""],
        &[RESPONSE, "eu-west-1", "StartSession"],
    ];
    for words in forms {
        let (stdout, stderr, status) = outcome(plugin(folder.path()).args(words).env(name, RESPONSE));
        let error = stdout.strip_prefix(STARTING).unwrap_or_else(|| panic!("{words:?}: {stdout}"));
        assert!(error.starts_with("Cannot perform start session: ") && error.contains("wss://"), "{words:?}: {error}");
        assert_eq!((stderr.as_str(), status), ("", Some(0)), "{words:?}");
    }
}

/// Runs the plugin against a peer that plays `script`, with `input` on its standard input.
async fn session(input: &'static str, script: impl AsyncFnOnce(&mut Peer)) -> (String, String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let (mut peer, ticket) = Peer::listen().await;
    let response = format!(r#"{{"SessionId":"session-1","TokenValue":"token-0","StreamUrl":"{}"}}"#, ticket.stream_url);
    let mut command = plugin(folder.path());
    command
        .args(["AWS_SSM_START_SESSION_RESPONSE", "us-east-1", "StartSession", "", TARGET, "http://127.0.0.1:1"])
        .env("AWS_SSM_START_SESSION_RESPONSE", response)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, input.as_bytes()).unwrap();
    let open = peer.accept().await;
    assert_eq!((open.token_value.expose(), open.client_version.as_deref()), ("token-0", Some(CLIENT_VERSION)));
    script(&mut peer).await;
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
    drop(stdin);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[tokio::test]
async fn a_session_ends_with_awss_texts_and_status_0() {
    let start = "\nStarting session with SessionId: session-1\n";
    for (reason, end) in [
        ("", "\n\nExiting session with sessionId: session-1.\n\n".to_owned()),
        ("Ended by admin.", "\n\nSessionId: session-1 : Ended by admin.\n\n".to_owned()),
        ("--\nno\u{1b}[2J", "\n\nSessionId: session-1 : --\nno\\u{1b}[2J\n\n".to_owned()),
    ] {
        let ended = session("id\n", async |peer| {
            peer.shake_hands(true, "Standard_Stream").await;
            assert_eq!(&peer.input().await.1[..], b"id\n");
            peer.output(PayloadType::OUTPUT, "uid=0\r\n").await;
            peer.drained().await;
            peer.close(reason).await;
        })
        .await;
        assert_eq!(ended, (format!("{start}welcome\nuid=0\r\n{end}"), String::new(), Some(0)));
    }
}

#[tokio::test]
async fn the_end_of_input_is_eof() {
    let folder = tempfile::tempdir().unwrap();
    let (mut peer, ticket) = Peer::listen().await;
    let response = format!(r#"{{"SessionId":"session-1","TokenValue":"token-0","StreamUrl":"{}"}}"#, ticket.stream_url);
    let mut command = plugin(folder.path());
    command.args([&response, "us-east-1", "StartSession", "", TARGET, ""]);
    let ended = tokio::task::spawn_blocking(move || outcome(&mut command));
    peer.accept().await;
    peer.shake_hands(true, "Standard_Stream").await;
    peer.until_gone().await;
    let ended = ended.await.unwrap();
    let expected = "\nStarting session with SessionId: session-1\nwelcome\nCannot perform start session: EOF\n";
    assert_eq!(ended, (expected.to_owned(), String::new(), Some(0)));
}
