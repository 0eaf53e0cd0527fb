//! TLS settings for both sides: ring only, versions 1.2 and 1.3, and nothing kept for resumption.
//!
//! Connections live for days and are counted by the ten thousand, so tickets and session stores
//! would cost memory and gain nothing.

use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, ServerConfig};

use crate::trust::{Trust, TrustError};

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Settings for connecting to servers that `trust` covers. Reads the CA file.
///
/// # Errors
/// The CA cannot be read or used.
pub fn client_config(trust: &Trust) -> Result<Arc<ClientConfig>, TrustError> {
    let provider = provider();
    let verifier = trust.verifier(&provider)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        // "dangerous" is rustls's word for any verifier that is not its default; ours ends in the
        // same WebPKI checks of chain, dates and name.
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Settings for serving with a certificate chain and its private key, both PEM. The CA belongs at
/// the end of the chain: nodes that know it by fingerprint look for it there.
///
/// # Errors
/// There is no certificate, no key, or they do not belong together.
pub fn server_config(chain_pem: &[u8], key_pem: &[u8]) -> Result<Arc<ServerConfig>, TrustError> {
    let unusable = |reason: String| TrustError::Server { reason };
    let chain = CertificateDer::pem_slice_iter(chain_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(format!("the certificate is no PEM text ({error})")))?;
    if chain.is_empty() {
        return Err(unusable("there is no BEGIN CERTIFICATE in the certificate file".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem)
        .map_err(|error| unusable(format!("the key file holds no PEM private key ({error})")))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| unusable(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// As [`server_config`], from files.
///
/// # Errors
/// A file cannot be read, or as [`server_config`].
pub fn server_config_from_files(chain: &Path, key: &Path) -> Result<Arc<ServerConfig>, TrustError> {
    let read = |path: &Path| {
        std::fs::read(path)
            .map_err(|error| TrustError::Server { reason: format!("{} cannot be read: {error}", path.display()) })
    };
    server_config(&read(chain)?, &read(key)?)
}
