//! Servers for the far end of a tunnel, on loopback, of a test's own.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::stream::{Checker, Direction, record};

/// Longer than any step of a test takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that sends back what it gets, and ends when its client does. It lives as long as the test.
pub fn echo_server(address: &str) -> SocketAddr {
    serve(address, |mut stream| {
        let mut back = stream.try_clone().expect("a socket can be cloned");
        let _ = std::io::copy(&mut stream, &mut back);
    })
}

/// A server that answers only when its client has ended its own side: with the number of bytes that came, then
/// `answer_records` records of the counted stream.
pub fn counting_server(address: &str, answer_records: u64) -> SocketAddr {
    serve(address, move |mut stream| {
        let mut received = Vec::new();
        if stream.read_to_end(&mut received).is_err() || writeln!(stream, "{}", received.len()).is_err() {
            return;
        }
        for number in 0..answer_records {
            if stream.write_all(&record(Direction::FromNode, number)).is_err() {
                return;
            }
        }
    })
}

fn serve(address: &str, work: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(address).expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let work = work.clone();
            std::thread::spawn(move || work(stream));
        }
    });
    address
}

/// A port of loopback that nobody listens on, as far as one can know.
pub fn closed_port() -> u16 {
    crate::service::free_address().port()
}

/// Sends records on a connection to an [`echo_server`] and checks that they come back exactly.
pub fn echo_is_exact(stream: TcpStream, records: u64) {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let mut writing = stream.try_clone().expect("a socket can be cloned");
    let writer = std::thread::spawn(move || {
        for number in 0..records {
            writing.write_all(&record(Direction::ToNode, number)).expect("the tunnel takes it");
        }
    });
    let mut reading = stream;
    let mut checker = Checker::new(Direction::ToNode);
    let mut buffer = [0; 8192];
    while checker.records() < records {
        let read = reading.read(&mut buffer).expect("the echo comes");
        assert_ne!(read, 0, "the tunnel was closed after {} records", checker.records());
        checker.feed(&buffer[..read]).unwrap_or_else(|fault| panic!("the echo: {fault}"));
    }
    writer.join().expect("writing does not panic");
}

/// Sends records to a [`counting_server`], ends its side, and checks the whole answer, which comes after.
pub fn half_close_is_kept(mut stream: TcpStream, records: u64, answer_records: u64) {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    for number in 0..records {
        stream.write_all(&record(Direction::ToNode, number)).expect("the tunnel takes it");
    }
    stream.shutdown(Shutdown::Write).expect("one side can be ended");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer comes");
    let count = format!("{}\n", records * crate::stream::RECORD_BYTES as u64);
    let rest = answer.strip_prefix(count.as_bytes()).expect("the server got everything");
    let mut checker = Checker::new(Direction::FromNode);
    checker.feed(rest).unwrap_or_else(|fault| panic!("the answer: {fault}"));
    assert_eq!((checker.records(), checker.partial_bytes()), (answer_records, 0));
}

/// Lets the test have as many files, and so connections, as it may.
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("a process may use what it may have");
}
