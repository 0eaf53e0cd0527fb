//! Forwarded ports of AWS's plugin, with AWS's agent and with ours: multiplexed, to another host, refused, forbidden.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use postern_testkit::stream::{Checker, Direction, record};
use postern_testkit::{Terminal, echo_is_exact, echo_server, eventually};

use crate::pair::{OurNode, PATIENCE, Pair, Scene, active_sessions, wait_until_no_session_is_active};

const FORWARD: &str = "AWS-StartPortForwardingSession";
const FORWARD_TO_HOST: &str = "AWS-StartPortForwardingSessionToRemoteHost";

/// The local port that the plugin says it has opened.
fn opened_port(terminal: &mut Terminal) -> u16 {
    terminal.expect("Port ", PATIENCE);
    let line = terminal.expect(" opened for sessionId", PATIENCE);
    let port = line.split_whitespace().next().and_then(|word| word.parse().ok());
    let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
    terminal.expect("Waiting for connections...", PATIENCE);
    port
}

pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("localhost", port)).expect("the plugin listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream
}

/// ^C: the plugin says good-bye, and nothing is left.
fn interrupt(scene: Scene<'_>, mut terminal: Terminal) {
    terminal.type_bytes(&[3]);
    terminal.expect("Terminate signal received, exiting.", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(scene.service);
}

pub(crate) fn many_connections_share_one_port_session(scene: Scene<'_>) {
    let behaviour = scene.behaviour("AWS-StartPortForwardingSession, multiplexed");
    let server = echo_server("127.0.0.1:0");
    // The plugin crashes in silence when the end of the handshake is not what it expects, so often is the point.
    for _ in 0..5 {
        let parameters = format!(r#"{{"portNumber":["{}"],"localPortNumber":["0"]}}"#, server.port());
        let mut terminal = scene.session(FORWARD, &parameters);
        let port = opened_port(&mut terminal);
        let connections: Vec<_> =
            (0..4).map(|_| std::thread::spawn(move || echo_is_exact(connect(port), 400))).collect();
        connections.into_iter().for_each(|connection| connection.join().expect("each echo is exact"));
        echo_is_exact(connect(port), 10);
        interrupt(scene, terminal);
    }
    behaviour.holds();
}

fn a_port_of_another_host_is_reached_through_the_node(scene: Scene<'_>) {
    let behaviour = scene.behaviour("AWS-StartPortForwardingSessionToRemoteHost");
    let server = echo_server("127.9.8.7:0");
    let parameters = format!(r#"{{"host":["127.9.8.7"],"portNumber":["{}"],"localPortNumber":["0"]}}"#, server.port());
    let mut terminal = scene.session(FORWARD_TO_HOST, &parameters);
    let port = opened_port(&mut terminal);
    echo_is_exact(connect(port), 100);
    interrupt(scene, terminal);
    behaviour.holds();

    let behaviour = scene.behaviour("AWS-StartPortForwardingSessionToRemoteHost, a host that the agent forbids");
    // AWS's agent compared spellings when this one was built (CVE-2026-89049); ours compares addresses.
    let hosts: &[&str] =
        if scene.is_ours() { &["169.254.169.254", "0251.0376.0251.0376", "0xA9FEA9FE"] } else { &["169.254.169.254"] };
    for host in hosts {
        let parameters = format!(r#"{{"host":["{host}"],"portNumber":["80"],"localPortNumber":["0"]}}"#);
        let mut terminal = scene.session(FORWARD_TO_HOST, &parameters);
        terminal.expect("Forwarding to IP address 169.254.169.254 is forbidden.", PATIENCE);
        assert_eq!(terminal.wait(PATIENCE), 0);
        wait_until_no_session_is_active(scene.service);
    }
    behaviour.holds();
}

fn a_refused_port_closes_the_connection_and_not_the_session(scene: Scene<'_>) {
    let behaviour = scene.behaviour("AWS-StartPortForwardingSession, a port that refuses");
    let unused = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = unused.local_addr().expect("it is bound");
    drop(unused);
    let parameters = format!(r#"{{"portNumber":["{}"],"localPortNumber":["0"]}}"#, address.port());
    let mut terminal = scene.session(FORWARD, &parameters);
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
    assert_eq!(active_sessions(scene.service).len(), 1);
    interrupt(scene, terminal);
    behaviour.holds();
}

#[test]
fn with_a_stock_agent_ports_are_forwarded() {
    let Some(pair) = Pair::start() else { return };
    many_connections_share_one_port_session(pair.scene());
    a_port_of_another_host_is_reached_through_the_node(pair.scene());
    a_refused_port_closes_the_connection_and_not_the_session(pair.scene());
}

#[test]
fn with_our_agent_ports_are_forwarded() {
    let Some(node) = OurNode::start() else { return };
    many_connections_share_one_port_session(node.scene());
    a_port_of_another_host_is_reached_through_the_node(node.scene());
    a_refused_port_closes_the_connection_and_not_the_session(node.scene());
    much_comes_down_in_one_piece(node.scene());
}

/// Our agent sends the plugin payloads of 32 KiB without a pause: 64 MB are no matter, and a connection beside them
/// still gets its answers.
fn much_comes_down_in_one_piece(scene: Scene<'_>) {
    const RECORDS: u64 = 1_000_000;
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let server = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let (mut bulk, _) = listener.accept().expect("the first connection comes");
        std::thread::spawn(move || {
            for number in 0..RECORDS {
                bulk.write_all(&record(Direction::FromNode, number)).expect("the tunnel takes it");
            }
        });
        for mut stream in listener.incoming().flatten() {
            let mut back = stream.try_clone().expect("a socket can be cloned");
            let _ = std::io::copy(&mut stream, &mut back);
        }
    });
    let parameters = format!(r#"{{"portNumber":["{}"],"localPortNumber":["0"]}}"#, server.port());
    let mut terminal = scene.session(FORWARD, &parameters);
    let port = opened_port(&mut terminal);
    let mut bulk = connect(port);
    let mut checker = Checker::new(Direction::FromNode);
    let mut buffer = vec![0; 1 << 16];
    let mut is_first = true;
    while checker.records() < RECORDS {
        let read = bulk.read(&mut buffer).expect("the stream comes");
        assert_ne!(read, 0, "the tunnel was closed after {} records", checker.records());
        checker.feed(&buffer[..read]).unwrap_or_else(|fault| panic!("the stream: {fault}"));
        if std::mem::take(&mut is_first) {
            echo_is_exact(connect(port), 50);
        }
    }
    // The server has ended its side, and the plugin says so.
    assert!(matches!(bulk.read(&mut buffer), Ok(0)), "the end comes after everything");
    interrupt(scene, terminal);
}
