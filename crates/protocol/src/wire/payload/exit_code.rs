//! How a command ended, payload type 12.

use bytes::Bytes;

use super::PayloadError;

/// The exit code of a command or, between our own ends, of a shell. Text on the wire:
/// `EXIT_CODE: 17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitCode(
    /// 0 to 255 on Unix; Windows has 32 bits of it, which Go prints unsigned.
    pub i64,
);

impl ExitCode {
    const PREFIX: &'static [u8] = b"EXIT_CODE:";

    /// Reads the payload.
    ///
    /// # Errors
    /// If it is not `EXIT_CODE: ` and a decimal number.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        payload
            .strip_prefix(Self::PREFIX)
            .and_then(|number| std::str::from_utf8(number.trim_ascii()).ok())
            .and_then(|number| number.parse().ok())
            .map(Self)
            .ok_or(PayloadError::Form { payload: "ExitCode", expected: "EXIT_CODE: and a decimal number" })
    }

    /// Writes the payload.
    pub fn encode(self) -> Bytes {
        Bytes::from(format!("EXIT_CODE: {}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_text() {
        for (code, text) in
            [(0, "EXIT_CODE: 0"), (17, "EXIT_CODE: 17"), (-1, "EXIT_CODE: -1"), (0xC000_013A, "EXIT_CODE: 3221225786")]
        {
            assert_eq!(ExitCode(code).encode(), text.as_bytes());
            assert_eq!(ExitCode::decode(text.as_bytes()), Ok(ExitCode(code)));
        }
        for wrong in ["", "EXIT_CODE: ", "17", "EXIT_CODE: x", "EXIT_CODE: 99999999999999999999"] {
            assert!(ExitCode::decode(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
