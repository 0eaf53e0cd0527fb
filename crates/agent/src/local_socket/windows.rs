//! Named pipes, whose name is derived from the folder. The default security of a pipe gives full access to its
//! creator, administrators and the system, and no writing to anybody else.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions};

/// A connection, from either end.
pub(crate) enum Stream {
    Server(NamedPipeServer),
    Client(NamedPipeClient),
}

/// Accepts connections.
pub(crate) struct Listener {
    name: String,
    next: NamedPipeServer,
}

impl Listener {
    /// Listens under the folder's name. Being first makes sure that nobody else owns the name.
    pub(crate) fn bind(folder: &Path, name: &str) -> io::Result<Self> {
        let name = pipe_name(folder, name);
        let next = ServerOptions::new().first_pipe_instance(true).reject_remote_clients(true).create(&name)?;
        Ok(Self { name, next })
    }

    /// Waits for a connection. Cancel-safe.
    pub(crate) async fn accept(&mut self) -> io::Result<Stream> {
        self.next.connect().await?;
        let next = ServerOptions::new().reject_remote_clients(true).create(&self.name)?;
        Ok(Stream::Server(std::mem::replace(&mut self.next, next)))
    }
}

/// Connects to whoever listens under the folder's name.
pub(crate) async fn connect(folder: &Path, name: &str) -> io::Result<Stream> {
    Ok(Stream::Client(ClientOptions::new().open(pipe_name(folder, name))?))
}

fn pipe_name(folder: &Path, name: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, folder.as_os_str().as_encoded_bytes());
    let hex: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!(r"\\.\pipe\postern-agent-{hex}-{name}")
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let result = match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_read(cx, out),
            Self::Client(pipe) => Pin::new(pipe).poll_read(cx, out),
        };
        match result {
            // A pipe says it is broken where a socket says it has ended.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Poll::Ready(Ok(())),
            other => other,
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_write(cx, bytes),
            Self::Client(pipe) => Pin::new(pipe).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_flush(cx),
            Self::Client(pipe) => Pin::new(pipe).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_shutdown(cx),
            Self::Client(pipe) => Pin::new(pipe).poll_shutdown(cx),
        }
    }
}
