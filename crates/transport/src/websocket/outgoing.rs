//! What was fed and is not written yet.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use postern_protocol::Entropy as _;
use postern_protocol::wire::websocket::{MAX_HEADER_BYTES, Message, Opcode, Role, encode, encode_header};
use tokio::io::AsyncWrite;

use super::PENDING_LIMIT_BYTES;
use crate::entropy::SystemEntropy;

/// Once the limit was reached, writing is announced again below this.
const PENDING_LOW_BYTES: usize = PENDING_LIMIT_BYTES / 2;
/// Payloads from this size on are written by themselves; smaller ones are cheaper to copy together.
const COPY_BELOW_BYTES: usize = 4 * 1024;
/// Parts handed to the system in one vectored write.
const MAX_SLICES: usize = 32;

#[derive(Default)]
pub(super) struct Outgoing {
    /// Complete parts in front of `tail`.
    pub(super) parts: VecDeque<Bytes>,
    /// Small messages, encoded one behind the other.
    pub(super) tail: BytesMut,
    pub(super) pending_bytes: usize,
    /// The answer to the peer's latest ping; earlier ones need none (RFC 6455 §5.5.3).
    pub(super) pong: Option<Bytes>,
    /// Bytes were handed to the stream which it may still hold back (TLS records).
    pub(super) needs_flush: bool,
    /// Something was fed since `Writable` was last announced.
    pub(super) owes_writable: bool,
    /// The limit was reached since `Writable` was last announced.
    pub(super) was_full: bool,
}

impl Outgoing {
    pub(super) fn push(&mut self, message: Message, role: Role) {
        let before = self.tail.len();
        match message {
            Message::Binary(payload) if payload.len() >= COPY_BELOW_BYTES => match role {
                Role::Server => {
                    encode_header(Opcode::Binary, payload.len(), role, [0; 4], &mut self.tail);
                    self.pending_bytes += self.tail.len() - before + payload.len();
                    self.seal();
                    self.parts.push_back(payload);
                }
                // Masking takes a copy. It has a buffer of its own: one that grows is copied again.
                Role::Client => {
                    self.seal();
                    let mut part = BytesMut::with_capacity(MAX_HEADER_BYTES + payload.len());
                    encode(&Message::Binary(payload), role, mask(role), &mut part);
                    self.pending_bytes += part.len();
                    self.parts.push_back(part.freeze());
                }
            },
            message => {
                encode(&message, role, mask(role), &mut self.tail);
                self.pending_bytes += self.tail.len() - before;
            }
        }
        self.was_full |= self.pending_bytes >= PENDING_LIMIT_BYTES;
    }

    /// What was put together becomes a part.
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.parts.push_back(self.tail.split().freeze());
        }
    }

    /// Whether `Writable` is due, given that everything has gone out or not.
    pub(super) fn take_writable(&mut self, all_out: bool) -> bool {
        let room_again = self.was_full && self.pending_bytes < PENDING_LOW_BYTES;
        if !(self.owes_writable && all_out || room_again) {
            return false;
        }
        self.was_full = false;
        self.owes_writable = !all_out;
        true
    }

    pub(super) fn poll_write_out<IO: AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        role: Role,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        // A peer that pings without reading must not fill the queue with answers.
        if self.pending_bytes < PENDING_LIMIT_BYTES
            && let Some(payload) = self.pong.take()
        {
            self.push(Message::Pong(payload), role);
        }
        while self.pending_bytes > 0 {
            let written = ready!(self.poll_write_once(io, cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
            self.needs_flush = true;
        }
        if self.needs_flush {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.needs_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_once<IO: AsyncWrite + Unpin>(&self, io: &mut IO, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.parts.is_empty() {
            return Pin::new(io).poll_write(cx, &self.tail);
        }
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let parts = self.parts.iter().map(Bytes::as_ref).chain(std::iter::once(self.tail.as_ref()));
        let mut used = 0;
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
            used += 1;
        }
        Pin::new(io).poll_write_vectored(cx, &slices[..used])
    }

    fn advance(&mut self, mut written: usize) {
        self.pending_bytes -= written;
        while let Some(part) = self.parts.front_mut() {
            if written < part.len() {
                return part.advance(written);
            }
            written -= part.len();
            self.parts.pop_front();
        }
        self.tail.advance(written);
        if self.pending_bytes == 0 {
            // Idle connections hold no memory.
            self.parts = VecDeque::new();
            self.tail = BytesMut::new();
        }
    }
}

/// A mask for one frame; only clients mask, and theirs must not be guessable (RFC 6455 §10.3).
fn mask(role: Role) -> [u8; 4] {
    let mut mask = [0; 4];
    if role == Role::Client {
        SystemEntropy.fill(&mut mask);
    }
    mask
}
