#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;

use postern_iam::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::config::CredentialSource;

const PATIENCE: Duration = Duration::from_secs(30);

fn given() -> CredentialSource {
    CredentialSource::Given(Credentials {
        access_key_id: "AKIAEXAMPLE".to_owned(),
        secret_access_key: SecretString::new("hunter2"),
        session_token: None,
    })
}

fn service(address: &str, credentials: CredentialSource, timeout: Duration) -> SignedService {
    SignedService::new(UpstreamConfig {
        service: Service::Kms,
        endpoint: format!("http://{address}").parse().unwrap(),
        region: "eu-west-1".to_owned(),
        credentials,
        timeout,
    })
}

/// A peer that takes any number of requests, answers each with these bytes, and gives back what it was sent.
async fn peer(answer: Vec<u8>) -> (String, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, received) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"{}") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            sender.send(String::from_utf8(request).unwrap()).await.unwrap();
            // Who is not willing to read on closes the connection.
            let _ = stream.write_all(&answer).await;
        }
    });
    (address, received)
}

fn http(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

async fn ask(service: &SignedService, operation: Operation) -> Result<Bytes, UpstreamError> {
    service.call(operation, Bytes::from_static(b"{}")).await
}

#[tokio::test]
async fn a_request_is_signed_for_the_service_and_its_region() {
    let (address, mut received) = peer(http("200 OK", r#"{"Keys":[]}"#)).await;
    let answer = ask(&service(&address, given(), PATIENCE), Operation::ListKeys).await.unwrap();
    assert_eq!(answer, r#"{"Keys":[]}"#);
    let request = received.recv().await.unwrap();
    assert!(request.contains("x-amz-target: TrentService.ListKeys\r\n"), "{request}");
    assert!(
        request.contains("Credential=AKIAEXAMPLE/") && request.contains("/eu-west-1/kms/aws4_request"),
        "{request}"
    );
    assert!(!request.contains("hunter2"));
}

#[tokio::test]
async fn errors_keep_their_name_their_words_and_their_status() {
    for (status, body, name, message, is_about_credentials) in [
        ("400 Bad", r#"{"__type":"DisabledException","message":"off"}"#, Some("DisabledException"), "off", false),
        (
            "400 Bad",
            r#"{"__type":"a#ExpiredTokenException"}"#,
            Some("ExpiredTokenException"),
            "the service gave no reason",
            true,
        ),
        ("403 No", "<Error><Message>no such key</Message></Error>", None, "no such key", true),
        ("502 Bad Gateway", "<html>", None, "<html>", false),
        ("400 Bad", r#"{"__type":"anything at all","message":"m"}"#, None, "m", false),
    ] {
        let (address, _received) = peer(http(status, body)).await;
        let error = ask(&service(&address, given(), PATIENCE), Operation::ListKeys).await.unwrap_err();
        let status = status.split(' ').next().unwrap().parse().unwrap();
        let expected = UpstreamError::Answered { name: name.map(str::to_owned), message: message.to_owned(), status };
        assert_eq!(error, expected);
        assert_eq!(error.is_about_credentials(), is_about_credentials, "{body}");
    }
}

#[tokio::test]
async fn nobody_there_nothing_said_and_too_much_said_are_told_apart() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let error = ask(&service(&gone, given(), PATIENCE), Operation::ListKeys).await.unwrap_err();
    let expected = format!("{gone} does not accept connections; check that the service runs there");
    assert!(error.to_string().starts_with(&expected), "{error}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let error = ask(&service(&address, given(), Duration::from_millis(50)), Operation::ListKeys).await.unwrap_err();
    assert!(matches!(&error, UpstreamError::Late(text) if text.ends_with("allow more with `kms_timeout`")), "{error}");

    let long = http("200 OK", &"x".repeat(ANSWER_BYTES + 1));
    let (address, _received) = peer(long).await;
    let error = ask(&service(&address, given(), PATIENCE), Operation::ListKeys).await.unwrap_err();
    assert_eq!(error, UpstreamError::Unusable(format!("{address} answered with more than {ANSWER_BYTES} bytes")));
    // A page of events may be as long.
    let events = service(&address, given(), PATIENCE);
    assert_eq!(ask(&events, Operation::GetLogEvents).await.unwrap().len(), ANSWER_BYTES + 1);
}

#[tokio::test]
async fn who_would_wait_behind_too_many_is_told_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = service(&silent.local_addr().unwrap().to_string(), given(), PATIENCE);
    let _all = service.places.acquire_many(u32::try_from(PLACES).unwrap()).await.unwrap();
    assert_eq!(ask(&service, Operation::ListKeys).await.unwrap_err(), UpstreamError::Busy);
}

#[tokio::test]
async fn whose_turn_does_not_come_gives_up() {
    let service = service("127.0.0.1:1", given(), Duration::from_millis(50));
    let _all = service.turns.acquire_many(u32::try_from(TURNS).unwrap()).await.unwrap();
    assert!(matches!(ask(&service, Operation::ListKeys).await.unwrap_err(), UpstreamError::Late(_)));
}

fn write(path: &Path, id: &str) {
    std::fs::write(path, format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = s\n")).unwrap();
}

#[tokio::test]
async fn a_file_is_read_again_when_its_credentials_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let (address, mut received) = peer(http("400 Bad", r#"{"__type":"ExpiredTokenException"}"#)).await;
    let service = service(&address, CredentialSource::File(file.clone()), PATIENCE);
    let error = ask(&service, Operation::ListKeys).await.unwrap_err().to_string();
    let shown = file.display();
    assert!(error.starts_with(&format!("`kms_credentials_file`: {shown} cannot be read: ")), "{error}");
    std::fs::write(&file, "[other]\naws_access_key_id = a\naws_secret_access_key = b\n").unwrap();
    let error = ask(&service, Operation::ListKeys).await.unwrap_err();
    let why = "has no aws_access_key_id and aws_secret_access_key under [default]; write both there";
    assert_eq!(error, UpstreamError::Credentials(format!("`kms_credentials_file`: {shown} {why}")));
    for id in ["AKIAONE", "AKIATWO"] {
        write(&file, id);
        assert!(ask(&service, Operation::ListKeys).await.unwrap_err().is_about_credentials());
        assert!(received.recv().await.unwrap().contains(&format!("Credential={id}/")), "{id}");
    }
}
