//! Destinations as the settings name them: `HOST`, `HOST:PORT`, `ADDRESS/LENGTH:PORT-PORT`, `[IPV6/LENGTH]:PORT`.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::address::{canonical, refused};
use super::host::Host;

/// A list of patterns, as a setting has it: separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    text: String,
    hosts: Hosts,
    ports: RangeInclusive<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    Any,
    Exactly(String),
    /// Everything below this name.
    Below(String),
    Network(IpAddr, u32),
}

impl Patterns {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is this destination, by its name or by its address.
    pub(super) fn matches(&self, host: &Host, port: u16, address: IpAddr) -> bool {
        self.0.iter().any(|pattern| pattern.ports.contains(&port) && pattern.hosts.matches(host, address))
    }

    /// Whether one of them names the address's own kind of exception: a network that lies in the refused range as a
    /// whole. `*` and a large network do not open what they happen to contain.
    pub(super) fn matches_refused(&self, port: u16, address: IpAddr) -> bool {
        let is_meant = |hosts: &Hosts| match hosts {
            Hosts::Network(network, len) => {
                let (first, last) = ends(*network, *len);
                contains(*network, *len, address) && refused(first).is_some() && refused(first) == refused(last)
            }
            Hosts::Any | Hosts::Exactly(_) | Hosts::Below(_) => false,
        };
        self.0.iter().any(|pattern| pattern.ports.contains(&port) && is_meant(&pattern.hosts))
    }
}

impl Hosts {
    fn matches(&self, host: &Host, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Network(network, len) => contains(*network, *len, address),
            Self::Exactly(wanted) => match host {
                Host::Node => wanted == "localhost",
                Host::Name(name) => name == wanted,
                Host::Address(_) => false,
            },
            Self::Below(domain) => match host {
                Host::Name(name) => name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.')),
                Host::Node | Host::Address(_) => false,
            },
        }
    }
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        // Left-aligned, so that a prefix is a prefix.
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    }
}

fn contains(network: IpAddr, len: u32, address: IpAddr) -> bool {
    let address = canonical(address);
    let ((network, width), (bits, other_width)) = (bits(network), bits(address));
    width == other_width && (network ^ bits).leading_zeros() >= len
}

/// The first and the last address of a network.
fn ends(network: IpAddr, len: u32) -> (IpAddr, IpAddr) {
    let (bits, width) = bits(network);
    let hosts = u128::MAX.checked_shr(len).unwrap_or(0);
    let at = |bits: u128| match width {
        32 => IpAddr::V4(u32::try_from(bits >> 96).unwrap_or(u32::MAX).into()),
        _ => IpAddr::V6(bits.into()),
    };
    (at(bits & !hosts), at(bits | hosts))
}

impl FromStr for Patterns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let patterns = text.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        patterns.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "has {text:?}, which names no destination; write a host, an address or a network, and a port, as in \
                     \"db.internal:5432\", \"*.internal\", \"10.0.0.0/8:443\", \"[fd00::/8]:8000-8099\""
            )
        };
        let (host, ports) = split(text).ok_or_else(wrong)?;
        let hosts = read_hosts(host).ok_or_else(wrong)?;
        let ports = read_ports(ports).ok_or_else(wrong)?;
        Ok(Self { text: text.to_owned(), hosts, ports })
    }
}

/// Host and ports; no port is any.
fn split(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return if rest.is_empty() { Some((host, "*")) } else { Some((host, rest.strip_prefix(':')?)) };
    }
    match text.matches(':').count() {
        0 => Some((text, "*")),
        1 => text.split_once(':'),
        // An IPv6 address without brackets has no port.
        _ => Some((text, "*")),
    }
}

fn read_ports(text: &str) -> Option<RangeInclusive<u16>> {
    if text == "*" {
        return Some(1..=u16::MAX);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (1 <= first && first <= last).then_some(first..=last)
}

fn read_hosts(text: &str) -> Option<Hosts> {
    if text == "*" {
        return Some(Hosts::Any);
    }
    if let Some(domain) = text.strip_prefix("*.") {
        return match Host::read(domain).ok()? {
            Host::Name(name) => Some(Hosts::Below(name)),
            Host::Node | Host::Address(_) => None,
        };
    }
    if let Some((address, len)) = text.split_once('/') {
        let address: IpAddr = address.parse().ok()?;
        let len: u32 = len.parse().ok().filter(|len| *len <= bits(address).1)?;
        // Addresses are judged as what they are, so a network of mapped ones is the IPv4 network.
        return Some(match (canonical(address), address, len.checked_sub(96)) {
            (IpAddr::V4(mapped), IpAddr::V6(_), Some(len)) => Hosts::Network(mapped.into(), len),
            _ => Hosts::Network(address, len),
        });
    }
    if text.is_empty() {
        return None;
    }
    Some(match Host::read(text).ok()? {
        Host::Node => Hosts::Exactly("localhost".to_owned()),
        Host::Name(name) => Hosts::Exactly(name),
        Host::Address(address) => {
            let address = canonical(address);
            Hosts::Network(address, bits(address).1)
        }
    })
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.0.iter().map(|pattern| pattern.text.as_str()).collect();
        f.write_str(&texts.join(","))
    }
}

