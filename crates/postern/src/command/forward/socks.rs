//! The server's side of SOCKS version 5 (RFC 1928), as far as forwarding needs it: CONNECT, no authentication, names
//! passed on as they are, so that they are resolved on the node's side.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use postern_client::Arrival;
use postern_protocol::mux::ResetReason;
use postern_transport::LocalStream;

use super::spec::Destination;

/// A program that has connected asks at once; one that does not is no SOCKS client.
const ASKS_WITHIN: Duration = Duration::from_secs(20);

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const CONNECT: u8 = 1;

/// A reply's codes.
const SUCCEEDED: u8 = 0;
const FAILED: u8 = 1;
const FORBIDDEN: u8 = 2;
const HOST_UNREACHABLE: u8 = 4;
const REFUSED: u8 = 5;
const EXPIRED: u8 = 6;
const COMMAND_UNSUPPORTED: u8 = 7;
const ADDRESS_UNSUPPORTED: u8 = 8;

/// Hears where the program wants to be connected to. The answer goes with the arrival, once it is known.
pub(super) async fn hear(stream: LocalStream) -> anyhow::Result<(Destination, Arrival)> {
    let destination =
        tokio::time::timeout(ASKS_WITHIN, asked(&stream)).await.context("nothing was asked in time")??;
    let arrival = Arrival {
        stream,
        on_connected: reply(SUCCEEDED),
        on_failed: |reason| {
            reply(match reason {
                Some(ResetReason::Refused) => REFUSED,
                Some(ResetReason::HostUnknown | ResetReason::Unreachable) => HOST_UNREACHABLE,
                Some(ResetReason::Forbidden) => FORBIDDEN,
                Some(ResetReason::TimedOut) => EXPIRED,
                _ => FAILED,
            })
        },
    };
    Ok((destination, arrival))
}

async fn asked(stream: &LocalStream) -> anyhow::Result<Destination> {
    let [version, methods] = read(stream).await?;
    ensure!(version == VERSION, "the program does not speak SOCKS 5");
    let methods = read_bytes(stream, methods.into()).await?;
    if !methods.contains(&NO_AUTHENTICATION) {
        write(stream, Bytes::from_static(&[VERSION, 0xff])).await?;
        bail!("the program insists on authentication");
    }
    write(stream, Bytes::from_static(&[VERSION, NO_AUTHENTICATION])).await?;
    let [version, command, _, address_type] = read(stream).await?;
    ensure!(version == VERSION, "the program does not speak SOCKS 5");
    let host = match address_type {
        1 => Ipv4Addr::from(read::<4>(stream).await?).to_string(),
        4 => Ipv6Addr::from(read::<16>(stream).await?).to_string(),
        3 => {
            let [length] = read(stream).await?;
            let name = read_bytes(stream, length.into()).await?;
            String::from_utf8(name).ok().filter(|name| is_host(name)).context("the program asks for no host's name")?
        }
        _ => {
            write(stream, reply(ADDRESS_UNSUPPORTED)).await?;
            bail!("the program asks for a kind of address that there is not");
        }
    };
    let port = u16::from_be_bytes(read(stream).await?);
    if command != CONNECT {
        write(stream, reply(COMMAND_UNSUPPORTED)).await?;
        bail!("the program asks for something else than a connection");
    }
    Ok(Destination { host: Some(host), port })
}

/// What may be shown and passed on; whether it exists the node will say.
fn is_host(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn reply(code: u8) -> Bytes {
    // The address that is bound is the node's own affair.
    Bytes::copy_from_slice(&[VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0])
}

async fn read<const N: usize>(stream: &LocalStream) -> anyhow::Result<[u8; N]> {
    let bytes = read_bytes(stream, N).await?;
    Ok(bytes.try_into().expect("as many bytes were read as were asked for"))
}

/// Reads no byte more: what follows is for the destination.
async fn read_bytes(stream: &LocalStream, count: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count);
    while bytes.len() < count {
        stream.readable().await?;
        let Some(some) = stream.try_read(count - bytes.len())? else { continue };
        ensure!(!some.is_empty(), "the program went before it had asked");
        bytes.extend_from_slice(&some);
    }
    Ok(bytes)
}

async fn write(stream: &LocalStream, mut bytes: Bytes) -> anyhow::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        stream.try_write(&mut bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use postern_transport::{LocalAddress, LocalListener};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    /// What is heard of these bytes, and what the program is answered until then.
    async fn heard(request: &[u8]) -> (anyhow::Result<Destination>, Vec<u8>) {
        let listener = LocalListener::tcp(Ipv4Addr::LOCALHOST.into(), 0).unwrap();
        let LocalAddress::Tcp(address) = listener.address() else { panic!("a TCP listener") };
        let mut program = TcpStream::connect(address).await.unwrap();
        program.write_all(request).await.unwrap();
        program.shutdown().await.unwrap();
        let stream = listener.accept().await;
        let destination = asked(&stream).await;
        drop(stream);
        let mut answer = Vec::new();
        let _ = program.read_to_end(&mut answer).await;
        (destination, answer)
    }

    #[tokio::test]
    async fn destinations_of_every_kind_are_heard() {
        let cases: [(&[u8], &str); 3] = [
            (b"\x05\x01\x00\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50", "10.0.0.1:80"),
            (b"\x05\x02\x02\x00\x05\x01\x00\x03\x0bdb.internal\x15\x38", "db.internal:5432"),
            (b"\x05\x01\x00\x05\x01\x00\x04\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb", "[fd00::1]:443"),
        ];
        for (request, expected) in cases {
            let (destination, answer) = heard(request).await;
            assert_eq!(destination.unwrap().to_string(), expected);
            assert_eq!(answer, [5, 0]);
        }
    }

    #[tokio::test]
    async fn everything_else_is_answered_as_the_rfc_says_or_dropped() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"GET / HTTP/1.1\r\n\r\n", b""),
            (b"\x04\x01\x00\x50\x0a\x00\x00\x01\x00", b""),
            (b"\x05\x01\x02", b"\x05\xff"),
            (b"\x05\x01\x00\x05\x02\x00\x01\x0a\x00\x00\x01\x00\x50", b"\x05\x00\x05\x07\x00\x01\0\0\0\0\0\0"),
            (b"\x05\x01\x00\x05\x01\x00\x09\x0a", b"\x05\x00\x05\x08\x00\x01\0\0\0\0\0\0"),
            (b"\x05\x01\x00\x05\x01\x00\x03\x03a\nb\x00\x50", b"\x05\x00"),
            (b"\x05\x01\x00\x05\x01", b"\x05\x00"),
        ];
        for (request, expected) in cases {
            let (destination, answer) = heard(request).await;
            assert!(destination.is_err(), "{request:?}");
            // Closing with bytes unread resets the connection, which may take the answer with it.
            assert!(answer == expected || answer.is_empty(), "{request:?} was answered {answer:?}");
        }
    }
}
