//! The last part of a life: the agent is done, and the client is to have all that it said.
//!
//! A stock agent gives up what it still owes two seconds after its program's end (spec session-types §3). What was lost
//! on its way then is lost for good, and nobody says so. It shows as a message that never comes in front of others that
//! did: such a session ends when the client has what can be had, with words that say that it is not all.

use postern_model::session::{EndReason, SessionStatus};
use postern_protocol::Now;

use super::{AgentOutcome, Delivery, End, Lifecycle, Phase, Wait};

impl Lifecycle {
    /// The agent is done, by one road or the other, and each may lack something: what the control channel says may have
    /// overtaken the last output on the data channel, and the end of a data channel on which nothing ever passed is a
    /// failure whose text is still to come. So wait for the other word, for a moment.
    pub(super) fn agent_done(&mut self, now: Now) {
        let silent = self.agent_terminating || !self.agent_attached;
        if (self.outcome.is_some() && silent) || (self.agent_terminating && self.used) {
            self.drain(now);
        } else {
            self.begin(Wait::Confirmation, now, self.timeouts.confirmation);
        }
    }

    /// The agent's last output goes to the client first, if there is any; then it is over.
    pub(super) fn drain(&mut self, now: Now) {
        let end = match &self.outcome {
            Some(AgentOutcome { failed: true, output }) => {
                End { reason: EndReason::AgentFailed { output: output.clone() }, output: output.clone() }
            }
            _ => End::ordinary(EndReason::Completed { exit_status: None }),
        };
        let failed = end.reason.status() == SessionStatus::Failed;
        self.clear(Wait::Confirmation);
        self.clear(Wait::AgentReturn);
        self.clear(Wait::NodeReturn);
        // With nothing to show, or nobody who will ever see it, it is over. A client that has yet to come is told then.
        if failed && !self.used {
            return self.finish(end);
        }
        self.phase = Phase::Draining(end);
        self.finish_draining(now);
        if matches!(self.phase, Phase::Draining(_)) && !self.client_attached {
            // Also for a client that was never there: it may be a moment behind.
            self.await_client(now);
        }
    }

    /// Ends a draining session once the client has all that can be had.
    pub(super) fn finish_draining(&mut self, now: Now) {
        let Phase::Draining(end) = &self.phase else { return };
        let end = end.clone();
        match self.output {
            Delivery::Complete => self.finish(end),
            Delivery::Pending => self.clear(Wait::Confirmation),
            // The agent has ended after its data channel: nothing more comes.
            Delivery::Cut if self.outcome.is_some() && !self.agent_attached => self.end_cut(end),
            // It sends its logs away, and what is missing meanwhile, or looks for the service once more.
            Delivery::Cut => self.begin(Wait::Confirmation, now, self.timeouts.confirmation),
        }
    }

    /// Output came, so more may follow.
    pub(super) fn go_on_draining(&mut self) {
        if matches!(self.phase, Phase::Draining(_)) {
            self.clear(Wait::Confirmation);
        }
    }

    /// A draining session waited long enough for this.
    pub(super) fn give_up_draining(&mut self, wait: Wait, end: End) {
        match (wait, self.output) {
            (_, Delivery::Cut) => self.end_cut(end),
            (Wait::Confirmation, _) => {}
            // The agent is done, so there is nobody to wait for but the client, and it did not come.
            _ => self.finish(end),
        }
    }

    /// Ends with the client lacking what the agent gave up, unless the client wanted no more of it.
    fn end_cut(&mut self, end: End) {
        let is_ordinary = matches!(end.reason, EndReason::Completed { .. });
        self.finish(if is_ordinary && !self.client_leaving { End::announced(EndReason::OutputLost) } else { end });
    }
}
