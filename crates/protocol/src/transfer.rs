//! Copying files between our own ends: what travels as a stream of bytes inside a data channel whose
//! session is of type [`SESSION_TYPE`]. The service relays it and does not know it.
//!
//! One end sends a tree, the other receives it; which of them is the node is decided by the client's
//! first message. The sender announces how much comes ([`Message::Total`]), then walks its tree:
//! directories are entered and left, files and links are offered. The receiver answers each file:
//! it has it, wants it from some offset on, or cannot take it. Offers run ahead of the answers by up to
//! [`MAX_FILES_AHEAD`], so a small file does not cost a round trip, and data follows in the order of
//! the offers. A file ends with the SHA-256 of all of it; only then does it take its name. A client can
//! offer one file whose size it does not know ([`Message::Stream`]); a node cannot.
//!
//! Nothing here touches a file. [`Intake`] holds a sender to what it announced; [`Offers`] holds a
//! receiver to what it was offered; [`EntryName`] is the only form in which a peer can name anything.

mod codec;
mod intake;
mod message;
mod name;
mod offers;
#[cfg(test)]
mod tests;

pub use codec::{Header, TransferError};
pub use intake::{Answer, Intake, Step, Violation};
pub use message::{Attributes, Digest, Message, Options, Total, Writing};
pub use name::{EntryName, NameError, NameRules, is_inside};
pub use offers::Offers;

/// The session type of the document that the service owns for this. Stock agents and plugins know no such type.
pub const SESSION_TYPE: &str = "Postern_FileTransfer";

/// The version of this protocol that both ends say first. The lower one is spoken.
pub const VERSION: u16 = 1;

/// The longest body of a message, in bytes: [`MAX_DATA_BYTES`] and some room.
pub const MAX_BODY_BYTES: usize = MAX_DATA_BYTES + 64;

/// The most bytes of a file in one message.
pub const MAX_DATA_BYTES: usize = 128 * 1024;

/// The longest name of one file or directory, in bytes. No file system in use has longer ones.
pub const MAX_NAME_BYTES: usize = 255;

/// The longest path that a client can ask for, and the longest target of a link, in bytes.
pub const MAX_PATH_BYTES: usize = 4096;

/// The most sources of one copy.
pub const MAX_SOURCES: usize = 1024;

/// The longest sentence about a problem, in bytes.
pub const MAX_TEXT_BYTES: usize = 1024;

/// How deep a tree may be. Each level is a directory that both ends hold open.
pub const MAX_DEPTH: usize = 128;

/// Files that may be offered and not finished.
pub const MAX_FILES_AHEAD: usize = 256;

/// Things of any kind that may be offered behind a file that is not finished.
pub const MAX_ITEMS_AHEAD: usize = 1024;

/// The most bytes that a copy may announce: what a signed 64-bit size can count.
pub const MAX_TOTAL_BYTES: u64 = i64::MAX as u64;
