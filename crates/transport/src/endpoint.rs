//! Addresses that people write: parsed once, with errors that name the fix, and typed from then on.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use http::uri::PathAndQuery;
use thiserror::Error;

/// Longer than any address we hand out, short enough to hold.
const MAX_LENGTH_BYTES: usize = 8 * 1024;
const MAX_HOST_BYTES: usize = 253;

/// What is spoken at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
    /// `ws`: a websocket over plain HTTP
    Ws,
    /// `wss`: a websocket over TLS
    Wss,
}

impl Scheme {
    /// Whether the connection is made inside TLS.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Wss)
    }

    /// As written before `://`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    fn default_port(self) -> u16 {
        if self.is_tls() { 443 } else { 80 }
    }
}

/// Scheme, host, port, path and query of a peer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    /// Lower case; an IPv6 address stands here without brackets.
    host: String,
    port: u16,
    path_and_query: PathAndQuery,
}

/// A URL that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the URL \"{url}\" cannot be used: {reason}")]
pub struct EndpointError {
    url: String,
    reason: &'static str,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(url: &str) -> Result<Self, EndpointError> {
        parse(url.trim()).map_err(|reason| EndpointError { url: shown(url), reason })
    }
}

impl Endpoint {
    /// Reads a URL.
    ///
    /// # Errors
    /// The text is no `http`, `https`, `ws` or `wss` URL; the error says what to write instead.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        url.parse()
    }

    /// What is spoken there.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether the connection is made inside TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.scheme.is_tls()
    }

    /// Name or address; IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, written or implied.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, beginning with `/`.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        self.path_and_query.as_str()
    }

    /// The path alone.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path_and_query.path()
    }

    /// The query without `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.path_and_query.query()
    }

    /// What the `Host` header says: the port is left out when the scheme implies it.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() { self.bracketed_host() } else { self.host_and_port() }
    }

    /// Host and port, always both.
    #[must_use]
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", self.bracketed_host(), self.port)
    }

    /// Whether the host is this machine itself, by name or by address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.ip() {
            Some(address) => address.to_canonical().is_loopback(),
            None => self.host == "localhost" || self.host.ends_with(".localhost"),
        }
    }

    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The same peer, with `path_and_query` (beginning with `/`) appended to this endpoint's own path.
    ///
    /// # Errors
    /// The text is no path.
    pub fn join(&self, path_and_query: &str) -> Result<Self, EndpointError> {
        let joined = format!("{}{path_and_query}", self.path().trim_end_matches('/'));
        if !path_and_query.starts_with('/') || joined.len() > MAX_LENGTH_BYTES {
            return Err(EndpointError {
                url: shown(&joined),
                reason: "a path begins with / and has at most 8192 bytes",
            });
        }
        let path_and_query = PathAndQuery::from_str(&joined).map_err(|_| EndpointError {
            url: shown(&joined),
            reason: "the path has characters that must be percent-encoded",
        })?;
        Ok(Self { path_and_query, ..self.clone() })
    }

    /// The same peer, spoken to by websocket: `http` becomes `ws`, `https` becomes `wss`.
    #[must_use]
    pub fn to_websocket(&self) -> Self {
        let scheme = if self.is_tls() { Scheme::Wss } else { Scheme::Ws };
        Self { scheme, ..self.clone() }
    }

    fn bracketed_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path_and_query == "/" { "" } else { self.path_and_query.as_str() };
        write!(f, "{}://{}{path}", self.scheme.as_str(), self.authority())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn parse(url: &str) -> Result<Endpoint, &'static str> {
    if url.len() > MAX_LENGTH_BYTES {
        return Err("it is longer than 8192 bytes");
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err("it has no scheme; write it as https://host or https://host:port");
    };
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        "ws" => Scheme::Ws,
        "wss" => Scheme::Wss,
        _ => return Err("its scheme is not one of http, https, ws and wss"),
    };
    let (authority, path_and_query) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if path_and_query.contains('#') {
        return Err("leave out the part from # on");
    }
    if authority.contains('@') {
        return Err("leave out the user name and password before @");
    }
    let (host, port) = split_port(authority)?;
    let path_and_query = match path_and_query {
        "" => PathAndQuery::from_static("/"),
        text if text.starts_with('?') => PathAndQuery::try_from(format!("/{text}")).map_err(|_| PATH_REASON)?,
        text => PathAndQuery::from_str(text).map_err(|_| PATH_REASON)?,
    };
    Ok(Endpoint { scheme, host, port: port.unwrap_or(scheme.default_port()), path_and_query })
}

const PATH_REASON: &str = "its path has characters that must be percent-encoded";

