//! Whom a connection believes, with real handshakes.

use std::error::Error as _;
use std::io::Write as _;
use std::sync::Arc;

use postern_transport::{Dialer, Fault, Fingerprint, HttpClient, HttpRequest, Proxy, TransportError, Trust, tls};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;

use crate::authority::Authority;
use crate::server::{HttpServer, ok};
use crate::{PATIENCE, within};

async fn ask(trust: Trust, server: Arc<ServerConfig>, host: &str) -> Result<u16, TransportError> {
    let server = HttpServer::start(Some(server), |_| ok("hello")).await;
    let client = HttpClient::new(Dialer::new(trust, Proxy::none()));
    let url = server.url("https", host, "/");
    let request = HttpRequest { method: http::Method::GET, url, headers: Vec::new(), body: bytes::Bytes::new() };
    within(client.send(request, PATIENCE)).await.map(|response| response.status.as_u16())
}

fn text(error: &TransportError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_ca_by_text_file_or_fingerprint_is_believed() {
    let authority = Authority::new();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&authority.pem()).unwrap();
    for trust in [
        Trust::CaPem(authority.pem()),
        Trust::CaFile(file.path().to_owned()),
        Trust::Fingerprint(authority.fingerprint()),
        Trust::Fingerprint(Fingerprint::of_pem(&authority.pem()).unwrap()),
    ] {
        let shown = format!("{trust:?}");
        assert_eq!(ask(trust, authority.server("127.0.0.1"), "127.0.0.1").await.unwrap(), 200, "{shown}");
    }
    let trust = Trust::Fingerprint(authority.fingerprint());
    assert_eq!(ask(trust, authority.server("localhost"), "localhost").await.unwrap(), 200);
}

#[tokio::test]
async fn another_ca_is_not_believed() {
    let (ours, other) = (Authority::new(), Authority::new());
    for trust in [Trust::CaPem(other.pem()), Trust::WebPki] {
        let error = ask(trust, ours.server("127.0.0.1"), "127.0.0.1").await.unwrap_err();
        assert!(text(&error).contains("not from a trusted CA; give the CA's file or fingerprint"), "{}", text(&error));
        assert_eq!(error.fault(), Fault::Peer);
    }
    let error = ask(Trust::Fingerprint(other.fingerprint()), ours.server("127.0.0.1"), "127.0.0.1").await.unwrap_err();
    assert!(text(&error).contains(&other.fingerprint().to_string()), "{}", text(&error));
}

#[tokio::test]
async fn a_fingerprint_does_not_replace_the_other_checks() {
    let authority = Authority::new();
    let trust = || Trust::Fingerprint(authority.fingerprint());

    let error = ask(trust(), authority.server("elsewhere.example"), "127.0.0.1").await.unwrap_err();
    assert!(text(&error).contains("for another name"), "{}", text(&error));

    let mut expired = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    expired.not_before = date_time_ymd(2001, 1, 1);
    expired.not_after = date_time_ymd(2002, 1, 1);
    let error = ask(trust(), authority.server_with(expired, true), "127.0.0.1").await.unwrap_err();
    assert!(text(&error).contains("set this machine's clock"), "{}", text(&error));

    let params = || CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let error = ask(trust(), authority.server_with(params(), false), "127.0.0.1").await.unwrap_err();
    assert!(text(&error).contains("must send its CA along"), "{}", text(&error));

    // An impostor who sends the true CA's certificate behind one that another CA signed.
    let config = Authority::new().server_sending(params(), &authority.pem());
    let error = ask(trust(), config, "127.0.0.1").await.unwrap_err();
    assert!(matches!(error, TransportError::Tls { .. }), "{}", text(&error));
}

#[tokio::test]
async fn a_self_signed_leaf_cannot_be_pinned() {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let config = tls::server_config(leaf.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let trust = Trust::Fingerprint(Fingerprint::of_der(leaf.der()));
    assert!(ask(trust, config, "127.0.0.1").await.is_err());
}

#[tokio::test]
async fn a_plain_port_is_recognised() {
    let server = HttpServer::start(None, |_| ok("hello")).await;
    let dialer = Dialer::new(Trust::WebPki, Proxy::none());
    let error = within(dialer.dial(&server.url("https", "127.0.0.1", "/"), PATIENCE)).await.unwrap_err();
    assert!(text(&error).contains("does not speak TLS"), "{}", text(&error));
}

#[test]
fn unusable_server_files_are_named() {
    let key = KeyPair::generate().unwrap();
    let other_key = KeyPair::generate().unwrap().serialize_pem();
    let leaf = CertificateParams::new(vec!["h".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    let error = |chain: &str, key: &str| tls::server_config(chain.as_bytes(), key.as_bytes()).unwrap_err().to_string();
    assert!(error("", &other_key).contains("no BEGIN CERTIFICATE"));
    assert!(error(&leaf, "").contains("no PEM private key"));
    assert!(error(&leaf, &other_key).contains("cannot be used"));
    let missing = std::path::Path::new("/nonexistent/cert.pem");
    let error = tls::server_config_from_files(missing, missing).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/cert.pem cannot be read"), "{error}");
}

#[tokio::test]
async fn a_repaired_ca_file_is_read_again() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let server = HttpServer::start(Some(authority.server("127.0.0.1")), |_| ok("hello")).await;
    let dialer = Dialer::new(Trust::CaFile(path.clone()), Proxy::none());
    let url = server.url("https", "127.0.0.1", "/");
    let error = within(dialer.dial(&url, PATIENCE)).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Caller);
    std::fs::write(&path, authority.pem()).unwrap();
    within(dialer.dial(&url, PATIENCE)).await.unwrap();
}
