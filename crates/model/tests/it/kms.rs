//! Requests and answers of the key service: bytes of AWS's programs, constraints, what is refused and in which words.

use postern_iam::SecretBytes;
use postern_model::kms::{
    CreateAliasRequest, CreateKeyRequest, DataKeyLength, DecryptRequest, DecryptResponse, DescribeKeyRequest,
    EncryptRequest, GenerateDataKeyRequest, GenerateDataKeyResponse, ListAliasesRequest, ListKeysRequest,
};
use postern_model::{ApiRequest, ErrorCode, Service, decode};
use serde_json::{Value, json};

fn fails<R: ApiRequest + std::fmt::Debug>(body: Value) -> (ErrorCode, String) {
    let error = decode::<R>(body.to_string().as_bytes()).unwrap_err();
    (error.code(), error.message().to_owned())
}

/// The bodies that the stock plugin and the stock agent sent (capture 14).
#[test]
fn the_requests_of_stock_programs_are_read_and_written() {
    let body = r#"{"EncryptionContext":{"aws:ssm:SessionId":"tester-852931819da34cd48","aws:ssm:TargetId":"mi-0c83012b7aac4ccda"},"KeyId":"arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555","NumberOfBytes":64}"#;
    let request: GenerateDataKeyRequest = decode(body.as_bytes()).unwrap();
    assert_eq!(request.length, DataKeyLength::Bytes(64));
    assert_eq!(request.encryption_context["aws:ssm:TargetId"], "mi-0c83012b7aac4ccda");
    assert_eq!(serde_json::to_value(&request).unwrap(), serde_json::from_str::<Value>(body).unwrap());
    let body = r#"{"CiphertextBlob":"CYqiXPZeV8gEmEB9dQQpHkc6NUhwq1DNRlKMXZpgVmQ=","EncryptionContext":{"aws:ssm:SessionId":"tester-852931819da34cd48","aws:ssm:TargetId":"mi-0c83012b7aac4ccda"},"KeyId":"arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"}"#;
    let request: DecryptRequest = decode(body.as_bytes()).unwrap();
    assert_eq!(request.ciphertext_blob.len(), 32);
    assert_eq!(serde_json::to_value(&request).unwrap(), serde_json::from_str::<Value>(body).unwrap());
}

