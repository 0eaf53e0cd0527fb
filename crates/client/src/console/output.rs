//! Standard output and error, written one batch at a time, in the order of arrival. Whoever fills batches waits until
//! the last one is written: so output is taken from the session, and thereby acknowledged, no faster than the terminal
//! shows it.

use std::io::{self, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Where a piece of output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Pieces to be written together.
pub(crate) type Batch = Vec<(Stream, Bytes)>;

/// The two files that are written to.
pub(crate) type Streams = (Box<dyn Write + Send>, Box<dyn Write + Send>);

/// Where batches go.
pub(crate) enum Output {
    /// Both streams are one terminal, written by the session's own task.
    #[cfg(target_os = "linux")]
    Terminal(super::tty::TerminalOutput),
    /// Anything else.
    Thread(WritingThread),
}

impl Output {
    /// Writes on a thread of its own.
    pub(crate) fn start(streams: Streams) -> io::Result<Output> {
        WritingThread::start(streams).map(Output::Thread)
    }

    pub(crate) fn of_process() -> io::Result<Output> {
        #[cfg(target_os = "linux")]
        if let Some(terminal) = super::tty::TerminalOutput::of_process() {
            return Ok(Output::Terminal(terminal));
        }
        Output::start(process_streams()?)
    }

    /// Whether the last batch is written, so that the next one is taken at once.
    pub(crate) fn is_idle(&self) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Output::Terminal(terminal) => terminal.is_idle(),
            Output::Thread(thread) => thread.idle,
        }
    }

    /// Writes the next batch, or begins to. Only while idle.
    pub(crate) fn write(&mut self, batch: Batch) {
        debug_assert!(self.is_idle(), "one batch at a time");
        match self {
            #[cfg(target_os = "linux")]
            Output::Terminal(terminal) => terminal.write(batch),
            Output::Thread(thread) => thread.write(batch),
        }
    }

    /// Waits for the batch under way. Cancel-safe; never ready while idle.
    pub(crate) async fn written(&mut self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Output::Terminal(terminal) => terminal.written().await,
            Output::Thread(thread) => thread.written().await,
        }
    }
}

/// The session's end of the writing thread.
pub(crate) struct WritingThread {
    batches: mpsc::Sender<Batch>,
    results: mpsc::Receiver<io::Result<()>>,
    idle: bool,
}

impl WritingThread {
    fn start(streams: Streams) -> io::Result<WritingThread> {
        let (batches, queue) = mpsc::channel(1);
        let (written, results) = mpsc::channel(1);
        std::thread::Builder::new().name("stdout".to_owned()).spawn(move || write_batches(streams, queue, &written))?;
        Ok(WritingThread { batches, results, idle: true })
    }

    fn write(&mut self, batch: Batch) {
        self.idle = false;
        // The thread ends only when this value is dropped, so the queue takes the one batch it has room for.
        let _ = self.batches.try_send(batch);
    }

    async fn written(&mut self) -> io::Result<()> {
        if self.idle {
            return std::future::pending().await;
        }
        let result = self.results.recv().await.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()));
        self.idle = true;
        result
    }
}

fn write_batches(
    (mut out, mut err): Streams,
    mut queue: mpsc::Receiver<Batch>,
    written: &mpsc::Sender<io::Result<()>>,
) {
    while let Some(batch) = queue.blocking_recv() {
        let result = write_batch(&mut *out, &mut *err, &batch);
        if written.blocking_send(result).is_err() {
            return;
        }
    }
}

fn write_batch<'a>(out: &'a mut dyn Write, err: &'a mut dyn Write, batch: &[(Stream, Bytes)]) -> io::Result<()> {
    for run in batch.chunk_by(|(first, _), (second, _)| first == second) {
        let stream = match run.first() {
            Some((Stream::Out, _)) => &mut *out,
            _ => &mut *err,
        };
        stream.write_all(&joined(run))?;
        stream.flush()?;
    }
    Ok(())
}

/// Pieces as one: a single system call for all of them is worth more than the copy.
pub(super) fn joined(pieces: &[(Stream, Bytes)]) -> Bytes {
    match pieces {
        [(_, only)] => only.clone(),
        pieces => {
            let mut joined = Vec::with_capacity(pieces.iter().map(|(_, bytes)| bytes.len()).sum());
            pieces.iter().for_each(|(_, bytes)| joined.extend_from_slice(bytes));
            joined.into()
        }
    }
}

/// Standard output and error without the line buffer that the standard library puts before them.
#[cfg(unix)]
pub(crate) fn process_streams() -> io::Result<Streams> {
    use std::os::fd::AsFd as _;
    let out = io::stdout().as_fd().try_clone_to_owned()?;
    let err = io::stderr().as_fd().try_clone_to_owned()?;
    Ok((Box::new(Patient(out.into())), Box::new(Patient(err.into()))))
}

/// Windows consoles take UTF-16; the standard library translates.
#[cfg(windows)]
pub(crate) fn process_streams() -> io::Result<Streams> {
    Ok((Box::new(io::stdout()), Box::new(io::stderr())))
}

/// A file that may have been made non-blocking by somebody who shares it.
#[cfg(unix)]
struct Patient(std::fs::File);

#[cfg(unix)]
impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_until(&self.0, false),
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Blocks until the file can be read or written; a failure shows at the next read or write.
#[cfg(unix)]
pub(super) fn wait_until(file: &std::fs::File, readable: bool) {
    use rustix::event::{PollFd, PollFlags, poll};
    let flags = if readable { PollFlags::IN } else { PollFlags::OUT };
    let _ = poll(&mut [PollFd::new(file, flags)], None);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_batch_is_written_in_order_to_both_streams() {
        let (out, err) = (Shared::default(), Shared::default());
        let mut output = Output::start((Box::new(out.clone()), Box::new(err.clone()))).unwrap();
        let piece = |stream, text: &'static str| (stream, Bytes::from_static(text.as_bytes()));
        output.write(vec![
            piece(Stream::Out, "a"),
            piece(Stream::Out, "b"),
            piece(Stream::Err, "x"),
            piece(Stream::Out, "c"),
        ]);
        assert!(!output.is_idle());
        output.written().await.unwrap();
        assert!(output.is_idle());
        assert_eq!(out.0.lock().unwrap().as_slice(), b"abc");
        assert_eq!(err.0.lock().unwrap().as_slice(), b"x");
    }

    #[tokio::test]
    async fn a_failure_is_told_and_does_not_end_the_thread() {
        let mut output = Output::start((Box::new(Full), Box::new(Shared::default()))).unwrap();
        for _ in 0..2 {
            output.write(vec![(Stream::Out, Bytes::from_static(b"a"))]);
            assert_eq!(output.written().await.unwrap_err().kind(), io::ErrorKind::StorageFull);
        }
        output.write(vec![(Stream::Err, Bytes::from_static(b"a"))]);
        output.written().await.unwrap();
    }
}
