//! A TCP relay on loopback that can be cut, so that one leg of a session can be broken and nothing else.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

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
}

impl FaultyProxy {
    /// Starts relaying to `target` from a free port of the loopback address.
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
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
                if let Ok(server) = TcpStream::connect(target) {
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
    let forget = Arc::clone(shared);
    std::thread::spawn(move || {
        copy(client_half, server_half);
        forget.connections.lock().expect("no relay panics").remove(&id);
    });
    std::thread::spawn(move || copy(server, client));
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0_u8; 65536];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
