//! Time-based one-time passwords: six digits that a device and the service make of a shared seed and the time (RFC 6238
//! with SHA-1 and steps of 30 seconds, which is what every authenticator program speaks).
//!
//! Pure: a step is an argument. Whether a code was used before is for whoever keeps the device's state to know.

use std::fmt;
use std::ops::RangeInclusive;

use ring::hmac;
use subtle::ConstantTimeEq as _;

use crate::ids::base32;
use crate::secret::{SecretBytes, SecretString};

/// How long a code is the current one, in milliseconds.
pub const STEP_MILLIS: u64 = 30_000;
/// Bytes of a new seed: 64 letters when somebody has to type them, as at AWS.
pub const SEED_BYTES: usize = 40;
const DIGITS: usize = 6;

/// What a device and the service share.
pub struct Seed(SecretBytes);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(***)")
    }
}

impl Seed {
    /// From its bytes; RFC 4226 wants at least 16 of them.
    #[must_use]
    pub fn new(bytes: SecretBytes) -> Self {
        Self(bytes)
    }

    /// As people type it into a device: base32.
    #[must_use]
    pub fn to_base32(&self) -> SecretString {
        SecretString::new(base32(self.0.expose(), b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
    }

    /// The code of a step.
    #[must_use]
    pub fn code(&self, step: u64) -> [u8; DIGITS] {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        // RFC 4226 §5.3: the last four bits say where the four bytes begin, at most at 15 of 20.
        let at = usize::from(tag[tag.len() - 1] & 0xf);
        let mut four = [0; 4];
        four.copy_from_slice(&tag[at..at + 4]);
        let mut number = u32::from_be_bytes(four) & 0x7fff_ffff;
        let mut digits = [b'0'; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit += u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
        digits
    }

    /// The newest of these steps that has this code. As long as there are as many steps it takes the same time.
    #[must_use]
    pub fn step_of(&self, code: &str, steps: RangeInclusive<u64>) -> Option<u64> {
        let mut found = None;
        for step in steps {
            if bool::from(self.code(step)[..].ct_eq(code.as_bytes())) {
                found = Some(step);
            }
        }
        found
    }

    /// The step of the second of two codes that follow one another, the first of them at one of these steps: what proves
    /// that somebody has the device, and tells how wrong its clock is.
    #[must_use]
    pub fn step_of_pair(&self, first: &str, second: &str, steps: RangeInclusive<u64>) -> Option<u64> {
        let mut found = None;
        for step in steps {
            let follows = self.code(step)[..].ct_eq(first.as_bytes())
                & self.code(step.saturating_add(1))[..].ct_eq(second.as_bytes());
            if bool::from(follows) {
                found = Some(step.saturating_add(1));
            }
        }
        found
    }
}

/// The step that a moment is in, in milliseconds since 1970.
#[must_use]
pub const fn step_at(unix_millis: u64) -> u64 {
    unix_millis / STEP_MILLIS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Seed {
        Seed::new(SecretBytes::new(b"12345678901234567890".to_vec()))
    }

    /// RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(seed().code(step_at(seconds * 1000)), code.as_bytes(), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_found_among_the_steps_it_may_be_of_and_no_others() {
        let step = step_at(59_000);
        assert_eq!(seed().step_of("287082", step..=step), Some(step));
        assert_eq!(seed().step_of("287082", 0..=5), Some(step));
        assert_eq!(seed().step_of("287082", step + 1..=step + 3), None);
        for wrong in ["", "287081", "28708", "2870820", "28708a", "２87082"] {
            assert_eq!(seed().step_of(wrong, 0..=5), None, "{wrong}");
        }
    }

    #[test]
    fn a_pair_is_two_codes_in_their_order() {
        let code = |step| String::from_utf8_lossy(&seed().code(step)).into_owned();
        assert_eq!(seed().step_of_pair(&code(7), &code(8), 0..=20), Some(8));
        assert_eq!(seed().step_of_pair(&code(8), &code(7), 0..=20), None);
        assert_eq!(seed().step_of_pair(&code(7), &code(9), 0..=20), None);
        assert_eq!(seed().step_of_pair(&code(7), &code(7), 0..=20), None);
        assert_eq!(seed().step_of_pair(&code(7), &code(8), 8..=20), None);
    }

    #[test]
    fn a_seed_is_typed_in_base32_and_never_printed() {
        assert_eq!(seed().to_base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(Seed::new(SecretBytes::new(vec![0; SEED_BYTES])).to_base32().len(), 64);
        assert_eq!(format!("{:?}", seed()), "Seed(***)");
    }
}
