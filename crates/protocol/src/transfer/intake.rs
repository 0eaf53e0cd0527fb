//! What a receiver holds a sender to: order, names, depth, and no more of anything than was announced.

use std::collections::VecDeque;

use super::message::{Attributes, Digest, Message, Total};
use super::name::{EntryName, NameError, NameRules};
use super::{MAX_DEPTH, MAX_FILES_AHEAD, MAX_ITEMS_AHEAD, MAX_TOTAL_BYTES};
use crate::wire::Fault;

/// How the receiver answered an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has the file.
    Have,
    /// It wants the file from here on.
    Want {
        /// How much it has.
        offset: u64,
        /// Of that beginning.
        digest: Digest,
    },
    /// It cannot take the file.
    Skip,
}

impl Answer {
    /// The message that says so.
    #[must_use]
    pub const fn message(self) -> Message<'static> {
        match self {
            Self::Have => Message::Have,
            Self::Want { offset, digest } => Message::Want { offset, digest },
            Self::Skip => Message::Skip,
        }
    }
}

/// What the receiver has to do: a message that was in its place, its name checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// So much is going to come.
    Total(Total),
    /// Enter a directory of the current one.
    Enter {
        /// Its name.
        name: EntryName<'a>,
        /// What it gets when it is left.
        attributes: Attributes,
    },
    /// Back to the one above; its attributes are set once everything before is done.
    Leave,
    /// Answer this offer, by [`Intake::answered`], before the next message.
    Offer {
        /// Its name.
        name: EntryName<'a>,
        /// Its size, in bytes.
        size: u64,
        /// What it gets with its name.
        attributes: Attributes,
    },
    /// Answer this offer, as the one of a file; how large it will be nobody knows.
    OfferStream {
        /// Its name.
        name: EntryName<'a>,
    },
    /// Make a link in the current directory, if [`is_inside`](super::is_inside) at this depth.
    Link {
        /// Its name.
        name: EntryName<'a>,
        /// Where it points, unchecked.
        target: &'a [u8],
        /// Directories between here and the root.
        depth: usize,
    },
    /// Begin the oldest file that was wanted.
    Begin {
        /// Where its content goes on; what lies behind is of no use.
        offset: u64,
    },
    /// Content of that file.
    Data(&'a [u8]),
    /// That file is complete if this is its digest.
    End(Digest),
    /// That file will not become complete.
    Abandon,
    /// Everything was sent.
    Finish,
    /// For the user.
    Problem(&'a str),
    /// The sender has given up.
    Failed(&'a str),
}

/// A sender or receiver that breaks the rules. Nothing it says afterwards counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A message that is not possible here.
    #[error("a message came where it is not possible")]
    Unexpected,
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A name for the second time, or not in order.
    #[error("a name came twice or out of order")]
    Order,
    /// Deeper than [`MAX_DEPTH`].
    #[error("the tree is deeper than {MAX_DEPTH} directories")]
    Depth,
    /// More files, directories and links than announced.
    #[error("more entries came than were announced")]
    Entries,
    /// More bytes than announced, for a file or altogether.
    #[error("more data came than was announced")]
    Bytes,
    /// Fewer bytes than announced.
    #[error("a file ended before its announced size")]
    Short,
    /// More offers than the other side has room for.
    #[error("more files were offered than may wait")]
    Ahead,
    /// An offset beyond the end of the file, or one that was not wanted.
    #[error("a file was to go on where it does not")]
    Offset,
}

impl Violation {
    /// Whose fault it is: always the peer's.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        Fault::PeerMisbehaved
    }
}

/// The rules, and how far the sender has come. What it keeps is bounded: one name for each open directory, and a number
/// for each file that waits.
#[derive(Debug)]
pub struct Intake {
    rules: NameRules,
    total: Option<Total>,
    entries_left: u64,
    bytes_left: u64,
    roots_left: u32,
    /// The last name in the root and in each open directory.
    last_names: Vec<Vec<u8>>,
    /// The size of a file that was offered and not answered.
    offered: Option<u64>,
    /// Files that were wanted and have not begun.
    wanted: VecDeque<Wanted>,
    /// Directories, links and ends of directories that came behind the oldest of them.
    items_behind: usize,
    /// What is missing of the file that has begun.
    missing: Option<u64>,
    /// Whether one file may come whose end is where its data ends.
    takes_stream: bool,
    /// It was offered: the only entry there is.
    is_stream: bool,
    is_finished: bool,
}

#[derive(Debug)]
struct Wanted {
    size: u64,
    offset: u64,
    /// What came right behind its offer and is not answered.
    items_behind: usize,
}

impl Intake {
    /// Nothing has come yet; names are judged by `rules`.
    #[must_use]
    pub fn new(rules: NameRules) -> Self {
        Self {
            rules,
            total: None,
            entries_left: 0,
            bytes_left: 0,
            roots_left: 0,
            last_names: vec![Vec::new()],
            offered: None,
            wanted: VecDeque::new(),
            items_behind: 0,
            missing: None,
            takes_stream: false,
            is_stream: false,
            is_finished: false,
        }
    }

    /// The same for a receiver that lets the other side fill its disk: a node does, which is told to by a client that
    /// may. What bounds the file then is that disk.
    #[must_use]
    pub fn with_stream(self) -> Self {
        Self { takes_stream: true, ..self }
    }

    /// What was announced, once it was.
    #[must_use]
    pub const fn total(&self) -> Option<Total> {
        self.total
    }

