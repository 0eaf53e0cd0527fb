//! The user while a session runs: a terminal or a program, its input, output and signals.

use bytes::Bytes;
use postern_protocol::wire::payload::Size;

use super::Manner;
use crate::console::{Console, Input, Keys, Output, Source};
use crate::escape::Escapes;
use crate::handshake::SessionType;
use crate::signals::Signals;
use crate::terminal::{self, RawMode};

/// The user's side while the session runs.
pub(super) struct User {
    pub(super) typed: bool,
    pub(super) source: Option<Source>,
    pub(super) input: Option<Keys>,
    /// Input that the channel's window did not take yet.
    pub(super) held: Bytes,
    pub(super) escapes: Escapes,
    pub(super) output: Output,
    pub(super) signals: Signals,
    pub(super) raw: Option<RawMode>,
    pub(super) size: Size,
}

impl User {
    pub(super) fn new(console: Console) -> User {
        User {
            typed: console.typed,
            source: Some(console.source),
            input: None,
            held: Bytes::new(),
            escapes: Escapes::new(console.typed),
            output: console.output,
            signals: Signals::none(),
            raw: None,
            size: terminal::size(),
        }
    }

    /// Until the session has begun the stock plugin leaves ^C as it found it (client.md §3.2); ours leaves by it.
    pub(super) fn listen_before(&mut self, manner: Manner) -> std::io::Result<()> {
        self.signals.listen_for_end()?;
        match manner {
            Manner::Plugin { .. } => Ok(()),
            Manner::Shell | Manner::Document | Manner::Command { .. } | Manner::Stream => {
                self.signals.listen_for_interrupt()
            }
        }
    }

    /// The session has begun: keys belong to the node.
    pub(super) fn begin(&mut self, session_type: SessionType, standard_input: bool) -> std::io::Result<()> {
        if session_type == SessionType::PortStream {
            // Bytes as they are, and signals as they were: the stock plugin has no handler here.
            self.escapes = Escapes::new(false);
            self.typed = false;
            if let Some(source) = self.source.take() {
                self.input = Some(source.open(false)?);
            }
            return Ok(());
        }
        self.signals.listen_for_interrupt()?;
        self.signals.listen_for_quit()?;
        if !session_type.has_terminal() {
            self.escapes = Escapes::new(false);
            // Without a way to the command, standard input is left to whoever else reads it.
            if standard_input && let Some(source) = self.source.take() {
                self.input = Some(source.open(false)?);
            }
            return Ok(());
        }
        self.signals.listen_for_suspend()?;
        self.signals.listen_for_terminal()?;
        if self.typed {
            self.raw = Some(RawMode::enter()?);
        }
        if let Some(source) = self.source.take() {
            self.input = Some(source.open(self.typed)?);
        }
        Ok(())
    }
}

pub(super) async fn next_input(input: &mut Option<Keys>) -> Option<Input> {
    match input {
        Some(keys) => keys.next().await,
        None => std::future::pending().await,
    }
}
