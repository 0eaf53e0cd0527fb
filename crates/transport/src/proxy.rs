//! The proxy that the environment names, and for whom it is left out.
//!
//! Every connection through a proxy is a CONNECT tunnel, plain HTTP included: one way of speaking
//! to proxies, and the proxy sees no requests. What this refuses to do: proxies that are themselves
//! spoken to by TLS or SOCKS; the error says so.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use thiserror::Error;

use crate::endpoint::{Endpoint, split_port};

/// Which proxy is used for which peer. The default uses none.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    /// For `https` and `wss`.
    tls: Setting,
    /// For `http` and `ws`.
    plain: Setting,
    bypass: Vec<Bypass>,
}

/// A mistake in a variable is kept until a connection would need it, so that a wrong proxy setting
/// does not stand in the way of loopback.
type Setting = Option<Result<ProxyServer, ProxyError>>;

/// A proxy to send CONNECT to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ProxyServer {
    host: String,
    port: u16,
    /// The value of `Proxy-Authorization`.
    authorization: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Bypass {
    Everything,
    /// The name itself and every name below it.
    Domain(String, Option<u16>),
    /// Only names below it (written with a leading dot).
    Subdomains(String, Option<u16>),
    Network(IpAddr, u8),
    Address(IpAddr, Option<u16>),
}

/// A proxy that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The variable's value is no proxy.
    #[error("the variable {variable} names no usable proxy: {reason}")]
    Setting {
        /// The environment variable.
        variable: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The proxy is there but does not let us through.
    #[error("the proxy {proxy} refused a tunnel to {authority}: {answer}")]
    Refused {
        /// Host and port of the proxy.
        proxy: String,
        /// Host and port behind it.
        authority: String,
        /// The status line of its answer, or what is wrong with it.
        answer: String,
    },
}

impl ProxyError {
    pub(crate) fn is_setting(&self) -> bool {
        matches!(self, Self::Setting { .. })
    }
}

impl Proxy {
    /// Never a proxy.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say; the lower-case spelling wins.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// As [`Proxy::from_env`], from another source of variables.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let value = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| {
                let text = lookup(name)?;
                (!text.trim().is_empty()).then(|| (name, text.trim().to_owned()))
            })
        };
        let setting = |names| {
            value(names)
                .map(|(variable, text)| parse_proxy(&text).map_err(|reason| ProxyError::Setting { variable, reason }))
        };
        Self {
            tls: setting(["https_proxy", "HTTPS_PROXY"]),
            plain: setting(["http_proxy", "HTTP_PROXY"]),
            bypass: value(["no_proxy", "NO_PROXY"])
                .map(|(_, text)| text.split(',').filter_map(parse_bypass).collect())
                .unwrap_or_default(),
        }
    }

    /// The proxy on the way to `endpoint`. Loopback is never proxied.
    pub(crate) fn server_for(&self, endpoint: &Endpoint) -> Result<Option<&ProxyServer>, ProxyError> {
        let setting = if endpoint.is_tls() { &self.tls } else { &self.plain };
        let Some(setting) = setting else { return Ok(None) };
        if endpoint.is_loopback() || self.bypass.iter().any(|bypass| bypass.matches(endpoint)) {
            return Ok(None);
        }
        setting.as_ref().map(Some).map_err(Clone::clone)
    }
}

impl ProxyServer {
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The password stays out of it.
impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Bypass {
    fn matches(&self, endpoint: &Endpoint) -> bool {
        let port_is = |port: &Option<u16>| port.is_none_or(|port| port == endpoint.port());
        let below = |domain: &str| endpoint.host().strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        match self {
            Self::Everything => true,
            Self::Domain(name, port) => port_is(port) && (endpoint.host() == name || below(name)),
            Self::Subdomains(name, port) => port_is(port) && below(name),
            Self::Address(address, port) => port_is(port) && endpoint.ip() == Some(*address),
            Self::Network(network, bits) => endpoint.ip().is_some_and(|address| is_within(address, *network, *bits)),
        }
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => (u128::from(a.to_bits()), u128::from(n.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits(), 128),
        _ => return false,
    };
    let ignored = width - u32::from(bits);
    address.checked_shr(ignored).unwrap_or(0) == network.checked_shr(ignored).unwrap_or(0)
}

fn parse_proxy(text: &str) -> Result<ProxyServer, &'static str> {
    let rest = match text.split_once("://") {
        None => text,
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
            return Err("TLS to the proxy itself is not supported; write it as http://host:port \
                        (what goes through it is encrypted all the same)");
        }
        Some(_) => return Err("only HTTP proxies are supported; write it as http://host:port"),
    };
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, authority) = match rest.rsplit_once('@') {
        Some((user, authority)) => (Some(user), authority),
        None => (None, rest),
    };
    let (host, port) = split_port(authority)?;
    let authorization = user.map(|user| format!("Basic {}", BASE64_STANDARD.encode(percent_decoded(user))));
    Ok(ProxyServer { host, port: port.unwrap_or(80), authorization })
}

/// Unknown escapes stay as they are, as curl does.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then_some(()).and_then(|()| {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        match escaped {
            Some(decoded) => {
                out.push(decoded);
                rest = &after[2..];
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}

