//! TCP sockets with the settings that every connection of ours has.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

/// A peer that vanished without a word is noticed within half a minute (reliability R7): after this silence and two
/// probes more. On Linux the user timeout stands in for the count of probes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
#[cfg(not(target_os = "windows"))]
const KEEPALIVE_PROBES: u32 = 2;
/// How long written bytes may stay unacknowledged by the peer's machine. It counts too while that machine has no room
/// for more, so a program that stands still for longer loses its connection; ends resume.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(25);
/// Connections that wait to be accepted; the kernel cuts it to its own limit. Sized for the moment
/// when every node comes back at once.
const BACKLOG: i32 = 4096;

/// Sets `TCP_NODELAY`, keep-alive and, on Linux, the bound on unacknowledged bytes.
///
/// # Errors
/// The system refuses `TCP_NODELAY`, which happens when the connection is already gone. What is
/// only a precaution is done as far as the system allows.
pub fn tune_socket(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    #[cfg(not(target_os = "windows"))]
    let keepalive = keepalive.with_retries(KEEPALIVE_PROBES);
    let _ = socket.set_tcp_keepalive(&keepalive);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(USER_TIMEOUT));
    Ok(())
}

/// Listens on `address` (`host:port`; port 0 lets the system choose) with a long queue. A restarted
/// service gets its port back at once.
///
/// # Errors
/// The address is none, is taken, or may not be used by this user.
pub fn listen(address: &str) -> io::Result<TcpListener> {
    let mut last_error = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for address in address.to_socket_addrs()? {
        match bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows the option means that another process may take the port over while we use it.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
