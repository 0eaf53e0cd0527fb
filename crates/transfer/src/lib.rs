//! Files on either end of a copy: reading a tree and sending it, receiving one and writing it. Both ends are both.
//!
//! This is blocking code over two byte streams; the node runs it as a process of the session's user ([`serve`]), the
//! client on threads of its own ([`get`], [`put`]). What is said on the streams is `postern_protocol::transfer`'s, which
//! also holds a peer to what it announced.
//!
//! The peer never names a path here. It names entries of the directory at hand, and those are opened relative to that
//! directory's handle without following links. A file is written beside its place under a name of its own, and takes its
//! place when its checksum is right; what an interruption leaves is found again and continued.

mod attributes;
mod compare;
mod destination;
mod end;
mod error;
mod make;
mod matching;
mod names;
mod output;
mod partial;
mod problems;
mod progress;
mod pseudo;
mod receive;
mod send;
mod source;
mod stream;
mod walk;

pub use end::{check_destination, check_sources, get, get_to_output, put, put_from_input, serve};
pub use error::CopyError;
pub use matching::NodePath;
pub use progress::{Progress, Summary};
