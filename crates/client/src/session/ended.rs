//! How a session ended, or why it could not be.

use postern_protocol::channel::cipher::CipherError;
use postern_protocol::mux::MuxError;

use super::HANDSHAKE_WITHIN;
use crate::link::LinkError;
use crate::signals::Signal;

/// How a session ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub cause: Cause,
    /// The status of the shell or command, where the agent told it.
    pub exit_status: Option<i64>,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The service closed the channel; the text is for the user and may be empty.
    Closed {
        /// Why, when it was not simply the end of the shell.
        output: String,
    },
    /// The service had ended the session while we were away.
    TimedOut,
    /// Standard input ended (only the plugin leaves a shell then).
    InputEnded,
    /// The program that had a connection has closed it, or ended its side of one that cannot be halved.
    StreamEnded,
    /// A signal ended a session of ports.
    Interrupted {
        /// The node was told; else it takes TerminateSession.
        told: bool,
    },
    /// The person left by `~.`, or by ^C before the session had begun.
    Left,
    /// A signal told us to go.
    Signalled(Signal),
}

/// Why a session could not be, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The leg to the service.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The handshake asked for what we cannot do.
    #[error("{0}")]
    Refused(String),
    /// The agent announced no session type (the stock plugin's words).
    #[error("unable to determine SessionType")]
    NoSessionType,
    /// The session had ended before it began.
    #[error("{}", not_begun(.0))]
    NotBegun(String),
    /// The local end of a tunnel.
    #[error("{0}")]
    Listen(String),
    /// The node's end of a tunnel.
    #[error(transparent)]
    Multiplexer(#[from] MuxError),
    /// The node is silent.
    #[error(
        "the node did not begin the session within {} s; see whether its agent is alive (postern nodes) and try again",
        HANDSHAKE_WITHIN.as_secs()
    )]
    HandshakeTimedOut,
    /// The user's side of the session.
    #[error("cannot write the session's output: {0}")]
    Output(std::io::Error),
    /// A command that would go without what is piped into it.
    #[error(
        "the node's agent gives commands no standard input (postern-agent does); \
         run it without (-n), or with a terminal (--tty)"
    )]
    NoStandardInput,
    /// What came cannot have come from the node.
    #[error("{0}; the session was left, since somebody in between may have changed it")]
    Encryption(CipherError),
    /// The user's terminal or signals.
    #[error("cannot use the terminal: {0}")]
    Terminal(std::io::Error),
}

fn not_begun(output: &str) -> &str {
    if output.is_empty() { "the session ended before it began" } else { output }
}
