//! Whatever JSON arrives, every operation answers with a request or an error, and documents with a document or one.

use std::collections::BTreeMap;

use postern_model::document::{Preferences, SessionDocument, interpolate};
use postern_model::{
    ApiRequest, activation, agent, cloudtrail, decode, document, kms, lock, logs, node, recording, session,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// JSON that uses the names and values which the model looks at.
fn value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "Active",
        "Status",
        "Failed",
        "PingStatus",
        "Online",
        "tag:x",
        "InvokedAfter",
        "String",
        "Port",
        "1.0",
        "linux",
        "Session",
        "YAML",
        "$LATEST",
        "Share",
        "Owner",
        "{{ x }}",
        "{{x}}{{ y}}",
        "Rsa",
        "22",
        "",
        "mi-0c83012b7aac4ccda",
        "alias/a",
        "AA==",
        "AES_256",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        prop::sample::select(vec![
            "Target",
            "DocumentName",
            "Reason",
            "Parameters",
            "SessionId",
            "State",
            "MaxResults",
            "NextToken",
            "Filters",
            "key",
            "value",
            "Key",
            "Values",
            "valueSet",
            "InstanceInformationFilterList",
            "FiltersWithOperator",
            "InstancePropertyFilterList",
            "Operator",
            "InstanceId",
            "FilterKey",
            "FilterValues",
            "IamRole",
            "RegistrationLimit",
            "ExpirationDate",
            "Tags",
            "Value",
            "ActivationId",
            "ActivationCode",
            "Fingerprint",
            "PublicKey",
            "PublicKeyType",
            "InstanceId",
            "KeyId",
            "NumberOfBytes",
            "KeySpec",
            "Plaintext",
            "CiphertextBlob",
            "EncryptionContext",
            "AliasName",
            "TargetKeyId",
            "TagKey",
            "Name",
            "Content",
            "DocumentType",
            "DocumentFormat",
            "DocumentVersion",
            "VersionName",
            "Force",
            "DocumentFilterList",
            "PermissionType",
            "AccountIdsToAdd",
            "logGroupName",
            "logStreamName",
            "logEvents",
            "timestamp",
            "message",
            "filterPattern",
            "retentionInDays",
            "schemaVersion",
            "sessionType",
            "inputs",
            "parameters",
            "properties",
            "portNumber",
            "commands",
            "type",
            "default",
            "allowedPattern",
            "allowedValues",
            "minChars",
            "maxItems",
            "idleSessionTimeout",
            "runAsEnabled",
            "postern",
            "runAs",
            "createUser",
            "groups",
            "sudo",
            "shellProfile",
            "x",
            "y",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z0-9]{0,4}",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn answered<R: ApiRequest>(body: &[u8]) {
    if let Err(error) = decode::<R>(body) {
        assert!((400..500).contains(&error.status()) && !error.message().is_empty());
    }
}

proptest! {
    #[test]
    fn every_request_is_answered(value in value(), noise in prop::collection::vec(any::<u8>(), 0..40)) {
        for body in [value.to_string().as_bytes(), &noise] {
            answered::<session::StartSessionRequest>(body);
            answered::<session::ResumeSessionRequest>(body);
            answered::<session::TerminateSessionRequest>(body);
            answered::<session::DescribeSessionsRequest>(body);
            answered::<session::GetConnectionStatusRequest>(body);
            answered::<node::DescribeInstanceInformationRequest>(body);
            answered::<node::DescribeInstancePropertiesRequest>(body);
            answered::<node::ListNodesRequest>(body);
            answered::<node::UpdateManagedInstanceRoleRequest>(body);
            answered::<node::DeregisterManagedInstanceRequest>(body);
            answered::<activation::CreateActivationRequest>(body);
            answered::<activation::DescribeActivationsRequest>(body);
            answered::<activation::DeleteActivationRequest>(body);
            answered::<document::CreateDocumentRequest>(body);
            answered::<document::GetDocumentRequest>(body);
            answered::<document::DescribeDocumentRequest>(body);
            answered::<document::UpdateDocumentRequest>(body);
            answered::<document::UpdateDocumentDefaultVersionRequest>(body);
            answered::<document::DeleteDocumentRequest>(body);
            answered::<document::ListDocumentsRequest>(body);
            answered::<document::ListDocumentVersionsRequest>(body);
            answered::<document::ModifyDocumentPermissionRequest>(body);
            answered::<document::DescribeDocumentPermissionRequest>(body);
            answered::<agent::RegisterManagedInstanceRequest>(body);
            answered::<agent::RequestManagedInstanceRoleTokenRequest>(body);
            answered::<agent::UpdateManagedInstancePublicKeyRequest>(body);
            answered::<agent::UpdateInstanceInformationRequest>(body);
            answered::<agent::ListInstanceAssociationsRequest>(body);
            answered::<agent::GetMessagesRequest>(body);
            answered::<kms::GenerateDataKeyRequest>(body);
            answered::<kms::EncryptRequest>(body);
            answered::<kms::DecryptRequest>(body);
            answered::<kms::CreateKeyRequest>(body);
            answered::<kms::DescribeKeyRequest>(body);
            answered::<kms::ListKeysRequest>(body);
            answered::<kms::EnableKeyRequest>(body);
            answered::<kms::DisableKeyRequest>(body);
            answered::<kms::CreateAliasRequest>(body);
            answered::<kms::ListAliasesRequest>(body);
            answered::<cloudtrail::LookupEventsRequest>(body);
            answered::<lock::LockPrincipalRequest>(body);
            answered::<lock::UnlockPrincipalRequest>(body);
            answered::<recording::DescribeRecordingRequest>(body);
            answered::<recording::GetRecordingRequest>(body);
            answered::<lock::LockNodeRequest>(body);
            answered::<lock::UnlockNodeRequest>(body);
            answered::<logs::CreateLogGroupRequest>(body);
            answered::<logs::DeleteLogGroupRequest>(body);
            answered::<logs::DescribeLogGroupsRequest>(body);
            answered::<logs::PutRetentionPolicyRequest>(body);
            answered::<logs::DeleteRetentionPolicyRequest>(body);
            answered::<logs::CreateLogStreamRequest>(body);
            answered::<logs::DeleteLogStreamRequest>(body);
            answered::<logs::DescribeLogStreamsRequest>(body);
            answered::<logs::PutLogEventsRequest>(body);
            answered::<logs::GetLogEventsRequest>(body);
            answered::<logs::FilterLogEventsRequest>(body);
        }
    }

    #[test]
    fn every_document_is_answered(
        inputs in value(), parameters in value(), properties in value(),
        kind in "Standard_Stream|Port|InteractiveCommands|Other", given in prop::collection::btree_map("[xy]", prop::collection::vec(".{0,5}", 0..3), 0..2),
    ) {
        let source = json!({"schemaVersion": "1.0", "sessionType": kind, "inputs": inputs, "parameters": parameters,
                            "properties": properties});
        if let Ok(document) = SessionDocument::parse(&source.to_string())
            && let Ok(resolved) = document.resolve(&given, &Preferences::default())
        {
            prop_assert!((1..=60).contains(&resolved.preferences().idle_session_timeout));
            prop_assert!(resolved.properties().is_object());
        }
    }

    /// A value is data: what is inside it is never substituted, whatever it looks like.
    #[test]
    fn values_are_not_interpreted(value in "([{} a-z$]|\\{\\{ ?[xy] ?\\}\\}){0,12}", before in "[a-z ]{0,4}", after in "[a-z ]{0,4}") {
        let mut parameters = BTreeMap::from([("x".to_owned(), Value::from(value.clone()))]);
        parameters.insert("y".to_owned(), Value::from("never"));
        let template = Value::from(format!("{before}{{{{ x }}}}{after}"));
        prop_assert_eq!(interpolate(&template, &parameters).unwrap(), Value::from(format!("{before}{value}{after}")));
    }

    #[test]
    fn substitution_is_total_and_leaves_plain_text_alone(template in ".{0,40}", value in value()) {
        let parameters = BTreeMap::from([("x".to_owned(), value)]);
        let result = interpolate(&Value::from(template.clone()), &parameters).unwrap();
        if !template.contains("{{") {
            prop_assert_eq!(result, Value::from(template));
        }
        let empty = Map::new();
        prop_assert_eq!(interpolate(&Value::Object(empty.clone()), &parameters).unwrap(), Value::Object(empty));
    }
}
