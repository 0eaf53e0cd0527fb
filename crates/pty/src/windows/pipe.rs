//! Anonymous pipes cannot be waited on together with anything else, so each is served by a thread of its own that
//! hands over through a channel of bounded length.

use std::fs::File;
use std::io::{self, Read, Write};

use tokio::sync::mpsc;

/// How many chunks may wait on either side before the thread stops: 32 KiB each.
const QUEUED_CHUNKS: usize = 2;
const CHUNK_BYTES: usize = 32 * 1024;

/// The reading end, with what was received and not yet taken.
#[derive(Debug)]
pub(super) struct PipeReader {
    chunks: mpsc::Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    taken: usize,
}

/// The writing end.
#[derive(Debug)]
pub(super) struct PipeWriter {
    chunks: mpsc::Sender<Vec<u8>>,
}

impl PipeReader {
    /// Starts a thread that reads until every writer is gone.
    pub(super) fn new(mut file: File) -> io::Result<Self> {
        let (sender, chunks) = mpsc::channel(QUEUED_CHUNKS);
        std::thread::Builder::new().name("pipe-reader".into()).stack_size(128 * 1024).spawn(move || {
            let mut buffer = vec![0; CHUNK_BYTES];
            while let Ok(count @ 1..) = file.read(&mut buffer) {
                if sender.blocking_send(buffer[..count].to_vec()).is_err() {
                    // Nobody listens, but a writer that cannot write would hold its console open.
                    while matches!(file.read(&mut buffer), Ok(1..)) {}
                }
            }
        })?;
        Ok(Self { chunks, chunk: Vec::new(), taken: 0 })
    }

    /// Waits for something to read; 0 is the end. Cancel-safe.
    pub(super) async fn read(&mut self, out: &mut [u8]) -> usize {
        if self.taken == self.chunk.len() {
            let Some(chunk) = self.chunks.recv().await else {
                return 0;
            };
            self.chunk = chunk;
            self.taken = 0;
        }
        self.take(out)
    }

    /// What is there now, if anything; `Some(0)` is the end.
    pub(super) fn try_read(&mut self, out: &mut [u8]) -> Option<usize> {
        if self.taken == self.chunk.len() {
            match self.chunks.try_recv() {
                Ok(chunk) => self.chunk = chunk,
                Err(mpsc::error::TryRecvError::Empty) => return None,
                Err(mpsc::error::TryRecvError::Disconnected) => return Some(0),
            }
            self.taken = 0;
        }
        Some(self.take(out))
    }

    fn take(&mut self, out: &mut [u8]) -> usize {
        let rest = &self.chunk[self.taken..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        count
    }
}

impl PipeWriter {
    /// Starts a thread that writes whatever it is given, until the writer is dropped.
    pub(super) fn new(mut file: File) -> io::Result<Self> {
        let (chunks, mut receiver) = mpsc::channel::<Vec<u8>>(QUEUED_CHUNKS);
        std::thread::Builder::new().name("pipe-writer".into()).stack_size(128 * 1024).spawn(move || {
            while let Some(chunk) = receiver.blocking_recv() {
                if file.write_all(&chunk).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { chunks })
    }

    /// Hands over up to one chunk, waiting for room. Cancel-safe.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let permit = self.chunks.reserve().await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        let count = bytes.len().min(CHUNK_BYTES);
        permit.send(bytes[..count].to_vec());
        Ok(count)
    }
}
