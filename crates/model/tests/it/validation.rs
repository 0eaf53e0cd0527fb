//! What is refused, with AWS's code and in AWS's words.

use postern_model::activation::*;
use postern_model::agent::*;
use postern_model::node::*;
use postern_model::session::*;
use postern_model::{ApiRequest, decode};

/// `Code: message`.
fn refusal<R: ApiRequest>(body: &str) -> String {
    decode::<R>(body.as_bytes()).err().map(|error| error.to_string()).unwrap()
}

#[track_caller]
fn refuses<R: ApiRequest>(body: &str, expected: &str) {
    assert_eq!(refusal::<R>(body), expected, "{body}");
}

#[test]
fn wrong_json_is_a_serialization_error() {
    type R = StartSessionRequest;
    for (body, message) in [
        ("{", "The request body is not JSON: see line 1, column 1."),
        ("[]", "The request body must be one JSON object."),
        ("\u{1}", "The request body is not JSON: see line 1, column 1."),
        (r#"{"Target": 5}"#, "a Number at 'target' can not be converted to a String."),
        (r#"{"Target": ["x"]}"#, "a List at 'target' can not be converted to a String."),
        (r#"{"Target": "x", "Parameters": []}"#, "a List at 'parameters' can not be converted to a Map."),
        (
            r#"{"Target": "x", "Parameters": {"a": "b"}}"#,
            "a String at 'parameters' can not be converted to a Map of Lists.",
        ),
        (r#"{"Target": "x", "Parameters": {"a": [1]}}"#, "a Number at 'parameters' can not be converted to a String."),
        (r#"{"Target": "x", "Parameters": {"a": [null]}}"#, "null at 'parameters' can not be converted to a String."),
    ] {
        refuses::<R>(body, &format!("SerializationException: {message}"));
    }
    let deep = format!("{{\"Target\": {}{}}}", "[".repeat(500), "]".repeat(500));
    assert!(refusal::<R>(&deep).starts_with("SerializationException: The request body is not JSON"));
    refuses::<DescribeSessionsRequest>(
        r#"{"State": "Active", "MaxResults": "5"}"#,
        "SerializationException: a String at 'maxResults' can not be converted to an Integer.",
    );
    refuses::<DescribeSessionsRequest>(
        r#"{"State": "Active", "Filters": ["x"]}"#,
        "SerializationException: a String at 'filters' can not be converted to a Structure.",
    );
    refuses::<DescribeSessionsRequest>(
        r#"{"State": "Active", "Filters": [{"key": "Owner", "value": true}]}"#,
        "SerializationException: a Boolean at 'filters.1.member.value' can not be converted to a String.",
    );
    refuses::<CreateActivationRequest>(
        r#"{"IamRole": "r", "ExpirationDate": "tomorrow"}"#,
        "SerializationException: a String at 'expirationDate' can not be converted to a Timestamp (seconds since the epoch).",
    );
}

#[test]
fn a_refusal_does_not_grow_with_what_is_wrong() {
    let body = serde_json::json!({"ResourceType": "ManagedInstance", "ResourceId": "x", "TagKeys": vec![""; 100_000]});
    let refusal = refusal::<postern_model::tag::RemoveTagsFromResourceRequest>(&body.to_string());
    let beginning = "ValidationException: 100000 validation errors detected: Value '' at 'tagKeys.1.member' failed to \
                     satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'tagKeys.2.";
    assert!(refusal.starts_with(beginning), "{}", refusal.chars().take(400).collect::<String>());
    assert!(refusal.ends_with("; and 99980 more"), "{}", refusal.len());
    assert!(refusal.len() < 4096, "{}", refusal.len());
}

#[test]
fn start_session() {
    type R = StartSessionRequest;
    refuses::<R>(
        "{}",
        "ValidationException: 1 validation error detected: Value null at 'target' failed to satisfy constraint: \
         Member must not be null",
    );
    refuses::<R>(
        r#"{"Target": ""}"#,
        "ValidationException: 1 validation error detected: Value '' at 'target' failed to satisfy constraint: \
         Member must have length greater than or equal to 1",
    );
    refuses::<R>(
        r#"{"Target": "x", "DocumentName": "a b", "Reason": "one\ntwo"}"#,
        "ValidationException: 2 validation errors detected: Value 'a b' at 'documentName' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9_\\-.:/]{3,128}$; Value 'one\ntwo' at \
         'reason' failed to satisfy constraint: Member must satisfy regular expression pattern: ^.{1,256}$",
    );
    refuses::<R>(
        r#"{"Target": "x", "Parameters": {"": ["a"], "b": ["hunter2", ""]}}"#,
        "ValidationException: 2 validation errors detected: Value at 'parameters' failed to satisfy constraint: Map \
         keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length \
         greater than or equal to 1]; Value at 'parameters' failed to satisfy constraint: Map value must satisfy \
         constraint: [Member must satisfy constraint: [Member must have length less than or equal to 65535, Member \
         must have length greater than or equal to 1]]",
    );
    let long = refusal::<R>(&format!(r#"{{"Target": "{}"}}"#, "ä".repeat(401)));
    assert!(long.contains(&format!("Value '{}…' at 'target'", "ä".repeat(256))), "{long}");
    assert!(long.ends_with("Member must have length less than or equal to 400"), "{long}");
    assert!(decode::<R>(format!(r#"{{"Target": "{}"}}"#, "ä".repeat(400)).as_bytes()).is_ok());
}

#[test]
fn describe_sessions() {
    type R = DescribeSessionsRequest;
    refuses::<R>(
        r#"{"State": "active", "MaxResults": 0}"#,
        "ValidationException: 2 validation errors detected: Value 'active' at 'state' failed to satisfy constraint: \
         Member must satisfy enum value set: [Active, History]; Value '0' at 'maxResults' failed to satisfy \
         constraint: Member must have value greater than or equal to 1",
    );
    refuses::<R>(
        r#"{"State": "Active", "MaxResults": 201, "Filters": []}"#,
        "ValidationException: 2 validation errors detected: Value '201' at 'maxResults' failed to satisfy constraint: \
         Member must have value less than or equal to 200; Value '[]' at 'filters' failed to satisfy constraint: \
         Member must have length greater than or equal to 1",
    );
    refuses::<R>(
        r#"{"State": "Active", "Filters": [{"key": "Status", "value": "connected"}, {"key": "Target"}]}"#,
        "ValidationException: 2 validation errors detected: Value 'connected' at 'filters.1.member.value' failed to \
         satisfy constraint: Member must satisfy enum value set: [Connected, Connecting, Disconnected, Terminated, \
         Terminating, Failed]; Value null at 'filters.2.member.value' failed to satisfy constraint: Member must not be \
         null",
    );
    refuses::<R>(
        r#"{"State": "Active", "Filters": [{"key": "InvokedAfter", "value": "noon"}]}"#,
        "ValidationException: 1 validation error detected: Value 'noon' at 'filters.1.member.value' failed to satisfy \
         constraint: Member must be a UTC time such as 2026-11-22T00:00:00Z",
    );
    refuses::<R>(
        r#"{"State": "Active", "Filters": [{"key": "owner", "value": "x"}]}"#,
        "InvalidFilterKey: There is no session filter 'owner'; the keys are InvokedAfter, InvokedBefore, Target, \
         Owner, Status, SessionId, AccessType.",
    );
}

#[test]
fn nodes() {
    type R = DescribeInstanceInformationRequest;
    refuses::<R>(
        r#"{"MaxResults": 4}"#,
        "ValidationException: 1 validation error detected: Value '4' at 'maxResults' failed to satisfy constraint: \
         Member must have value greater than or equal to 5",
    );
    refuses::<R>(
        r#"{"Filters": [{"Key": "PingStatus", "Values": ["online"]}]}"#,
        "InvalidInstanceInformationFilterValue: 'online' is not a value of the filter PingStatus; the values are \
         Online, ConnectionLost, Inactive.",
    );
    refuses::<R>(
        r#"{"Filters": [{"Key": "pingstatus", "Values": ["Online"]}]}"#,
        "InvalidFilterKey: There is no node filter 'pingstatus'; the keys are ActivationIds, AgentVersion, \
         AssociationStatus, IamRole, InstanceIds, PingStatus, PlatformTypes, ResourceType, SourceIds, SourceTypes, \
         tag-key, tag:<key>.",
    );
    refuses::<R>(
        r#"{"Filters": [{"Key": "InstanceIds", "Values": ["web-1"]}]}"#,
        "InvalidInstanceId: A value of the filter InstanceIds is not the id of a node (mi-… or i-…).",
    );
    refuses::<R>(
        r#"{"Filters": [{"Key": "IamRole"}, {"Key": "IamRole", "Values": [""]}]}"#,
        "ValidationException: 2 validation errors detected: Value null at 'filters.1.member.values' failed to satisfy \
         constraint: Member must not be null; Value '' at 'filters.2.member.values.1.member' failed to satisfy \
         constraint: Member must have length greater than or equal to 1",
    );
    refuses::<R>(
        r#"{"Filters": [{"Key": "IamRole", "Values": ["x"]}],
            "InstanceInformationFilterList": [{"key": "IamRole", "valueSet": ["x"]}]}"#,
        "ValidationException: Filters and InstanceInformationFilterList can not be used together; use Filters.",
    );
    // The older style has fewer keys, and names them where it is wrong.
    refuses::<R>(
        r#"{"InstanceInformationFilterList": [{"key": "SourceIds", "valueSet": ["x"]}]}"#,
        "ValidationException: 1 validation error detected: Value 'SourceIds' at \
         'instanceInformationFilterList.1.member.key' failed to satisfy constraint: Member must satisfy enum value set: \
         [InstanceIds, AgentVersion, PingStatus, PlatformTypes, ActivationIds, IamRole, ResourceType, AssociationStatus]",
    );
    type D = DeregisterManagedInstanceRequest;
    refuses::<D>(
        r#"{"InstanceId": "i-0c83012b7aac4ccda00"}"#,
        "ValidationException: 1 validation error detected: Value 'i-0c83012b7aac4ccda00' at 'instanceId' failed to \
         satisfy constraint: Member must satisfy regular expression pattern: \
         (^mi-[0-9a-f]{17}$)|(^eks_c:[0-9A-Za-z][A-Za-z0-9\\-_]{0,99}_\\w{17}$)",
    );
    refuses::<D>(
        r#"{"InstanceId": "eks_c:my-cluster_0123456789abcdefg"}"#,
        "InvalidInstanceId: There are no nodes of this kind here; a managed node's id begins with mi-.",
    );
    assert!(refusal::<D>("{}").contains("Value null at 'instanceId'"));
}

#[test]
fn activations() {
    refuses::<CreateActivationRequest>(
        r#"{"RegistrationLimit": 1001, "DefaultInstanceName": "a;b", "Tags": [{"Key": "", "Value": "ok"}]}"#,
        "ValidationException: 4 validation errors detected: Value '1001' at 'registrationLimit' failed to satisfy \
         constraint: Member must have value less than or equal to 1000; Value 'a;b' at 'defaultInstanceName' failed to \
         satisfy constraint: Member must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$; Value \
         null at 'iamRole' failed to satisfy constraint: Member must not be null; Value '' at 'tags.1.member.key' \
         failed to satisfy constraint: Member must have length greater than or equal to 1",
    );
    for role in ["", "a b", "/Nodes", "service-role/", "Knoten-für-alle"] {
        refuses::<CreateActivationRequest>(
            &serde_json::json!({ "IamRole": role }).to_string(),
            "InvalidParameters: IamRole must be the name of a role (letters, digits and any of _+=,.@-), for example \
             PosternNode or service-role/PosternNode.",
        );
    }
    refuses::<CreateActivationRequest>(
        r#"{"IamRole": "r", "RegistrationMetadata": [{"Key": " ", "Value": "x"}, {"Key": "k"}]}"#,
        r"ValidationException: 2 validation errors detected: Value ' ' at 'registrationMetadata.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?!\s*$).+; Value null at 'registrationMetadata.2.member.value' failed to satisfy constraint: Member must not be null",
    );
    refuses::<DescribeActivationsRequest>(
        r#"{"Filters": [{"FilterKey": "Name", "FilterValues": ["x"]}]}"#,
        "InvalidFilter: A filter needs one of the FilterKeys ActivationIds, DefaultInstanceName, IamRole.",
    );
    refuses::<DeleteActivationRequest>(
        r#"{"ActivationId": "not-a-uuid"}"#,
        "InvalidActivationId: The ActivationId is not a UUID in lower-case hexadecimal digits; copy it whole.",
    );
    assert!(refusal::<DeleteActivationRequest>("{}").contains("Value null at 'activationId'"));
}

#[test]
fn agents() {
    let register = refusal::<RegisterManagedInstanceRequest>(
        r#"{"ActivationCode":"sesame","ActivationId":"11111111-2222-4333-8444-555555555555",
            "Fingerprint":"f","PublicKey":"A","PublicKeyType":"Dsa"}"#,
    );
    assert_eq!(
        register,
        "ValidationException: 2 validation errors detected: Value at 'activationCode' failed to satisfy constraint: \
         Member must have length greater than or equal to 20; Value 'Dsa' at 'publicKeyType' failed to satisfy \
         constraint: Member must satisfy enum value set: [Rsa, Ed25519]",
        "the code itself is not repeated"
    );
    assert!(refusal::<RequestManagedInstanceRoleTokenRequest>("{}").contains("Value null at 'fingerprint'"));
    assert!(refusal::<UpdateInstanceInformationRequest>("{}").contains("Value null at 'instanceId'"));
}
