//! The operations on documents: what is read and written, what is refused and in which words.

use postern_model::activation::Tag;
use postern_model::document::*;
use postern_model::{ApiRequest, ErrorCode, Timestamp, decode};
use serde_json::{Value, json};

#[track_caller]
fn refuses<R: ApiRequest>(body: &Value, expected: &str) {
    let error = decode::<R>(body.to_string().as_bytes()).err().unwrap();
    assert_eq!(error.to_string(), expected, "{body}");
}

#[track_caller]
fn round_trip<R: ApiRequest + PartialEq + std::fmt::Debug>(request: &R, expected: &Value) {
    assert_eq!(&serde_json::to_value(request).unwrap(), expected);
    assert_eq!(&decode::<R>(expected.to_string().as_bytes()).unwrap(), request);
}

#[test]
fn our_requests_are_the_ones_we_read() {
    let version = NamedVersion { document_version: Some(DocumentVersion::Latest), version_name: Some("v1".to_owned()) };
    round_trip(
        &CreateDocumentRequest {
            content: "{}".to_owned(),
            name: "Hello".parse().unwrap(),
            display_name: Some("Say hello: now".to_owned()),
            version_name: Some("v1.0".to_owned()),
            document_type: Some(DocumentType::Session),
            document_format: Some(DocumentFormat::Yaml),
            target_type: Some("/AWS::EC2::Instance".to_owned()),
            tags: vec![Tag { key: "env".to_owned(), value: "prod".to_owned() }],
        },
        &json!({"Content": "{}", "Name": "Hello", "DisplayName": "Say hello: now", "VersionName": "v1.0",
                "DocumentType": "Session", "DocumentFormat": "YAML", "TargetType": "/AWS::EC2::Instance",
                "Tags": [{"Key": "env", "Value": "prod"}]}),
    );
    round_trip(
        &GetDocumentRequest { name: "Hello".parse().unwrap(), version: version.clone(), document_format: None },
        &json!({"Name": "Hello", "DocumentVersion": "$LATEST", "VersionName": "v1"}),
    );
    round_trip(
        &DescribeDocumentRequest { name: "a:/".parse().unwrap(), version: NamedVersion::default() },
        &json!({"Name": "a:/"}),
    );
    round_trip(
        &UpdateDocumentRequest {
            content: "x".to_owned(),
            name: "Hello".parse().unwrap(),
            display_name: None,
            version_name: None,
            document_version: Some(DocumentVersion::Number(12)),
            document_format: None,
            target_type: None,
        },
        &json!({"Content": "x", "Name": "Hello", "DocumentVersion": "12"}),
    );
    round_trip(
        &UpdateDocumentDefaultVersionRequest { name: "Hello".parse().unwrap(), document_version: 3 },
        &json!({"Name": "Hello", "DocumentVersion": "3"}),
    );
    round_trip(
        &DeleteDocumentRequest { name: "Hello".parse().unwrap(), version, force: true },
        &json!({"Name": "Hello", "DocumentVersion": "$LATEST", "VersionName": "v1", "Force": true}),
    );
    let filter = |key, value: &str| DocumentFilter { key, values: vec![value.to_owned()] };
    round_trip(
        &ListDocumentsRequest {
            filters: vec![
                filter(DocumentFilterKey::Name, "He"),
                filter(DocumentFilterKey::Tag("env".to_owned()), "prod"),
            ],
            max_results: Some(5),
            next_token: Some("t".to_owned()),
        },
        &json!({"Filters": [{"Key": "Name", "Values": ["He"]}, {"Key": "tag:env", "Values": ["prod"]}],
                "MaxResults": 5, "NextToken": "t"}),
    );
    round_trip(
        &ListDocumentVersionsRequest { name: "Hello".parse().unwrap(), max_results: None, next_token: None },
        &json!({"Name": "Hello"}),
    );
    round_trip(
        &ModifyDocumentPermissionRequest {
            name: "Hello".parse().unwrap(),
            permission_type: PermissionType::Share,
            account_ids_to_add: vec![Sharer::All],
            account_ids_to_remove: vec![Sharer::from_name("123456789012").unwrap()],
            shared_document_version: Some(SharedVersion::All),
        },
        &json!({"Name": "Hello", "PermissionType": "Share", "AccountIdsToAdd": ["all"],
                "AccountIdsToRemove": ["123456789012"], "SharedDocumentVersion": "$ALL"}),
    );
    let many = json!({"DocumentFilterList": vec![json!({"key": "Name", "value": "a"}); 1500]});
    let error = decode::<ListDocumentsRequest>(many.to_string().as_bytes()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ValidationException);
    assert!(error.message().ends_with("constraint: Member must have length less than or equal to 50"), "{error}");
    let request = decode::<ListDocumentsRequest>(br#"{"DocumentFilterList": [{"key": "Owner", "value": "Self"}]}"#);
    assert_eq!(request.unwrap().filters, [filter(DocumentFilterKey::Owner, "Self")], "the style of old");
}

#[test]
fn broken_constraints_are_told_in_awss_words() {
    const NAME: &str =
        r"failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9_\-.]{3,128}$";
    refuses::<CreateDocumentRequest>(
        &json!({"Name": "a b"}),
        &format!(
            "ValidationException: 2 validation errors detected: Value null at 'content' failed to satisfy constraint: \
             Member must not be null; Value 'a b' at 'name' {NAME}"
        ),
    );
    // A document may hold what is nobody else's business, so its text is never repeated.
    refuses::<CreateDocumentRequest>(
        &json!({"Name": "Hello", "Content": ""}),
        "ValidationException: 1 validation error detected: Value at 'content' failed to satisfy constraint: Member must \
         have length greater than or equal to 1",
    );
    refuses::<CreateDocumentRequest>(
        &json!({"Name": "Hello", "Content": "x", "DocumentType": "Automation"}),
        "ValidationException: Documents of type Automation are not kept by this service; Session and Command are.",
    );
    refuses::<CreateDocumentRequest>(
        &json!({"Name": "Hello", "Content": "x", "DocumentFormat": "XML"}),
        "ValidationException: 1 validation error detected: Value 'XML' at 'documentFormat' failed to satisfy constraint: \
         Member must satisfy enum value set: [YAML, JSON, TEXT]",
    );
    refuses::<CreateDocumentRequest>(
        &json!({"Name": "Hello", "Content": "x", "TargetType": "AWS::EC2::Instance"}),
        "ValidationException: 1 validation error detected: Value 'AWS::EC2::Instance' at 'targetType' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: ^\\/[\\w\\.\\-\\:\\/]*$",
    );
    refuses::<CreateDocumentRequest>(
        &json!({"Name": "Hello", "Content": "x", "Requires": [{"Name": "Other"}]}),
        "ValidationException: Requires cannot be given for documents of type Session or Command.",
    );
    for version in ["0", "01", "-1", "$latest", "1.0", "", "LATEST"] {
        refuses::<GetDocumentRequest>(
            &json!({"Name": "Hello", "DocumentVersion": version}),
            &format!(
                "ValidationException: 1 validation error detected: Value '{version}' at 'documentVersion' failed to \
                 satisfy constraint: Member must satisfy regular expression pattern: \
                 ([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)"
            ),
        );
    }
    let huge = decode::<DescribeDocumentRequest>(br#"{"Name": "Hello", "DocumentVersion": "99999999999999999999"}"#);
    assert_eq!(huge.unwrap().version.document_version, Some(DocumentVersion::Number(u32::MAX)), "simply not there");
    refuses::<UpdateDocumentDefaultVersionRequest>(
        &json!({"Name": "Hello", "DocumentVersion": "$LATEST"}),
        "ValidationException: 1 validation error detected: Value '$LATEST' at 'documentVersion' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: (^[1-9][0-9]*$)",
    );
    refuses::<DeleteDocumentRequest>(
        &json!({"Name": "Hello", "Force": "yes"}),
        "SerializationException: a String at 'force' can not be converted to a Boolean.",
    );
    refuses::<ListDocumentsRequest>(
        &json!({"Filters": [{"Key": "Naam", "Values": ["x"]}]}),
        "InvalidFilterKey: The specified key isn't valid. The keys are Name, Owner, PlatformTypes, DocumentType, \
         TargetType and tag:<key>.",
    );
    refuses::<ListDocumentsRequest>(
        &json!({"Filters": [{"Key": "Owner", "Values": ["Self"]}, {"Key": "Owner", "Values": ["Amazon"]}]}),
        "ValidationException: Only one Owner can be specified in a request.",
    );
    refuses::<ListDocumentsRequest>(
        &json!({"MaxResults": 51}),
        "ValidationException: 1 validation error detected: Value '51' at 'maxResults' failed to satisfy constraint: \
         Member must have value less than or equal to 50",
    );
    refuses::<ModifyDocumentPermissionRequest>(
        &json!({"Name": "Hello", "PermissionType": "Own", "AccountIdsToAdd": ["all"]}),
        "InvalidPermissionType: The permission type isn't supported. Share is the only supported permission type.",
    );
    refuses::<ModifyDocumentPermissionRequest>(
        &json!({"Name": "Hello", "PermissionType": "Share", "AccountIdsToAdd": ["12"]}),
        "ValidationException: 1 validation error detected: Value '12' at 'accountIdsToAdd.1.member' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: (?i)all|[0-9]{12}",
    );
    refuses::<DescribeDocumentPermissionRequest>(
        &json!({"Name": "Hello"}),
        "ValidationException: 1 validation error detected: Value null at 'permissionType' failed to satisfy constraint: \
         Member must not be null",
    );
}

#[test]
fn a_description_is_the_one_clients_read() {
    let description = DocumentDescription {
        hash: "00".repeat(32),
        hash_type: HashType::Sha256,
        name: "Hello".parse().unwrap(),
        display_name: None,
        version_name: None,
        owner: "123456789012".to_owned(),
        created_date: Timestamp::from_millis(1_795_384_779_000),
        status: DocumentStatus::Active,
        document_version: "2".to_owned(),
        description: Some("d".to_owned()),
        parameters: vec![ParameterSummary {
            name: "who".to_owned(),
            parameter_type: "String".to_owned(),
            description: None,
            default_value: Some("world".to_owned()),
        }],
        platform_types: vec![PlatformType::Linux, PlatformType::MacOs],
        document_type: DocumentType::Session,
        schema_version: "1.0".to_owned(),
        latest_version: "2".to_owned(),
        default_version: "1".to_owned(),
        document_format: DocumentFormat::Yaml,
        target_type: None,
        tags: Vec::new(),
    };
    let expected = json!({
        "Hash": "00".repeat(32), "HashType": "Sha256", "Name": "Hello", "Owner": "123456789012",
        "CreatedDate": 1_795_384_779, "Status": "Active", "DocumentVersion": "2", "Description": "d",
        "Parameters": [{"Name": "who", "Type": "String", "DefaultValue": "world"}],
        "PlatformTypes": ["Linux", "MacOS"], "DocumentType": "Session", "SchemaVersion": "1.0", "LatestVersion": "2",
        "DefaultVersion": "1", "DocumentFormat": "YAML", "Tags": []
    });
    assert_eq!(serde_json::to_value(&description).unwrap(), expected);
    assert_eq!(serde_json::from_value::<DocumentDescription>(expected).unwrap(), description);
}
