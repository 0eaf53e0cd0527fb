//! Forwarded ports: multiplexed, to another host, refused, forbidden.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use postern_testkit::{Terminal, echo_is_exact, echo_server, eventually};

use crate::pair::{PATIENCE, Pair, active_sessions, wait_until_no_session_is_active, with_document};

/// The local port that the plugin says it has opened.
fn opened_port(terminal: &mut Terminal) -> u16 {
    terminal.expect("Port ", PATIENCE);
    let line = terminal.expect(" opened for sessionId", PATIENCE);
    let port = line.split_whitespace().next().and_then(|word| word.parse().ok());
    let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
    terminal.expect("Waiting for connections...", PATIENCE);
    port
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("localhost", port)).expect("the plugin listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream
}

/// ^C: the plugin says good-bye, and nothing is left.
fn interrupt(pair: &Pair, mut terminal: Terminal) {
    terminal.type_bytes(&[3]);
    terminal.expect("Terminate signal received, exiting.", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(&pair.service);
}

#[test]
fn many_connections_share_one_port_session() {
    let Some(pair) = Pair::start() else { return };
    let behaviour = pair.behaviour("AWS-StartPortForwardingSession, multiplexed");
    let server = echo_server("127.0.0.1:0");
    // The plugin crashes in silence when the end of the handshake is not what it expects, so often is the point.
    for _ in 0..5 {
        let parameters = format!(r#"{{"portNumber":["{}"],"localPortNumber":["0"]}}"#, server.port());
        let mut terminal = pair.session(&with_document("AWS-StartPortForwardingSession", &parameters));
        let port = opened_port(&mut terminal);
        let connections: Vec<_> =
            (0..4).map(|_| std::thread::spawn(move || echo_is_exact(connect(port), 400))).collect();
        connections.into_iter().for_each(|connection| connection.join().expect("each echo is exact"));
        echo_is_exact(connect(port), 10);
        interrupt(&pair, terminal);
    }
    behaviour.holds();
}

#[test]
fn a_port_of_another_host_is_reached_through_the_node() {
    let Some(pair) = Pair::start() else { return };
    let behaviour = pair.behaviour("AWS-StartPortForwardingSessionToRemoteHost");
    let server = echo_server("127.9.8.7:0");
    let parameters = format!(r#"{{"host":["127.9.8.7"],"portNumber":["{}"],"localPortNumber":["0"]}}"#, server.port());
    let document = "AWS-StartPortForwardingSessionToRemoteHost";
    let mut terminal = pair.session(&with_document(document, &parameters));
    let port = opened_port(&mut terminal);
    echo_is_exact(connect(port), 100);
    interrupt(&pair, terminal);
    behaviour.holds();

    let behaviour = pair.behaviour("AWS-StartPortForwardingSessionToRemoteHost, a host that the agent forbids");
    let parameters = r#"{"host":["169.254.169.254"],"portNumber":["80"],"localPortNumber":["0"]}"#;
    let mut terminal = pair.session(&with_document(document, parameters));
    terminal.expect("Forwarding to IP address 169.254.169.254 is forbidden.", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(&pair.service);
    behaviour.holds();
}

#[test]
fn a_refused_port_closes_the_connection_and_not_the_session() {
    let Some(pair) = Pair::start() else { return };
    let behaviour = pair.behaviour("AWS-StartPortForwardingSession, a port that refuses");
    let unused = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = unused.local_addr().expect("it is bound");
    drop(unused);
    let parameters = format!(r#"{{"portNumber":["{}"],"localPortNumber":["0"]}}"#, address.port());
    let mut terminal = pair.session(&with_document("AWS-StartPortForwardingSession", &parameters));
    let port = opened_port(&mut terminal);
    let mut refused = connect(port);
    terminal.expect("Connection to destination port failed, check SSM Agent logs.", PATIENCE);
    let mut nothing = [0; 1];
    assert!(matches!(refused.read(&mut nothing), Ok(0) | Err(_)), "the connection is closed");

    let _server = echo_server(&address.to_string());
    eventually("the port to be reached in the same session", PATIENCE, || {
        let mut stream = connect(port);
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(b"x").ok()?;
        stream.read_exact(&mut nothing).ok()
    });
    assert_eq!(active_sessions(&pair.service).len(), 1);
    interrupt(&pair, terminal);
    behaviour.holds();
}
