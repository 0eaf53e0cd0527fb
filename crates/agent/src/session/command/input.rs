//! What the client sends to a command: its standard input and signals where both ends are ours, else the two bytes
//! that mean a signal.

use std::io;

use bytes::Bytes;
use postern_protocol::channel::data_channel::Event;
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{CommandSignal, StreamFlag};
use postern_pty::{Input, Signal};

use super::super::End;
use super::super::channel::SessionChannel;
use crate::link::Connect;

/// The bytes of input that mean something to a command without standard input (spec session-types §5).
const INTERRUPT: u8 = 0x03;
const QUIT: u8 = 0x1c;

/// The input of one command.
pub(super) struct CommandInput {
    /// The client sends standard input and signals apart.
    is_negotiated: bool,
    /// The pipe to the command, until one of the two ends has closed it.
    stdin: Option<Input>,
    /// Taken from the client, not by the command yet.
    pending: Bytes,
    /// The client has sent all of it.
    has_ended: bool,
    /// Signals that were delivered while they waited behind input.
    delivered_early: usize,
}

impl CommandInput {
    /// `stdin` is the command's pipe, if the client sends standard input.
    pub(super) fn new(stdin: Option<Input>) -> Self {
        Self { is_negotiated: stdin.is_some(), stdin, pending: Bytes::new(), has_ended: false, delivered_early: 0 }
    }

    /// Takes what the client sent while the command takes it, and gives the signals that are to be delivered now.
    /// Input that is not taken is not acknowledged, so a command that does not read holds its client back; signals
    /// do not wait behind it.
    pub(super) fn take<C: Connect>(&mut self, channel: &mut SessionChannel<C>) -> Result<Vec<Signal>, End> {
        let mut signals = Vec::new();
        while self.pending.is_empty() {
            self.close_at_end();
            let Some(event) = channel.poll_event() else { return Ok(signals) };
            match event {
                Event::ChannelClosed(_) => return Err(End::Terminated),
                Event::Undecipherable(error) => return Err(End::Failed(error.to_string())),
                Event::Data { payload_type, payload } => signals.extend(self.take_data(payload_type, payload)),
                _ => {}
            }
        }
        if self.is_negotiated {
            for payload in channel.waiting(PayloadType::SIGNAL).skip(self.delivered_early) {
                self.delivered_early += 1;
                signals.extend(signal(payload));
            }
        }
        Ok(signals)
    }

    fn take_data(&mut self, payload_type: PayloadType, payload: Bytes) -> Option<Signal> {
        match payload_type {
            PayloadType::OUTPUT if self.is_negotiated => {
                let is_read = self.stdin.is_some() && !self.has_ended;
                self.pending = if is_read { payload } else { Bytes::new() };
            }
            PayloadType::OUTPUT => {
                return payload.iter().find_map(|byte| match *byte {
                    INTERRUPT => Some(Signal::Interrupt),
                    QUIT => Some(Signal::Quit),
                    _ => None,
                });
            }
            PayloadType::FLAG => self.has_ended |= StreamFlag::decode(&payload) == Ok(StreamFlag::EndOfInput),
            PayloadType::SIGNAL if self.delivered_early > 0 => self.delivered_early -= 1,
            PayloadType::SIGNAL if self.is_negotiated => return signal(&payload),
            _ => {}
        }
        None
    }

    fn close_at_end(&mut self) {
        if self.has_ended {
            self.stdin = None;
        }
    }

    /// Whether there is something for the command.
    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Gives the command some of what is pending. Cancel-safe.
    pub(super) async fn write(&mut self) -> io::Result<()> {
        let Some(stdin) = &mut self.stdin else {
            self.pending.clear();
            return Ok(());
        };
        let count = stdin.write(&self.pending).await?;
        drop(self.pending.split_to(count));
        Ok(())
    }

    /// The command reads no more: what still comes is thrown away.
    pub(super) fn close(&mut self) {
        self.stdin = None;
        self.pending.clear();
    }
}

/// What cannot be read is no signal.
fn signal(payload: &[u8]) -> Option<Signal> {
    Some(match CommandSignal::decode(payload).ok()? {
        CommandSignal::Hangup => Signal::Hangup,
        CommandSignal::Interrupt => Signal::Interrupt,
        CommandSignal::Quit => Signal::Quit,
        CommandSignal::Terminate => Signal::Terminate,
    })
}
