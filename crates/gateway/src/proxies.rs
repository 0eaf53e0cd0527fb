//! Proxies in front: whose word about where a request comes from is believed.
//!
//! A proxy adds the address that it sees to the end of `X-Forwarded-For`. What stands before that, whoever sent the request
//! may have written. So the header is read from its end, as long as those who wrote it are trusted, and the first address
//! that is no proxy's is the client's. From anybody else the header is nothing.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
/// No way to a service has more proxies. What stands further from the end is not read.
const MAX_HOPS: usize = 16;

/// Networks of proxies that are believed. None unless an operator names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The client's address.
    pub(crate) address: IpAddr,
    /// Whether the client's connection is encrypted, up to us or to a proxy that is believed.
    pub(crate) encrypted: bool,
    /// The proxy at the other end of the connection, if it is believed.
    pub(crate) proxy: Option<IpAddr>,
}

impl TrustedProxies {
    /// Those in these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Where a request comes from that arrived over a connection from `from`.
    pub(crate) fn peer(&self, from: SocketAddr, encrypted: bool, headers: &HeaderMap) -> Peer {
        // A socket for both families shows IPv4 addresses inside of IPv6 ones, which no policy's network contains.
        let from = from.ip().to_canonical();
        if !self.trust(from) {
            return Peer { address: from, encrypted, proxy: None };
        }
        let encrypted = encrypted || is_https(headers);
        Peer { address: self.client(from, headers), encrypted, proxy: Some(from) }
    }

    /// The last address of the way that its writer can vouch for.
    fn client(&self, from: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = from;
        for entry in hops(headers).take(MAX_HOPS) {
            // A proxy that hides where it got the request from, or garbles it, is as far as we know the way.
            let Some(address) = entry.and_then(address) else { break };
            client = address;
            if !self.trust(address) {
                break;
            }
        }
        client
    }
}

/// The entries of the header, however many lines it has, from the last one on. Nothing for a line that is no text: what
/// stands before it cannot be counted.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<&str>> {
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    lines.flat_map(|line| {
        let text = line.to_str().ok();
        text.into_iter().flat_map(|text| text.rsplit(',').map(Some)).chain(text.is_none().then_some(None))
    })
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim_matches([' ', '\t']);
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let with_port = || entry.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse::<IpAddr>().or_else(|_| with_port()).ok().map(|address| address.to_canonical())
}

/// What the nearest proxy says about the connection that it got the request over.
fn is_https(headers: &HeaderMap) -> bool {
    let last = headers.get_all(FORWARDED_PROTO).iter().next_back().and_then(|line| line.to_str().ok());
    let last = last.and_then(|line| line.rsplit(',').next());
    last.is_some_and(|scheme| scheme.trim_matches([' ', '\t']).eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use http::HeaderValue;

    use super::*;

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"].map(|network| network.parse().unwrap()).into())
    }

    fn headers(name: &'static str, lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (name.parse().unwrap(), HeaderValue::from_bytes(line.as_bytes()).unwrap())).collect()
    }

    fn from(peer: &str, lines: &[&str]) -> String {
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        proxies().peer(peer, true, &headers(FORWARDED_FOR, lines)).address.to_string()
    }

    #[test]
    fn only_a_proxy_is_believed() {
        assert_eq!(from("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(from("10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(from("::ffff:10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(from("::ffff:203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        let nobody = TrustedProxies::default();
        let peer = nobody.peer("10.1.1.1:80".parse().unwrap(), false, &headers(FORWARDED_FOR, &["198.51.100.1"]));
        assert_eq!(peer, Peer { address: "10.1.1.1".parse().unwrap(), encrypted: false, proxy: None });
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_proxys() {
        for (lines, expected) in [
            (&["198.51.100.1"][..], "198.51.100.1"),
            // What a client writes stands first, whatever it writes.
            (&["10.0.0.1, 127.0.0.1, 203.0.113.66, 198.51.100.1"], "198.51.100.1"),
            (&["192.0.2.1,198.51.100.1 , 10.2.2.2,\t10.3.3.3"], "198.51.100.1"),
            (&["198.51.100.66", "198.51.100.1, 10.2.2.2", "192.0.2.1"], "198.51.100.1"),
            (&["2001:db8::1, fd00::7"], "2001:db8::1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["198.51.100.1:55555"], "198.51.100.1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            // Proxies all the way: the first of them is who asks.
            (&["10.9.9.9, 10.2.2.2"], "10.9.9.9"),
        ] {
            assert_eq!(from("10.1.1.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_ends_the_way_at_who_wrote_it() {
        for lines in [
            &[][..],
            &[""],
            &["unknown"],
            &["198.51.100.1, unknown"],
            &["198.51.100.1,"],
            &["198.51.100.1 198.51.100.2"],
            &["198.51.100.1/32"],
            &["0x0a.1.1.1"],
            &["198.51.100.1", "\u{fe}\u{ff}"],
        ] {
            assert_eq!(from("10.1.1.1", lines), "10.1.1.1", "{lines:?}");
        }
        assert_eq!(from("10.1.1.1", &["198.51.100.1, _hidden, 10.2.2.2"]), "10.2.2.2");
        let long = format!("198.51.100.1{}", ", 10.2.2.2".repeat(5000));
        assert_eq!(from("10.1.1.1", &[&long]), "10.2.2.2");
    }

    #[test]
    fn the_nearest_proxy_says_whether_the_client_came_by_tls() {
        let peer = |from: &str, encrypted: bool, lines: &[&str]| {
            proxies()
                .peer(SocketAddr::new(from.parse().unwrap(), 1), encrypted, &headers(FORWARDED_PROTO, lines))
                .encrypted
        };
        for (lines, expected) in [
            (&["https"][..], true),
            (&["HTTPS "], true),
            (&["https", "http"], false),
            (&["https,http"], false),
            (&[], false),
        ] {
            assert_eq!(peer("10.1.1.1", false, lines), expected, "{lines:?}");
        }
        assert!(!peer("203.0.113.9", false, &["https"]));
        assert!(peer("10.1.1.1", true, &["http"]), "up to the proxy it is");
    }
}
