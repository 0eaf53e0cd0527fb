//! Holding the agent back. The stock agent forgets that it is paused whenever it hears from the
//! client, so this mirrors what it believes and says it again (spec data-channel 5).

use crate::wire::MessageType;

/// How many messages that end a pause may go out before it is said again, when they keep coming.
const MAX_UNPAUSED: u32 = 16;

#[derive(Debug, Default)]
pub(super) struct Publication {
    wanted: bool,
    /// What the agent believes.
    paused: bool,
    /// Messages relayed since a pause was wanted and not believed.
    unpaused: u32,
}

impl Publication {
    /// Whether the agent is to be held back.
    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(super) const fn want(&mut self, pause: bool) {
        if self.wanted != pause {
            self.wanted = pause;
            // The first time it is said at once.
            self.unpaused = MAX_UNPAUSED;
        }
    }

    /// Something went to the agent that ends its pause.
    pub(super) const fn relayed(&mut self) {
        self.paused = false;
        self.unpaused = self.unpaused.saturating_add(1);
    }

    /// A new leg, which begins without a pause.
    pub(super) const fn restart(&mut self) {
        self.paused = false;
        self.unpaused = MAX_UNPAUSED;
    }

    /// What the agent has to be told, `idle` being whether nothing else is waiting for it.
    pub(super) const fn peek(&self, idle: bool) -> Option<MessageType> {
        match (self.wanted, self.paused) {
            (false, true) => Some(MessageType::StartPublication),
            (true, false) if idle || self.unpaused >= MAX_UNPAUSED => Some(MessageType::PausePublication),
            _ => None,
        }
    }

    /// The agent was told that.
    pub(super) const fn told(&mut self) {
        self.paused = self.wanted;
        self.unpaused = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_said_again_after_what_ends_it() {
        let mut publication = Publication::default();
        assert_eq!(publication.peek(true), None);
        publication.want(true);
        assert_eq!(publication.peek(false), Some(MessageType::PausePublication));
        publication.told();
        assert_eq!(publication.peek(true), None);
        publication.relayed();
        assert_eq!(publication.peek(false), None, "not between two messages");
        assert_eq!(publication.peek(true), Some(MessageType::PausePublication));
        for _ in 0..MAX_UNPAUSED {
            publication.relayed();
        }
        assert_eq!(publication.peek(false), Some(MessageType::PausePublication), "but not never");
        publication.told();
        publication.want(false);
        assert_eq!(publication.peek(false), Some(MessageType::StartPublication));
        publication.told();
        assert_eq!(publication.peek(true), None);
    }

    #[test]
    fn an_agent_that_runs_already_is_not_told_to() {
        let mut publication = Publication::default();
        publication.want(true);
        publication.told();
        publication.relayed();
        publication.want(false);
        assert_eq!(publication.peek(true), None);
    }
}
