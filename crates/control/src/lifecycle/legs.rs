//! Who is there, and how long whoever is not may take to come back.

use postern_protocol::Now;

use super::{Action, Lifecycle, Phase, Timeouts, Wait};

impl Lifecycle {
    /// Keeps states and deadlines in step with who is there.
    pub(super) fn follow_legs(&mut self, now: Now) {
        if !self.is_running() {
            return;
        }
        if self.client_attached && self.agent_attached {
            self.phase = match &self.phase {
                Phase::Connecting => Phase::Open,
                other => other.clone(),
            };
            for wait in [Wait::Start, Wait::ClientReturn, Wait::AgentReturn, Wait::NodeReturn] {
                self.clear(wait);
            }
            if !self.shown_connected {
                self.shown_connected = true;
                self.actions.push_back(Action::StoreConnected);
            }
            return;
        }
        if self.phase == Phase::Connecting {
            return; // The start's own deadline covers every way of not being there yet.
        }
        if self.client_attached {
            self.clear(Wait::ClientReturn);
        } else {
            self.await_client(now);
        }
        if matches!(self.phase, Phase::Draining(_)) && self.client_attached {
            return; // The agent is done and need not come back.
        }
        self.follow_agent(now);
        self.show_disconnected(match (self.client_attached, self.agent_attached) {
            (false, true) => "The client lost its connection; it may resume.",
            (true, false) => "The node's side lost its connection; it may come back.",
            _ => "Both sides lost their connections; they may come back.",
        });
    }

    /// For as long as it may still come; a wait that turns out to be longer than that is cut short.
    pub(super) fn await_client(&mut self, now: Now) {
        let Timeouts { client_return, stock_client_return, confirmation, .. } = self.timeouts;
        let patience = match &self.phase {
            _ if self.client_leaving => confirmation,
            Phase::Draining(_) if self.stock_client => client_return.min(stock_client_return),
            _ if self.stock_client && self.is_tunnel && self.client_closed => client_return.min(stock_client_return),
            _ => client_return,
        };
        let running = self.deadlines[Wait::ClientReturn as usize];
        self.set(Wait::ClientReturn, now, patience);
        let wait = &mut self.deadlines[Wait::ClientReturn as usize];
        *wait = running.into_iter().chain(*wait).min();
    }

    fn follow_agent(&mut self, now: Now) {
        if self.agent_attached || matches!(self.phase, Phase::Draining(_)) {
            self.clear(Wait::AgentReturn);
            self.clear(Wait::NodeReturn);
        } else if self.node_connected {
            self.clear(Wait::NodeReturn);
            self.begin(Wait::AgentReturn, now, self.timeouts.agent_return);
        } else {
            self.clear(Wait::AgentReturn);
            self.begin(Wait::NodeReturn, now, self.timeouts.node_return);
        }
    }

    pub(super) fn show_disconnected(&mut self, details: &str) {
        if std::mem::take(&mut self.shown_connected) {
            self.actions.push_back(Action::StoreDisconnected { details: details.to_owned() });
        }
    }
}
