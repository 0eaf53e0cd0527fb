//! The message type: what a message is for, as the 32 text bytes of the header.

use std::fmt;
use std::str::FromStr;

/// The types of message on data and control channels.
///
/// A type that nobody here knows is data, not an error: it is carried as
/// [`MessageType::Other`] and dropped by whoever has no use for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// Client to agent, sequenced.
    InputStreamData,
    /// Agent to client, sequenced.
    OutputStreamData,
    /// Either end, for one stream message of the other.
    Acknowledge,
    /// Service to either end: the session is over.
    ChannelClosed,
    /// Service to a client of ours that asked for it: a limit of the session is near.
    SessionEnding,
    /// Service to either end: send again.
    StartPublication,
    /// Service to either end: hold back.
    PausePublication,
    /// Agent to service, on the data channel.
    AgentSessionState,
    /// Service to agent, control channel: start a session of any type.
    InteractiveShell,
    /// Agent to service, control channel: a session has ended.
    AgentTaskComplete,
    /// Service to agent, control channel: that was heard.
    AgentTaskAcknowledge,
    /// Service to agent, control channel: Run Command.
    AgentJob,
    /// Agent to service: a job was taken or refused.
    AgentJobAck,
    /// Agent to service: progress or result of a job.
    AgentJobReply,
    /// Service to agent: that was heard.
    AgentJobReplyAck,
    /// A type unknown here, for example `agent_telemetry`.
    Other(OtherMessageType),
}

/// The name of a message type unknown here: 1 to 32 printable ASCII characters, never one of the
/// names that [`MessageType`] has a variant for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OtherMessageType {
    // Padded with spaces, exactly as it is written; a name itself has no space at its end.
    padded: [u8; MessageType::WIRE_BYTES],
}

impl OtherMessageType {
    /// The name without its padding.
    pub fn as_str(&self) -> &str {
        let name = self.padded.trim_ascii_end();
        std::str::from_utf8(name).expect("only printable ASCII gets in")
    }
}

impl fmt::Debug for OtherMessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Why some bytes are not a message type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageTypeError {
    /// Nothing is left after the padding is gone.
    #[error("the message type is empty")]
    Empty,
    /// A byte outside printable ASCII, which no type of any release has.
    #[error("the message type has a byte outside printable ASCII")]
    Unprintable,
    /// More than the header has room for.
    #[error("the message type has more than 32 bytes")]
    TooLong,
}

impl MessageType {
    /// The size of the header's field.
    pub const WIRE_BYTES: usize = 32;

