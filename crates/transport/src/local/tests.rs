#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::Ipv4Addr;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

async fn pair() -> (TcpStream, LocalStream) {
    let listener = LocalListener::tcp(Ipv4Addr::LOCALHOST.into(), 0).unwrap();
    let LocalAddress::Tcp(address) = listener.address() else { panic!("a TCP listener") };
    let (program, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (program.unwrap(), accepted)
}

/// Reads, waiting as often as needed.
async fn read(stream: &LocalStream, limit: usize) -> Bytes {
    loop {
        stream.readable().await.unwrap();
        if let Some(bytes) = stream.try_read(limit).unwrap() {
            return bytes;
        }
    }
}

async fn write(stream: &LocalStream, mut bytes: Bytes) {
    while !bytes.is_empty() {
        stream.writable().await.unwrap();
        stream.try_write(&mut bytes).unwrap();
    }
}

#[tokio::test]
async fn directions_end_apart() {
    let (mut program, accepted) = pair().await;
    program.write_all(b"question").await.unwrap();
    program.shutdown().await.unwrap();
    assert_eq!(read(&accepted, 3).await, "que");
    assert_eq!(read(&accepted, 100).await, "stion");
    assert!(read(&accepted, 100).await.is_empty());
    // More than the socket holds, so that it is written in several turns.
    let answer: Vec<u8> = (0..10_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut received = Vec::new();
    let writing = async {
        write(&accepted, answer.clone().into()).await;
        accepted.finish();
    };
    let ((), got) = tokio::join!(writing, program.read_to_end(&mut received));
    got.unwrap();
    assert!(received == answer);
}

#[tokio::test]
async fn a_reset_is_one_for_the_program() {
    let (mut program, accepted) = pair().await;
    accepted.reset_on_drop();
    drop(accepted);
    let error = program.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_port_in_use_is_refused() {
    let listener = LocalListener::tcp(Ipv4Addr::LOCALHOST.into(), 0).unwrap();
    let LocalAddress::Tcp(address) = listener.address() else { panic!("a TCP listener") };
    let error = LocalListener::tcp(address.ip(), address.port()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_file_is_this_users_and_goes_with_its_listener() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = LocalListener::unix(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (program, accepted) = tokio::join!(tokio::net::UnixStream::connect(&path), listener.accept());
    write(&accepted, Bytes::from_static(b"hello")).await;
    drop(accepted);
    let mut text = String::new();
    program.unwrap().read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "hello");
    assert_eq!(LocalListener::unix(&path).unwrap_err().kind(), std::io::ErrorKind::AddrInUse, "somebody listens");
    drop(listener);
    assert!(!path.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_killed_program_left_is_taken_over_and_other_files_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "the standard library leaves the file");
    drop(LocalListener::unix(&path).unwrap());
    assert!(!path.exists());
    std::fs::write(&path, "precious").unwrap();
    assert!(LocalListener::unix(&path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
