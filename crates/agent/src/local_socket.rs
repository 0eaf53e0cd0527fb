//! The local socket between the agent's main process and its session workers, and `postern-agent status`.
//!
//! Who may connect is decided by the folder it lives in, which is the agent's own and closed to everybody else. What
//! travels is one JSON object a line, bounded. It refuses to reach the network: there is no address in it.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as platform;

pub(crate) use platform::{Listener, Stream, connect};

/// A longer line is a broken peer.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// Lines are short and rare.
const BUFFER_BYTES: usize = 512;

/// Splits a stream into its reading half, buffered, and its writing half.
pub(crate) fn split(stream: Stream) -> (BufReader<tokio::io::ReadHalf<Stream>>, tokio::io::WriteHalf<Stream>) {
    let (reader, writer) = tokio::io::split(stream);
    (BufReader::with_capacity(BUFFER_BYTES, reader), writer)
}

/// Reads one message; `None` when the peer closed. Not cancel-safe: a task owns the reading half.
pub(crate) async fn read_message<T: DeserializeOwned>(
    reader: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    let read = reader.take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
    match line.split_last() {
        None => Ok(None),
        Some((b'\n', message)) => serde_json::from_slice(message).map(Some).map_err(io::Error::other),
        Some(_) if u64::try_from(read).is_ok_and(|read| read < MAX_LINE_BYTES) => Ok(None),
        Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a line on the local socket is too long")),
    }
}

/// Writes one message.
pub(crate) async fn write_message<T: Serialize>(writer: &mut (impl AsyncWrite + Unpin), message: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.flush().await
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[tokio::test]
    async fn messages_cross_and_the_end_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let mut listener = Listener::bind(folder.path(), "control").unwrap();
        let client = async {
            let (mut reader, mut writer) = split(connect(folder.path(), "control").await.unwrap());
            write_message(&mut writer, &"hello").await.unwrap();
            let answer: Option<u32> = read_message(&mut reader).await.unwrap();
            assert_eq!(answer, Some(7));
        };
        let server = async {
            let (mut reader, mut writer) = split(listener.accept().await.unwrap());
            assert_eq!(read_message::<String>(&mut reader).await.unwrap().as_deref(), Some("hello"));
            write_message(&mut writer, &7).await.unwrap();
            assert_eq!(read_message::<String>(&mut reader).await.unwrap(), None);
        };
        tokio::join!(client, server);
    }

    #[tokio::test]
    async fn a_folder_deeper_than_a_socket_name_works_too() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(100)).join("e".repeat(100));
        std::fs::create_dir_all(&deep).unwrap();
        let mut listener = Listener::bind(&deep, "control").unwrap();
        let (accepted, connected) = tokio::join!(listener.accept(), connect(&deep, "control"));
        accepted.unwrap();
        connected.unwrap();
    }

    #[tokio::test]
    async fn nobody_listening_is_an_error_and_a_left_over_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        connect(folder.path(), "control").await.unwrap_err();
        drop(Listener::bind(folder.path(), "control").unwrap());
        connect(folder.path(), "control").await.unwrap_err();
        Listener::bind(folder.path(), "control").unwrap();
    }

    #[tokio::test]
    async fn endless_lines_are_refused() {
        let mut endless = BufReader::new(tokio::io::repeat(b'a'));
        read_message::<String>(&mut endless).await.unwrap_err();
    }
}
