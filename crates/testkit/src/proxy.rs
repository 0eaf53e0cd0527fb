//! A TCP relay on loopback that can be cut, so that one leg of a session can be broken and nothing else.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Relays every connection made to `address()` to one target, until told otherwise.
pub struct FaultyProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    refusing: AtomicBool,
    stopped: AtomicBool,
    next_id: AtomicU64,
    connections: Mutex<HashMap<u64, (TcpStream, TcpStream)>>,
    /// What was asked of a proxy for tunnels.
    asked: Mutex<Vec<String>>,
    frozen: Mutex<bool>,
    thawed: Condvar,
}

/// What comes first on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// What is for the target.
    Plain,
    /// The request for a tunnel, which leads to the target whatever it names.
    Tunnel,
}

impl FaultyProxy {
    /// Starts relaying to `target` from a free port of the loopback address.
    pub fn start(target: SocketAddr) -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into(), target)
    }

    /// The same from an address of the caller's choice.
    pub fn start_at(address: SocketAddr, target: SocketAddr) -> Self {
        Self::listen(address, None, target, Kind::Plain)
    }

    /// The same with connections that come to `target` from `source`, as from another machine.
    pub fn start_from(source: IpAddr, target: SocketAddr) -> Self {
        Self::listen(([127, 0, 0, 1], 0).into(), Some(source), target, Kind::Plain)
    }

    /// An HTTPS proxy: every tunnel that is asked for leads to `target`.
    pub fn start_tunnels(target: SocketAddr) -> Self {
        Self::listen(([127, 0, 0, 1], 0).into(), None, target, Kind::Tunnel)
    }

    fn listen(address: SocketAddr, source: Option<IpAddr>, target: SocketAddr, kind: Kind) -> Self {
        let listener = TcpListener::bind(address).expect("the address is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                if accepting.refusing.load(Ordering::SeqCst) {
                    continue; // Dropping it is the refusal.
                }
                if kind == Kind::Tunnel && open_tunnel(&accepting, &client).is_none() {
                    continue;
                }
                if let Ok(server) = connect(source, target) {
                    relay(&accepting, client, server);
                }
            }
        });
        Self { address, shared }
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection that is open now; new ones are relayed as before.
    pub fn cut(&self) {
        let connections: Vec<_> = {
            let mut open = self.shared.connections.lock().expect("no relay panics");
            open.drain().collect()
        };
        for (_, (client, server)) in connections {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }

    /// Holds everything back that comes, both ways, until called with `false`. Connections stay open.
    pub fn freeze(&self, freeze: bool) {
        *self.shared.frozen.lock().expect("no relay panics") = freeze;
        self.shared.thawed.notify_all();
    }

    /// What the tunnels that were asked for named, `host:port`.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().expect("no relay panics").clone()
    }

    /// Cuts and, until called with `false`, refuses new connections as well.
    pub fn refuse(&self, refuse: bool) {
        self.shared.refusing.store(refuse, Ordering::SeqCst);
        if refuse {
            self.cut();
        }
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.cut();
        self.freeze(false);
        // Wakes the accepting thread, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
    }
}

fn relay(shared: &Arc<Shared>, client: TcpStream, server: TcpStream) {
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (Ok(client_half), Ok(server_half)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let (Ok(client_kept), Ok(server_kept)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let id = shared.next_id.fetch_add(1, Ordering::SeqCst);
    shared.connections.lock().expect("no relay panics").insert(id, (client_kept, server_kept));
    let (shared, back) = (Arc::clone(shared), Arc::clone(shared));
    std::thread::spawn(move || {
        copy(&shared, client_half, server_half);
        shared.connections.lock().expect("no relay panics").remove(&id);
    });
    std::thread::spawn(move || copy(&back, server, client));
}

fn connect(source: Option<IpAddr>, target: SocketAddr) -> std::io::Result<TcpStream> {
    let Some(source) = source else { return TcpStream::connect(target) };
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect(&target.into())?;
    Ok(socket.into())
}

/// Reads a request for a tunnel and grants it. Nothing if it is none.
fn open_tunnel(shared: &Shared, mut client: &TcpStream) -> Option<()> {
    let mut head = Vec::new();
    client.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut byte = [0_u8];
    // A byte at a time, because what follows the head is not for us.
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let host = head.strip_prefix("CONNECT ")?.split_whitespace().next()?;
    shared.asked.lock().expect("no relay panics").push(host.to_string());
    client.set_read_timeout(None).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()
}

fn copy(shared: &Shared, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0_u8; 65536];
    while let Ok(read) = from.read(&mut buffer) {
        let frozen = shared.frozen.lock().expect("no relay panics");
        drop(shared.thawed.wait_while(frozen, |frozen| *frozen).expect("no relay panics"));
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
