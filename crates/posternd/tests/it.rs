//! A whole service in this process: built, served, stopped, and built again on the same folder.
#![allow(clippy::unwrap_used, clippy::large_futures, reason = "a failed unwrap is a failed test; tests may be large")]

use std::path::Path;
use std::time::Duration;

use postern_transport::{Dialer, Endpoint, HttpClient, HttpRequest, Proxy, Trust};
use posternd::config::Listen;
use posternd::{Config, Running, Server, ServerError, authority};

const PATIENCE: Duration = Duration::from_secs(10);

fn config(folder: &Path) -> Config {
    let mut config = Config::for_data_dir(folder);
    config.listen = Listen::new("127.0.0.1:0".parse().unwrap());
    config
}

async fn start(config: Config) -> Running {
    Server::build(config).await.unwrap().start().await.unwrap()
}

async fn is_healthy(endpoint: &str, trust: Trust) -> bool {
    let url = Endpoint::parse(&format!("{endpoint}/healthz")).unwrap();
    let request = HttpRequest { method: http::Method::GET, url, headers: vec![], body: "".into() };
    let answer = HttpClient::new(Dialer::new(trust, Proxy::none())).send(request, PATIENCE).await;
    answer.is_ok_and(|answer| answer.body == "ok\n")
}

#[tokio::test]
async fn a_fingerprint_is_enough_to_trust_it_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(config(folder.path())).await;
    let (certificate, fingerprint) = authority(running.application()).unwrap();
    assert!(running.endpoint().starts_with("https://127.0.0.1:"));
    assert!(is_healthy(&running.endpoint(), Trust::Fingerprint(fingerprint)).await);
    assert!(is_healthy(&running.endpoint(), Trust::CaFile(certificate)).await);
    assert!(!is_healthy(&running.endpoint(), Trust::WebPki).await);
    running.stop(PATIENCE).await.unwrap();

    let running = start(config(folder.path())).await;
    assert!(is_healthy(&running.endpoint(), Trust::Fingerprint(fingerprint)).await);
    running.stop(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_folder_serves_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(config(folder.path())).await;
    let error = Server::build(config(folder.path())).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "the data folder {} is in use by another process; stop that one, or name another folder with --data-dir",
            folder.path().display()
        )
    );
    running.stop(PATIENCE).await.unwrap();
    start(config(folder.path())).await.stop(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let running = start(config(one.path())).await;
    let taken = Config { listen: Listen::new(running.address()), ..config(other.path()) };
    let error = Server::build(taken).await.err().unwrap();
    assert!(matches!(error, ServerError::Listen { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on {}: the port is in use by another process; stop that one, or choose another port with \
             --listen",
            running.address()
        )
    );
    running.stop(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn plain_http_stays_on_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let plain = Config { plain_http: true, ..config(folder.path()) };
    let anywhere = Config { listen: Listen::new("0.0.0.0:0".parse().unwrap()), ..plain.clone() };
    let error = Server::build(anywhere).await.err().unwrap().to_string();
    assert!(error.starts_with("plain HTTP on 0.0.0.0:0 would send credentials in the clear"), "{error}");
    let running = start(plain).await;
    assert!(is_healthy(&running.endpoint(), Trust::WebPki).await);
    running.stop(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_kept_administrator_is_reused_while_it_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::build(config(folder.path())).await.unwrap();
    let application = server.application();
    let file = application.data_dir().key("kept.json");
    let first = application.kept_administrator(&file, "kept").await.unwrap();
    let again = application.kept_administrator(&file, "kept").await.unwrap();
    assert_eq!(first, again);
    std::fs::write(&file, "{}").unwrap();
    let renewed = application.kept_administrator(&file, "kept").await.unwrap();
    assert_ne!(first.0, renewed.0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn settings_that_cannot_be_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = Config { region: "no such region!".into(), ..config(folder.path()) };
    let error = Server::build(wrong).await.err().unwrap().to_string();
    assert!(error.starts_with("`region` cannot be used: "), "{error}");
    let missing = Config {
        tls_certificate: Some(folder.path().join("none.pem")),
        tls_key: Some(folder.path().join("none.key")),
        ..config(folder.path())
    };
    let error = Server::build(missing).await.err().unwrap().to_string();
    assert!(error.starts_with("cannot serve with `tls_certificate` and `tls_key`: "), "{error}");
}
