//! Bytes that wait, without copying large pieces and without letting small ones keep large memory alive.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Smaller pieces are put together.
const COPY_BELOW: usize = 4 * 1024;
/// How much is put together before a new piece is begun.
const TOGETHER: usize = 32 * 1024;

/// A queue of bytes. The memory behind it is at most about twice what it holds, whatever pieces came.
#[derive(Default)]
pub(super) struct ByteQueue {
    pieces: VecDeque<Bytes>,
    /// Behind the pieces: small ones, put together.
    tail: BytesMut,
    len: usize,
}

impl ByteQueue {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a piece that is part of a buffer of `backing` bytes.
    pub(super) fn push(&mut self, piece: Bytes, backing: usize) {
        self.len += piece.len();
        if piece.len() < COPY_BELOW || piece.len() < backing / 2 {
            self.tail.extend_from_slice(&piece);
            if self.tail.len() >= TOGETHER {
                self.seal();
            }
        } else {
            self.seal();
            self.pieces.push_back(piece);
        }
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(std::mem::take(&mut self.tail).freeze());
        }
    }

    /// Takes the front piece.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        if self.pieces.is_empty() {
            self.seal();
        }
        let piece = self.pieces.pop_front()?;
        self.len -= piece.len();
        Some(piece)
    }

    /// Moves up to `count` bytes from the front to the end of `out`.
    pub(super) fn move_to(&mut self, out: &mut BytesMut, mut count: usize) {
        while count > 0 {
            if self.pieces.is_empty() {
                self.seal();
            }
            let Some(front) = self.pieces.front_mut() else { return };
            let moved = front.split_to(count.min(front.len()));
            if front.is_empty() {
                self.pieces.pop_front();
            }
            out.extend_from_slice(&moved);
            count -= moved.len();
            self.len -= moved.len();
        }
    }

    /// Drops everything; says how much it was.
    pub(super) fn clear(&mut self) -> usize {
        std::mem::take(self).len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pieces_of_large_buffers_do_not_keep_them() {
        let mut queue = ByteQueue::default();
        let large = Bytes::from(vec![7; 1 << 20]);
        for start in 0..1000 {
            queue.push(large.slice(start..=start), large.len());
        }
        queue.push(large.slice(..5000), large.len());
        assert!(queue.pieces.is_empty() && large.is_unique(), "all of it was copied");
        assert_eq!(queue.len(), 6000);
    }

    #[test]
    fn what_comes_out_is_what_went_in() {
        let mut queue = ByteQueue::default();
        let mut sent = Vec::new();
        for (number, size) in [1, 5000, 3, 4096, 40_000, 2, 2, 33_000].into_iter().enumerate() {
            let piece = vec![u8::try_from(number).unwrap_or(0); size];
            sent.extend_from_slice(&piece);
            queue.push(Bytes::from(piece), size);
        }
        let mut out = BytesMut::new();
        queue.move_to(&mut out, 4999);
        while let Some(piece) = queue.pop() {
            out.extend_from_slice(&piece);
            queue.move_to(&mut out, 700);
        }
        assert!(out == sent && queue.is_empty());
    }
}