/// Splits `host:port`, `host`, `[v6]:port` and `[v6]`; the host comes back checked and in lower case.
pub(crate) fn split_port(authority: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or("the IPv6 address has no closing ]")?;
            let address: Ipv6Addr =
                address.parse().map_err(|_| "what stands in [ ] is no IPv6 address (zone ids are not supported)")?;
            let port = match after {
                "" => None,
                _ => Some(after.strip_prefix(':').ok_or("after ] only :port may follow")?),
            };
            (address.to_string(), port)
        }
        None => match authority.split_once(':') {
            Some((_, rest)) if rest.contains(':') => {
                return Err("an IPv6 address must stand in brackets, as in https://[::1]:8443");
            }
            Some((host, port)) => (checked_host(host)?, Some(port)),
            None => (checked_host(authority)?, None),
        },
    };
    let port = match port {
        None => None,
        Some(digits) => match digits.parse::<u16>() {
            Ok(port) if port != 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(port),
            _ => return Err("the port is not a number from 1 to 65535"),
        },
    };
    Ok((host, port))
}

fn checked_host(host: &str) -> Result<String, &'static str> {
    if host.is_empty() {
        return Err("it has no host; write it as https://host or https://host:port");
    }
    if !host.is_ascii() {
        return Err("write the international host name in its xn-- form");
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if host.len() > MAX_HOST_BYTES || !host.bytes().all(is_allowed) {
        return Err("its host is no DNS name and no address");
    }
    Ok(host.to_ascii_lowercase())
}

/// The beginning of what was written, without line breaks and without anything a password could hide in.
fn shown(url: &str) -> String {
    let without_user = match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://…{}", &url[..scheme], &url[at..]),
        _ => url.to_owned(),
    };
    let without_query = without_user.split('?').next().unwrap_or_default();
    without_query.chars().take(100).map(|character| if character.is_control() { '?' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parts_of_urls() {
        for (url, scheme, host, port, path, shown) in [
            ("https://ssm.example.org", Scheme::Https, "ssm.example.org", 443, "/", "https://ssm.example.org"),
            ("http://127.0.0.1:8022/", Scheme::Http, "127.0.0.1", 8022, "/", "http://127.0.0.1:8022"),
            ("wss://h:443/v1/x?role=a&b=c", Scheme::Wss, "h", 443, "/v1/x?role=a&b=c", "wss://h/v1/x?role=a&b=c"),
            ("WS://LocalHost?x=1", Scheme::Ws, "localhost", 80, "/?x=1", "ws://localhost/?x=1"),
            ("https://[::1]:8443/p", Scheme::Https, "::1", 8443, "/p", "https://[::1]:8443/p"),
            (" https://[2001:DB8::1] ", Scheme::Https, "2001:db8::1", 443, "/", "https://[2001:db8::1]"),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!((endpoint.scheme(), endpoint.host(), endpoint.port()), (scheme, host, port), "{url}");
            assert_eq!(endpoint.path_and_query(), path, "{url}");
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(Endpoint::parse(shown).unwrap(), endpoint);
        }
    }

    #[test]
    fn errors_name_the_fix() {
        for (url, fix) in [
            ("ssm.example.org", "it has no scheme; write it as https://host"),
            ("host:8443", "it has no scheme"),
            ("ftp://x", "its scheme is not one of"),
            ("https://", "it has no host"),
            ("https://:443", "it has no host"),
            ("https://::1:8443", "must stand in brackets"),
            ("https://[::1", "no closing ]"),
            ("https://[fe80::1%eth0]", "zone ids are not supported"),
            ("https://[::1]8443", "only :port may follow"),
            ("https://h:0", "from 1 to 65535"),
            ("https://h:65536", "from 1 to 65535"),
            ("https://h:+80", "from 1 to 65535"),
            ("https://h:", "from 1 to 65535"),
            ("https://h/#x", "leave out the part from #"),
            ("https://a b", "no DNS name"),
            ("https://bücher.example", "xn--"),
            ("https://h/a b", "percent-encoded"),
        ] {
            let error = Endpoint::parse(url).unwrap_err().to_string();
            assert!(error.contains(fix), "{url}: {error}");
        }
        assert!(Endpoint::parse(&format!("https://h/{}", "x".repeat(9000))).is_err());
    }

    #[test]
    fn errors_keep_passwords_and_tokens_to_themselves() {
        let error = Endpoint::parse("https://user:hunter2@host/").unwrap_err().to_string();
        assert!(!error.contains("hunter2") && error.contains("leave out the user name"), "{error}");
        let error = Endpoint::parse("https://host:bad/?token=hunter2").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn joins_keep_the_endpoints_own_path() {
        let plain = Endpoint::parse("https://h:8443").unwrap();
        assert_eq!(plain.join("/v1/x?a=b").unwrap().to_string(), "https://h:8443/v1/x?a=b");
        let nested = Endpoint::parse("https://h/ssm/").unwrap();
        assert_eq!(nested.join("/v1").unwrap().to_websocket().to_string(), "wss://h/ssm/v1");
        assert!(plain.join("v1").is_err());
        assert!(plain.join("/a b").is_err());
    }

    #[test]
    fn loopback_by_name_and_address() {
        for (url, expected) in [
            ("http://localhost", true),
            ("http://a.localhost", true),
            ("http://127.8.9.1", true),
            ("http://[::1]", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://localhost.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().is_loopback(), expected, "{url}");
        }
    }
}
