//! Services that are no use: each failure has AWS's form for the caller, and a sentence for the operator.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use postern_testkit::{Moto, PythonEnvironment, Service};

use crate::{aws, endpoint, passing_on_to};

const KEYS: &str = "kms list-keys";
const GROUPS: &str = "logs describe-log-groups";

/// What the CLI says about both, and what the log says.
fn expect(service: &Service, python: &PythonEnvironment, kms: &str, logs: &str, sentence: &str) {
    for (words, code) in [(KEYS, kms), (GROUPS, logs)] {
        let failed = aws(&python.aws(), service, words);
        assert!(failed.stderr.contains(code), "{words}: {failed:#?}");
    }
    let log = service.log();
    assert!(log.contains("requests that are passed on to KMS fail: "), "{log}");
    assert!(log.contains("requests that are passed on to CloudWatch Logs fail: "), "{log}");
    assert_eq!(log.matches(sentence).count(), 2, "{sentence:?} for each:\n{log}");
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

#[test]
fn one_that_is_gone() {
    let Some(python) = PythonEnvironment::get() else { return };
    let (listener, address) = listener();
    drop(listener);
    let service = passing_on_to(&format!("http://{address}"), ("id", "secret"));
    let (kms, logs) = ("(KMSInternalException)", "(ServiceUnavailableException)");
    expect(&service, python, kms, logs, &format!("{address} does not accept connections; check that"));
}

#[test]
fn one_that_is_silent() {
    let Some(python) = PythonEnvironment::get() else { return };
    // Connections wait in the system's queue for ever.
    let (_listener, address) = listener();
    let service = passing_on_to(&format!("http://{address}"), ("id", "secret"));
    let (kms, logs) = ("(DependencyTimeoutException)", "(ServiceUnavailableException)");
    expect(&service, python, kms, logs, "find out why it is slow, or allow more with");
}

#[test]
fn one_that_never_stops_talking() {
    let Some(python) = PythonEnvironment::get() else { return };
    let (listener, address) = listener();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let mut stream = reader.into_inner();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"Keys\":[");
            // Until the other side has had enough.
            while stream.write_all(&[b' '; 65536]).is_ok() {}
            let _ = stream.read(&mut [0]);
        }
    });
    let service = passing_on_to(&format!("http://{address}"), ("id", "secret"));
    let (kms, logs) = ("(KMSInternalException)", "(ServiceUnavailableException)");
    expect(&service, python, kms, logs, &format!("{address} answered with more than 1048576 bytes"));
}

#[test]
fn one_that_does_not_know_us() {
    let Some(python) = PythonEnvironment::get() else { return };
    let Some(moto) = Moto::checking_signatures(&python.aws()) else { return };
    let service = passing_on_to(&endpoint(&moto), (moto.access_key().0, "wrong"));
    let (kms, logs) = ("(KMSInternalException)", "(ServiceUnavailableException)");
    let sentence = "it refuses the credentials that requests are signed with; check them, and this machine's clock";
    expect(&service, python, kms, logs, sentence);
    let denied = aws(&python.aws(), &service, KEYS).stderr;
    assert!(denied.contains("refuses the service's own credentials; tell the service's operator."), "{denied}");
    // Systems Manager itself is not passed on, and goes on.
    aws(&python.aws(), &service, "ssm describe-instance-information").expect_success("ssm");
}
