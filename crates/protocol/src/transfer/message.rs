//! What the two ends say. Everything borrows from the bytes it was read from.

/// SHA-256 of a file, or of its beginning.
pub type Digest = [u8; 32];

/// How a tree is read. Only the sender has to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Directories are copied with everything in them; else they are skipped.
    pub recursive: bool,
    /// Symbolic links are copied as links; else they are skipped.
    pub links: bool,
}

/// How a tree is written. Only the receiver has to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writing {
    /// A file of the same size is compared by its content; else it is taken for the same by its time of change.
    pub compares_content: bool,
    /// Modes and times are those that new files get here; else the sender's are kept.
    pub forgets_attributes: bool,
}

/// What a file or directory has besides its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, `0o777` at most: no peer can hand over a set-user-id file.
    pub mode: u16,
    /// When the content last changed: seconds since 1970.
    pub modified_seconds: i64,
    /// And nanoseconds, below 1,000,000,000.
    pub modified_nanos: u32,
}

/// What is going to come. The receiver takes no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Files, directories and links at the top.
    pub roots: u32,
    /// Files, directories and links altogether.
    pub entries: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// One message. The comment says who sends it: client, node, or the sender or receiver of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Both, first of all.
    Hello {
        /// The highest version spoken.
        version: u16,
    },
    /// Client: the node is to send these. Patterns (`*`, `?`, `[…]`) are the node's to expand.
    Get {
        /// How to read them.
        options: Options,
        /// Paths on the node, at least one.
        sources: Vec<&'a [u8]>,
    },
    /// Client: the node is to receive, to this path.
    Put {
        /// How to write.
        writing: Writing,
        /// A directory, or the new name of the only root.
        destination: &'a [u8],
    },
    /// Sender, before anything else.
    Total(Total),
    /// Sender: a directory; what follows is in it.
    Directory {
        /// Its name.
        name: &'a [u8],
        /// What it gets when it is left.
        attributes: Attributes,
    },
    /// Sender: back to the directory above.
    Leave,
    /// Sender: offers a file.
    File {
        /// Its name.
        name: &'a [u8],
        /// Exactly how many bytes it will have.
        size: u64,
        /// What it gets with its name.
        attributes: Attributes,
    },
    /// Client as the sender: offers a file that ends where its data does. It is the only entry; no bytes are announced.
    Stream {
        /// A name to answer to; the destination has the file's.
        name: &'a [u8],
    },
    /// Sender: a symbolic link.
    Link {
        /// Its name.
        name: &'a [u8],
        /// Where it points.
        target: &'a [u8],
    },
    /// Sender: the content of the oldest file that is wanted follows, from here on. 0, or what was wanted.
    Begin {
        /// Bytes that the receiver has already.
        offset: u64,
    },
    /// Sender: content.
    Data(&'a [u8]),
    /// Sender: the file is complete.
    End {
        /// Of the whole file.
        digest: Digest,
    },
    /// Sender: the file cannot be read to its end. A [`Message::Problem`] says why.
    Abandon,
    /// Sender: that was everything.
    Finish,
    /// Receiver, to the oldest offer without an answer: it has this file.
    Have,
    /// Receiver: it wants this file.
    Want {
        /// How much it has of it.
        offset: u64,
        /// Of that beginning.
        digest: Digest,
    },
    /// Receiver: it cannot take this file. A [`Message::Problem`] says why.
    Skip,
    /// Receiver, to [`Message::Finish`]: all files have their names.
    Finished,
    /// Both: a sentence about something that is not copied, while the rest is.
    Problem(&'a str),
    /// Both: a sentence about why nothing more is copied. The last message.
    Failed(&'a str),
}
