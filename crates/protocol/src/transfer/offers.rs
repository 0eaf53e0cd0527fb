//! The sender's side of the answers: how far offers may run ahead, and what each answer is about.

use std::collections::VecDeque;

use super::intake::{Answer, Violation};
use super::message::Message;
use super::{MAX_FILES_AHEAD, MAX_ITEMS_AHEAD};

/// What was offered and is not finished, oldest first.
#[derive(Debug, Default)]
pub struct Offers<T> {
    queue: VecDeque<Item<T>>,
    files: usize,
}

#[derive(Debug)]
enum Item<T> {
    File { size: u64, file: T },
    Other,
}

impl<T> Offers<T> {
    /// Nothing is offered yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { queue: VecDeque::new(), files: 0 }
    }

    /// Whether the receiver has room for another offer, of whatever kind.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.files < MAX_FILES_AHEAD && self.queue.len() < MAX_ITEMS_AHEAD
    }

    /// A file was offered.
    pub fn push_file(&mut self, size: u64, file: T) {
        self.files += 1;
        self.queue.push_back(Item::File { size, file });
    }

    /// Something that is not answered was sent: a directory, its end, a link.
    pub fn push_other(&mut self) {
        // In front of every file it is done as soon as it is read.
        if self.files > 0 {
            self.queue.push_back(Item::Other);
        }
    }

    /// Whether a file waits for an answer or for its data.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.files == 0
    }

    /// The answer to the oldest offer: what it says, the file, and its size.
    ///
    /// # Errors
    /// [`Violation`] when nothing was offered, more of the file is said to be there than it has, or the message is no
    /// answer.
    pub fn answer(&mut self, message: &Message<'_>) -> Result<(Answer, T, u64), Violation> {
        let answer = match message {
            Message::Have => Answer::Have,
            Message::Want { offset, digest } => Answer::Want { offset: *offset, digest: *digest },
            Message::Skip => Answer::Skip,
            _ => return Err(Violation::Unexpected),
        };
        let Some(Item::File { size, file }) = self.queue.pop_front() else { return Err(Violation::Unexpected) };
        self.files -= 1;
        while matches!(self.queue.front(), Some(Item::Other)) {
            self.queue.pop_front();
        }
        match answer {
            Answer::Want { offset, .. } if offset > size => Err(Violation::Offset),
            answer => Ok((answer, file, size)),
        }
    }
}
