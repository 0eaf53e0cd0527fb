//! Requests as they were recorded, header by header, with the signature made anew.
//!
//! Nothing here is shared with the service: the canonical request is put together from the spec (agent-registration
//! 4.1), and HTTP is written by hand, chunked where the stock agent sends it chunked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_iam::sigv4::Credentials;
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::PATIENCE;

/// Whoever signs a request anew.
pub(super) enum Key<'a> {
    /// A node, with its registered key.
    Node { id: &'a str, key: &'a RsaKeyPair },
    /// Somebody with an access key.
    Access(&'a Credentials),
}

pub(super) type Headers = Vec<(String, String)>;

/// Puts the signature of `key` where another one is, over the same headers, the scope's region and service as recorded.
/// A request without a signature stays without. `now` is the time in the form of `X-Amz-Date`.
pub(super) fn sign_again(method: &str, uri: &str, headers: &mut Headers, body: &str, key: &Key<'_>, now: &str) {
    let Some(authorization) = find(headers, "authorization").map(str::to_owned) else { return };
    set(headers, "x-amz-date", now);
    if let Key::Access(Credentials { session_token: Some(token), .. }) = key {
        set(headers, "x-amz-security-token", token.expose());
    }
    let hash = hex::encode(digest(&SHA256, body.as_bytes()));
    set(headers, "x-amz-content-sha256", &hash);
    set(headers, "content-length", &body.len().to_string());

    let between = |from: &str, to: &str| {
        let (_, rest) = authorization.split_once(from).expect("a recorded signature has all its parts");
        rest.split_once(to).map_or(rest, |(part, _)| part).to_owned()
    };
    let signed = between("SignedHeaders=", ",");
    let credential = between("Credential=", ",");
    let parts: Vec<&str> = credential.split('/').collect();
    let [_, _, region, service, _] = parts[..] else { panic!("{credential} is no credential") };
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut query: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let lines: String = signed
        .split(';')
        .map(|name| format!("{name}:{}\n", find(headers, name).unwrap_or_else(|| panic!("{name} was signed")).trim()))
        .collect();
    let canonical = format!("{method}\n{path}\n{}\n{lines}\n{signed}\n{hash}", query.join("&"));
    let date = &now[..8];
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let hashed = hex::encode(digest(&SHA256, canonical.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashed}");
    let (id, signature) = match key {
        Key::Node { id, key } => {
            let mut signature = vec![0; key.public().modulus_len()];
            key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), to_sign.as_bytes(), &mut signature).unwrap();
            ((*id).to_owned(), STANDARD.encode(signature))
        }
        Key::Access(credentials) => {
            let mut key = format!("AWS4{}", credentials.secret_access_key.expose()).into_bytes();
            for part in [date, region, service, "aws4_request", &to_sign] {
                key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
            }
            (credentials.access_key_id.clone(), hex::encode(key))
        }
    };
    let value = format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={signed}, Signature={signature}");
    set(headers, "authorization", &value);
}

pub(super) fn find<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Changes the value of a header that is there.
pub(super) fn set(headers: &mut Headers, name: &str, value: &str) {
    if let Some((_, found)) = headers.iter_mut().find(|(found, _)| found.eq_ignore_ascii_case(name)) {
        value.clone_into(found);
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: String,
}

/// Sends a request as it is over a connection of its own.
pub(super) async fn send(address: &str, method: &str, uri: &str, headers: &Headers, body: &str) -> Answer {
    let mut request = format!("{method} {uri} HTTP/1.1\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    if find(headers, "transfer-encoding").is_some() {
        request.push_str(&format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
    } else {
        request.push_str(body);
    }
    tokio::time::timeout(PATIENCE, exchange(address, &request)).await.expect("an answer in time")
}

async fn exchange(address: &str, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let (head, length) = loop {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "an answer has a head");
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(read.drain(..end + 4).collect()).unwrap();
        let length = header_of(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        break (head, length);
    };
    while read.len() < length {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "an answer is as long as it says");
    }
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        content_type: header_of(&head, "content-type").unwrap_or_default().to_owned(),
        body: String::from_utf8(read).unwrap(),
    }
}

fn header_of<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