    /// Takes the next message of the sender.
    ///
    /// # Errors
    /// [`Violation`]: the sender is to be believed nothing more.
    pub fn handle<'a>(&mut self, message: Message<'a>) -> Result<Step<'a>, Violation> {
        if self.is_finished || self.offered.is_some() {
            return Err(Violation::Unexpected);
        }
        match message {
            Message::Problem(text) => return Ok(Step::Problem(text)),
            Message::Failed(text) => {
                self.is_finished = true;
                return Ok(Step::Failed(text));
            }
            Message::Total(total) => return self.begin(total),
            _ if self.total.is_none() => return Err(Violation::Unexpected),
            _ => {}
        }
        // While a file has begun there is nothing but its content.
        if let Some(missing) = self.missing {
            return self.content(message, missing);
        }
        match message {
            Message::Directory { name, attributes } => {
                let name = self.entry(name)?;
                if self.last_names.len() > MAX_DEPTH {
                    return Err(Violation::Depth);
                }
                self.item()?;
                self.last_names.push(Vec::new());
                Ok(Step::Enter { name, attributes })
            }
            Message::Leave if self.last_names.len() > 1 => {
                self.item()?;
                self.last_names.pop();
                Ok(Step::Leave)
            }
            Message::Link { name, target } => {
                let depth = self.depth();
                let name = self.entry(name)?;
                self.item()?;
                Ok(Step::Link { name, target, depth })
            }
            Message::File { name, size, attributes } => {
                let name = self.entry(name)?;
                self.bytes_left = self.bytes_left.checked_sub(size).ok_or(Violation::Bytes)?;
                if self.wanted.len() >= MAX_FILES_AHEAD {
                    return Err(Violation::Ahead);
                }
                self.offered = Some(size);
                Ok(Step::Offer { name, size, attributes })
            }
            Message::Stream { name } if self.takes_stream && self.depth() == 0 => {
                if self.total != Some(Total { roots: 1, entries: 1, bytes: 0 }) {
                    return Err(Violation::Unexpected);
                }
                let name = self.entry(name)?;
                self.is_stream = true;
                self.offered = Some(MAX_TOTAL_BYTES);
                Ok(Step::OfferStream { name })
            }
            Message::Begin { offset } => {
                let wanted = self.wanted.pop_front().ok_or(Violation::Unexpected)?;
                if offset != 0 && offset != wanted.offset {
                    return Err(Violation::Offset);
                }
                self.items_behind -= wanted.items_behind;
                self.missing = Some(wanted.size - offset);
                Ok(Step::Begin { offset })
            }
            Message::Finish if self.last_names.len() == 1 && self.wanted.is_empty() => {
                self.is_finished = true;
                Ok(Step::Finish)
            }
            _ => Err(Violation::Unexpected),
        }
    }

    /// What the receiver answered to the offer that [`Intake::handle`] gave it last.
    ///
    /// # Panics
    /// If there is no such offer, or more is said to be there than it has: a fault of the receiver's own.
    pub fn answered(&mut self, answer: Answer) {
        let size = self.offered.take().expect("an offer is answered once");
        if let Answer::Want { offset, .. } = answer {
            assert!(offset <= size, "a receiver has no more of a file than there is");
            self.wanted.push_back(Wanted { size, offset, items_behind: 0 });
        }
    }

    /// Directories between the current one and the root.
    fn depth(&self) -> usize {
        self.last_names.len() - 1
    }

    fn begin<'a>(&mut self, total: Total) -> Result<Step<'a>, Violation> {
        if self.total.is_some() {
            return Err(Violation::Unexpected);
        }
        if total.bytes > MAX_TOTAL_BYTES {
            return Err(Violation::Bytes);
        }
        self.total = Some(total);
        (self.entries_left, self.bytes_left, self.roots_left) = (total.entries, total.bytes, total.roots);
        Ok(Step::Total(total))
    }

    fn content<'a>(&mut self, message: Message<'a>, missing: u64) -> Result<Step<'a>, Violation> {
        match message {
            Message::Data(data) => {
                let missing = missing.checked_sub(data.len() as u64).ok_or(Violation::Bytes)?;
                self.missing = Some(missing);
                Ok(Step::Data(data))
            }
            Message::End { .. } if missing > 0 && !self.is_stream => Err(Violation::Short),
            Message::End { digest } => {
                self.missing = None;
                Ok(Step::End(digest))
            }
            Message::Abandon => {
                self.missing = None;
                Ok(Step::Abandon)
            }
            _ => Err(Violation::Unexpected),
        }
    }

    /// One more entry of the current directory.
    fn entry<'a>(&mut self, name: &'a [u8]) -> Result<EntryName<'a>, Violation> {
        let name = EntryName::parse(name, self.rules)?;
        self.entries_left = self.entries_left.checked_sub(1).ok_or(Violation::Entries)?;
        if self.depth() == 0 {
            self.roots_left = self.roots_left.checked_sub(1).ok_or(Violation::Entries)?;
        }
        let last = self.last_names.last_mut().expect("the root is never left");
        if last.as_slice() >= name.as_bytes() {
            return Err(Violation::Order);
        }
        last.clear();
        last.extend_from_slice(name.as_bytes());
        Ok(name)
    }

    /// Something that the receiver may have to keep until the files before it are done.
    fn item(&mut self) -> Result<(), Violation> {
        let Some(last) = self.wanted.back_mut() else { return Ok(()) };
        last.items_behind += 1;
        self.items_behind += 1;
        if self.items_behind > MAX_ITEMS_AHEAD { Err(Violation::Ahead) } else { Ok(()) }
    }
}