impl TryFrom<String> for Patterns {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Patterns> for String {
    fn from(patterns: Patterns) -> Self {
        patterns.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn patterns_name_hosts_networks_and_ports() {
        // Pattern, host, port, address it has, whether it is meant.
        let cases = [
            ("db.internal:5432", "DB.internal.", 5432, "10.0.0.1", true),
            ("db.internal:5432", "db.internal", 5433, "10.0.0.1", false),
            ("db.internal", "x.db.internal", 1, "10.0.0.1", false),
            ("*.internal:*", "x.db.internal", 9, "10.0.0.1", true),
            ("*.internal", "internal", 9, "10.0.0.1", false),
            ("*.internal", "xinternal", 9, "10.0.0.1", false),
            ("*:8000-8099", "anything", 8050, "10.0.0.1", true),
            ("*:8000-8099", "anything", 8100, "10.0.0.1", false),
            ("10.0.0.0/8", "anything", 1, "10.255.0.1", true),
            ("10.0.0.0/8", "anything", 1, "11.0.0.1", false),
            ("10.0.0.0/8", "anything", 1, "::ffff:10.0.0.1", true),
            ("[::ffff:10.0.0.0/104]", "anything", 1, "10.255.0.1", true),
            ("[::ffff:10.0.0.0/104]", "anything", 1, "11.0.0.1", false),
            ("10.0.0.7:22", "10.0.0.7", 22, "10.0.0.7", true),
            ("[fd00::/8]:443", "v6", 443, "fd12::1", true),
            ("[fd00::/8]:443", "v6", 80, "fd12::1", false),
            ("fd00::1", "v6", 80, "fd00::1", true),
            ("localhost:5432", "", 5432, "127.0.0.1", true),
            ("localhost:5432", "db.internal", 5432, "127.0.0.1", false),
            ("a:1, b:2", "b", 2, "10.0.0.1", true),
            ("0.0.0.0/0", "x", 2, "10.0.0.1", true),
            ("0.0.0.0/0", "x", 2, "fd00::1", false),
        ];
        for (patterns, host, port, address, wanted) in cases {
            let read: Patterns = patterns.parse().unwrap();
            let matched = read.matches(&Host::read(host).unwrap(), port, address.parse().unwrap());
            assert_eq!(matched, wanted, "{patterns:?} {host:?} {port}");
            assert_eq!(Patterns::try_from(String::from(read.clone())).unwrap(), read);
        }
    }

    #[test]
    fn what_is_refused_must_be_named_itself() {
        let cases = [
            ("169.254.169.254:80", "169.254.169.254", true),
            ("169.254.169.254:80", "169.254.169.253", false),
            ("169.254.0.0/16", "169.254.170.2", true),
            ("127.0.0.0/8", "127.9.8.7", true),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("::1", "::1", true),
            ("*", "169.254.169.254", false),
            ("0.0.0.0/0", "169.254.169.254", false),
            ("160.0.0.0/4", "169.254.169.254", false),
            ("::/0", "fe80::1", false),
            ("[fe80::/10]", "fe80::1", true),
            ("metadata.google.internal", "169.254.169.254", false),
        ];
        for (patterns, address, wanted) in cases {
            let read: Patterns = patterns.parse().unwrap();
            assert_eq!(read.matches_refused(80, address.parse().unwrap()), wanted, "{patterns:?} {address}");
        }
    }

    #[test]
    fn what_is_no_pattern_says_how_to_write_one() {
        for wrong in ["a:b", "a:0", "a:9-8", "10.0.0.0/33", "a/8", "[::1", "[::1]80", "*.10.0.0.1", ":80", "a b"] {
            let error = wrong.parse::<Patterns>().unwrap_err();
            assert!(error.contains("db.internal:5432") && !error.contains('\n'), "{wrong}: {error}");
        }
        assert!("".parse::<Patterns>().unwrap().is_empty());
    }
}
