//! The agent's own say about destinations.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::address::{Kind, canonical, embedded, refused};
use super::{Allowed, Host, Patterns};

/// What the agent's settings say about forwarding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ForwardPolicy {
    /// Setting `forward_remote_hosts`.
    pub(crate) remote_hosts: bool,
    /// Setting `forward_allow`.
    pub(crate) allow: Patterns,
    /// Setting `forward_deny`.
    pub(crate) deny: Patterns,
    /// Where to change them.
    pub(crate) settings_file: String,
}

impl Default for ForwardPolicy {
    fn default() -> Self {
        Self {
            remote_hosts: true,
            allow: Patterns::default(),
            deny: Patterns::default(),
            settings_file: "agent.toml".to_owned(),
        }
    }
}

/// A destination that may not be connected to. The first words are the stock agent's (spec session-types §6.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Forbidden {
    #[error("Forwarding to IP address {host} is forbidden.")]
    Always { host: Host },
    #[error("Forwarding to IP address {host} is forbidden: the node itself is localhost, or no host at all.")]
    Loopback { host: Host },
    #[error("Forwarding to IP address {host} is forbidden: {setting} in {file} does not allow {host}:{port}.")]
    Setting { host: Host, port: u16, setting: &'static str, file: String },
}

impl ForwardPolicy {
    /// Judges one address that a host has.
    pub(super) fn judge(&self, host: &Host, address: SocketAddr) -> Result<Allowed, Forbidden> {
        let port = address.port();
        let ip = canonical(address.ip());
        let by_setting =
            |setting| Forbidden::Setting { host: host.clone(), port, setting, file: self.settings_file.clone() };
        let carried = match ip {
            IpAddr::V4(_) => [None; 6],
            IpAddr::V6(ip) => embedded(ip),
        };
        let mut faces = std::iter::once(ip).chain(carried.into_iter().flatten().map(IpAddr::V4));
        if faces.any(|face| self.deny.matches(host, port, face)) {
            return Err(by_setting("forward_deny"));
        }
        if *host == Host::Node {
            if !ip.is_loopback() {
                return Err(Forbidden::Always { host: host.clone() });
            }
        } else {
            if !self.remote_hosts {
                return Err(by_setting("forward_remote_hosts"));
            }
            if let Some(kind) = refused(ip)
                && !self.allow.matches_refused(port, ip)
            {
                let host = host.clone();
                return Err(if kind == Kind::Loopback {
                    Forbidden::Loopback { host }
                } else {
                    Forbidden::Always { host }
                });
            }
        }
        if !self.allow.is_empty() && !self.allow.matches(host, port, ip) {
            return Err(by_setting("forward_allow"));
        }
        // A zone would lead to a neighbour on a link of the peer's choice; what may be reached needs none.
        Ok(Allowed(SocketAddr::new(ip, port)))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    fn policy(remote_hosts: bool, allow: &str, deny: &str) -> ForwardPolicy {
        ForwardPolicy {
            remote_hosts,
            allow: allow.parse().unwrap(),
            deny: deny.parse().unwrap(),
            settings_file: "/etc/postern/agent.toml".to_owned(),
        }
    }

    fn judge(policy: &ForwardPolicy, host: &str, address: &str) -> Result<Allowed, String> {
        policy.judge(&Host::read(host).unwrap(), address.parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_node_and_other_hosts_are_judged_by_what_is_connected_to() {
        let usual = policy(true, "", "");
        assert!(judge(&usual, "", "127.0.0.1:80").is_ok());
        assert!(judge(&usual, "localhost", "[::1]:80").is_ok());
        assert!(judge(&usual, "db", "10.0.0.1:5432").is_ok());
        let error = judge(&usual, "db", "169.254.169.254:80").unwrap_err();
        assert_eq!(error, "Forwarding to IP address db is forbidden.");
        let error = judge(&usual, "127.0.0.1", "127.0.0.1:80").unwrap_err();
        assert!(error.starts_with("Forwarding to IP address 127.0.0.1 is forbidden: ") && error.contains("localhost"));
        assert!(judge(&usual, "", "10.0.0.1:80").is_err(), "the node is where the node is");
        assert_eq!(judge(&usual, "db", "[::ffff:10.0.0.1]:1").unwrap().0, "10.0.0.1:1".parse().unwrap());
    }

    #[test]
    fn settings_allow_and_deny_more() {
        let local = policy(false, "", "");
        assert!(judge(&local, "", "127.0.0.1:80").is_ok());
        let error = judge(&local, "db", "10.0.0.1:80").unwrap_err();
        assert!(error.contains("forward_remote_hosts in /etc/postern/agent.toml does not allow db:80"), "{error}");

        let only = policy(true, "localhost:5432, 10.0.0.0/8:443, 169.254.169.254:80", "10.0.0.9");
        assert!(judge(&only, "", "127.0.0.1:5432").is_ok() && judge(&only, "", "127.0.0.1:22").is_err());
        assert!(judge(&only, "x", "10.0.0.1:443").is_ok() && judge(&only, "x", "10.0.0.1:80").is_err());
        assert!(judge(&only, "x", "169.254.169.254:80").is_ok() && judge(&only, "x", "169.254.169.253:80").is_err());
        assert!(judge(&only, "x", "10.0.0.9:443").unwrap_err().contains("forward_deny"));
        assert!(judge(&only, "x", "[64:ff9b::a00:9]:443").unwrap_err().contains("forward_deny"), "through a gateway");
        assert!(judge(&policy(true, "*", ""), "x", "169.254.169.254:80").is_err(), "all is not everything");
    }
}
