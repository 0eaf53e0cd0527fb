//! Bytes from somebody who has no credentials and no manners. Each is answered in its own way, nothing that follows a
//! message of doubtful length is taken for a request, and whatever it is, the service goes on answering others.

use std::time::{Duration, Instant};

use postern_gateway::Limits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::{Options, PATIENCE, Service};

/// Long enough for a whole request on a busy machine, short enough to wait for.
const DEADLINE: Duration = Duration::from_secs(1);
/// The one operation that needs no signature: what is wrong with its body is said to strangers too.
const REGISTER: &str = "X-Amz-Target: AmazonSSM.RegisterManagedInstance\r\n";
const LENGTH: &str = "Content-Length: 2\r\n";
/// What an empty registration gets: proof that a body was read.
const READ: &str = "ValidationException";

async fn impatient() -> Service {
    let limits = Limits { header_timeout: DEADLINE, body_timeout: DEADLINE, ..Limits::default() };
    Service::with(Options { limits, ..Options::default() }).await
}

/// What comes back until the other end closes.
async fn exchange(address: String, bytes: Vec<u8>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may have heard enough.
    let _ = stream.write_all(&bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end");
    String::from_utf8_lossy(&answer).into_owned()
}

/// One exchange: its name, what is sent, the statuses that come back, and what the last answer has to say.
struct Row(&'static str, Vec<u8>, &'static [u16], &'static str);

/// Sends all at once, and complains of all at once.
async fn check(service: &Service, rows: Vec<Row>) {
    let mut exchanges = JoinSet::new();
    for Row(name, bytes, statuses, says) in rows {
        let address = service.endpoint.host_and_port();
        exchanges.spawn(async move {
            let answer = exchange(address, bytes).await;
            let found: Vec<u16> = answer.split("HTTP/1.1 ").skip(1).map(|rest| rest[..3].parse().unwrap()).collect();
            (found != statuses || !answer.contains(says)).then(|| format!("{name}: {found:?}: {answer}"))
        });
    }
    let failures: Vec<String> = exchanges.join_all().await.into_iter().flatten().collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    // Nobody has got in, and everybody else is served.
    let nodes = service.call("DescribeInstanceInformation", json!({})).await.unwrap();
    assert_eq!(nodes, json!({"InstanceInformationList": []}));
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}").into_bytes()
}

fn register(headers: &str, body: &str) -> Vec<u8> {
    post(&format!("{REGISTER}{headers}"), body)
}

fn chunked(body: &str) -> Vec<u8> {
    register("Transfer-Encoding: chunked\r\n", body)
}

/// A whole request that nobody meant to send.
fn smuggled() -> String {
    "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_length_of_a_message_is_never_in_doubt() {
    let service = impatient().await;
    let both = |first: &str, body: &str| register(first, &format!("{body}{}", smuggled()));
    let lengths = |text: &str| register(&format!("Content-Length: {text}\r\n"), &format!("{{}}{}", smuggled()));
    let coding = |text: &str| {
        register(&format!("Transfer-Encoding: {text}\r\n"), &format!("2\r\n{{}}\r\n0\r\n\r\n{}", smuggled()))
    };
    let rows = vec![
        Row("a length", register(LENGTH, "{}"), &[400], READ),
        Row("two requests at once", [register(LENGTH, "{}"), register(LENGTH, "{}")].concat(), &[400, 400], READ),
        Row("the same length twice", register(&LENGTH.repeat(2), "{}"), &[400], READ),
        Row("two lengths", register(&format!("{LENGTH}Content-Length: 3\r\n"), "{}"), &[400], ""),
        Row("a length in words", lengths("two"), &[400], ""),
        Row("a negative length", lengths("-2"), &[400], ""),
        Row("a length with a sign", lengths("+2"), &[400], ""),
        Row("a list of lengths", lengths("2, 2"), &[400], ""),
        Row("a length beyond numbers", lengths(&"9".repeat(40)), &[400], ""),
        Row("a length beyond memory", lengths(&u64::MAX.to_string()), &[431], ""),
        // Chunks count, as RFC 9112 §6.3 says, and the connection ends with the answer.
        Row(
            "a length, then chunks",
            both("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            &[400],
            READ,
        ),
        Row(
            "chunks, then a length",
            both("Transfer-Encoding: chunked\r\nContent-Length: 40\r\n", "0\r\n\r\n"),
            &[400],
            READ,
        ),
        Row("chunks", coding("chunked"), &[400, 200], "ok"),
        Row("another coding", coding("gzip"), &[400], ""),
        Row("almost chunked", coding("xchunked"), &[400], ""),
        Row("chunked with a vertical tab", coding("\x0bchunked"), &[400], ""),
        Row("chunked, not last", coding("chunked, identity"), &[400], ""),
        Row("chunked, and not", coding("chunked\r\nTransfer-Encoding: identity"), &[400], ""),
        Row("identity", both("Transfer-Encoding: identity\r\nContent-Length: 2\r\n", "{}"), &[400], ""),
        Row("a space before the colon", both("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), &[400], ""),
        Row(
            "chunks in HTTP/1.0",
            String::from_utf8(chunked("0\r\n\r\n")).unwrap().replace("1.1", "1.0").into(),
            &[400],
            "",
        ),
        Row("a chunk extension", chunked("2;a=b\r\n{}\r\n0\r\n\r\n"), &[400], READ),
        Row("a trailer is no header", chunked("2\r\n{}\r\n0\r\nX-Amz-Target: AmazonSSM.X\r\n\r\n"), &[400], READ),
        Row("a size that is none", chunked("zz\r\n{}\r\n0\r\n\r\n"), &[400], "IncompleteBodyException"),
        Row("a size with a prefix", chunked("0x2\r\n{}\r\n0\r\n\r\n"), &[400], "IncompleteBodyException"),
        Row(
            "a size beyond numbers",
            chunked(&format!("{}\r\n{{}}", "F".repeat(17))),
            &[400],
            "IncompleteBodyException",
        ),
        Row("a size beyond memory", chunked("FFFFFFFFFFFFFFF0\r\n{}"), &[408], "RequestTimeoutException"),
        Row("a size that is too small", chunked("1\r\n{}\r\n0\r\n\r\n"), &[400], "IncompleteBodyException"),
        Row("lines that end in half", chunked("2\n{}\n0\n\n"), &[400], "IncompleteBodyException"),
        Row("an endless extension", chunked(&format!("2;{}", "a".repeat(100_000))), &[400], "IncompleteBodyException"),
        Row(
            "endless trailers",
            chunked(&format!("0\r\n{}", "X: y\r\n".repeat(50_000))),
            &[400],
            "IncompleteBodyException",
        ),
        Row("a body that stops", register("Content-Length: 3\r\n", "{}"), &[408], "RequestTimeoutException"),
        Row("more than was announced", both(LENGTH, "{}"), &[400, 200], "ok"),
    ];
    check(&service, rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_none_are_refused() {
    let service = impatient().await;
    let line = |line: &str| format!("{line}\r\nHost: x\r\n{REGISTER}{LENGTH}\r\n{{}}").into_bytes();
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let host = format!("POST / HTTP/1.1\r\n{REGISTER}{LENGTH}\r\n{{}}").into_bytes();
    let rows = vec![
        Row("a folded header", register(&format!("X-Fold: a\r\n b\r\n{LENGTH}"), "{}"), &[400], ""),
        Row("a NUL", register(&format!("X: a\0b\r\n{LENGTH}"), "{}"), &[400], ""),
        Row("a bare CR", register(&format!("X: a\rb\r\n{LENGTH}"), "{}"), &[400], ""),
        Row("a name that is none", register(&format!("X(: a\r\n{LENGTH}"), "{}"), &[400], ""),
        Row("no colon", register(&format!("XYZ\r\n{LENGTH}"), "{}"), &[400], ""),
        Row("too many headers", register(&format!("{many}{LENGTH}"), "{}"), &[431], ""),
        Row("a header that is too long", register(&format!("X: {}\r\n{LENGTH}", "x".repeat(20_000)), "{}"), &[431], ""),
        Row("an address that is too long", line(&format!("POST /{} HTTP/1.1", "x".repeat(20_000))), &[431], ""),
        Row("a method that is too long", line(&format!("{} / HTTP/1.1", "X".repeat(20_000))), &[431], ""),
        Row("no host", host, &[400], "exactly one Host"),
        Row("two hosts", register(&format!("Host: y\r\n{LENGTH}"), "{}"), &[400], "exactly one Host"),
        Row("HTTP/0.9", b"GET /\r\n".to_vec(), &[400], ""),
        Row("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[], ""),
        Row("HTTP of tomorrow", line("POST / HTTP/3.7"), &[400], ""),
        Row("TLS", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".to_vec(), &[400], ""),
        Row("zeros", vec![0; 4096], &[400], ""),
        Row("a method in small letters", line("post / HTTP/1.1"), &[405], "does not answer post"),
        Row("TRACE", line("TRACE / HTTP/1.1"), &[405], "does not answer TRACE"),
        Row(
            "we are no proxy",
            b"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            &[404],
            "nothing at",
        ),
        Row("not for a whole address either", line("GET http://169.254.169.254/latest HTTP/1.1"), &[404], "nothing at"),
        Row("everything", line("OPTIONS * HTTP/1.1"), &[404], "nothing at"),
        Row("above the root", line("POST /../.. HTTP/1.1"), &[404], "nothing at"),
        Row("a NUL in the address", line("POST /%00 HTTP/1.1"), &[404], "nothing at"),
        Row("a space in the address", line("POST / x HTTP/1.1"), &[400], ""),
        Row("bytes in the address", b"POST /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), &[400], ""),
        Row("an upgrade to HTTP/2", line("GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade"), &[405], ""),
        Row(
            "a client that asks first",
            register(&format!("Expect: 100-continue\r\n{LENGTH}"), "{}"),
            &[100, 400],
            READ,
        ),
        Row("a client that expects the future", register(&format!("Expect: 200-ok\r\n{LENGTH}"), "{}"), &[400], READ),
    ];
    check(&service, rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_what_is_never_in_doubt() {
    let service = impatient().await;
    let call = |target: &str, more: &str| post(&format!("X-Amz-Target: {target}\r\n{more}{LENGTH}"), "{}");
    let signed = |with: &str| call("AmazonSSM.StartSession", &format!("Authorization: {with}\r\n"));
    let scope = "Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/ssm/aws4_request";
    let date = "X-Amz-Date: 20260101T000000Z\r\n";
    let whole = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host;x-amz-date;x-amz-target, Signature={:064}", 0);
    let rows = vec![
        Row("no operation", post(LENGTH, "{}"), &[400], "UnknownOperationException"),
        Row("an operation in bytes", call("AmazonSSM.\u{fc}", ""), &[400], "UnknownOperationException"),
        Row("an endless operation", call(&"x".repeat(8000), ""), &[400], "UnknownOperationException"),
        Row(
            "an operation of another kind",
            call("AmazonSSM.RegisterManagedInstance#", ""),
            &[400],
            "UnknownOperationException",
        ),
        Row(
            "two operations",
            register(&format!("X-Amz-Target: AmazonSSM.StartSession\r\n{LENGTH}"), "{}"),
            &[400],
            "UnknownOperationException",
        ),
        Row("nobody", call("AmazonSSM.StartSession", ""), &[400], "MissingAuthenticationTokenException"),
        Row("a password", signed("Basic eDp5"), &[400], "IncompleteSignatureException"),
        Row("a bearer token", signed("Bearer AWS4-HMAC-SHA256"), &[400], "IncompleteSignatureException"),
        Row("a signature of one word", signed("AWS4-HMAC-SHA256"), &[400], "IncompleteSignatureException"),
        Row("an endless signature", signed(&"x".repeat(8000)), &[400], "IncompleteSignatureException"),
        Row("no date", signed(&whole), &[400], "IncompleteSignatureException"),
        Row(
            "two signatures",
            signed(&format!("{whole}\r\nAuthorization: {whole}")),
            &[400],
            "IncompleteSignatureException",
        ),
        Row(
            "a key of nobody's",
            signed(format!("{whole}\r\n{date}").trim_end()),
            &[400],
            "UnrecognizedClientException",
        ),
        Row(
            "one in the address as well",
            String::from_utf8(signed(&whole)).unwrap().replace("POST / ", "POST /?X-Amz-Signature=0 ").into(),
            &[400],
            "IncompleteSignatureException",
        ),
    ];
    check(&service, rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_the_right_json_are_refused() {
    const NOT_JSON: &str = "SerializationException";
    let service = impatient().await;
    let body =
        |bytes: &[u8]| [register(&format!("Content-Length: {}\r\n", bytes.len()), "").as_slice(), bytes].concat();
    let deep = |levels: usize| body(format!("{{\"X\": {}{}}}", "[".repeat(levels), "]".repeat(levels)).as_bytes());
    let typed = |kind: &str| register(&format!("Content-Type: {kind}\r\nContent-Length: 3\r\n"), "a=b");
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rows = vec![
        Row("nothing", body(b""), &[400], READ),
        Row("blank", body(b" \r\n\t"), &[400], READ),
        Row("cut short", body(b"{\"ActivationId\": \""), &[400], NOT_JSON),
        Row("and more", body(b"{}{}"), &[400], NOT_JSON),
        Row("a list", body(b"[]"), &[400], NOT_JSON),
        Row("a text", body(b"\"x\""), &[400], NOT_JSON),
        Row("null", body(b"null"), &[400], NOT_JSON),
        Row("other quotes", body(b"{'X': 1}"), &[400], NOT_JSON),
        Row("a remark", body(b"{} // x"), &[400], NOT_JSON),
        Row("a comma too many", body(b"{\"X\": 1,}"), &[400], NOT_JSON),
        Row("a mark of byte order", body("\u{feff}{}".as_bytes()), &[400], NOT_JSON),
        Row("UTF-16", body(&utf16), &[400], NOT_JSON),
        Row("bytes", body(b"{\"X\": \"\xff\xfe\"}"), &[400], NOT_JSON),
        Row("half a character", body(br#"{"X": "\ud83e"}"#), &[400], NOT_JSON),
        Row("a NUL", body(b"{\"X\": \"\0\"}"), &[400], NOT_JSON),
        Row("a number beyond numbers", body(b"{\"X\": 1e999}"), &[400], NOT_JSON),
        Row("no number", body(b"{\"X\": NaN}"), &[400], NOT_JSON),
        Row("a hundred levels", deep(100), &[400], READ),
        Row("a thousand levels", deep(1000), &[400], NOT_JSON),
        Row("half a million levels", deep(500_000), &[400], NOT_JSON),
        // The last of two members counts, as it does where AWS reads JSON.
        Row("a member twice", body(br#"{"Fingerprint": "x", "Fingerprint": 7}"#), &[400], NOT_JSON),
        Row("a member twice, the other way round", body(br#"{"Fingerprint": 7, "Fingerprint": "x"}"#), &[400], READ),
        Row("a million members", body(format!("{{{}\"X\":1}}", "\"\":1,".repeat(150_000)).as_bytes()), &[400], READ),
        Row("a form", typed("application/x-www-form-urlencoded"), &[400], NOT_JSON),
        Row("an upload", typed("multipart/form-data; boundary=x"), &[400], NOT_JSON),
        Row("a type that is none", typed("\u{fc}/;;"), &[400], NOT_JSON),
        // What is in it counts, not what it is called: curl sends a form unless told otherwise.
        Row("JSON called a form", register(&format!("Content-Type: text/plain\r\n{LENGTH}"), "{}"), &[400], READ),
        Row("packed", register("Content-Encoding: gzip\r\nContent-Length: 4\r\n", "\x1f\x08\0\0"), &[400], NOT_JSON),
    ];
    check(&service, rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_speak_slowly_are_cut_off_and_keep_nobody_out() {
    let service = impatient().await;
    let mut slow = JoinSet::new();
    for at in 0..200 {
        let address = service.endpoint.host_and_port();
        slow.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // One half drips a header, the other a body.
            let head = if at % 2 == 0 {
                b"POST / HTTP/1.1\r\nX: ".to_vec()
            } else {
                register("Content-Length: 99999\r\n", "")
            };
            stream.write_all(&head).await.unwrap();
            let begun = Instant::now();
            while begun.elapsed() < PATIENCE {
                tokio::time::sleep(DEADLINE / 20).await;
                if stream.write_all(b"x").await.is_err() {
                    return true;
                }
                if let Ok(Ok(0) | Err(_)) = tokio::time::timeout(Duration::ZERO, stream.read(&mut [0; 1024])).await {
                    return true;
                }
            }
            false
        });
    }
    while !slow.is_empty() {
        let listed: Value = service.call("DescribeSessions", json!({"State": "Active"})).await.unwrap();
        assert_eq!(listed, json!({"Sessions": []}));
        if let Ok(Some(cut_off)) = tokio::time::timeout(Duration::from_millis(10), slow.join_next()).await {
            assert!(cut_off.unwrap(), "somebody spoke for {PATIENCE:?}");
        }
    }
}
