//! One connection at a time: raw bytes between the session and it.

use std::io;

use bytes::{Buf as _, Bytes};
use postern_protocol::channel::data_channel::Event;
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::StreamFlag;
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::super::channel::SessionChannel;
use super::super::{End, Terminate};
use crate::forward::Destination;
use crate::link::Connect;

/// One payload. Nothing waits to fill it.
const READ_BYTES: usize = 32 * 1024;

/// Runs the session. `is_forwarding`: a connection that ends is followed by another one as soon as there is data for
/// it (spec session-types §6.4); else its end is the session's (§6.3).
pub(super) async fn run<C: Connect>(
    channel: &mut SessionChannel<C>,
    destination: &Destination,
    is_forwarding: bool,
    mailbox: &mut mpsc::Receiver<Terminate>,
) -> End {
    let mut single = Single { channel, destination, mailbox, stream: None, pending: Bytes::new(), is_forwarding };
    match single.serve().await {
        Ok(()) => {
            // No Terminating message: stock agents send none for ports (spec session-types §6.3).
            drop(single.stream.take());
            match single.channel.drain().await {
                Ok(()) => End::Finished,
                Err(end) => end,
            }
        }
        Err(end) => end,
    }
}

struct Single<'a, C: Connect> {
    channel: &'a mut SessionChannel<C>,
    destination: &'a Destination,
    mailbox: &'a mut mpsc::Receiver<Terminate>,
    stream: Option<TcpStream>,
    /// Input that the connection has not taken.
    pending: Bytes,
    is_forwarding: bool,
}

impl<C: Connect> Single<'_, C> {
    /// Moves bytes until the destination has ended the connection that is the session.
    async fn serve(&mut self) -> Result<(), End> {
        self.connect().await?;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            self.take_input().await?;
            let room = self.channel.write_capacity().min(READ_BYTES);
            let (reads, writes) = (room > 0, !self.pending.is_empty());
            let interest = match (reads, writes) {
                (true, true) => Interest::READABLE | Interest::WRITABLE,
                (false, true) => Interest::WRITABLE,
                _ => Interest::READABLE,
            };
            let ready = tokio::select! {
                driven = self.channel.drive() => {
                    driven?;
                    continue;
                }
                ready = ready(self.stream.as_ref(), interest), if reads || writes => ready,
                _ = self.mailbox.recv() => return Err(End::Terminated),
            };
            let Some(stream) = &self.stream else { continue };
            if ready.as_ref().is_ok_and(|ready| ready.is_writable()) && writes {
                match stream.try_write(&self.pending) {
                    Ok(count) => self.pending.advance(count),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // Nobody takes it; what the destination had to say is still read.
                    Err(_) => self.pending.clear(),
                }
            }
            if !reads {
                continue;
            }
            match ready.and_then(|_| stream.try_read(&mut buffer[..room])) {
                Ok(0) if self.is_forwarding => self.disconnect(),
                Ok(0) => return Ok(()),
                Ok(count) => self.channel.write(PayloadType::OUTPUT, &buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) if self.is_forwarding => self.disconnect(),
                Err(error) => return Err(End::Failed(format!("the connection to the port broke off: {error}"))),
            }
        }
    }

    fn disconnect(&mut self) {
        self.stream = None;
        self.pending.clear();
    }

    /// Connects while the channel goes on.
    async fn connect(&mut self) -> Result<(), End> {
        let mut connecting = std::pin::pin!(self.destination.connect());
        loop {
            if self.channel.is_closing() {
                return Err(End::Terminated);
            }
            tokio::select! {
                connected = &mut connecting => {
                    let stream = connected
                        .map_err(|error| End::Failed(format!("Unable to connect to specified port: {error}")))?;
                    self.stream = Some(stream);
                    return Ok(());
                }
                driven = self.channel.drive() => driven?,
                _ = self.mailbox.recv() => return Err(End::Terminated),
            }
        }
    }

    /// Takes what the client sent while the connection has taken everything before. What stays in the channel is not
    /// acknowledged.
    async fn take_input(&mut self) -> Result<(), End> {
        while self.pending.is_empty() || self.channel.is_closing() {
            match self.channel.poll_event() {
                None => return Ok(()),
                Some(Event::ChannelClosed(_)) => return Err(End::Terminated),
                Some(Event::Data { payload_type: PayloadType::OUTPUT, payload }) => {
                    if self.stream.is_none() {
                        self.connect().await?;
                    }
                    self.pending = payload;
                }
                Some(Event::Data { payload_type: PayloadType::FLAG, payload }) => match StreamFlag::decode(&payload) {
                    Ok(StreamFlag::DisconnectToPort) if self.is_forwarding => self.disconnect(),
                    Ok(StreamFlag::DisconnectToPort | StreamFlag::TerminateSession) => return Err(End::Terminated),
                    // What came before it is written already.
                    Ok(StreamFlag::EndOfInput) if !self.is_forwarding => self.end_input().await,
                    _ => {}
                },
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Nothing more goes to the destination; what it still has to say is read.
    async fn end_input(&mut self) {
        if let Some(stream) = &mut self.stream {
            // A connection that is gone shows when it is read.
            let _ = stream.shutdown().await;
        }
    }
}

/// When the connection can be read or written; never without one.
async fn ready(stream: Option<&TcpStream>, interest: Interest) -> io::Result<tokio::io::Ready> {
    match stream {
        Some(stream) => stream.ready(interest).await,
        None => std::future::pending().await,
    }
}
