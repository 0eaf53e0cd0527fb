//! A thousand connections through one tunnel at the same time.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use postern_testkit::stream::{Direction, RECORD_BYTES, record};
use postern_testkit::{PythonEnvironment, raise_file_limit};

use crate::PATIENCE;
use crate::nodes::{World, connect};
use crate::plugin::{FORWARD, interrupt, opened_port};

const CONNECTIONS: usize = 1000;
/// What each of them carries there and back: less than sockets hold, so that nobody has to read meanwhile.
const BYTES: usize = 64 * RECORD_BYTES;

/// What one of them says: records of its own, so that no two can be taken for each other.
fn words(connection: usize) -> Vec<u8> {
    let first = (connection * BYTES / RECORD_BYTES) as u64;
    (first..first + 64).flat_map(|number| record(Direction::ToNode, number)).collect()
}

/// Answers each connection with what it sent, once all of them have sent theirs: they are open at the same time.
fn answer_when_all_are_there(listener: &TcpListener) {
    let mut connections: Vec<(TcpStream, Vec<u8>)> = Vec::new();
    for stream in listener.incoming().take(CONNECTIONS) {
        let mut stream = stream.expect("a connection comes");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let mut all = vec![0; BYTES];
        stream.read_exact(&mut all).expect("everything comes");
        connections.push((stream, all));
    }
    for (mut stream, all) in connections {
        stream.write_all(&all).expect("the answer is taken");
    }
}

#[test]
fn a_thousand_connections_share_one_tunnel() {
    let Some(python) = PythonEnvironment::get() else { return };
    raise_file_limit();
    let world = World::ours();
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let server = listener.local_addr().expect("it is bound");
    let answering = std::thread::spawn(move || answer_when_all_are_there(&listener));
    let parameters = format!(r#"{{"portNumber":["{}"],"localPortNumber":["0"]}}"#, server.port());
    let mut terminal = world.aws_session(python, FORWARD, &parameters);
    let port = opened_port(&mut terminal);
    let say = |connection| {
        let mut stream = connect(port);
        stream.write_all(&words(connection)).expect("the tunnel takes it");
        stream
    };
    let connections: Vec<TcpStream> = (0..CONNECTIONS).map(say).collect();
    for (number, mut stream) in connections.iter().enumerate() {
        let mut echo = vec![0; BYTES];
        stream.read_exact(&mut echo).unwrap_or_else(|error| panic!("connection {number}: {error}"));
        assert!(echo == words(number), "connection {number} got something else");
    }
    answering.join().expect("answering does not panic");
    drop(connections);
    interrupt(&world, terminal);
}
