//! One connection of a local program.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use socket2::SockRef;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// A connection that was accepted. Dropping it closes both directions.
#[derive(Debug)]
pub struct LocalStream(Inner);

#[derive(Debug)]
enum Inner {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl From<TcpStream> for LocalStream {
    fn from(stream: TcpStream) -> LocalStream {
        // It fails for a connection that is gone already, which the first read will tell. None of the timeouts of the
        // wide world here: a local program may stand still for as long as it likes.
        let _ = stream.set_nodelay(true);
        LocalStream(Inner::Tcp(stream))
    }
}

#[cfg(unix)]
impl From<UnixStream> for LocalStream {
    fn from(stream: UnixStream) -> LocalStream {
        LocalStream(Inner::Unix(stream))
    }
}

impl LocalStream {
    /// Waits until there is something to read. Cancel-safe, and no buffer is held while it waits.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn readable(&self) -> io::Result<()> {
        match &self.0 {
            Inner::Tcp(stream) => stream.readable().await,
            #[cfg(unix)]
            Inner::Unix(stream) => stream.readable().await,
        }
    }

    /// What is there, at most `limit` bytes; none if that is nothing now. Empty: the program has ended its side.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn try_read(&self, limit: usize) -> io::Result<Option<Bytes>> {
        let mut buffer = BytesMut::with_capacity(limit);
        let read = match &self.0 {
            Inner::Tcp(stream) => stream.try_read_buf(&mut buffer),
            #[cfg(unix)]
            Inner::Unix(stream) => stream.try_read_buf(&mut buffer),
        };
        match read {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
            // A small read does not keep a large buffer alive.
            Ok(read) if read < limit / 4 => Ok(Some(Bytes::copy_from_slice(&buffer))),
            Ok(_) => Ok(Some(buffer.freeze())),
        }
    }

    /// Waits until the program takes more. Cancel-safe.
    ///
    /// # Errors
    /// The program takes no more.
    pub async fn writable(&self) -> io::Result<()> {
        match &self.0 {
            Inner::Tcp(stream) => stream.writable().await,
            #[cfg(unix)]
            Inner::Unix(stream) => stream.writable().await,
        }
    }

    /// Writes what the program takes now, and leaves the rest in `bytes`.
    ///
    /// # Errors
    /// The program takes no more.
    pub fn try_write(&self, bytes: &mut Bytes) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = match &self.0 {
                Inner::Tcp(stream) => stream.try_write(bytes),
                #[cfg(unix)]
                Inner::Unix(stream) => stream.try_write(bytes),
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
                Ok(written) => bytes.advance(written),
            }
        }
        Ok(())
    }

    /// Tells the program that nothing more comes. It may still send.
    pub fn finish(&self) {
        // A connection that is gone needs no good-bye.
        let _ = self.socket().shutdown(Shutdown::Write);
    }

    /// Lets the connection end with a reset instead of in peace once it is dropped. A socket file's know no resets.
    pub fn reset_on_drop(&self) {
        if matches!(self.0, Inner::Tcp(_)) {
            let _ = self.socket().set_linger(Some(Duration::ZERO));
        }
    }

    fn socket(&self) -> SockRef<'_> {
        match &self.0 {
            Inner::Tcp(stream) => SockRef::from(stream),
            #[cfg(unix)]
            Inner::Unix(stream) => SockRef::from(stream),
        }
    }
}
