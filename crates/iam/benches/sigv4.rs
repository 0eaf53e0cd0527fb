//! What a signature costs: every API call and every channel verifies one. Goal: at most 60 µs to parse and verify one
//! made with a secret. One made with a node's key comes twice an hour and node, and costs what Ed25519 costs.

use divan::{Bencher, black_box};
use postern_iam::sigv4::{
    Credentials, SignableRequest, VerifyPolicy, parse, sign, sign_with_node_key, verify, verify_with_node_key,
};
use postern_iam::{NodeId, NodeKeyPair};

const NOW: u64 = 1_795_384_780_000;
const BODY: &[u8] = &[b'x'; 400];

fn main() {
    divan::main();
}

fn headers() -> Vec<(String, String)> {
    [
        ("host", "ssm.eu-west-1.example.com"),
        ("content-type", "application/x-amz-json-1.1"),
        ("content-length", "400"),
        ("x-amz-target", "AmazonSSM.UpdateInstanceInformation"),
        ("user-agent", "aws-sdk-go/1.51.20 (go1.27.3; linux; amd64) amazon-ssm-agent/3.3.0.0"),
        ("accept-encoding", "gzip"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "ASIAD50ED7B037A647F8".to_owned(),
        secret_access_key: "b74b09e7e1fb4540885448cb4bba43f857ab3827".into(),
        session_token: Some("t".repeat(200).into()),
    }
}

#[divan::bench]
fn sign_with_secret(bencher: Bencher<'_, '_>) {
    let (headers, credentials) = (headers(), credentials());
    let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: BODY };
    bencher.bench(|| sign(black_box(&request), &credentials, "eu-west-1", "ssm", NOW));
}

#[divan::bench]
fn parse_and_verify_with_secret(bencher: Bencher<'_, '_>) {
    let (mut headers, credentials) = (headers(), credentials());
    let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: BODY };
    let added = sign(&request, &credentials, "eu-west-1", "ssm", NOW);
    headers.extend(added);
    let policy = VerifyPolicy::new("eu-west-1", &["ssm"]);
    bencher.bench(|| {
        let signed = parse("POST", "/", black_box(&headers)).expect("the request is well-formed");
        verify(&signed, BODY, &credentials.secret_access_key, NOW, &policy).expect("the signature is good");
    });
}

#[divan::bench]
fn parse_and_verify_with_node_key(bencher: Bencher<'_, '_>) {
    let mut headers = headers();
    let pair = NodeKeyPair::from_seed([7; 32]);
    let node: NodeId = "mi-0c83012b7aac4ccda".parse().expect("a node id");
    let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: BODY };
    let added = sign_with_node_key(&request, &node, &pair, "eu-west-1", "ssm", NOW);
    headers.extend(added);
    let (key, policy) = (pair.public_key(), VerifyPolicy::new("eu-west-1", &["ssm"]));
    bencher.bench(|| {
        let signed = parse("POST", "/", black_box(&headers)).expect("the request is well-formed");
        verify_with_node_key(&signed, BODY, &key, NOW, &policy).expect("the signature is good");
    });
}
