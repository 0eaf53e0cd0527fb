//! What is not copied while the rest is.

use std::io::Write;

use postern_protocol::transfer::Message;

use crate::error::CopyError;
use crate::progress::Progress;
use crate::stream::Outgoing;

/// Problems that are told one by one. A tree of a million links is not worth a million sentences.
const MAX_PROBLEMS: u64 = 1000;

/// Counts the problems of both sides, and passes them to whoever shows them.
pub(crate) struct Problems {
    count: u64,
    tells_peer: bool,
}

impl Problems {
    /// None yet. `tells_peer`: they are the other side's to show.
    pub(crate) fn new(tells_peer: bool) -> Self {
        Self { count: 0, tells_peer }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// One of this side's.
    pub(crate) fn found<W: Write, P: Progress + ?Sized>(
        &mut self,
        text: &str,
        out: &mut Outgoing<W>,
        progress: &mut P,
    ) -> Result<(), CopyError> {
        self.count += 1;
        let text = match self.count {
            0..MAX_PROBLEMS => text,
            MAX_PROBLEMS => "and more, which are not told one by one",
            _ => return Ok(()),
        };
        if self.tells_peer {
            return out.send(&Message::Problem(text));
        }
        progress.problem(text);
        Ok(())
    }

    /// One of the other side's, which may have no more than there are ever told.
    pub(crate) fn heard<P: Progress + ?Sized>(&mut self, text: &str, progress: &mut P) -> Result<(), CopyError> {
        self.count += 1;
        if self.count > 2 * MAX_PROBLEMS {
            return Err(CopyError::Broken("it has problems without end".to_owned()));
        }
        progress.problem(text);
        Ok(())
    }
}
