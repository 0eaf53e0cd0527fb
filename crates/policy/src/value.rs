//! The types that conditions compare, read from text. Each reader is total.

use std::net::IpAddr;

use base64::Engine as _;
use time::format_description::well_known::Iso8601;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// A decimal number: digits, perhaps a sign, a fraction, an exponent. Compared as a double, so whole numbers are exact up
/// to 2⁵³.
pub(crate) fn number(text: &str) -> Option<f64> {
    let of_a_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
    let number: f64 = text.bytes().all(of_a_number).then(|| text.parse().ok()).flatten()?;
    number.is_finite().then_some(number)
}

/// `true` or `false`, in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A moment in nanoseconds since 1970: ISO 8601, or seconds since 1970. A date alone is its first moment, and a time
/// without a zone is in UTC.
pub(crate) fn date(text: &str) -> Option<i128> {
    const NANOS: i128 = 1_000_000_000;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<u64>().ok().map(|seconds| i128::from(seconds) * NANOS);
    }
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    let moment = OffsetDateTime::parse(text, &Iso8601::DEFAULT)
        .or_else(|_| PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| Date::parse(text, &Iso8601::DEFAULT).map(|date| date.midnight().assume_utc()));
    moment.ok().map(OffsetDateTime::unix_timestamp_nanos)
}

/// An IPv4 or IPv6 address. IPv4 written as IPv6 is IPv4.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// Bytes in base64.
pub(crate) fn binary(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// A range of addresses: all that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    first: IpAddr,
    bits: u32,
}

impl Network {
    /// An address, or an address, `/`, and a number of bits. Bits after those do not matter, as in AWS.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address_text, bits) = match text.split_once('/') {
            None => (text, None),
            Some((address, bits)) => {
                let digits = (1..=3).contains(&bits.len()) && bits.bytes().all(|byte| byte.is_ascii_digit());
                (address, Some(digits.then(|| bits.parse().ok()).flatten()?))
            }
        };
        let first: IpAddr = address_text.parse().ok()?;
        let width = if first.is_ipv4() { 32 } else { 128 };
        let bits: u32 = bits.unwrap_or(width);
        // What maps IPv4 into IPv6 is IPv4 as long as it does not reach beyond it.
        let (first, bits) = match first.to_canonical() {
            IpAddr::V4(inner) if first.is_ipv6() && bits >= 96 => (IpAddr::V4(inner), bits - 96),
            _ => (first, bits),
        };
        (bits <= if first.is_ipv4() { 32 } else { 128 }).then_some(Self { first, bits })
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differing = u32::from(first) ^ u32::from(address);
                differing.leading_zeros() >= self.bits
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differing = u128::from(first) ^ u128::from(address);
                differing.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse is the failure of the test")]

    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(["1", "-1.5", "1e3"].map(|text| number(text).unwrap()), [1.0, -1.5, 1000.0]);
        assert!(["", "inf", "nan", "NaN", "1e999", "0x1", "1 ", "--1"].iter().all(|text| number(text).is_none()));
    }

    #[test]
    fn dates() {
        let epoch = date("1372636800").unwrap();
        for same in [
            "2013-07-01",
            "2013-07-01T00:00:00Z",
            "2013-07-01T00:00Z",
            "2013-07-01T00:00:00",
            "2013-07-01T02:00:00+02:00",
            "2013-07-01T00:00:00.000Z",
            "2013-06-30T19:00:00-05:00",
        ] {
            assert_eq!(date(same), Some(epoch), "{same}");
        }
        for wrong in
            ["", "x", "2013-02-30", "2013-07-01T25:00:00Z", "-5", "99999999999999999999", "2013-07-01T00:00:00Zz"]
        {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn networks() {
        for (network, address, expected) in [
            ("203.0.113.0/24", "203.0.113.9", true),
            ("203.0.113.7/24", "203.0.113.9", true),
            ("203.0.113.0/24", "203.0.114.9", false),
            ("203.0.113.9", "203.0.113.9", true),
            ("203.0.113.9", "203.0.113.8", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "1.2.3.4", false),
            ("::/0", "::1", true),
            ("2001:db8::/32", "2001:db8:1::5", true),
            ("2001:db8::/32", "2001:db9::5", false),
            ("203.0.113.0/24", "::ffff:203.0.113.9", true),
            ("::ffff:203.0.113.0/120", "203.0.113.9", true),
        ] {
            assert_eq!(
                Network::parse(network).unwrap().contains(super::address(address).unwrap()),
                expected,
                "{network}"
            );
        }
        for wrong in
            ["", "1.2.3.4/33", "::/129", "1.2.3/24", "1.2.3.4/", "1.2.3.4/+8", "1.2.3.4/8/8", "::ffff:1.2.3.4/129"]
        {
            assert!(Network::parse(wrong).is_none(), "{wrong}");
        }
    }
}
