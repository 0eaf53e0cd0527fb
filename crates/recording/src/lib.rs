//! What a session looked like, in a form that proves itself.
//!
//! A recording is a *stream*: a line that names the format, then [`Record`]s, each linked to all before it by a hash
//! ([`chain`]). Some records are *heads*: signatures over the chain up to them ([`signing`]). Who knows a head knows
//! whether anything before it was changed, removed, inserted or moved; who knows how many records there were, from the
//! service's database, also knows whether the end was cut off. `docs/recordings.md` states the format byte by byte, for
//! whoever checks recordings without this code.
//!
//! - [`Writer`] makes a stream, [`Reader`] takes one apart and checks it on the way, [`verify`] says what is proved.
//! - [`recorder`] does so for one session while it goes on, and says when the session must stand still.
//! - [`echo`] says what of the input may be recorded: what the terminal showed.
//! - [`sealed`] is how streams lie on a disk or in a bucket: compressed and encrypted frames of it.
//! - [`playback`] is what people see of a stream: what happened, in its order, with its times.
//!
//! There are no files here, no clock and no randomness. Everything that is read is hostile: lengths are bounded before
//! anything is allocated, and whatever is wrong has an error that says where.

pub mod chain;
pub mod echo;
mod opening;
pub mod playback;
mod reader;
mod record;
pub mod recorder;
pub mod sealed;
pub mod signing;
mod verify;
mod writer;

pub use opening::{Closing, Gap, Leg, Mode, Opening, Resumption};
pub use reader::{ReadError, Reader};
pub use record::{Kind, MAX_DATA_BYTES, Record, RecordError};
pub use verify::{Fault, Proof, Report, Verifier, verify};
pub use writer::{Position, Writer};

/// The first line of every stream.
pub const FORMAT: &[u8] = b"postern-recording 1\n";
