//! Requests of an unmodified agent, recorded with the keys that they were signed with (`tests/vectors/README.md`).

use serde_json::Value;

use super::*;
use crate::node_key::NodePublicKey;

const CAPTURES: &str = include_str!("../../../tests/vectors/captures/signatures.jsonl");

#[test]
fn captured_signatures_verify_and_break_when_the_request_changes() {
    let (mut with_secret, mut with_node_key) = (0, 0);
    for line in CAPTURES.lines() {
        let capture: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| capture[name].as_str().unwrap();
        let headers: Vec<(String, String)> = serde_json::from_value(capture["headers"].clone()).unwrap();
        let signed = parse(text("method"), text("uri"), &headers).unwrap();
        let now = signed.signed_at_millis() + 60_000;
        let services = [text("service")];
        let policy = VerifyPolicy::new("us-east-1", &services);
        let mut check = |signed: &SignedRequest, body: &str| {
            if let Some(secret) = capture["secret_access_key"].as_str() {
                with_secret += 1;
                verify(signed, body.as_bytes(), &secret.into(), now, &policy)
            } else {
                with_node_key += 1;
                let key = NodePublicKey::from_registration(text("public_key"), "Rsa").unwrap();
                verify_with_node_key(signed, body.as_bytes(), &key, now, &policy)
            }
        };
        assert_eq!(check(&signed, text("body")), Ok(()), "{}", text("source"));

        let other_body = check(&signed, "{}x").unwrap_err();
        assert!(matches!(other_body, SigV4Error::Mismatch | SigV4Error::BodyHashMismatch), "{}", text("source"));
        let other_path = parse(text("method"), "/other", &headers).unwrap();
        assert_eq!(check(&other_path, text("body")), Err(SigV4Error::Mismatch), "{}", text("source"));
    }
    assert_eq!((with_secret / 3, with_node_key / 3), (44, 4));
}

#[test]
fn a_nodes_signature_is_recognised_and_needs_the_nodes_key() {
    let line = CAPTURES.lines().find(|line| line.contains("\"public_key\"")).unwrap();
    let capture: Value = serde_json::from_str(line).unwrap();
    let headers: Vec<(String, String)> = serde_json::from_value(capture["headers"].clone()).unwrap();
    let signed = parse("POST", "/", &headers).unwrap();
    assert_eq!(signed.scheme(), Scheme::NodeKey);
    assert_eq!(signed.access_key_id(), "mi-0c83012b7aac4ccda");
    let policy = VerifyPolicy::new("us-east-1", &["ssm"]);
    let now = signed.signed_at_millis();
    let error = verify(&signed, b"", &"secret".into(), now, &policy).unwrap_err();
    assert!(matches!(error, SigV4Error::WrongScheme(_)));
    let stranger = crate::node_key::NodeKeyPair::from_seed([9; 32]).public_key();
    let body = capture["body"].as_str().unwrap().as_bytes();
    assert_eq!(verify_with_node_key(&signed, body, &stranger, now, &policy), Err(SigV4Error::Mismatch));
}
