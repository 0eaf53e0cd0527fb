//! What is done through a tunnel, and how long it takes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::far_end::{DOWNLOAD, ECHO, REQUEST_BYTES, UPLOAD, receive, send};
use crate::stats::Samples;

/// Nothing in here may wait longer for its next byte.
const PATIENCE: Duration = Duration::from_secs(120);
/// How far the download beside the requests is before they begin.
const UNDER_WAY: Duration = Duration::from_millis(500);

/// The near end of a tunnel.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) address: SocketAddr,
}

/// Several downloads at once.
pub(super) struct Streams {
    /// From the first's beginning to the last's end.
    pub(super) all: Duration,
    /// Each one's own time.
    each: Vec<Duration>,
}

impl Streams {
    /// The slowest one's rate as a part of the mean rate.
    pub(super) fn slowest_share(&self) -> f64 {
        let rates: Vec<f64> = self.each.iter().map(|took| 1.0 / took.as_secs_f64()).collect();
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        rates.iter().copied().fold(f64::INFINITY, f64::min) / mean
    }
}

impl Load {
    fn connect(self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address).context("the tunnel does not listen")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    fn begin(self, command: u8, count: u64) -> Result<TcpStream> {
        let mut stream = self.connect()?;
        let mut words = vec![command];
        words.extend_from_slice(&count.to_be_bytes());
        stream.write_all(&words)?;
        Ok(stream)
    }

    pub(super) fn download(self, bytes: u64) -> Result<Duration> {
        let mut stream = self.begin(DOWNLOAD, bytes)?;
        let begun = Instant::now();
        receive(&mut stream, bytes)?;
        Ok(begun.elapsed())
    }

    /// Until the far end has everything.
    pub(super) fn upload(self, bytes: u64) -> Result<Duration> {
        let mut stream = self.begin(UPLOAD, bytes)?;
        let begun = Instant::now();
        send(&mut stream, bytes)?;
        let mut word = [0];
        stream.read_exact(&mut word)?;
        Ok(begun.elapsed())
    }

    pub(super) fn downloads(self, streams: usize, bytes: u64) -> Result<Streams> {
        let begun = Instant::now();
        let running: Vec<_> = (0..streams).map(|_| std::thread::spawn(move || self.download(bytes))).collect();
        let mut each = Vec::new();
        for stream in running {
            each.push(stream.join().ok().context("a stream panicked")??);
        }
        Ok(Streams { all: begun.elapsed(), each })
    }

    /// So many requests of 64 bytes, one after the other, on one connection.
    pub(super) fn requests(self, count: usize, samples: &mut Samples) -> Result<()> {
        let mut stream = self.connect()?;
        stream.write_all(&[ECHO])?;
        // The first one opens the connection at the far end; it is not counted.
        request(&mut stream)?;
        for _ in 0..count {
            samples.add(request(&mut stream)?);
        }
        Ok(())
    }

    /// The same while another connection downloads as fast as it can.
    pub(super) fn requests_under_bulk(self, count: usize, samples: &mut Samples) -> Result<()> {
        let bulk = self.begin(DOWNLOAD, u64::MAX)?;
        let mut reader = bulk.try_clone()?;
        let running = std::thread::spawn(move || receive(&mut reader, u64::MAX));
        std::thread::sleep(UNDER_WAY);
        let measured = self.requests(count, samples);
        let ended_early = running.is_finished();
        bulk.shutdown(Shutdown::Both)?;
        let _ = running.join();
        ensure!(!ended_early, "the download beside the requests ended");
        measured
    }

    /// A connection of its own for each.
    pub(super) fn fresh_requests(self, count: usize, samples: &mut Samples) -> Result<()> {
        for _ in 0..count {
            let begun = Instant::now();
            let mut stream = self.connect()?;
            stream.write_all(&[ECHO])?;
            request(&mut stream)?;
            samples.add(begun.elapsed());
        }
        Ok(())
    }
}

fn request(stream: &mut TcpStream) -> Result<Duration> {
    let begun = Instant::now();
    let request = [0x5a; REQUEST_BYTES];
    stream.write_all(&request)?;
    let mut answer = [0; REQUEST_BYTES];
    stream.read_exact(&mut answer)?;
    ensure!(answer == request, "the answer is not the request");
    Ok(begun.elapsed())
}
