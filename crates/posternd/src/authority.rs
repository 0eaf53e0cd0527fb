//! The built-in certificate authority: one per data folder, and the server certificate it signs.
//!
//! It signs for nobody else. Nodes and clients are told the authority (file or fingerprint) by a person; nothing here
//! is trusted on first use.

use std::net::IpAddr;

use postern_protocol::Now;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use crate::data_dir::{DataDir, DataDirError, read_optional, write_private, write_public};

const AUTHORITY_DAYS: i64 = 3_650;
/// Below the 398 days that browsers and Apple's libraries take for a server certificate.
const SERVER_DAYS: i64 = 397;
const RENEW_BEFORE_DAYS: i64 = 30;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The files are missing, unreadable or damaged.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A name cannot stand in a certificate.
    #[error("cannot make a certificate for {names}: {cause}; mend `names`")]
    Names { names: String, cause: rcgen::Error },
    /// The signing failed.
    #[error("cannot sign a certificate: {0}")]
    Sign(#[from] rcgen::Error),
}

/// A certificate chain and its key, as PEM.
#[derive(Clone, Serialize, Deserialize)]
pub struct ServerCertificate {
    /// The leaf, then the authority: a node that knows only the authority's fingerprint needs to be shown it.
    pub chain_pem: String,
    /// PKCS #8.
    pub key_pem: String,
    names: Vec<String>,
    expires_unix_seconds: i64,
}

/// The authority of one data folder.
pub struct Authority {
    certificate_pem: String,
    key: KeyPair,
}

impl Authority {
    /// Reads the authority of the folder, or makes it.
    ///
    /// # Errors
    /// The files cannot be read or written, or are damaged.
    pub fn open_or_create(data: &DataDir, now: Now) -> Result<Self, AuthorityError> {
        let key_path = data.key("ca.key");
        let key = match read_optional(&key_path)? {
            Some(pem) => key_from_pem(&pem).map_err(|what| DataDirError::Damaged { path: key_path, what })?,
            None => {
                let key = KeyPair::generate()?;
                write_private(&key_path, key.serialize_pem().as_bytes())?;
                key
            }
        };
        let path = data.authority_certificate();
        let certificate_pem = match read_optional(&path)? {
            Some(pem) => {
                String::from_utf8(pem).map_err(|_| DataDirError::Damaged { path, what: "it is not PEM".into() })?
            }
            None => {
                let pem = authority_params(&key, now).self_signed(&key)?.pem();
                write_public(&path, pem.as_bytes())?;
                pem
            }
        };
        Ok(Self { certificate_pem, key })
    }

    /// The authority's own certificate, to be handed to nodes and clients.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The server certificate for these names, renewed when it nears its end or the names have changed.
    ///
    /// # Errors
    /// A name cannot stand in a certificate, or the file cannot be written.
    pub fn server_certificate(
        &self,
        data: &DataDir,
        names: &[String],
        now: Now,
    ) -> Result<ServerCertificate, AuthorityError> {
        let path = data.key("server.json");
        let renew_from = unix_seconds(now) + RENEW_BEFORE_DAYS * 86_400;
        if let Some(bytes) = read_optional(&path)?
            && let Ok(kept) = serde_json::from_slice::<ServerCertificate>(&bytes)
            && kept.names == names
            && kept.expires_unix_seconds > renew_from
        {
            return Ok(kept);
        }
        let issued = self.issue(names, now)?;
        let json = serde_json::to_vec(&issued).expect("strings and a number are JSON");
        write_private(&path, &json)?;
        Ok(issued)
    }

