//! `posternd check`: everything that the settings name, looked at without changing it.

use std::io;

use postern_transport::{SystemEntropy, listen, tls};

use crate::audit;
use crate::config::{Config, UpstreamConfig};
use crate::data_dir::{DataDir, DataDirError};
use crate::upstream::probe;

/// One thing, and whether the service could use it.
pub(crate) struct Finding {
    /// The setting or the thing.
    pub(crate) what: &'static str,
    /// A note, or a sentence with the cause and the fix.
    pub(crate) outcome: Result<String, String>,
}

/// Looks at all of them.
pub(crate) async fn findings(config: &Config) -> Vec<Finding> {
    let mut findings = vec![
        Finding { what: "data_dir", outcome: data_dir(config) },
        Finding { what: "listen", outcome: address(config) },
    ];
    if config.plain_http || !config.trusted_proxies.0.is_empty() {
        findings.push(Finding { what: "trusted_proxies", outcome: Ok(proxies(config)) });
    }
    if let (Some(chain), Some(key)) = (&config.tls_certificate, &config.tls_key) {
        let loaded = tls::server_config_from_files(chain, key).map_err(|error| error.to_string());
        findings.push(Finding {
            what: "tls_certificate",
            outcome: loaded.map(|_| format!("{} goes with its key", chain.display())),
        });
    }
    let upstreams = [("kms_endpoint", config.kms_upstream()), ("logs_endpoint", config.logs_upstream())];
    for (what, upstream) in upstreams {
        // That the settings fit together was checked when they were read.
        if let Ok(Some(upstream)) = upstream {
            findings.push(Finding { what, outcome: service(upstream).await });
        }
    }
    if let Some(path) = &config.audit_file {
        findings.push(Finding { what: "audit_file", outcome: audit::File::check(path) });
    }
    if let Some(file) = &config.audit_webhook_secret_file {
        let outcome = audit::secret(file).map(|_| format!("{} has a secret", file.display()));
        findings.push(Finding { what: "audit_webhook_secret_file", outcome });
    }
    if let Some(url) = &config.audit_webhook {
        findings.push(Finding { what: "audit_webhook", outcome: audit::Webhook::check(url).await });
    }
    findings
}

fn data_dir(config: &Config) -> Result<String, String> {
    let said = |error: DataDirError| error.to_string();
    let data = DataDir::open(&config.data_dir).map_err(said)?;
    // Reading it makes it where there is none, as the first start would.
    match data.key("root.key").exists() {
        true => data.root_key(&SystemEntropy).map(|_| format!("{}", data.path().display())).map_err(said),
        false => Ok(format!("{}, whose keys are made by the first start", data.path().display())),
    }
}

fn address(config: &Config) -> Result<String, String> {
    match listen(&config.listen.to_string()) {
        Ok(_) => Ok(format!("{} is free", config.listen)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Ok(format!("{} is in use, which is right if the service is running", config.listen))
        }
        Err(error) => Err(format!("{} cannot be listened on: {error}; choose another address", config.listen)),
    }
}

/// They cannot be asked; what the settings mean can be said.
fn proxies(config: &Config) -> String {
    let networks: Vec<String> = config.trusted_proxies.0.iter().map(ToString::to_string).collect();
    match networks.is_empty() {
        true => "nobody is one: behind a proxy, every request comes from the proxy's address (aws:SourceIp)".to_owned(),
        false => format!("X-Forwarded-For counts from {}", networks.join(", ")),
    }
}

async fn service(upstream: UpstreamConfig) -> Result<String, String> {
    let endpoint = upstream.endpoint.to_string();
    let told = |text: String| format!("{endpoint}: {text}");
    probe(upstream).await.map(|note| told(note.to_owned())).map_err(told)
}
