//! Requests as stock programs send them, and as ours do.

use postern_iam::SecretString;
use postern_model::activation::*;
use postern_model::agent::*;
use postern_model::node::*;
use postern_model::session::*;
use postern_model::{ApiRequest, Timestamp, decode};
use serde_json::{Value, json};

fn read<R: ApiRequest>(body: &str) -> R {
    decode(body.as_bytes()).unwrap()
}

/// What we send is what we would read: the same members, the same meaning.
fn round_trip<R: ApiRequest + PartialEq + std::fmt::Debug>(request: &R, wire: Value) {
    assert_eq!(serde_json::to_value(request).unwrap(), wire);
    assert_eq!(&read::<R>(&wire.to_string()), request);
}

/// Bodies recorded from the unmodified command line, plugin and agent (captures 01, 03, 10 and 23; client.md §1).
#[test]
fn stock_programs_are_understood() {
    let start: StartSessionRequest = read(
        r#"{"Target": "mi-0c83012b7aac4ccda", "DocumentName": "AWS-StartPortForwardingSession",
            "Reason": "because", "Parameters": {"portNumber": ["80"], "localPortNumber": ["56789"]}}"#,
    );
    assert_eq!(start.target, "mi-0c83012b7aac4ccda");
    assert_eq!(start.document_name.unwrap().as_str(), "AWS-StartPortForwardingSession");
    assert_eq!(start.parameters["localPortNumber"], ["56789"]);
    assert_eq!(read::<StartSessionRequest>(r#"{"Target": "x"}"#).document_name, None);
    assert_eq!(read::<ResumeSessionRequest>(r#"{"SessionId":"s-1"}"#).session_id, "s-1");

    let key = "A".repeat(392);
    let register: RegisterManagedInstanceRequest = read(&format!(
        r#"{{"ActivationCode":"ABCDEFGHIJ0123456789","ActivationId":"11111111-2222-4333-8444-555555555555",
            "Fingerprint":"e66ea1dc-543a-4fda-a697-da7efd0c4fcf","PublicKey":"{key}","PublicKeyType":"Rsa"}}"#
    ));
    assert_eq!(register.activation_code, SecretString::new("ABCDEFGHIJ0123456789"));
    assert_eq!((register.public_key_type.as_str(), register.public_key.len()), ("Rsa", 392));

    let short: UpdateInstanceInformationRequest = read(
        r#"{"AgentName":"amazon-ssm-agent","AgentVersion":"3.3.0.0","InstanceId":"mi-0c83012b7aac4ccda","PlatformType":"Linux"}"#,
    );
    assert_eq!((short.platform_type, short.computer_name), (Some(PlatformType::Linux), None));
    let full: UpdateInstanceInformationRequest = read(
        r#"{"AgentName":"amazon-ssm-agent","AgentStatus":"Active","AgentVersion":"3.3.0.0","AvailabilityZone":"",
            "AvailabilityZoneId":"","ComputerName":"vm","IPAddress":"127.0.0.1","InstanceId":"mi-0c83012b7aac4ccda",
            "PlatformName":"Debian GNU/Linux","PlatformType":"Linux","PlatformVersion":"12","SSMConnectionChannel":""}"#,
    );
    assert_eq!((full.computer_name.as_deref(), full.ip_address.as_deref()), (Some("vm"), Some("127.0.0.1")));
    assert_eq!(full.ssm_connection_channel, None, "empty is absent");

    let list: ListInstanceAssociationsRequest = read(r#"{"InstanceId":"mi-0c83012b7aac4ccda","MaxResults":20}"#);
    assert_eq!(list.instance_id, "mi-0c83012b7aac4ccda");
}

/// An error to this call sends a stock agent into hibernation, so nothing a node says about itself is one.
#[test]
fn what_a_node_says_about_itself_is_cut_to_size() {
    let body = json!({
        "InstanceId": "mi-0c83012b7aac4ccda", "ComputerName": "n".repeat(1000), "PlatformName": "a\u{1b}[31m\nb",
        "PlatformType": "Plan9", "IPAddress": null,
    });
    let request: UpdateInstanceInformationRequest = read(&body.to_string());
    assert_eq!(request.computer_name.unwrap().len(), 255);
    assert_eq!(request.platform_name.unwrap(), "a[31mb");
    assert_eq!((request.platform_type, request.ip_address), (None, None));
}

#[test]
fn our_requests_are_the_ones_we_read() {
    round_trip(
        &StartSessionRequest {
            target: "mi-0c83012b7aac4ccda".to_owned(),
            document_name: Some("AWS-StartSSHSession".parse().unwrap()),
            reason: Some("look".to_owned()),
            parameters: [("portNumber".to_owned(), vec!["22".to_owned()])].into(),
        },
        json!({"Target": "mi-0c83012b7aac4ccda", "DocumentName": "AWS-StartSSHSession", "Reason": "look",
               "Parameters": {"portNumber": ["22"]}}),
    );
    round_trip(&TerminateSessionRequest { session_id: "s-1".to_owned() }, json!({"SessionId": "s-1"}));
    round_trip(&GetConnectionStatusRequest { target: "x".to_owned() }, json!({"Target": "x"}));
    round_trip(
        &DescribeSessionsRequest {
            state: SessionState::History,
            max_results: Some(200),
            next_token: Some("t".to_owned()),
            filters: vec![
                SessionFilter::InvokedAfter(Timestamp::from_millis(1_795_384_779_000)),
                SessionFilter::Status(SessionStatus::Failed),
                SessionFilter::Owner("arn:aws:iam::123456789012:user/jane".to_owned()),
                SessionFilter::AccessType("Standard".to_owned()),
            ],
        },
        json!({"State": "History", "MaxResults": 200, "NextToken": "t", "Filters": [
            {"key": "InvokedAfter", "value": "2026-11-22T21:59:39Z"},
            {"key": "Status", "value": "Failed"},
            {"key": "Owner", "value": "arn:aws:iam::123456789012:user/jane"},
            {"key": "AccessType", "value": "Standard"}]}),
    );
    round_trip(
        &DescribeInstanceInformationRequest {
            filters: vec![
                NodeFilter { key: NodeFilterKey::PingStatus, values: vec!["Online".to_owned()] },
                NodeFilter { key: NodeFilterKey::TagKey, values: vec!["env".to_owned()] },
                NodeFilter { key: NodeFilterKey::Tag("env".to_owned()), values: vec!["a".to_owned(), "b".to_owned()] },
            ],
            max_results: Some(5),
            next_token: None,
        },
        json!({"MaxResults": 5, "Filters": [
            {"Key": "PingStatus", "Values": ["Online"]},
            {"Key": "tag-key", "Values": ["env"]},
            {"Key": "tag:env", "Values": ["a", "b"]}]}),
    );
    round_trip(
        &CreateActivationRequest {
            description: Some("laptops".to_owned()),
            default_instance_name: Some("Büro 3".to_owned()),
            iam_role: "service-role/Nodes".to_owned(),
            registration_limit: Some(1000),
            expiration_date: Some(Timestamp::from_millis(1_795_384_779_500)),
            tags: vec![Tag { key: "env".to_owned(), value: String::new() }],
        },
        json!({"Description": "laptops", "DefaultInstanceName": "Büro 3", "IamRole": "service-role/Nodes",
               "RegistrationLimit": 1000, "ExpirationDate": 1_795_384_779.5, "Tags": [{"Key": "env", "Value": ""}]}),
    );
    round_trip(
        &DescribeActivationsRequest {
            filters: vec![ActivationFilter { key: ActivationFilterKey::IamRole, values: vec!["Nodes".to_owned()] }],
            max_results: Some(50),
            next_token: None,
        },
        json!({"Filters": [{"FilterKey": "IamRole", "FilterValues": ["Nodes"]}], "MaxResults": 50}),
    );
    let activation_id = "11111111-2222-4333-8444-555555555555";
    round_trip(
        &DeleteActivationRequest { activation_id: activation_id.parse().unwrap() },
        json!({ "ActivationId": activation_id }),
    );
    round_trip(
        &DeregisterManagedInstanceRequest { instance_id: "mi-0c83012b7aac4ccda".parse().unwrap() },
        json!({"InstanceId": "mi-0c83012b7aac4ccda"}),
    );
    round_trip(
        &RegisterManagedInstanceRequest {
            activation_code: "c".repeat(20).into(),
            activation_id: activation_id.parse().unwrap(),
            fingerprint: "f".to_owned(),
            public_key: "AAAA".to_owned(),
            public_key_type: "Ed25519".to_owned(),
        },
        json!({"ActivationCode": "c".repeat(20), "ActivationId": activation_id, "Fingerprint": "f",
               "PublicKey": "AAAA", "PublicKeyType": "Ed25519"}),
    );
    round_trip(&RequestManagedInstanceRoleTokenRequest { fingerprint: "f".to_owned() }, json!({"Fingerprint": "f"}));
    round_trip(
        &UpdateManagedInstancePublicKeyRequest {
            new_public_key: "AAAA".to_owned(),
            new_public_key_type: "Rsa".to_owned(),
        },
        json!({"NewPublicKey": "AAAA", "NewPublicKeyType": "Rsa"}),
    );
    round_trip(
        &UpdateInstanceInformationRequest {
            instance_id: "mi-0c83012b7aac4ccda".to_owned(),
            ip_address: Some("::1".to_owned()),
            ssm_connection_channel: Some("ssmmessages".to_owned()),
            ..UpdateInstanceInformationRequest::default()
        },
        json!({"InstanceId": "mi-0c83012b7aac4ccda", "IPAddress": "::1", "SSMConnectionChannel": "ssmmessages"}),
    );
}

#[test]
fn both_styles_of_node_filters_mean_the_same() {
    let newer: DescribeInstanceInformationRequest =
        read(r#"{"Filters": [{"Key": "PlatformTypes", "Values": ["Linux", "MacOS"]}]}"#);
    let older: DescribeInstanceInformationRequest =
        read(r#"{"InstanceInformationFilterList": [{"key": "PlatformTypes", "valueSet": ["Linux", "MacOS"]}]}"#);
    assert_eq!(newer, older);
}

#[test]
fn unknown_members_are_ignored_and_null_is_absence() {
    let request: DescribeSessionsRequest =
        read(r#"{"State": "Active", "Filters": null, "NextToken": null, "Later": {"deep": [1]}, "state": "x"}"#);
    assert_eq!((request.filters.len(), request.next_token), (0, None));
    assert_eq!(read::<DescribeActivationsRequest>(""), DescribeActivationsRequest::default());
}

#[test]
fn secrets_in_requests_do_not_print_themselves() {
    let register: RegisterManagedInstanceRequest = read(
        r#"{"ActivationCode":"sesame-sesame-sesame","ActivationId":"11111111-2222-4333-8444-555555555555",
            "Fingerprint":"f","PublicKey":"A","PublicKeyType":"Rsa"}"#,
    );
    assert!(!format!("{register:?}").contains("sesame"));
}
