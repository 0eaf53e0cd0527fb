//! The two numeric header fields with names of their own: payload type and flags.

use std::fmt;

/// What the payload of a stream message is. Unknown numbers are carried, not refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PayloadType(pub u32);

impl PayloadType {
    /// Messages that are not stream messages.
    pub const NONE: Self = Self(0);
    /// Keyboard input, terminal output, port data: raw bytes, both ways.
    pub const OUTPUT: Self = Self(1);
    /// Defined by AWS, sent by nobody.
    pub const ERROR: Self = Self(2);
    /// Terminal size, from the client.
    pub const SIZE: Self = Self(3);
    /// Defined by AWS, sent by nobody.
    pub const PARAMETER: Self = Self(4);
    /// The agent's opening of the handshake.
    pub const HANDSHAKE_REQUEST: Self = Self(5);
    /// The client's answer to it.
    pub const HANDSHAKE_RESPONSE: Self = Self(6);
    /// The agent's end of the handshake.
    pub const HANDSHAKE_COMPLETE: Self = Self(7);
    /// The agent's proof that both ends hold the same keys, first half.
    pub const ENC_CHALLENGE_REQUEST: Self = Self(8);
    /// The client's half of that proof.
    pub const ENC_CHALLENGE_RESPONSE: Self = Self(9);
    /// A four-byte signal, see [`super::payload::StreamFlag`].
    pub const FLAG: Self = Self(10);
    /// Standard error of a command with separate output streams, from the agent.
    pub const STD_ERR: Self = Self(11);
    /// How a command ended, see [`super::payload::ExitCode`].
    pub const EXIT_CODE: Self = Self(12);
    /// A signal for a command, see [`super::payload::CommandSignal`]. An extension between our own ends; AWS counts
    /// from 0, we from 256.
    pub const SIGNAL: Self = Self(256);

    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NONE => "None",
            Self::OUTPUT => "Output",
            Self::ERROR => "Error",
            Self::SIZE => "Size",
            Self::PARAMETER => "Parameter",
            Self::HANDSHAKE_REQUEST => "HandshakeRequest",
            Self::HANDSHAKE_RESPONSE => "HandshakeResponse",
            Self::HANDSHAKE_COMPLETE => "HandshakeComplete",
            Self::ENC_CHALLENGE_REQUEST => "EncChallengeRequest",
            Self::ENC_CHALLENGE_RESPONSE => "EncChallengeResponse",
            Self::FLAG => "Flag",
            Self::STD_ERR => "StdErr",
            Self::EXIT_CODE => "ExitCode",
            Self::SIGNAL => "Signal",
            _ => return None,
        })
    }
}

impl fmt::Display for PayloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "PayloadType({})", self.0),
        }
    }
}

impl fmt::Debug for PayloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The flags of a message. No receiver looks at them; they are written as the stock ends write
/// them (spec messages 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flags(pub u64);

impl Flags {
    /// Ordinary stream messages.
    pub const NONE: Self = Self(0);
    /// The agent's first stream message.
    pub const SYN: Self = Self(1);
    /// Not used alone by anybody.
    pub const FIN: Self = Self(2);
    /// Messages outside the stream: acknowledgements, session states, publications.
    pub const SYN_FIN: Self = Self(3);
}