    const KNOWN: [(&'static str, Self); 15] = [
        ("input_stream_data", Self::InputStreamData),
        ("output_stream_data", Self::OutputStreamData),
        ("acknowledge", Self::Acknowledge),
        ("channel_closed", Self::ChannelClosed),
        ("session_ending", Self::SessionEnding),
        ("start_publication", Self::StartPublication),
        ("pause_publication", Self::PausePublication),
        ("agent_session_state", Self::AgentSessionState),
        ("interactive_shell", Self::InteractiveShell),
        ("agent_task_complete", Self::AgentTaskComplete),
        ("agent_task_acknowledge", Self::AgentTaskAcknowledge),
        ("agent_job", Self::AgentJob),
        ("agent_job_ack", Self::AgentJobAck),
        ("agent_job_reply", Self::AgentJobReply),
        ("agent_job_reply_ack", Self::AgentJobReplyAck),
    ];

    /// What nearly every message of a data channel has, as both ends write it.
    const USUAL: [([u8; Self::WIRE_BYTES], Self); 3] = [
        (padded("output_stream_data"), Self::OutputStreamData),
        (padded("acknowledge"), Self::Acknowledge),
        (padded("input_stream_data"), Self::InputStreamData),
    ];

    /// The name, as acknowledgements repeat it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::InputStreamData => "input_stream_data",
            Self::OutputStreamData => "output_stream_data",
            Self::Acknowledge => "acknowledge",
            Self::ChannelClosed => "channel_closed",
            Self::SessionEnding => "session_ending",
            Self::StartPublication => "start_publication",
            Self::PausePublication => "pause_publication",
            Self::AgentSessionState => "agent_session_state",
            Self::InteractiveShell => "interactive_shell",
            Self::AgentTaskComplete => "agent_task_complete",
            Self::AgentTaskAcknowledge => "agent_task_acknowledge",
            Self::AgentJob => "agent_job",
            Self::AgentJobAck => "agent_job_ack",
            Self::AgentJobReply => "agent_job_reply",
            Self::AgentJobReplyAck => "agent_job_reply_ack",
            Self::Other(other) => other.as_str(),
        }
    }

    /// Whether this is `start_publication` or `pause_publication`, whose payload nobody reads.
    pub const fn is_publication(&self) -> bool {
        matches!(self, Self::StartPublication | Self::PausePublication)
    }

    /// Whether messages of this type are numbered and acknowledged.
    pub const fn is_stream_data(&self) -> bool {
        matches!(self, Self::InputStreamData | Self::OutputStreamData)
    }

    /// The header's field: the name, padded with spaces as both AWS writers pad it.
    pub fn to_wire(self) -> [u8; Self::WIRE_BYTES] {
        if let Self::Other(other) = self {
            return other.padded;
        }
        pad(self.as_str().as_bytes()).expect("every known name fits the field")
    }

    /// Reads a header's field. Padding is what both AWS readers take for padding: NULs at both
    /// ends, then white space at both ends (spec messages 2.3).
    pub fn from_wire(field: &[u8]) -> Result<Self, MessageTypeError> {
        if let Some((_, usual)) = Self::USUAL.iter().find(|(usual, _)| usual == field) {
            return Ok(*usual);
        }
        let name = trim_nuls(field).trim_ascii();
        if name.is_empty() {
            return Err(MessageTypeError::Empty);
        }
        if let Some((_, known)) = Self::KNOWN.iter().find(|(known, _)| known.as_bytes() == name) {
            return Ok(*known);
        }
        // A space inside is printable and harmless; control characters would reach a log.
        if !name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
            return Err(MessageTypeError::Unprintable);
        }
        let padded = pad(name).ok_or(MessageTypeError::TooLong)?;
        Ok(Self::Other(OtherMessageType { padded }))
    }
}

/// The same for a name that is known to fit.
const fn padded(name: &str) -> [u8; MessageType::WIRE_BYTES] {
    let mut padded = [b' '; MessageType::WIRE_BYTES];
    let (to, _) = padded.split_at_mut(name.len());
    to.copy_from_slice(name.as_bytes());
    padded
}

fn pad(name: &[u8]) -> Option<[u8; MessageType::WIRE_BYTES]> {
    let mut padded = [b' '; MessageType::WIRE_BYTES];
    padded.get_mut(..name.len())?.copy_from_slice(name);
    Some(padded)
}

fn trim_nuls(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., 0] = bytes {
        bytes = rest;
    }
    bytes
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for MessageType {
    type Err = MessageTypeError;

    fn from_str(name: &str) -> Result<Self, MessageTypeError> {
        Self::from_wire(name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_survives_the_wire() {
        for (name, known) in MessageType::KNOWN {
            assert_eq!(known.as_str(), name);
            assert_eq!(MessageType::from_wire(&known.to_wire()), Ok(known));
            assert_eq!(name.parse(), Ok(known));
        }
    }

    #[test]
    fn padding_is_what_the_stock_readers_strip() {
        let ack = Ok(MessageType::Acknowledge);
        for field in ["acknowledge", "acknowledge\0\0", "\0\0acknowledge", "  acknowledge ", "\0 acknowledge \0"] {
            assert_eq!(MessageType::from_wire(field.as_bytes()), ack, "{field:?}");
        }
        // NULs go first and once, so one behind white space is part of the name.
        let inner = MessageType::from_wire(b" \0acknowledge");
        assert_eq!(inner, Err(MessageTypeError::Unprintable));
    }

    #[test]
    fn unknown_names_are_carried_and_rubbish_is_not() {
        let telemetry = MessageType::from_wire(b"agent_telemetry   ");
        assert!(matches!(telemetry, Ok(MessageType::Other(name)) if name.as_str() == "agent_telemetry"));
        for (field, error) in [
            (&b""[..], MessageTypeError::Empty),
            (&[b' '; 32], MessageTypeError::Empty),
            (&[0; 32], MessageTypeError::Empty),
            (b"bell\x07", MessageTypeError::Unprintable),
            ("naïve".as_bytes(), MessageTypeError::Unprintable),
            (&[b'x'; 33], MessageTypeError::TooLong),
        ] {
            assert_eq!(MessageType::from_wire(field), Err(error), "{field:?}");
        }
    }
}