/// What cannot be read matches nothing; one odd entry must not send everything through the proxy.
fn parse_bypass(entry: &str) -> Option<Bypass> {
    let entry = entry.trim();
    if entry == "*" {
        return Some(Bypass::Everything);
    }
    if let Some((address, bits)) = entry.split_once('/') {
        let (address, bits) = (address.parse::<IpAddr>().ok()?, bits.parse::<u8>().ok()?);
        let width = if address.is_ipv4() { 32 } else { 128 };
        return (bits <= width).then_some(Bypass::Network(address, bits));
    }
    if let Ok(address) = entry.parse() {
        return Some(Bypass::Address(address, None));
    }
    let (written, below_only) = match entry.strip_prefix("*.").or(entry.strip_prefix('.')) {
        Some(rest) => (rest, true),
        None => (entry, false),
    };
    let (host, port) = split_port(written).ok()?;
    Some(match host.parse() {
        Ok(address) => Bypass::Address(address, port),
        Err(_) if below_only => Bypass::Subdomains(host, port),
        Err(_) => Bypass::Domain(host, port),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn proxy(variables: &[(&str, &str)]) -> Proxy {
        Proxy::from_lookup(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    fn chosen(proxy: &Proxy, url: &str) -> Option<String> {
        proxy.server_for(&Endpoint::parse(url).unwrap()).unwrap().map(ToString::to_string)
    }

    #[test]
    fn the_scheme_chooses_the_variable_and_lower_case_wins() {
        let proxy = proxy(&[
            ("HTTPS_PROXY", "http://upper:1"),
            ("https_proxy", "http://lower:2"),
            ("HTTP_PROXY", "plain:3128"),
        ]);
        assert_eq!(chosen(&proxy, "https://a.example").as_deref(), Some("lower:2"));
        assert_eq!(chosen(&proxy, "wss://a.example").as_deref(), Some("lower:2"));
        assert_eq!(chosen(&proxy, "http://a.example").as_deref(), Some("plain:3128"));
        assert_eq!(chosen(&proxy, "ws://a.example").as_deref(), Some("plain:3128"));
    }

    #[test]
    fn loopback_is_never_proxied() {
        let proxy = proxy(&[("HTTP_PROXY", "p:1"), ("HTTPS_PROXY", "socks5://p:1")]);
        for url in ["http://127.0.0.1:8022", "http://localhost", "https://[::1]:8443"] {
            assert_eq!(chosen(&proxy, url), None, "{url}");
        }
    }

    #[test]
    fn exceptions() {
        let no_proxy = "corp.example, .sub.example,10.0.0.0/8,192.0.2.7,[2001:db8::1]:8443,\
                        2001:db8:1::/48,h.example:8443,,bad host,1.2.3.4/99";
        let proxy = proxy(&[("HTTPS_PROXY", "p:1"), ("NO_PROXY", no_proxy)]);
        for (url, direct) in [
            ("https://corp.example", true),
            ("https://a.corp.example", true),
            ("https://xcorp.example", false),
            ("https://a.sub.example", true),
            ("https://sub.example", false),
            ("https://10.200.3.4", true),
            ("https://11.0.0.1", false),
            ("https://192.0.2.7:9", true),
            ("https://192.0.2.8", false),
            ("https://[2001:db8::1]:8443", true),
            ("https://[2001:db8::1]", false),
            ("https://[2001:db8:1:2::3]", true),
            ("https://h.example:8443", true),
            ("https://h.example", false),
            ("https://1.2.3.4", false),
        ] {
            assert_eq!(chosen(&proxy, url).is_none(), direct, "{url}");
        }
        let everything = self::proxy(&[("HTTPS_PROXY", "p:1"), ("no_proxy", "*")]);
        assert_eq!(chosen(&everything, "https://a.example"), None);
    }

    #[test]
    fn a_wrong_setting_is_an_error_only_where_it_would_be_used() {
        for (value, fix) in [
            ("https://p:1", "write it as http://host:port"),
            ("socks5://p:1", "only HTTP proxies"),
            ("http://p:99999", "from 1 to 65535"),
            ("http://", "no host"),
        ] {
            let proxy = proxy(&[("HTTPS_PROXY", value)]);
            let error = proxy.server_for(&Endpoint::parse("https://a").unwrap()).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("HTTPS_PROXY") && error.contains(fix), "{error}");
            assert_eq!(chosen(&proxy, "http://a"), None);
        }
    }

    #[test]
    fn user_and_password_become_a_header_and_are_never_printed() {
        let proxy = proxy(&[("HTTPS_PROXY", "http://us%65r:p%40ss%zz@p:1/")]);
        let endpoint = Endpoint::parse("https://a").unwrap();
        let server = proxy.server_for(&endpoint).unwrap().unwrap();
        let expected = format!("Basic {}", BASE64_STANDARD.encode("user:p@ss%zz"));
        assert_eq!(server.authorization(), Some(expected.as_str()));
        assert!(!format!("{proxy:?}").contains("p@ss"));
        assert!(!format!("{proxy:?}").contains("Basic"));
    }

    #[test]
    fn widest_networks() {
        let proxy = proxy(&[("HTTPS_PROXY", "p:1"), ("NO_PROXY", "0.0.0.0/0")]);
        assert_eq!(chosen(&proxy, "https://8.8.8.8"), None);
        assert!(chosen(&proxy, "https://[2001:db8::1]").is_some());
    }
}
