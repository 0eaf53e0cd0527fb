//! Fewer system calls below TLS.
//!
//! rustls takes 4 KiB from its stream at a time, which is four reads and more for each record of a bulk transfer. While
//! the peer fills such reads, more is fetched at once and kept here; a connection that has gone quiet holds nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is fetched at once from a peer that sends much.
const AHEAD_BYTES: usize = 64 * 1024;

/// A stream that reads ahead while its reader's buffers are filled.
#[derive(Debug)]
pub struct ReadAhead<IO> {
    io: IO,
    /// Fetched and not taken yet.
    ahead: BytesMut,
    /// The latest read took all there was room for, so there is probably more.
    is_busy: bool,
}

impl<IO> ReadAhead<IO> {
    pub(crate) fn new(io: IO) -> Self {
        Self { io, ahead: BytesMut::new(), is_busy: false }
    }

    pub(crate) const fn get_ref(&self) -> &IO {
        &self.io
    }
}

impl<IO: AsyncRead + Unpin> ReadAhead<IO> {
    fn poll_fetch(&mut self, wanted: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.ahead.reserve(AHEAD_BYTES);
        let fetched = tokio_util::io::poll_read_buf(Pin::new(&mut self.io), cx, &mut self.ahead);
        if !matches!(fetched, Poll::Ready(Ok(count)) if count >= wanted) {
            self.is_busy = false;
        }
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        fetched
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for ReadAhead<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let wanted = out.remaining();
        if this.ahead.is_empty() {
            if !this.is_busy || wanted >= AHEAD_BYTES {
                let before = out.filled().len();
                ready!(Pin::new(&mut this.io).poll_read(cx, out))?;
                this.is_busy = wanted > 0 && out.filled().len() - before == wanted;
                return Poll::Ready(Ok(()));
            }
            ready!(this.poll_fetch(wanted, cx))?;
        }
        let taken = wanted.min(this.ahead.len());
        out.put_slice(&this.ahead[..taken]);
        this.ahead.advance(taken);
        if this.ahead.is_empty() && !this.is_busy {
            this.ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for ReadAhead<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn every_byte_comes_once_and_quiet_holds_nothing() {
        let (mut peer, io) = tokio::io::duplex(256 * 1024);
        let mut stream = ReadAhead::new(io);
        let sent: Vec<u8> = (0_u32..100_000).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        let mut most_ahead = 0;
        peer.write_all(&sent).await.expect("the pipe holds all of it");
        while received.len() < sent.len() {
            let count = stream.read(&mut buffer).await.expect("the pipe is open");
            received.extend_from_slice(&buffer[..count]);
            most_ahead = most_ahead.max(stream.ahead.len());
        }
        assert!(received == sent && most_ahead > 4096, "{most_ahead}");

        peer.write_all(b"a little").await.expect("the pipe has room");
        let count = stream.read(&mut buffer).await.expect("the pipe is open");
        assert_eq!(&buffer[..count], b"a little");
        assert_eq!((stream.ahead.capacity(), stream.is_busy), (0, false));

        drop(peer);
        assert_eq!(stream.read(&mut buffer).await.expect("an end is no error"), 0);
    }

    #[tokio::test]
    async fn waiting_for_more_holds_nothing() {
        let (mut peer, io) = tokio::io::duplex(64 * 1024);
        let mut stream = ReadAhead::new(io);
        let mut buffer = [0; 4096];
        peer.write_all(&[7; 4096]).await.expect("the pipe has room");
        assert_eq!(stream.read(&mut buffer).await.expect("the pipe is open"), 4096);
        assert!(stream.is_busy);
        let waiting = std::future::poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut stream).poll_read(cx, &mut ReadBuf::new(&mut buffer)).is_pending())
        });
        assert!(waiting.await);
        assert_eq!((stream.ahead.capacity(), stream.is_busy), (0, false));
    }
}
