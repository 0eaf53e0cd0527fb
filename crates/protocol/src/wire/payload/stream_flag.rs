//! The four-byte signal, payload type 10.

use bytes::Bytes;

use super::PayloadError;

/// A signal between the two ends of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFlag {
    /// Client to agent: drop the connection to the port.
    DisconnectToPort,
    /// Client to agent: end the session.
    TerminateSession,
    /// Agent to client: the port cannot be reached.
    ConnectToPortError,
    /// Client to agent: standard input has ended; agent to client: the command reads no more of it. An extension
    /// between our own ends.
    EndOfInput,
    /// Unknown here; to be ignored.
    Other(u32),
}

impl StreamFlag {
    /// Reads the payload.
    ///
    /// # Errors
    /// If it has not exactly four bytes.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        let bytes: [u8; 4] =
            payload.try_into().map_err(|_| PayloadError::Form { payload: "Flag", expected: "four bytes" })?;
        Ok(match u32::from_be_bytes(bytes) {
            1 => Self::DisconnectToPort,
            2 => Self::TerminateSession,
            3 => Self::ConnectToPortError,
            256 => Self::EndOfInput,
            other => Self::Other(other),
        })
    }

    /// Writes the payload.
    pub fn encode(self) -> Bytes {
        let number: u32 = match self {
            Self::DisconnectToPort => 1,
            Self::TerminateSession => 2,
            Self::ConnectToPortError => 3,
            Self::EndOfInput => 256,
            Self::Other(other) => other,
        };
        Bytes::copy_from_slice(&number.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_four_bytes_big_endian() {
        for (flag, bytes) in [
            (StreamFlag::DisconnectToPort, [0, 0, 0, 1]),
            (StreamFlag::TerminateSession, [0, 0, 0, 2]),
            (StreamFlag::ConnectToPortError, [0, 0, 0, 3]),
            (StreamFlag::EndOfInput, [0, 0, 1, 0]),
            (StreamFlag::Other(0x0100_0000), [1, 0, 0, 0]),
        ] {
            assert_eq!(flag.encode(), &bytes[..]);
            assert_eq!(StreamFlag::decode(&bytes), Ok(flag));
        }
        for wrong in [&[][..], &[0, 0, 1], &[0, 0, 0, 1, 0]] {
            assert!(StreamFlag::decode(wrong).is_err(), "{wrong:?}");
        }
    }
}
