//! The message bus: hints from whoever changed something to whoever holds the socket that cares.
//!
//! A bus carries hints, never truth. It is bounded, ordered per subject, and lossy when a receiver is too slow or a
//! backend fails; after [`Delivery::Lost`] the receiver asks the store again. Nothing may depend on a message arriving.
//!
//! [`InProcess`] is the default and needs nothing installed. The trait is shaped so that a NATS adapter can stand
//! behind it: publishing hands over and returns, subscribing may take a round trip. [`conformance`] is what every
//! implementation has to pass.

pub mod conformance;
mod in_process;
mod mailbox;

pub use in_process::InProcess;
pub use mailbox::{Mailbox, Subscription, mailbox};

use async_trait::async_trait;
use bytes::Bytes;

/// Longest subject in bytes. Subjects are made by this project from bounded ids, never from a peer's text.
pub const MAX_SUBJECT_BYTES: usize = 192;

/// Largest message in bytes. Hints are small; whatever is larger belongs into the store.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Messages a subscription holds for a receiver that is not reading, before it forgets the oldest.
pub const MAILBOX_MESSAGES: usize = 64;

/// What a receiver gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// One message, in the order it was published on the subject.
    Message(Bytes),
    /// At least one message is gone. Whatever the receiver knows from earlier messages may be out of date: ask the store.
    Lost,
}

/// Why a bus cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The subject is empty, too long, or has characters outside `[A-Za-z0-9._+=,@-]`, which are those of identifiers.
    #[error("the bus subject {0:?} is not made of 1 to {MAX_SUBJECT_BYTES} letters, digits or any of . _ - + = , @")]
    Subject(String),
    /// The backend does not answer.
    #[error("the message bus cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Publish and subscribe by exact subject.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Hands `message` to every present subscriber of `subject`, without waiting for any of them.
    ///
    /// There is no answer: a message nobody hears is normal, and one above [`MAX_MESSAGE_BYTES`], on an invalid
    /// subject, or lost with the backend is dropped (receivers of the subject see [`Delivery::Lost`] where possible).
    fn publish(&self, subject: &str, message: Bytes);

    /// Starts listening. Everything published after this returned is delivered or reported as lost.
    ///
    /// # Errors
    /// The subject is not one, or the backend does not answer.
    async fn subscribe(&self, subject: &str) -> Result<Subscription, BusError>;
}

/// Whether `subject` may be used on a bus.
#[must_use]
pub fn is_subject(subject: &str) -> bool {
    (1..=MAX_SUBJECT_BYTES).contains(&subject.len())
        && subject.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+=,@".contains(&byte))
}
