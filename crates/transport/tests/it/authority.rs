//! A certificate authority for one test.

use std::sync::Arc;

use postern_transport::{Fingerprint, tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    pub(crate) fn pem(&self) -> Vec<u8> {
        self.issuer.pem().into_bytes()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_der(self.issuer.der())
    }

    /// A server for `name` that sends its own certificate and the authority's.
    pub(crate) fn server(&self, name: &str) -> Arc<ServerConfig> {
        self.server_with(CertificateParams::new(vec![name.to_owned()]).unwrap(), true)
    }

    pub(crate) fn server_with(&self, params: CertificateParams, sends_authority: bool) -> Arc<ServerConfig> {
        let authority = if sends_authority { self.pem() } else { Vec::new() };
        self.server_sending(params, &authority)
    }

    /// A server that sends its own certificate, signed by this authority, and `rest`.
    pub(crate) fn server_sending(&self, params: CertificateParams, rest: &[u8]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap().pem();
        tls::server_config(&[leaf.as_bytes(), rest].concat(), key.serialize_pem().as_bytes()).unwrap()
    }
}
