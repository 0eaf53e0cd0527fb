//! Whom a TLS connection believes: the public web's authorities, a CA file, or one CA by fingerprint.
//!
//! There is no way to switch the checks off, and nothing is trusted on first use.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// A distribution's whole bundle has about 220 KiB.
const MAX_CA_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Whose certificates are believed.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// The certificate authorities of the public web (Mozilla's list, compiled in).
    #[default]
    WebPki,
    /// The certificates in a PEM file, and only those. Read when the first connection needs it.
    CaFile(PathBuf),
    /// The certificates in this PEM text, and only those.
    CaPem(Vec<u8>),
    /// The CA with this fingerprint, which the server must send as part of its chain. The chain up
    /// to it, its dates and the server's name are checked as with any other CA.
    Fingerprint(Fingerprint),
}

/// SHA-256 of a certificate's DER form. Written `SHA256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// Trust that cannot be established from what was given.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file cannot be read.
    #[error("the CA file {} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no certificate in it.
    #[error("{what} holds no certificate; it must be PEM text with BEGIN CERTIFICATE lines")]
    Empty {
        /// The file, or "the CA text".
        what: String,
    },
    /// A certificate in it cannot be used.
    #[error("{what} holds a certificate that cannot be used as CA: {reason}")]
    Certificate {
        /// The file, or "the CA text".
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate or private key for serving cannot be used.
    #[error("the server's certificate and key cannot be used: {reason}")]
    Server {
        /// What is wrong with them.
        reason: String,
    },
    /// The text is no fingerprint.
    #[error("a CA fingerprint is written SHA256: and 64 hexadecimal digits")]
    Fingerprint,
}

