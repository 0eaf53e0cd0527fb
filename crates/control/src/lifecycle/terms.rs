//! What a lifecycle is told, what it asks for, and how long it waits.

use std::time::Duration;

use postern_model::session::EndReason;
use postern_protocol::channel::relay::Ending;

/// How long each wait may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the start until both ends are there. Nothing reports a start that the agent could not parse
    /// (spec agent-control-channel §3), so somebody has to count.
    pub start: Duration,
    /// For a client that is gone: it may resume.
    pub client_return: Duration,
    /// For a stock client that is gone when the session has ended on its node, so that it may fetch the rest, and for
    /// one that closed its connection to a port: it tries for seconds to come back, and not at all when it was ended by
    /// its user (spec data-channel §8.1).
    pub stock_client_return: Duration,
    /// For an agent's end that is gone although its node is connected. Stock agents retry for about six seconds.
    pub agent_return: Duration,
    /// For a node that is gone altogether.
    pub node_return: Duration,
    /// For the node's word that a session it was told to end has ended, and for output that is missing when it has.
    pub confirmation: Duration,
    /// Without stream data.
    pub idle: Duration,
    /// For the whole session.
    pub max_duration: Option<Duration>,
    /// For a recording that must go on and cannot, while the session stands still.
    pub recording: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(30),
            client_return: Duration::from_secs(20 * 60),
            stock_client_return: Duration::from_secs(60),
            agent_return: Duration::from_secs(60),
            node_return: Duration::from_secs(5 * 60),
            confirmation: Duration::from_secs(5),
            idle: Duration::from_secs(20 * 60),
            max_duration: None,
            recording: Duration::from_secs(4),
        }
    }
}

/// How long before the end by a limit people are warned: a tenth of it, and no more than a minute.
pub(super) fn warning_time(limit: Duration) -> Duration {
    (limit / 10).min(Duration::from_secs(60))
}

/// How a data channel went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// The other end closed or reset the connection: the program ended, or is about to make a new one.
    Closed,
    /// Nobody answers at the other end any more, or the connection was ended from here.
    Lost,
}

/// What a deadline is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// For both ends, at the start.
    Start,
    /// For the client to come back.
    ClientReturn,
    /// For the agent's end to come back.
    AgentReturn,
    /// For the node to come back.
    NodeReturn,
    /// For the node to confirm an end, or for the rest of its output after it did.
    Confirmation,
    /// For stream data.
    Idle,
    /// For nothing: the session's time is over.
    MaxDuration,
    /// For stream data, until it is said that the session is about to end without.
    IdleWarning,
    /// For nothing: it is to be said that the session's time is nearly over.
    MaxDurationWarning,
    /// For the recording to go on.
    Recording,
}

impl Wait {
    pub(super) const COUNT: usize = 10;
}

/// What the agent said when it was over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentOutcome {
    /// The session could not run, or was stopped by a fault.
    pub failed: bool,
    /// Error text for the user; empty when all went well.
    pub output: String,
}

/// How a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// What the client prints; empty for an ordinary end, which stock clients announce in words of their own.
    pub output: String,
}

impl End {
    /// An end that the client is told the reason of.
    pub(super) fn announced(reason: EndReason) -> Self {
        let output = reason.details();
        Self { reason, output }
    }

    /// An end that needs no words.
    pub(super) fn ordinary(reason: EndReason) -> Self {
        Self { reason, output: String::new() }
    }
}

/// What has to be done now, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Store that both ends are there.
    StoreConnected,
    /// Store that an end is missing.
    StoreDisconnected {
        /// Which, and why.
        details: String,
    },
    /// Store that it is about to end.
    StoreTerminating(EndReason),
    /// Tell the client that the session is about to end. Only clients of ours understand it.
    WarnClient(Ending),
    /// Send `channel_closed` to the agent, on its control channel and on its data channel.
    TellAgent,
    /// Store the end, then call [`super::Lifecycle::handle_end_stored`]. If storing fails, try again: nobody is told before.
    StoreEnded {
        /// How it ended.
        end: End,
        /// The agent said so itself, and need not be told.
        node_knows: bool,
    },
    /// Send `channel_closed` to the client, behind everything else, and let the data channels go.
    TellClient {
        /// What the client prints.
        output: String,
    },
}
