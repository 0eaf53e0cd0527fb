//! What is to be forwarded, as people write it: like `ssh -L`, with the local end left out where it is clear.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where the node is to connect to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Destination {
    /// None: the node itself.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            None => write!(f, "localhost:{}", self.port),
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            Some(host) => write!(f, "{host}:{}", self.port),
        }
    }
}

/// Where local programs are to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    /// A port; 0 lets the system choose.
    Tcp(IpAddr, u16),
    /// A socket file.
    Unix(PathBuf),
}

/// One forward: `[[BIND:]LOCAL:][HOST:]PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) local: Local,
    pub(crate) destination: Destination,
}

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Spec, String> {
        let parts = split(text)?;
        let (local, rest) = match parts.as_slice() {
            [port] => (Local::Tcp(Ipv4Addr::LOCALHOST.into(), remote_port(port)?), parts.as_slice()),
            [path, rest @ ..] if path.contains('/') => (Local::Unix(PathBuf::from(*path)), rest),
            [port, rest @ ..] if is_number(port) => (Local::Tcp(Ipv4Addr::LOCALHOST.into(), local_port(port)?), rest),
            [bind, port, rest @ ..] if is_number(port) => (Local::Tcp(bind_address(bind)?, local_port(port)?), rest),
            _ => return Err("write it as PORT, LOCAL:PORT, LOCAL:HOST:PORT or BIND:LOCAL:HOST:PORT".to_owned()),
        };
        let destination = match rest {
            [port] => Destination { host: None, port: remote_port(port)? },
            [host, port] if !host.is_empty() => {
                Destination { host: Some((*host).to_owned()), port: remote_port(port)? }
            }
            [_, _] => return Err("the host is missing before the last colon".to_owned()),
            [] => return Err("the port of the destination is missing".to_owned()),
            _ => return Err("there are too many colons; write IPv6 addresses in brackets".to_owned()),
        };
        Ok(Spec { local, destination })
    }
}

/// Where `-D` listens: `[BIND:]PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SocksSpec(pub(crate) Local);

impl FromStr for SocksSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<SocksSpec, String> {
        match split(text)?.as_slice() {
            [path] if path.contains('/') => Ok(SocksSpec(Local::Unix(PathBuf::from(*path)))),
            [port] => Ok(SocksSpec(Local::Tcp(Ipv4Addr::LOCALHOST.into(), local_port(port)?))),
            [bind, port] => Ok(SocksSpec(Local::Tcp(bind_address(bind)?, local_port(port)?))),
            _ => Err("write it as PORT or BIND:PORT, IPv6 addresses in brackets".to_owned()),
        }
    }
}

/// The parts between colons; what stands in brackets is one part.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        if let Some(bracketed) = rest.strip_prefix('[') {
            let (inner, after) = bracketed.split_once(']').ok_or("a bracket is not closed")?;
            parts.push(inner);
            match after.strip_prefix(':') {
                Some(after) => rest = after,
                None if after.is_empty() => return Ok(parts),
                None => return Err("a colon is missing after a bracket".to_owned()),
            }
        } else if let Some((part, after)) = rest.split_once(':') {
            parts.push(part);
            rest = after;
        } else {
            parts.push(rest);
            return Ok(parts);
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn local_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("{text:?} is no port (0 to 65535)"))
}

fn remote_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("{text:?} is no port (1 to 65535)")),
        Ok(port) => Ok(port),
    }
}

fn bind_address(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        "*" => Ok(Ipv4Addr::UNSPECIFIED.into()),
        _ => text.parse().map_err(|_| format!("{text:?} is no address of this machine")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use std::net::Ipv6Addr;

    fn tcp(address: impl Into<IpAddr>, port: u16) -> Local {
        Local::Tcp(address.into(), port)
    }

    #[test]
    fn every_form_is_understood() {
        let localhost = Ipv4Addr::LOCALHOST;
        let cases = [
            ("5432", tcp(localhost, 5432), None, 5432),
            ("8080:80", tcp(localhost, 8080), None, 80),
            ("0:80", tcp(localhost, 0), None, 80),
            ("5432:db.internal:5432", tcp(localhost, 5432), Some("db.internal"), 5432),
            ("0:[fd00::1]:443", tcp(localhost, 0), Some("fd00::1"), 443),
            ("127.0.0.2:8080:80", tcp([127, 0, 0, 2], 8080), None, 80),
            ("[::1]:8080:db:80", tcp(Ipv6Addr::LOCALHOST, 8080), Some("db"), 80),
            ("*:8080:db:80", tcp(Ipv4Addr::UNSPECIFIED, 8080), Some("db"), 80),
            ("localhost:8080:10.0.0.1:80", tcp(localhost, 8080), Some("10.0.0.1"), 80),
            ("/run/db.sock:5432", Local::Unix("/run/db.sock".into()), None, 5432),
            ("./s:db:5432", Local::Unix("./s".into()), Some("db"), 5432),
        ];
        for (text, local, host, port) in cases {
            let destination = Destination { host: host.map(str::to_owned), port };
            assert_eq!(text.parse(), Ok(Spec { local, destination }), "{text}");
        }
        assert_eq!("1080".parse(), Ok(SocksSpec(tcp(localhost, 1080))));
        assert_eq!("[::1]:0".parse(), Ok(SocksSpec(tcp(Ipv6Addr::LOCALHOST, 0))));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        for text in [
            "",
            "0",
            "x",
            "65536",
            "80:0",
            "80:db:",
            "80::80",
            "1:a:b:c:2",
            "[::1:80",
            "[::1]80:1",
            "db:80",
            "/s",
            "::1",
        ] {
            assert!(text.parse::<Spec>().is_err(), "{text}");
        }
        for text in ["", "db:1080", "1:2:3"] {
            assert!(text.parse::<SocksSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn destinations_are_shown_as_they_are_written() {
        let shown = |text: &str| text.parse::<Spec>().unwrap().destination.to_string();
        assert_eq!(shown("80"), "localhost:80");
        assert_eq!(shown("1:db:80"), "db:80");
        assert_eq!(shown("1:[fd00::1]:80"), "[fd00::1]:80");
    }
}
