//! The host of a port document, as something that has one meaning.
//!
//! Systems read many texts as addresses: `0x7f.1`, `017700000001`, `2130706433`. They are read here, the same way on
//! every system, and no name server is ever asked for a text that ends in a number.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name that there is.
const MAX_NAME_BYTES: usize = 253;

/// Where a port session leads, without the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// The node itself: no host, or `localhost`.
    Node,
    /// An address that was written down.
    Address(IpAddr),
    /// A name, to be looked up. In lower case, without a final dot.
    Name(String),
}

/// A text that is no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a host name nor an address")]
pub(crate) struct NoHost(String);

impl Host {
    /// Reads the property `host`.
    pub(crate) fn read(text: &str) -> Result<Self, NoHost> {
        let no_host = || NoHost(text.chars().take(64).collect());
        let bare = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if text.is_empty() || bare == "localhost" {
            return Ok(Self::Node);
        }
        if let Some(inside) = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return read_v6(inside).map(Self::Address).ok_or_else(no_host);
        }
        if bare.contains(':') {
            return read_v6(&bare).map(Self::Address).ok_or_else(no_host);
        }
        let last = bare.rsplit('.').next().unwrap_or("");
        if last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit()) {
            return read_v4(&bare).map(|address| Self::Address(address.into())).ok_or_else(no_host);
        }
        let is_name = bare.len() <= MAX_NAME_BYTES
            && bare.split('.').all(|label| !label.is_empty())
            && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        if is_name { Ok(Self::Name(bare)) } else { Err(no_host()) }
    }
}

/// As documents and messages have it.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node => f.write_str("localhost"),
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// A zone changes which neighbour is meant, and neighbours are refused: it is read and dropped.
fn read_v6(text: &str) -> Option<IpAddr> {
    let (address, zone) = text.split_once('%').unwrap_or((text, "1"));
    let is_zone = !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let address: Ipv6Addr = address.parse().ok()?;
    is_zone.then_some(address.into())
}

/// As `inet_aton` reads it: one to four numbers, decimal, octal (`0…`) or hexadecimal (`0x…`), of which the last one
/// fills what the others leave.
fn read_v4(text: &str) -> Option<Ipv4Addr> {
    let numbers: Vec<u32> = text.split('.').map(read_number).collect::<Option<_>>()?;
    let (last, firsts) = numbers.split_last()?;
    if firsts.len() > 3 || firsts.iter().any(|number| *number > 255) {
        return None;
    }
    let last_bits = 32 - 8 * u32::try_from(firsts.len()).ok()?;
    if u64::from(*last) >= 1 << last_bits {
        return None;
    }
    let high = firsts.iter().enumerate().fold(0, |high, (place, number)| high | number << (24 - 8 * place));
    Some(Ipv4Addr::from(high | last))
}

fn read_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some("") => ("0", 16),
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    // `from_str_radix` takes a sign.
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn a_host_has_one_meaning() {
        for node in ["", "localhost", "LocalHost", "localhost."] {
            assert_eq!(Host::read(node).unwrap(), Host::Node, "{node:?}");
        }
        for (text, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("0X7F000001", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("10.0.513", "10.0.2.1"),
            ("0251.0376.0251.0376.", "169.254.169.254"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("FE80::1%eth0", "fe80::1"),
            ("::FFFF:169.254.169.254", "::ffff:169.254.169.254"),
        ] {
            assert_eq!(Host::read(text).unwrap(), Host::Address(address.parse().unwrap()), "{text:?}");
        }
        for name in ["db.internal", "DB.Internal.", "a_b-c", "0x7f.1.example.org", "x1"] {
            let wanted = name.to_lowercase();
            assert_eq!(Host::read(name).unwrap(), Host::Name(wanted.trim_end_matches('.').to_owned()), "{name:?}");
        }
        for nothing in [
            "256.1.1.1",
            "1.2.3.4.5",
            "1.2.3.256",
            "09.1.1.1",
            "4294967296",
            "+1.2.3.4",
            "1..2",
            ".",
            "..",
            "a..b",
            "localhost..",
            "::1%",
            "::1%a b",
            "[::1",
            "::g",
            "169.254.169%2e254",
            "１６９.254.169.254",
            "a b",
            "a/b",
            "0x",
            "0xg.1",
            "user@host",
            "host:80",
            "\u{0}",
            "169.254.169.254\n",
            &"a".repeat(254),
        ] {
            let read = Host::read(nothing);
            // An empty hexadecimal number is one for some systems; whichever, it is no name.
            assert!(read.is_err() || nothing == "0x", "{nothing:?} is {read:?}");
        }
    }
}
