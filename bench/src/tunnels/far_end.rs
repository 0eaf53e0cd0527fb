//! What is at the far end of every tunnel: a server of bytes that both sides know.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::Result;

/// The length of the pattern. No frame, segment or buffer has it, so that a piece that is missing, doubled or exchanged
/// does not fit.
const PATTERN_BYTES: usize = 65_521;
/// A request and its answer.
pub(super) const REQUEST_BYTES: usize = 64;

/// The first byte of a connection says what the rest is.
pub(super) const DOWNLOAD: u8 = b'd';
pub(super) const UPLOAD: u8 = b'u';
pub(super) const ECHO: u8 = b'e';

pub(super) struct FarEnd {
    address: SocketAddr,
}

impl FarEnd {
    /// Listens on loopback until this process ends.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that has enough hangs up.
                std::thread::spawn(move || serve(stream));
            }
        });
        Ok(Self { address })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut command = [0];
    stream.read_exact(&mut command)?;
    match command[0] {
        DOWNLOAD => {
            let count = read_count(&mut stream)?;
            send(&mut stream, count)
        }
        UPLOAD => {
            let count = read_count(&mut stream)?;
            receive(&mut stream, count)?;
            stream.write_all(b"k")
        }
        _ => {
            let mut request = [0; REQUEST_BYTES];
            loop {
                stream.read_exact(&mut request)?;
                stream.write_all(&request)?;
            }
        }
    }
}

fn read_count(stream: &mut TcpStream) -> io::Result<u64> {
    let mut count = [0; 8];
    stream.read_exact(&mut count)?;
    Ok(u64::from_be_bytes(count))
}

/// Twice the pattern, so that a piece may begin anywhere in it.
fn pattern() -> Vec<u8> {
    let byte = |place: usize| (place % PATTERN_BYTES).wrapping_mul(2_654_435_761).to_be_bytes()[4];
    (0..2 * PATTERN_BYTES).map(byte).collect()
}

/// Sends so many bytes of the pattern.
pub(super) fn send(stream: &mut TcpStream, count: u64) -> io::Result<()> {
    let pattern = pattern();
    let mut sent = 0;
    while sent < count {
        let from = (sent % PATTERN_BYTES as u64) as usize;
        let most = usize::try_from(count - sent).unwrap_or(usize::MAX).min(PATTERN_BYTES);
        let written = stream.write(&pattern[from..from + most])?;
        sent += written as u64;
    }
    Ok(())
}

/// Receives so many, and checks each.
pub(super) fn receive(stream: &mut TcpStream, count: u64) -> io::Result<()> {
    let pattern = pattern();
    let mut buffer = vec![0; PATTERN_BYTES];
    let mut received = 0;
    while received < count {
        let most = usize::try_from(count - received).unwrap_or(usize::MAX).min(buffer.len());
        let read = stream.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::Error::other(format!("the stream ended after {received} of {count} bytes")));
        }
        let from = (received % PATTERN_BYTES as u64) as usize;
        if buffer[..read] != pattern[from..from + read] {
            return Err(io::Error::other(format!("the bytes after {received} are not those that were sent")));
        }
        received += read as u64;
    }
    Ok(())
}
