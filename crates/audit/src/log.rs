//! The log: events in a row, each linked to all before it.

use postern_recording::chain::Link;
use serde::Deserialize;
use serde_json::Value;

use crate::event::Event;

/// The name of the form, from which the first link is made.
pub const FORMAT: &[u8] = b"postern-audit 1\n";

/// Members of `additionalEventData`.
const NUMBER: &str = "sequenceNumber";
const PREVIOUS: &str = "previousHash";

/// Before the first event of a log.
#[must_use]
pub fn start() -> Link {
    Link::start_of(FORMAT)
}

/// Makes the record of an event that comes behind this link, and the link behind the record.
#[must_use]
pub fn seal(mut event: Event, after: &Link) -> (String, Link) {
    let data = &mut event.additional_event_data;
    data.insert(NUMBER.to_owned(), Value::from(after.count));
    data.insert(PREVIOUS.to_owned(), Value::from(hex::encode(after.hash)));
    let record = serde_json::to_string(&event.versioned()).expect("an event has only texts for names");
    let link = after.after(record.as_bytes());
    (record, link)
}

/// The link that a record says it comes behind. Nothing if it is no record.
#[must_use]
pub fn link_before(record: &str) -> Option<Link> {
    let Sealed { additional_event_data: place } = serde_json::from_str(record).ok()?;
    let mut hash = [0; 32];
    hex::decode_to_slice(&place.previous_hash, &mut hash).ok()?;
    Some(Link { count: place.sequence_number, hash })
}

/// What is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An event is not there.
    #[error("event {expected} is missing: the next one that is there is event {found}")]
    Missing {
        /// The one that should come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// What is stored is no event.
    #[error("event {0} is not one that the service has written")]
    Malformed(u64),
    /// It was stored under another number than its own.
    #[error("what is kept as event {0} is another event: events were moved")]
    Moved(u64),
    /// It is not linked to the event before.
    #[error("event {number} was changed, or event {} before it was", number.saturating_sub(1))]
    Unlinked {
        /// The one that says what should be before it.
        number: u64,
    },
    /// The end is missing.
    #[error("the log is known to have {known} events, and ends with {found}: its end was cut off")]
    CutOff {
        /// How many there are known to be.
        known: u64,
        /// How many there are.
        found: u64,
    },
    /// More than was ever written.
    #[error("the log is known to have {known} events, and goes on to {found}: events were added")]
    Added {
        /// How many there are known to be.
        known: u64,
        /// How many there are.
        found: u64,
    },
    /// The last event is not the one that was written.
    #[error("event {0}, the last one, was changed")]
    Last(u64),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sealed {
    additional_event_data: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    sequence_number: u64,
    previous_hash: String,
}

/// A log that is being followed, from its first event that is kept to its last.
#[derive(Clone, Debug)]
pub struct Check {
    at: Link,
}

impl Check {
    /// Begins at the link that is known to be before the first event.
    #[must_use]
    pub fn new(first: Link) -> Self {
        Self { at: first }
    }

    /// Behind the last event so far.
    #[must_use]
    pub fn at(&self) -> &Link {
        &self.at
    }

    /// The next event, as it is kept.
    ///
    /// # Errors
    /// [`Fault`]: nothing behind it proves anything.
    pub fn next(&mut self, number: u64, record: &str) -> Result<(), Fault> {
        if number != self.at.count {
            return Err(Fault::Missing { expected: self.at.count, found: number });
        }
        let Sealed { additional_event_data: place } =
            serde_json::from_str(record).map_err(|_| Fault::Malformed(number))?;
        if place.sequence_number != number {
            return Err(Fault::Moved(number));
        }
        if place.previous_hash != hex::encode(self.at.hash) {
            return Err(Fault::Unlinked { number });
        }
        self.at = self.at.after(record.as_bytes());
        Ok(())
    }

    /// Whether this is where the log is known to end.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn finish(&self, last: &Link) -> Result<(), Fault> {
        let (known, found) = (last.count, self.at.count);
        if found < known {
            return Err(Fault::CutOff { known, found });
        }
        if found > known {
            return Err(Fault::Added { known, found });
        }
        if self.at.hash != last.hash {
            return Err(Fault::Last(found.saturating_sub(1)));
        }
        Ok(())
    }
}
