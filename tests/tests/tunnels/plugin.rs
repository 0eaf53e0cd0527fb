//! Port sessions of the stock `aws` CLI with our plugin, in the words that scripts look for.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;

use postern_testkit::{
    Behaviour, PythonEnvironment, Terminal, VERSION, closed_port, counting_server, echo_is_exact, echo_server,
    eventually, half_close_is_kept, temporary_folder,
};

use crate::PATIENCE;
use crate::nodes::{World, connect};

pub(crate) const FORWARD: &str = "AWS-StartPortForwardingSession";
const FORWARD_TO_HOST: &str = "AWS-StartPortForwardingSessionToRemoteHost";
const FORWARD_TO_SOCKET: &str = "AWS-StartPortForwardingSessionToSocket";

/// The local port that the plugin says it has opened.
pub(crate) fn opened_port(terminal: &mut Terminal) -> u16 {
    terminal.expect("Port ", PATIENCE);
    let line = terminal.expect(" opened for sessionId", PATIENCE);
    let port = line.split_whitespace().next().and_then(|word| word.parse().ok());
    let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
    terminal.expect(".\r\nWaiting for connections...\r\n", PATIENCE);
    port
}

/// ^C: the plugin says good-bye, and nothing is left.
pub(crate) fn interrupt(world: &World, mut terminal: Terminal) {
    terminal.type_bytes(&[3]);
    terminal.expect("Terminate signal received, exiting.", PATIENCE);
    terminal.expect("Exiting session with sessionId: ", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    world.wait_until_no_session_is_active();
}

fn behaviour(world: &World, name: &str) -> Behaviour {
    Behaviour::of(name, &[("postern", VERSION), world.node.program()])
}

/// What every user of the plugin counts on.
fn ports_are_forwarded(world: &World) {
    let Some(python) = PythonEnvironment::get() else { return };
    let forwards = behaviour(world, "AWS-StartPortForwardingSession, multiplexed");
    let server = echo_server("127.0.0.1:0");
    let parameters = format!(r#"{{"portNumber":["{}"],"localPortNumber":["0"]}}"#, server.port());
    let mut terminal = world.aws_session(python, FORWARD, &parameters);
    let port = opened_port(&mut terminal);
    let connections: Vec<_> = (0..8).map(|_| std::thread::spawn(move || echo_is_exact(connect(port), 2000))).collect();
    terminal.expect("\r\nConnection accepted for session [", PATIENCE);
    connections.into_iter().for_each(|connection| connection.join().expect("each echo is exact"));
    interrupt(world, terminal);
    forwards.holds();

    let to_host = behaviour(world, "AWS-StartPortForwardingSessionToRemoteHost");
    let server = echo_server("127.9.8.7:0");
    let parameters = format!(r#"{{"host":["127.9.8.7"],"portNumber":["{}"],"localPortNumber":["0"]}}"#, server.port());
    let mut terminal = world.aws_session(python, FORWARD_TO_HOST, &parameters);
    echo_is_exact(connect(opened_port(&mut terminal)), 100);
    interrupt(world, terminal);
    to_host.holds();
}

/// Between our ends only: smux ends a connection as a whole.
fn half_close_survives(world: &World) {
    let Some(python) = PythonEnvironment::get() else { return };
    let server = counting_server("127.0.0.1:0", 5000);
    let parameters = format!(r#"{{"portNumber":["{}"]}}"#, server.port());
    let mut terminal = world.aws_session(python, FORWARD, &parameters);
    let port = opened_port(&mut terminal);
    half_close_is_kept(connect(port), 5000, 5000);
    interrupt(world, terminal);
}

fn refusals_are_told(world: &World) {
    let Some(python) = PythonEnvironment::get() else { return };
    let refused = behaviour(world, "AWS-StartPortForwardingSession, a port that refuses");
    let closed = closed_port();
    let mut terminal =
        world.aws_session(python, FORWARD, &format!(r#"{{"portNumber":["{closed}"],"localPortNumber":["0"]}}"#));
    let port = opened_port(&mut terminal);
    let mut connection = connect(port);
    terminal.expect("Connection to destination port failed, check SSM Agent logs.", PATIENCE);
    assert!(matches!(connection.read(&mut [0]), Ok(0) | Err(_)), "the connection is closed");
    // The session goes on.
    let _server = echo_server(&format!("127.0.0.1:{closed}"));
    eventually("the port to be reached in the same session", PATIENCE, || {
        let mut connection = connect(port);
        connection.write_all(b"x").ok()?;
        connection.read_exact(&mut [0]).ok()
    });
    interrupt(world, terminal);
    refused.holds();

    let forbidden = behaviour(world, "AWS-StartPortForwardingSessionToRemoteHost, a host that the agent forbids");
    let parameters = r#"{"host":["169.254.169.254"],"portNumber":["80"],"localPortNumber":["0"]}"#;
    let mut terminal = world.aws_session(python, FORWARD_TO_HOST, parameters);
    terminal.expect("Forwarding to IP address 169.254.169.254 is forbidden.", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    world.wait_until_no_session_is_active();
    forbidden.holds();
}

/// A local port in use, and a socket file of this user's alone.
fn local_ends_are_as_asked_for(world: &World) {
    let Some(python) = PythonEnvironment::get() else { return };
    let server = echo_server("127.0.0.1:0");
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let taken = (taken.local_addr().expect("it is bound").port(), taken);
    let parameters = format!(r#"{{"portNumber":["{}"],"localPortNumber":["{}"]}}"#, server.port(), taken.0);
    let mut terminal = world.aws_session(python, FORWARD, &parameters);
    let words =
        format!("Cannot perform start session: listen tcp 127.0.0.1:{}: bind: address already in use\r\n", taken.0);
    terminal.expect(&words, PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    world.wait_until_no_session_is_active();

    let folder = temporary_folder();
    let socket = folder.path().join("socket");
    // Left behind by a program that was killed.
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("the folder is writable"));
    let parameters = format!(r#"{{"portNumber":["{}"],"localUnixSocket":["{}"]}}"#, server.port(), socket.display());
    let mut terminal = world.aws_session(python, FORWARD_TO_SOCKET, &parameters);
    terminal.expect(&format!("Unix socket {} opened for sessionId ", socket.display()), PATIENCE);
    terminal.expect("Waiting for connections...", PATIENCE);
    let mode = std::fs::metadata(&socket).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut connection = UnixStream::connect(&socket).expect("the plugin listens");
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let mut echo = [0; 5];
    connection.write_all(b"hello").expect("the tunnel takes it");
    connection.read_exact(&mut echo).expect("the echo comes");
    assert_eq!(&echo, b"hello");
    interrupt(world, terminal);
    assert!(!socket.exists(), "the socket file is gone with the plugin");
}

/// The user's connection to the service is cut again and again under transfers, and nothing shows.
fn cuts_do_not_show(world: &World) {
    let Some(python) = PythonEnvironment::get() else { return };
    let server = echo_server("127.0.0.1:0");
    let parameters = format!(r#"{{"portNumber":["{}"]}}"#, server.port());
    let mut terminal = world.aws_session_at(world.proxy.address(), python, FORWARD, &parameters);
    let port = opened_port(&mut terminal);
    // A stock agent echoes less than a megabyte a second.
    let records = if world.node.is_ours() { 60_000 } else { 8_000 };
    let connections: Vec<_> =
        (0..3).map(|_| std::thread::spawn(move || echo_is_exact(connect(port), records))).collect();
    for _ in 0..5 {
        // Not every moment of a transfer, but some of it between two cuts.
        std::thread::sleep(std::time::Duration::from_millis(300));
        world.proxy.cut();
    }
    connections.into_iter().for_each(|connection| connection.join().expect("each echo is exact"));
    interrupt(world, terminal);
}

#[test]
fn with_our_agent_ports_are_forwarded() {
    let world = World::ours();
    ports_are_forwarded(&world);
    half_close_survives(&world);
    refusals_are_told(&world);
    local_ends_are_as_asked_for(&world);
    cuts_do_not_show(&world);
}

#[test]
fn with_a_stock_agent_ports_are_forwarded() {
    let Some(world) = World::stock() else { return };
    ports_are_forwarded(&world);
    refusals_are_told(&world);
    local_ends_are_as_asked_for(&world);
    cuts_do_not_show(&world);
}
