//! What travels inside frames, one type for each payload.
//!
//! JSON payloads carry AWS's key names letter by letter. They are read as Go reads them where that
//! is harmless: unknown keys are ignored, a missing key or `null` is the empty value, and a wrong
//! type is an error. Unlike Go's reader ours takes the case of a key seriously: every captured
//! peer does. They are written with every key present.
//!
//! These types know no order and no time: who may send what when is [`crate::channel`]'s business.

mod acknowledge;
mod channel_closed;
mod command_signal;
mod exit_code;
mod extension;
mod handshake;
mod interactive_shell;
mod job;
pub(super) mod json;
mod session_document;
mod session_ending;
mod session_state;
mod size;
mod stream_flag;
mod task;

pub use acknowledge::Acknowledge;
pub use channel_closed::ChannelClosed;
pub use command_signal::CommandSignal;
pub use exit_code::ExitCode;
pub use extension::{AgentOffer, ChannelOffer, ClientOffer};
pub use handshake::{
    ActionStatus, EncChallenge, HandshakeComplete, HandshakeRequest, HandshakeResponse, KmsEncryptionResult,
    ProcessedAction, RequestedAction,
};
pub use interactive_shell::{InteractiveShell, SessionStart};
pub use job::{AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck};
pub use json::{JsonPayload, JsonProblem, PayloadError};
pub use session_document::{
    CommandProperties, PlatformCommand, PortProperties, SessionDocumentContent, SessionInputs, ShellProfile,
};
pub use session_ending::{EndingCause, SessionEnding};
pub use session_state::{AgentSessionState, SessionState};
pub use size::Size;
pub use stream_flag::StreamFlag;
pub use task::{TaskAcknowledge, TaskComplete, TaskStatus};

/// The payload of `start_publication` and `pause_publication`. Nobody reads it, but AWS's encoders
/// cannot make an empty one (spec messages 5.5).
pub const PUBLICATION: &[u8] = b"{}";
