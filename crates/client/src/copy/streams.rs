//! The thread's ends of two bounded queues of chunks, as blocking streams.

use std::io::{self, Read, Write};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;

/// What comes from the node. The end of the stream is the end of the queue.
pub(super) struct FromNode {
    chunks: mpsc::Receiver<Bytes>,
    chunk: Bytes,
}

/// What goes to the node.
pub(super) struct ToNode {
    chunks: mpsc::Sender<Bytes>,
}

impl FromNode {
    pub(super) fn new(chunks: mpsc::Receiver<Bytes>) -> Self {
        Self { chunks, chunk: Bytes::new() }
    }
}

impl ToNode {
    pub(super) fn new(chunks: mpsc::Sender<Bytes>) -> Self {
        Self { chunks }
    }
}

impl Read for FromNode {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let count = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}

impl Write for ToNode {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let chunk = Bytes::copy_from_slice(buffer);
        self.chunks.blocking_send(chunk).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
