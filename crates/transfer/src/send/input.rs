//! Sending what a stream of bytes has until its end, under the destination's name.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, Sender as ChannelSender, SyncSender, channel};

use postern_protocol::transfer::{MAX_DATA_BYTES, Message, Total, Violation};
use ring::digest::{Context, SHA256};

use super::{Reply, Sender, finish};
use crate::error::{CopyError, about};
use crate::progress::{Progress, Summary};

/// What the offer is called; the destination has the file's name.
const NAME: &[u8] = b"-";

/// A stream that is read one piece at a time, each when it is asked for: so the receiver is heard also while the
/// stream is silent.
pub(crate) struct Input {
    wanted: ChannelSender<Vec<u8>>,
}

impl Input {
    /// Reads on a thread, which ends with the stream, or with the process if the stream never does.
    pub(super) fn start<I: Read + Send + 'static>(input: I, pieces: SyncSender<Reply>) -> std::io::Result<Self> {
        let (wanted, asked) = channel();
        let reader = std::thread::Builder::new().name("input".to_owned());
        reader.spawn(move || read(input, &asked, &pieces))?;
        Ok(Self { wanted })
    }

    fn ask(&self, buffer: Vec<u8>) -> Result<(), CopyError> {
        self.wanted.send(buffer).map_err(|_| CopyError::Disconnected)
    }
}

fn read<I: Read>(mut input: I, asked: &Receiver<Vec<u8>>, pieces: &SyncSender<Reply>) {
    while let Ok(mut buffer) = asked.recv() {
        buffer.resize(MAX_DATA_BYTES, 0);
        let piece = loop {
            match input.read(&mut buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => break Err(CopyError::Local(about("standard input", &error))),
                Ok(count) => {
                    buffer.truncate(count);
                    break Ok(buffer);
                }
            }
        };
        if pieces.send(Reply::Piece(piece)).is_err() {
            return;
        }
    }
}

impl<W: Write, P: Progress + ?Sized> Sender<'_, W, P> {
    /// Sends the stream and waits until it is received.
    pub(crate) fn run_input(mut self, input: &Input) -> Result<Summary, CopyError> {
        let result = self.send_input(input);
        self.ended(result)
    }

    fn send_input(&mut self, input: &Input) -> Result<(), CopyError> {
        let total = Total { roots: 1, entries: 1, bytes: 0 };
        self.progress.total(total);
        self.out.send(&Message::Total(total))?;
        self.out.send(&Message::Stream { name: NAME })?;
        match self.answer()? {
            // The receiver has said why.
            Message::Skip => return self.conclude(),
            Message::Want { offset: 0, .. } => {}
            _ => return Err(Violation::Unexpected.into()),
        }
        self.out.send(&Message::Begin { offset: 0 })?;
        let mut context = Context::new(&SHA256);
        input.ask(Vec::new())?;
        loop {
            let piece = match self.reply()? {
                Reply::Piece(piece) => piece?,
                Reply::Problem(text) => {
                    self.problems.heard(&text, self.progress)?;
                    continue;
                }
                Reply::Over(error) => return Err(error),
                Reply::Answer(_) | Reply::Finished => return Err(Violation::Unexpected.into()),
            };
            if piece.is_empty() {
                break;
            }
            context.update(&piece);
            self.out.send(&Message::Data(&piece))?;
            self.summary.bytes += piece.len() as u64;
            self.progress.advanced(piece.len() as u64);
            input.ask(piece)?;
        }
        self.out.send(&Message::End { digest: finish(context) })?;
        self.summary.files += 1;
        self.conclude()
    }
}
