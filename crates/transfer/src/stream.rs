//! Messages over a pair of byte streams.

use std::io::{self, BufReader, Read, Write};

use postern_protocol::transfer::{Header, Message, TransferError, VERSION};

use crate::error::CopyError;

const BUFFER_BYTES: usize = 64 * 1024;

/// The receiving half.
pub(crate) struct Incoming<R> {
    stream: BufReader<R>,
    body: Vec<u8>,
}

/// The sending half. What is sent waits for [`Outgoing::flush`] or for a full buffer.
pub(crate) struct Outgoing<W> {
    stream: W,
    buffer: Vec<u8>,
}

impl<R: Read> Incoming<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream: BufReader::with_capacity(BUFFER_BYTES, stream), body: Vec::new() }
    }

    /// The next message.
    pub(crate) fn next(&mut self) -> Result<Message<'_>, CopyError> {
        let mut header = [0; Header::BYTES];
        self.stream.read_exact(&mut header).map_err(|_| CopyError::Disconnected)?;
        let header = Header::parse(header)?;
        self.body.resize(header.length, 0);
        self.stream.read_exact(&mut self.body).map_err(|_| CopyError::Disconnected)?;
        Ok(Message::decode(header, &self.body)?)
    }

    /// Whether the next message has not come as a whole: whoever reads it now may wait.
    pub(crate) fn is_dry(&self) -> bool {
        let Some((header, body)) = self.stream.buffer().split_first_chunk() else { return true };
        Header::parse(*header).is_ok_and(|header| body.len() < header.length)
    }

    /// The first message of the other side; gives the version that both speak.
    pub(crate) fn hello(&mut self) -> Result<u16, CopyError> {
        match self.next()? {
            Message::Hello { version: 1.. } => Ok(VERSION),
            Message::Failed(text) => Err(CopyError::Peer(text.to_owned())),
            _ => Err(TransferError::NoHello.into()),
        }
    }
}

impl<W: Write> Outgoing<W> {
    pub(crate) fn new(stream: W) -> Self {
        Self { stream, buffer: Vec::with_capacity(2 * BUFFER_BYTES) }
    }

    pub(crate) fn send(&mut self, message: &Message<'_>) -> Result<(), CopyError> {
        message.encode(&mut self.buffer);
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    pub(crate) fn flush(&mut self) -> Result<(), CopyError> {
        let written = self.stream.write_all(&self.buffer).and_then(|()| self.stream.flush());
        self.buffer.clear();
        written.map_err(|_: io::Error| CopyError::Disconnected)
    }

    /// Says why nothing more comes. Whether it arrives is no longer of importance.
    pub(crate) fn fail(&mut self, error: &CopyError) {
        if error.is_to_be_told() {
            let _ = self.send(&Message::Failed(&error.to_string())).and_then(|()| self.flush());
        }
    }
}