impl Trust {
    /// Trust from the variables that AWS's tools and OpenSSL read: `AWS_CA_BUNDLE`, then
    /// `SSL_CERT_FILE`; the public web when neither is set. For programs that promise to honour them.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var_os(name).map(PathBuf::from))
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<PathBuf>) -> Self {
        ["AWS_CA_BUNDLE", "SSL_CERT_FILE"]
            .into_iter()
            .find_map(|name| lookup(name).filter(|path| !path.as_os_str().is_empty()))
            .map_or(Self::WebPki, Self::CaFile)
    }

    /// The verifier that acts on it. Reads the CA file.
    pub(crate) fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TrustError> {
        let (roots, what) = match self {
            Self::WebPki => {
                let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
                (roots, String::new())
            }
            Self::CaFile(path) => {
                let what = format!("the CA file {}", path.display());
                (roots_of_pem(&read_bounded(path)?, &what)?, what)
            }
            Self::CaPem(pem) => {
                let what = "the CA text".to_owned();
                (roots_of_pem(pem, &what)?, what)
            }
            Self::Fingerprint(fingerprint) => {
                return Ok(Arc::new(FingerprintVerifier { fingerprint: *fingerprint, provider: provider.clone() }));
            }
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|error| TrustError::Certificate { what, reason: error.to_string() })?;
        Ok(verifier)
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, TrustError> {
    let read = || {
        let mut pem = Vec::new();
        let taken = File::open(path)?.take(MAX_CA_FILE_BYTES + 1).read_to_end(&mut pem)?;
        if taken as u64 > MAX_CA_FILE_BYTES {
            return Err(std::io::Error::other("it is larger than 4 MiB"));
        }
        Ok(pem)
    };
    read().map_err(|source| TrustError::Read { path: path.to_owned(), source })
}

fn roots_of_pem(pem: &[u8], what: &str) -> Result<RootCertStore, TrustError> {
    let unusable = |reason: String| TrustError::Certificate { what: what.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    let mut last_error = None;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        // A system's bundle may hold an oddity that nobody needs; it is no reason to trust nobody.
        if let Err(error) = roots.add(certificate) {
            last_error = Some(error);
        }
    }
    match (roots.is_empty(), last_error) {
        (false, _) => Ok(roots),
        (true, Some(error)) => Err(unusable(error.to_string())),
        (true, None) => Err(TrustError::Empty { what: what.to_owned() }),
    }
}

impl Fingerprint {
    /// The fingerprint of a certificate in DER form.
    #[must_use]
    pub fn of_der(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// The fingerprint of the first certificate in a PEM text.
    ///
    /// # Errors
    /// There is no certificate in it.
    pub fn of_pem(pem: &[u8]) -> Result<Self, TrustError> {
        match CertificateDer::pem_slice_iter(pem).next() {
            Some(Ok(certificate)) => Ok(Self::of_der(&certificate)),
            _ => Err(TrustError::Empty { what: "the CA text".to_owned() }),
        }
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

/// Accepts colons between the digits and a missing `SHA256:`, as other tools print it.
impl FromStr for Fingerprint {
    type Err = TrustError;

    fn from_str(text: &str) -> Result<Self, TrustError> {
        let text = text.trim();
        let digits = match text.get(..7) {
            Some(prefix) if prefix.eq_ignore_ascii_case("SHA256:") => &text[7..],
            _ => text,
        };
        let mut digits = digits.bytes().filter(|byte| *byte != b':');
        let mut digest = [0; 32];
        let mut next = || digits.next().and_then(|byte| char::from(byte).to_digit(16));
        for byte in &mut digest {
            let (Some(high), Some(low)) = (next(), next()) else {
                return Err(TrustError::Fingerprint);
            };
            *byte = u8::try_from(high * 16 + low).map_err(|_| TrustError::Fingerprint)?;
        }
        if digits.next().is_some() { Err(TrustError::Fingerprint) } else { Ok(Self(digest)) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SHA256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The server's chain holds no certificate with the fingerprint we were told.
#[derive(Debug, Error)]
#[error("no certificate of the chain has the fingerprint {expected}")]
pub(crate) struct FingerprintMissing {
    expected: Fingerprint,
}

/// Finds the CA by fingerprint among the certificates sent, then checks the chain up to it.
#[derive(Debug)]
struct FingerprintVerifier {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for FingerprintVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // The server's own certificate is left out on purpose: a fingerprint names a CA, and pinning
        // a leaf would skip the checks of name and dates that a CA's signature stands for.
        let ca = intermediates
            .iter()
            .find(|certificate| Fingerprint::of_der(certificate) == self.fingerprint)
            .ok_or_else(|| {
                let missing = FingerprintMissing { expected: self.fingerprint };
                CertificateError::Other(OtherError(Arc::new(missing)))
            })?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fingerprints_are_read_as_they_are_written_and_as_openssl_writes_them() {
        let fingerprint = Fingerprint::of_der(b"certificate");
        let written = fingerprint.to_string();
        assert_eq!(written.len(), "SHA256:".len() + 64);
        let pairs: Vec<&str> = (7..71).step_by(2).map(|at| &written[at..at + 2]).collect();
        let with_colons = format!("sha256:{}", pairs.join(":").to_uppercase());
        for text in [&written, &written[7..], &with_colons, &format!(" {written}\n")] {
            assert_eq!(text.parse::<Fingerprint>().unwrap(), fingerprint, "{text}");
        }
        for text in ["", "SHA256:", &written[..70], &format!("{written}0"), "SHA256:zz", "é"] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_environment_names_the_ca_file() {
        let trust = |set: &[(&str, &str)]| {
            Trust::from_lookup(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value)))
        };
        let both = trust(&[("SSL_CERT_FILE", "/ssl"), ("AWS_CA_BUNDLE", "/aws")]);
        assert!(matches!(both, Trust::CaFile(path) if path == Path::new("/aws")));
        let one = trust(&[("SSL_CERT_FILE", "/ssl"), ("AWS_CA_BUNDLE", "")]);
        assert!(matches!(one, Trust::CaFile(path) if path == Path::new("/ssl")));
        assert!(matches!(trust(&[]), Trust::WebPki));
    }

    #[test]
    fn unusable_authorities_are_named() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let error = |trust: Trust| trust.verifier(&provider).unwrap_err().to_string();
        let missing = error(Trust::CaFile("/nonexistent/ca.pem".into()));
        assert!(missing.contains("/nonexistent/ca.pem cannot be read"), "{missing}");
        let empty = error(Trust::CaPem(b"nothing here".to_vec()));
        assert!(empty.contains("BEGIN CERTIFICATE"), "{empty}");
        let garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
        let garbage = error(Trust::CaPem(garbage));
        assert!(garbage.contains("cannot be used as CA"), "{garbage}");
        assert!(Trust::WebPki.verifier(&provider).is_ok());
    }
}
