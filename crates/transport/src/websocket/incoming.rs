//! What has come and is not decoded yet.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

/// The read made on the stack when the connection was idle.
pub(super) const IDLE_READ_BYTES: usize = 4 * 1024;
/// Reads grow up to this while the peer fills them, and shrink again when it leaves most of them empty.
pub(super) const MAX_READ_BYTES: usize = 64 * 1024;

/// What TLS brings at most at a time. With less room a buffer has been used up.
const WORTH_A_READ_BYTES: usize = 16 * 1024;

pub(super) struct Incoming {
    /// Bytes received and not yet decoded. Without capacity while idle.
    pub(super) buffer: BytesMut,
    /// The size of the next read; [`IDLE_READ_BYTES`] means "on the stack".
    pub(super) next_read_bytes: usize,
}

impl Incoming {
    /// Room for a read, and how much. A buffer is used up before there is another one: what is in it would be copied.
    fn make_room(&mut self, wanted: usize, missing: usize) -> usize {
        let room = self.buffer.capacity() - self.buffer.len();
        if room < missing.clamp(WORTH_A_READ_BYTES, MAX_READ_BYTES) {
            self.buffer.reserve(if wanted > WORTH_A_READ_BYTES { MAX_READ_BYTES } else { wanted });
        }
        self.buffer.capacity() - self.buffer.len()
    }

    /// Reads once. Returns how many bytes came; zero is the end of the stream. `missing` is what the message that has
    /// begun still needs.
    pub(super) fn poll_fill<IO: AsyncRead + Unpin>(
        &mut self,
        io: &mut IO,
        missing: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let wanted = self.next_read_bytes.max(missing.min(MAX_READ_BYTES));
        let mut room = IDLE_READ_BYTES;
        let read = if wanted > IDLE_READ_BYTES {
            room = self.make_room(wanted, missing);
            tokio_util::io::poll_read_buf(Pin::new(io), cx, &mut self.buffer)
        } else {
            let mut space = [MaybeUninit::uninit(); IDLE_READ_BYTES];
            let mut stack = ReadBuf::uninit(&mut space);
            Pin::new(io).poll_read(cx, &mut stack).map_ok(|()| {
                self.buffer.extend_from_slice(stack.filled());
                stack.filled().len()
            })
        };
        match read {
            Poll::Ready(Ok(count)) => {
                self.next_read_bytes = match count {
                    _ if count >= wanted.min(room) => (wanted * 2).min(MAX_READ_BYTES),
                    _ if count < wanted / 4 => (self.next_read_bytes / 2).max(IDLE_READ_BYTES),
                    _ => self.next_read_bytes,
                };
                Poll::Ready(Ok(count))
            }
            Poll::Pending => {
                if self.buffer.is_empty() {
                    self.buffer = BytesMut::new();
                }
                Poll::Pending
            }
            // Stock ends drop a TLS connection without a word; that is an end like any other.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(0)),
            failed => failed,
        }
    }
}
