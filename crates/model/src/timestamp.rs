//! Times on the wire: JSON numbers of seconds since the epoch, fraction allowed, kept to the millisecond.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The last millisecond of the year 9999, beyond which clients cannot show a date.
const MAX_MILLIS: u64 = 253_402_300_799_999;

/// A point in time, in whole milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since the epoch; beyond the year 9999 is the end of 9999.
    #[must_use]
    pub const fn from_millis(unix_millis: u64) -> Self {
        if unix_millis < MAX_MILLIS { Self(unix_millis) } else { Self(MAX_MILLIS) }
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Seconds since the epoch, as on the wire.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "milliseconds up to the year 9999 fit 48 bits, a double holds 53")]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// From seconds since the epoch. `None` for what is no time between 1970 and 9999.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        let millis = (seconds * 1000.0).round();
        (0.0..=253_402_300_799_999.0).contains(&millis).then_some(Self(millis as u64))
    }
}

/// Whole seconds are written without a fraction, so that no client has to guess.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u64(self.0 / 1000)
        } else {
            serializer.serialize_f64(self.seconds())
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Self::from_seconds(seconds).ok_or_else(|| serde::de::Error::custom("not a time in seconds since the epoch"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn times_are_numbers_of_seconds() {
        assert_eq!(serde_json::to_string(&Timestamp(1_795_384_779_000)).unwrap(), "1795384779");
        assert_eq!(serde_json::to_string(&Timestamp(1_795_384_779_144)).unwrap(), "1795384779.144");
        for text in ["1795384779.144", "1795384779.1440001"] {
            assert_eq!(serde_json::from_str::<Timestamp>(text).unwrap(), Timestamp(1_795_384_779_144));
        }
        assert_eq!(Timestamp::from_millis(u64::MAX), Timestamp(MAX_MILLIS));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for seconds in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Timestamp::from_seconds(seconds), None);
        }
    }
}
