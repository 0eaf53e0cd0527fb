//! The documented ways of pointing an unmodified agent at a service (spec agent-config §2), as an operator would take
//! them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

/// AWS's services that an agent talks to.
const SERVICES: [&str; 5] = ["ssm", "ssmmessages", "ec2messages", "logs", "kms"];
const REGION: &str = "us-east-1";

/// What is on the machine of a stock agent: its configuration file, its hosts file, its environment.
#[derive(Clone, Debug)]
pub struct StockAgentSetup {
    /// `amazon-ssm-agent.json`; none if there is no such file.
    pub config: Option<Value>,
    /// Lines for `/etc/hosts`.
    pub hosts: Vec<String>,
    /// Variables of the service unit.
    pub environment: Vec<(String, String)>,
}

impl StockAgentSetup {
    /// Way B: one endpoint for everything that has a key.
    pub fn endpoints(endpoint: &str) -> Self {
        Self::configured(json!({
            "Profile": {"ShareCreds": false},
            "Ssm": {"Endpoint": endpoint},
            "Mds": {"Endpoint": endpoint},
            "Mgs": {"Endpoint": endpoint},
            "Kms": {"Endpoint": endpoint},
            "Agent": {"Region": REGION, "TelemetryMetricsToSSM": false},
            "Identity": {"ConsumptionOrder": ["OnPrem"]},
        }))
    }

    /// Way A: `<service>.<region>.<domain>` on port 443 of `address`.
    pub fn service_domain(domain: &str, address: IpAddr) -> Self {
        let mut setup = Self::configured(json!({
            "Agent": {"Region": REGION, "ServiceDomain": domain, "TelemetryMetricsToSSM": false},
            "Identity": {"ConsumptionOrder": ["OnPrem"]},
        }));
        setup.hosts = vec![hosts_line(domain, address)];
        setup
    }

    /// Way C: no configuration; AWS's own names lead to port 443 of `address`.
    pub fn names_of_aws(address: IpAddr) -> Self {
        Self { config: None, hosts: vec![hosts_line("amazonaws.com", address)], environment: environment() }
    }

    /// Way D: no configuration; an HTTPS proxy leads AWS's own names elsewhere.
    pub fn proxy(proxy: SocketAddr) -> Self {
        let mut environment = environment();
        environment.push(("https_proxy".to_string(), format!("http://{proxy}")));
        Self { config: None, hosts: Vec::new(), environment }
    }

    /// Changes the configuration file, of a setup that has one.
    pub fn configure(&mut self, change: impl FnOnce(&mut Value)) {
        change(self.config.as_mut().expect("this setup has a configuration file"));
    }

    fn configured(config: Value) -> Self {
        Self { config: Some(config), hosts: Vec::new(), environment: environment() }
    }
}

/// A loopback address that belongs to this process alone, so that the ports below 1024 are free there.
pub fn private_loopback() -> Ipv4Addr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | (high & 1) << 5 | middle >> 3, middle << 5 | low >> 3, (low & 7) << 5 | 1)
}

/// The names under which a service must be known to be reached in this way.
pub fn names_under(domain: &str) -> Vec<String> {
    SERVICES.map(|service| format!("{service}.{REGION}.{domain}")).to_vec()
}

fn hosts_line(domain: &str, address: IpAddr) -> String {
    format!("{address} {}", names_under(domain).join(" "))
}

fn environment() -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
    // Its own home, because it writes credentials there; its private /home has room.
    vec![pair("NO_PROXY", "localhost,127.0.0.1"), pair("HOME", "/home")]
}
