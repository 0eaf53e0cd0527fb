//! Whatever arrives is answered: with a claim or an error, never with a panic.

use proptest::prelude::*;

use super::*;

/// Texts that get past the first checks more often than noise does.
fn header() -> impl Strategy<Value = (String, Vec<u8>)> {
    let name = prop_oneof![
        Just("authorization".to_owned()),
        Just("x-amz-date".to_owned()),
        Just("host".to_owned()),
        Just("x-amz-content-sha256".to_owned()),
        Just("x-amz-security-token".to_owned()),
        "[a-zA-Z-]{0,12}",
    ];
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        Just(b"20150830T123600Z".to_vec()),
        "AWS4-HMAC-SHA256 Credential=[A-Za-z0-9/-]{0,40}, ?SignedHeaders=[a-z;-]{0,20},Signature=[0-9a-zA-Z+/=]{0,90}"
            .prop_map(String::into_bytes),
        ("(AKID|mi-)[a-z0-9]{0,4}", "[a-f0-9]{64}|[A-Za-z0-9+/]{86}==").prop_map(|(key, signature)| {
            let scope = "20150830/us-east-1/ssm/aws4_request";
            let text = format!(
                "AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
            );
            text.into_bytes()
        }),
    ];
    (name, value)
}

proptest! {
    #[test]
    fn parsing_and_verifying_are_total(
        method in ".{0,8}",
        uri in prop_oneof![".{0,80}", "/?(X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature)=[A-Z0-9%/-]{0,30}&?){0,7}"],
        headers in prop::collection::vec(header(), 0..6),
        body in prop::collection::vec(any::<u8>(), 0..40),
        now in any::<u64>(),
    ) {
        let policy = VerifyPolicy { allow_unsigned_payload: true, ..VerifyPolicy::new("us-east-1", &["ssm"]) };
        if let Ok(signed) = parse(&method, &uri, &headers) {
            prop_assert!((1..=128).contains(&signed.access_key_id().len()));
            let key = crate::node_key::NodeKeyPair::from_seed([1; 32]).public_key();
            prop_assert!(verify(&signed, &body, &"secret".into(), now, &policy).is_err());
            prop_assert!(verify_with_node_key(&signed, &body, &key, now, &policy).is_err());
        }
    }

    #[test]
    fn keys_are_read_totally(key in "[A-Za-z0-9+/=]{0,80}|.{0,40}", kind in "Rsa|Ed25519|.{0,4}", message in ".{0,20}") {
        if let Ok(key) = crate::node_key::NodePublicKey::from_registration(&key, &kind) {
            prop_assert!(key.verify(message.as_bytes(), message.as_bytes()).is_err());
        }
    }
}