    fn issue(&self, names: &[String], now: Now) -> Result<ServerCertificate, AuthorityError> {
        let mut params =
            CertificateParams::new(names).map_err(|cause| AuthorityError::Names { names: names.join(", "), cause })?;
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = names.first() {
            params.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        params.not_before = days_from(now, -1);
        params.not_after = days_from(now, SERVER_DAYS);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        // Its own parameters are a function of its key (and dates, which do not matter here), so nothing of the
        // authority's certificate has to be parsed to sign in its name.
        let issuer = Issuer::new(authority_params(&self.key, now), &self.key);
        let leaf = params.signed_by(&key, &issuer)?;
        Ok(ServerCertificate {
            chain_pem: format!("{}{}", leaf.pem(), self.certificate_pem),
            key_pem: key.serialize_pem(),
            names: names.to_vec(),
            expires_unix_seconds: params.not_after.unix_timestamp(),
        })
    }
}

/// The names a server certificate gets: what the operator wrote, localhost, and loopback or the listening address.
pub fn server_names(configured: &[String], listening: Option<IpAddr>) -> Vec<String> {
    let always = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let listening = listening.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
    let mut names: Vec<String> = Vec::new();
    for name in configured.iter().cloned().chain(listening).chain(always) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn authority_params(key: &KeyPair, now: Now) -> CertificateParams {
    let mut params = CertificateParams::default();
    let digest = Sha256::digest(key.public_key_raw());
    let short = hex::encode(&digest[..4]);
    params.distinguished_name = DistinguishedName::new();
    // A new data folder means a new authority, so the name must tell them apart in a trust store.
    params.distinguished_name.push(DnType::CommonName, format!("Postern authority {short}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = days_from(now, -1);
    params.not_after = days_from(now, AUTHORITY_DAYS);
    params
}

fn key_from_pem(pem: &[u8]) -> Result<KeyPair, String> {
    let text = std::str::from_utf8(pem).map_err(|_| "it is not PEM".to_owned())?;
    KeyPair::from_pem(text).map_err(|error| error.to_string())
}

fn unix_seconds(now: Now) -> i64 {
    i64::try_from(now.unix_millis / 1000).expect("the clock is before the year 292 billion")
}

fn days_from(now: Now, days: i64) -> OffsetDateTime {
    let today = OffsetDateTime::from_unix_timestamp(unix_seconds(now)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    today.saturating_add(Duration::days(days))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use postern_protocol::Clock as _;
    use postern_transport::SystemClock;

    fn at(unix_seconds: u64) -> Now {
        Now { unix_millis: unix_seconds * 1000, ..SystemClock.now() }
    }

    const YEAR_2026: u64 = 1_790_000_000;
    const DAY: u64 = 86_400;

    #[test]
    fn the_authority_stays_and_the_server_certificate_is_renewed_near_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        let names = server_names(&["ssm.example.org".into()], Some("192.0.2.7".parse().unwrap()));
        assert_eq!(names, ["ssm.example.org", "192.0.2.7", "localhost", "127.0.0.1", "::1"]);

        let authority = Authority::open_or_create(&data, at(YEAR_2026)).unwrap();
        let first = authority.server_certificate(&data, &names, at(YEAR_2026)).unwrap();
        let again = Authority::open_or_create(&data, at(YEAR_2026 + DAY)).unwrap();
        assert_eq!(again.certificate_pem(), authority.certificate_pem());
        let kept = again.server_certificate(&data, &names, at(YEAR_2026 + 300 * DAY)).unwrap();
        assert_eq!(kept.chain_pem, first.chain_pem);
        let renewed = again.server_certificate(&data, &names, at(YEAR_2026 + 370 * DAY)).unwrap();
        assert_ne!(renewed.chain_pem, first.chain_pem);
        let other = again.server_certificate(&data, &names[1..], at(YEAR_2026 + 370 * DAY)).unwrap();
        assert_ne!(other.chain_pem, renewed.chain_pem);
    }

    #[test]
    fn a_name_that_no_certificate_can_hold_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        let authority = Authority::open_or_create(&data, at(YEAR_2026)).unwrap();
        let error = authority.server_certificate(&data, &["sörver".into()], at(YEAR_2026)).err().unwrap().to_string();
        assert!(error.starts_with("cannot make a certificate for sörver: "), "{error}");
    }
}
