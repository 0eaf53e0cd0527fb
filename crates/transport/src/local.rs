//! Programs on this machine that use a tunnel: the listener they connect to, and their connections.
//!
//! A connection is read when somebody asks for it, never ahead, and an idle one holds no buffer, so a thousand of them
//! cost little. Both directions end apart from each other.

mod stream;
#[cfg(unix)]
mod unix;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpListener;

/// How long to wait for files to be closed when there are too many.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

pub use stream::LocalStream;

/// Lets this process have as many files, and so connections, as it may: shells hand on a low limit for the sake of very
/// old programs.
pub fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // macOS refuses what is above its own constant.
        #[cfg(target_os = "macos")]
        let current = limit.maximum.map(|maximum| maximum.min(10_240));
        #[cfg(not(target_os = "macos"))]
        let current = limit.maximum;
        // Without it there are fewer connections at a time, and the others wait.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum });
    }
}

/// Where local programs connect to.
#[derive(Debug)]
pub struct LocalListener(Inner);

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(unix::Listener),
}

impl LocalListener {
    /// Listens on a port; 0 lets the system choose.
    ///
    /// # Errors
    /// The port is taken, or the address is not this machine's.
    pub fn tcp(address: IpAddr, port: u16) -> io::Result<LocalListener> {
        let address = SocketAddr::new(address, port).to_string();
        Ok(LocalListener(Inner::Tcp(crate::listen(&address)?)))
    }

    /// Listens on a socket file that only this user may open. A file that a killed program has left behind is taken
    /// over; it is removed with the listener.
    ///
    /// # Errors
    /// The file belongs to a program that runs, is no socket, or cannot be made.
    #[cfg(unix)]
    pub fn unix(path: &Path) -> io::Result<LocalListener> {
        Ok(LocalListener(Inner::Unix(unix::Listener::bind(path)?)))
    }

    /// The same; here there are none.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(unix))]
    pub fn unix(path: &Path) -> io::Result<LocalListener> {
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("{}: there are no socket files here", path.display())))
    }

    /// Where it listens.
    pub fn address(&self) -> LocalAddress {
        match &self.0 {
            Inner::Tcp(listener) => {
                let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
                LocalAddress::Tcp(listener.local_addr().unwrap_or(unspecified))
            }
            #[cfg(unix)]
            Inner::Unix(listener) => LocalAddress::Unix(listener.path().to_owned()),
        }
    }

    /// The next connection. When the system has no room for another one, they wait until it has. Cancel-safe.
    pub async fn accept(&self) -> LocalStream {
        loop {
            let accepted = match &self.0 {
                Inner::Tcp(listener) => listener.accept().await.map(|(stream, _)| LocalStream::from(stream)),
                #[cfg(unix)]
                Inner::Unix(listener) => listener.accept().await.map(LocalStream::from),
            };
            match accepted {
                Ok(stream) => return stream,
                // It is gone again; the next one is not to blame.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection, trying again");
                    tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                }
            }
        }
    }
}

/// Where a [`LocalListener`] listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalAddress {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A socket file.
    Unix(PathBuf),
}

impl std::fmt::Display for LocalAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LocalAddress::Tcp(address) => address.fmt(f),
            LocalAddress::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