#[test]
fn answers_have_base64_and_never_print_themselves() {
    let key_id = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    let response = GenerateDataKeyResponse {
        ciphertext_blob: vec![0, 255],
        plaintext: SecretBytes::new(b"terces".to_vec()),
        key_id: key_id.parse().unwrap(),
    };
    let wire = json!({"CiphertextBlob": "AP8=", "Plaintext": "dGVyY2Vz", "KeyId": key_id});
    assert_eq!(serde_json::to_value(&response).unwrap(), wire);
    assert_eq!(serde_json::from_value::<GenerateDataKeyResponse>(wire).unwrap(), response);
    let opened = json!({"Plaintext": "dGVyY2Vz", "KeyId": key_id, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"});
    let opened: DecryptResponse = serde_json::from_value(opened).unwrap();
    let request: EncryptRequest = decode(br#"{"KeyId":"alias/a","Plaintext":"dGVyY2Vz"}"#).unwrap();
    let printed = format!("{response:?} {opened:?} {request:?}");
    assert!(!printed.contains("terces") && !printed.contains("dGVyY2Vz"), "{printed}");
    assert!(!printed.contains("116, 101"), "{printed}");
}

#[test]
fn a_data_key_has_one_length() {
    let wrong = "Please specify either number of bytes or key spec.";
    for lengths in [json!({}), json!({"NumberOfBytes": 64, "KeySpec": "AES_256"})] {
        let mut body = json!({"KeyId": "alias/a"});
        body.as_object_mut().unwrap().extend(lengths.as_object().unwrap().clone());
        assert_eq!(fails::<GenerateDataKeyRequest>(body), (ErrorCode::ValidationException, wrong.to_owned()));
    }
    for (spec, bytes) in [("AES_256", 32), ("AES_128", 16)] {
        let body = json!({"KeyId": "alias/a", "KeySpec": spec}).to_string();
        assert_eq!(decode::<GenerateDataKeyRequest>(body.as_bytes()).unwrap().length.bytes(), bytes);
    }
    let (code, message) = fails::<GenerateDataKeyRequest>(json!({"KeyId": "alias/a", "NumberOfBytes": 1025}));
    assert_eq!(code, ErrorCode::ValidationException);
    assert_eq!(
        message,
        "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have \
         value less than or equal to 1024"
    );
    let (_, message) = fails::<GenerateDataKeyRequest>(json!({"KeyId": "alias/a", "KeySpec": "DES"}));
    assert!(message.contains("Member must satisfy enum value set: [AES_256, AES_128]"), "{message}");
}

#[test]
fn what_is_wrong_is_named_and_secrets_are_not_repeated() {
    use ErrorCode::*;
    let long = "A".repeat(2049);
    let big = "QUFB".repeat(2000);
    let many: serde_json::Map<String, Value> = (0..9).map(|at| (at.to_string(), json!("x".repeat(1000)))).collect();
    for (found, code, words) in [
        (
            fails::<EncryptRequest>(json!({"KeyId": "a"})),
            ValidationException,
            "'plaintext' failed to satisfy constraint: Member must not be null",
        ),
        (
            fails::<EncryptRequest>(json!({"KeyId": "a", "Plaintext": ""})),
            ValidationException,
            "Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            fails::<EncryptRequest>(json!({"KeyId": "a", "Plaintext": big})),
            ValidationException,
            "Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
        ),
        (
            fails::<EncryptRequest>(json!({"KeyId": "a", "Plaintext": "no base64!"})),
            SerializationException,
            "a String at 'plaintext' can not be converted to a Blob (base64).",
        ),
        (
            fails::<EncryptRequest>(json!({"KeyId": "a", "Plaintext": 7})),
            SerializationException,
            "a Number at 'plaintext'",
        ),
        (
            fails::<EncryptRequest>(
                json!({"KeyId": "a", "Plaintext": "AA==", "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}),
            ),
            InvalidKeyUsageException,
            "SYMMETRIC_DEFAULT",
        ),
        (
            fails::<EncryptRequest>(json!({"KeyId": "a", "Plaintext": "AA==", "EncryptionContext": {"a": 1}})),
            SerializationException,
            "a Number at 'encryptionContext'",
        ),
        (
            fails::<EncryptRequest>(json!({"KeyId": "a", "Plaintext": "AA==", "EncryptionContext": many})),
            ValidationException,
            "The EncryptionContext is longer than 8192 bytes.",
        ),
        (
            fails::<EncryptRequest>(json!({"KeyId": "a", "Plaintext": "AA==", "DryRun": "yes"})),
            SerializationException,
            "a String at 'dryRun'",
        ),
        (fails::<DecryptRequest>(json!({})), ValidationException, "'ciphertextBlob'"),
        (
            fails::<DecryptRequest>(json!({"CiphertextBlob": "AA==", "Recipient": {}})),
            UnsupportedOperationException,
            "Recipient is not supported",
        ),
        (fails::<DescribeKeyRequest>(json!({"KeyId": long})), ValidationException, "less than or equal to 2048"),
        (
            fails::<DescribeKeyRequest>(json!({"KeyId": "a", "GrantTokens": ["", "x"]})),
            ValidationException,
            "'grantTokens.1.member'",
        ),
        (
            fails::<CreateKeyRequest>(json!({"KeyUsage": "SIGN_VERIFY"})),
            UnsupportedOperationException,
            "KeyUsage SIGN_VERIFY is not offered; use ENCRYPT_DECRYPT.",
        ),
        (
            fails::<CreateKeyRequest>(json!({"KeyUsage": "HANG_ON_WALL"})),
            ValidationException,
            "Member must satisfy enum value set",
        ),
        (
            fails::<CreateKeyRequest>(json!({"KeySpec": "RSA_2048"})),
            UnsupportedOperationException,
            "use SYMMETRIC_DEFAULT",
        ),
        (fails::<CreateKeyRequest>(json!({"Policy": "{}"})), UnsupportedOperationException, "Policy is not supported"),
        (fails::<CreateKeyRequest>(json!({"MultiRegion": true})), UnsupportedOperationException, "MultiRegion"),
        (fails::<CreateKeyRequest>(json!({"Tags": [{"TagKey": ""}]})), ValidationException, "'tags.1.member.tagValue'"),
        (fails::<ListKeysRequest>(json!({"Limit": 0})), ValidationException, "greater than or equal to 1"),
        (fails::<ListAliasesRequest>(json!({"Marker": "\n"})), ValidationException, r"[\u0020-\u00FF]*"),
        (
            fails::<CreateAliasRequest>(json!({"AliasName": "sessions", "TargetKeyId": "a"})),
            InvalidAliasNameException,
            "alias/",
        ),
        (
            fails::<CreateAliasRequest>(json!({"AliasName": "alias/", "TargetKeyId": "a"})),
            InvalidAliasNameException,
            "alias/",
        ),
        (
            fails::<CreateAliasRequest>(json!({"AliasName": "alias/aws/mine", "TargetKeyId": "a"})),
            InvalidAliasNameException,
            "alias/aws/",
        ),
        (
            fails::<CreateAliasRequest>(json!({"AliasName": "alias/a b", "TargetKeyId": "a"})),
            ValidationException,
            "^[a-zA-Z0-9:/_-]+$",
        ),
        (fails::<CreateAliasRequest>(json!({"TargetKeyId": "a"})), ValidationException, "'aliasName'"),
    ] {
        assert_eq!(found.0, code, "{}", found.1);
        assert!(found.1.contains(words), "{words:?} in {:?}", found.1);
    }
}

#[test]
fn the_operations_are_the_key_services() {
    assert_eq!(GenerateDataKeyRequest::OPERATION.target(), "TrentService.GenerateDataKey");
    assert_eq!(GenerateDataKeyRequest::OPERATION.service(), Service::Kms);
    let tags = r#"{"Tags":[{"TagKey":"env","TagValue":"prod"}],"Description":"d"}"#;
    let request: CreateKeyRequest = decode(tags.as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(request).unwrap(), serde_json::from_str::<Value>(tags).unwrap());
}
