//! Signing times: whole seconds, written `YYYYMMDD'T'hhmmss'Z'`.
//!
//! Also read, because AWS accepts it where `X-Amz-Date` is absent, is the form of HTTP's own `Date` header.

use std::fmt;

use time::format_description::BorrowedFormatItem;
use time::macros::{datetime, format_description};
use time::{OffsetDateTime, PrimitiveDateTime};

const BASIC: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
/// The last second that can be written with four digits of year.
const LAST: i64 = datetime!(9999-12-31 23:59:59 UTC).unix_timestamp();

/// A signing time in seconds since the epoch, between the years 1970 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    pub(super) fn from_millis(unix_millis: u64) -> Self {
        Self::from_seconds(unix_millis / 1000)
    }

    pub(super) fn from_seconds(seconds: u64) -> Self {
        Self(seconds.min(LAST.unsigned_abs()))
    }

    /// Seconds since the epoch.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0
    }

    /// `YYYYMMDDThhmmssZ`.
    pub(super) fn parse_basic(text: &str) -> Option<Self> {
        // The length is checked first: the parser would take a year with a sign.
        (text.len() == 16).then(|| Self::parse(text, BASIC)).flatten()
    }

    /// `Sun, 22 Nov 2026 21:59:39 GMT`.
    pub(super) fn parse_http(text: &str) -> Option<Self> {
        Self::parse(text, HTTP_DATE)
    }

    fn parse(text: &str, format: &[BorrowedFormatItem<'_>]) -> Option<Self> {
        let time = PrimitiveDateTime::parse(text, format).ok()?.assume_utc();
        u64::try_from(time.unix_timestamp()).ok().map(Self)
    }

    /// The first eight digits: the date of the credential scope.
    pub(super) fn date(self) -> String {
        let mut text = self.to_string();
        text.truncate("YYYYMMDD".len());
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).unwrap_or(LAST).min(LAST);
        let time = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| fmt::Error)?;
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second) = time.to_hms();
        write!(f, "{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}Z", u8::from(month))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_second() {
        let basic = Timestamp::parse_basic("20261122T215939Z");
        assert_eq!(basic, Some(Timestamp(1_795_384_779)));
        assert_eq!(Timestamp::parse_http("Sun, 22 Nov 2026 21:59:39 GMT"), basic);
        assert_eq!(Timestamp(1_795_384_779).to_string(), "20261122T215939Z");
        assert_eq!(Timestamp(1_795_384_779).date(), "20261122");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "20261122",
            "20261322T215939Z",
            "20260230T215939Z",
            "20261122T245939Z",
            "20261122T215939+",
            "-0261122T215939Z",
            "19691231T235959Z",
            "2026-11-22T21:59:39Z",
            "20261122t215939z",
        ] {
            assert_eq!(Timestamp::parse_basic(text), None, "{text:?}");
        }
        assert_eq!(Timestamp::parse_http("Mon, 22 Nov 2026 21:59:39 CET"), None);
    }

    #[test]
    fn times_beyond_the_year_9999_are_clamped() {
        assert_eq!(Timestamp::from_millis(u64::MAX).to_string(), "99991231T235959Z");
    }
}
