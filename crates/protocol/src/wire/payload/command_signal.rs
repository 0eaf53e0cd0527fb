//! A signal for a command without a terminal, payload type 256: an extension between our own ends.

use bytes::Bytes;

use super::PayloadError;

/// What a client may send to the command it runs, by its name in SSH (RFC 4254 §6.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandSignal {
    /// The user's terminal is gone.
    Hangup,
    /// `^C`.
    Interrupt,
    /// `^\`.
    Quit,
    /// Please end.
    Terminate,
}

impl CommandSignal {
    const NAMES: [(Self, &'static str); 4] =
        [(Self::Hangup, "HUP"), (Self::Interrupt, "INT"), (Self::Quit, "QUIT"), (Self::Terminate, "TERM")];

    /// Reads the payload.
    ///
    /// # Errors
    /// If it is no name of one of these.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        let named = Self::NAMES.into_iter().find(|(_, name)| name.as_bytes() == payload);
        named
            .map(|(signal, _)| signal)
            .ok_or(PayloadError::Form { payload: "Signal", expected: "HUP, INT, QUIT or TERM" })
    }

    /// Writes the payload.
    pub fn encode(self) -> Bytes {
        let name = match self {
            Self::Hangup => "HUP",
            Self::Interrupt => "INT",
            Self::Quit => "QUIT",
            Self::Terminate => "TERM",
        };
        Bytes::from_static(name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_the_names_of_ssh() {
        for (signal, name) in CommandSignal::NAMES {
            assert_eq!(signal.encode(), name.as_bytes());
            assert_eq!(CommandSignal::decode(name.as_bytes()), Ok(signal));
        }
        for wrong in ["", "int", "SIGINT", "INT\0", "KILL", "9"] {
            assert!(CommandSignal::decode(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
