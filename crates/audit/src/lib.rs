//! What was done, in the form of CloudTrail, and in a log that proves itself.
//!
//! An [`Event`] says who asked for what, from where, and what came of it. Its members are CloudTrail's, so that whatever
//! reads CloudTrail's records reads these. What goes into them from requests and answers passes [`shown`], which hides
//! secrets by their names and bounds everything else.
//!
//! Events are *sealed* into a log ([`seal`]): each record has its number and the hash of all before it, so that a record
//! proves what came before wherever it is kept: in the database, in a file, at somebody else's. [`Check`] follows a log and
//! says where it was changed. `docs/audit.md` states the form for whoever checks a log without this code.
//!
//! [`terms`] is what records are found by. Nothing here has a clock, files or randomness.

#![warn(missing_docs)]

mod event;
mod log;
mod mask;
mod term;

pub use event::{Event, EventType, Issuer, SessionContext, UserIdentity, moment};
pub use log::{Check, FORMAT, Fault, link_before, seal, start};
pub use mask::{HIDDEN, shown};
pub use postern_recording::chain::Link;
pub use term::{Resource, Term, resources, terms, username};
