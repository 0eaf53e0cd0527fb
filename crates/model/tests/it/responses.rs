//! Responses: exact member names, numbers for times, members left out rather than null.

use postern_model::activation::{Activation, CreateActivationResponse, DescribeActivationsResponse};
use postern_model::agent::{
    ListInstanceAssociationsResponse, RegisterManagedInstanceResponse, RequestManagedInstanceRoleTokenResponse,
};
use postern_model::node::{
    DescribeInstanceInformationResponse, DescribeInstancePropertiesResponse, InstanceInfo, InstanceInformation,
    InstanceProperty, ListNodesResponse, Node, NodeOwnerInfo, NodeType, PingStatus, PlatformType, ResourceType,
};
use postern_model::session::{
    ConnectionStatus, DescribeSessionsResponse, GetConnectionStatusResponse, ResumeSessionResponse, Session,
    SessionStatus, StartSessionResponse, TerminateSessionResponse,
};
use postern_model::{Empty, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn wire<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(response: &T, expected: Value) {
    assert_eq!(serde_json::to_value(response).unwrap(), expected);
    assert_eq!(&serde_json::from_value::<T>(expected).unwrap(), response);
}

const NODE: &str = "mi-0c83012b7aac4ccda";
const NOON: Timestamp = Timestamp::from_millis(1_795_384_779_000);

#[test]
fn sessions() {
    wire(
        &StartSessionResponse {
            session_id: "s-1".to_owned(),
            token_value: "token".into(),
            stream_url: "wss://x/v1/data-channel/s-1?role=publish_subscribe".to_owned(),
        },
        json!({"SessionId": "s-1", "TokenValue": "token",
               "StreamUrl": "wss://x/v1/data-channel/s-1?role=publish_subscribe"}),
    );
    // An ended session: 200 without a token, because a stock plugin waits for ever on an error.
    wire(
        &ResumeSessionResponse { session_id: "s-1".to_owned(), token_value: None, stream_url: None },
        json!({"SessionId": "s-1"}),
    );
    wire(
        &ResumeSessionResponse {
            session_id: "s-1".to_owned(),
            token_value: Some("token".into()),
            stream_url: Some("wss://x".to_owned()),
        },
        json!({"SessionId": "s-1", "TokenValue": "token", "StreamUrl": "wss://x"}),
    );
    wire(&TerminateSessionResponse { session_id: "s-1".to_owned() }, json!({"SessionId": "s-1"}));
    for (status, name) in [(ConnectionStatus::Connected, "connected"), (ConnectionStatus::NotConnected, "notconnected")]
    {
        wire(&GetConnectionStatusResponse { target: NODE.to_owned(), status }, json!({"Target": NODE, "Status": name}));
    }
    let session = Session {
        session_id: "jane-1".to_owned(),
        target: NODE.to_owned(),
        status: SessionStatus::Terminated,
        start_date: NOON,
        end_date: Some(Timestamp::from_millis(1_795_384_800_250)),
        document_name: "SSM-SessionManagerRunShell".to_owned(),
        owner: "arn:aws:iam::123456789012:user/jane".to_owned(),
        reason: None,
        details: Some("The session ended on the node.".to_owned()),
        max_session_duration: None,
        access_type: Some("Standard".to_owned()),
    };
    wire(
        &DescribeSessionsResponse { sessions: vec![session], next_token: None },
        json!({"Sessions": [{"SessionId": "jane-1", "Target": NODE, "Status": "Terminated",
            "StartDate": 1_795_384_779, "EndDate": 1_795_384_800.25, "DocumentName": "SSM-SessionManagerRunShell",
            "Owner": "arn:aws:iam::123456789012:user/jane", "Details": "The session ended on the node.",
            "AccessType": "Standard"}]}),
    );
    wire(&DescribeSessionsResponse::default(), json!({"Sessions": []}));
}

#[test]
fn nodes_and_activations() {
    let instance = InstanceProperty {
        instance_id: NODE.parse().unwrap(),
        ping_status: PingStatus::ConnectionLost,
        last_ping_date_time: Some(NOON),
        agent_version: Some("3.3.0.0".to_owned()),
        platform_type: Some(PlatformType::MacOS),
        platform_name: None,
        platform_version: None,
        activation_id: None,
        iam_role: Some("Nodes".to_owned()),
        registration_date: Some(NOON),
        resource_type: ResourceType::ManagedInstance,
        name: None,
        ip_address: Some("::1".to_owned()),
        computer_name: Some("vm".to_owned()),
        source_id: None,
        source_type: None,
    };
    let node = InstanceInformation {
        instance,
        is_latest_version: None,
        postern_identity_conflict: Some("two".to_owned()),
        postern_locked: None,
    };
    wire(
        &DescribeInstanceInformationResponse {
            instance_information_list: vec![node],
            next_token: Some("more".to_owned()),
        },
        json!({"InstanceInformationList": [{"InstanceId": NODE, "PingStatus": "ConnectionLost",
            "LastPingDateTime": 1_795_384_779, "AgentVersion": "3.3.0.0", "PlatformType": "MacOS", "IamRole": "Nodes",
            "RegistrationDate": 1_795_384_779, "ResourceType": "ManagedInstance", "IPAddress": "::1",
            "ComputerName": "vm", "PosternIdentityConflict": "two"}], "NextToken": "more"}),
    );
    let id = "11111111-2222-4333-8444-555555555555";
    wire(
        &CreateActivationResponse { activation_id: id.parse().unwrap(), activation_code: "c".repeat(20).into() },
        json!({"ActivationId": id, "ActivationCode": "c".repeat(20)}),
    );
    let activation = Activation {
        activation_id: id.parse().unwrap(),
        description: None,
        default_instance_name: None,
        iam_role: "Nodes".to_owned(),
        registration_limit: 1,
        registrations_count: 0,
        expiration_date: NOON,
        expired: true,
        created_date: NOON,
        tags: Vec::new(),
    };
    wire(
        &DescribeActivationsResponse { activation_list: vec![activation], next_token: None },
        json!({"ActivationList": [{"ActivationId": id, "IamRole": "Nodes", "RegistrationLimit": 1,
            "RegistrationsCount": 0, "ExpirationDate": 1_795_384_779, "Expired": true, "CreatedDate": 1_795_384_779}]}),
    );
    wire(&Empty {}, json!({}));
}

#[test]
fn nodes_as_consoles_show_them() {
    let property = InstanceProperty {
        name: Some("web".to_owned()),
        instance_id: NODE.parse().unwrap(),
        ip_address: Some("::1".to_owned()),
        ping_status: PingStatus::Online,
        last_ping_date_time: Some(NOON),
        agent_version: None,
        platform_type: Some(PlatformType::Linux),
        platform_name: None,
        platform_version: None,
        activation_id: None,
        iam_role: None,
        registration_date: None,
        resource_type: ResourceType::ManagedInstance,
        computer_name: None,
        source_id: None,
        source_type: None,
    };
    wire(
        &DescribeInstancePropertiesResponse { instance_properties: vec![property], next_token: None },
        json!({"InstanceProperties": [{"Name": "web", "InstanceId": NODE, "IPAddress": "::1", "PingStatus": "Online",
            "LastPingDateTime": 1_795_384_779, "PlatformType": "Linux", "ResourceType": "ManagedInstance"}]}),
    );
    let node = Node {
        capture_time: Some(NOON),
        id: NODE.parse().unwrap(),
        owner: NodeOwnerInfo { account_id: "123456789012".to_owned() },
        region: "eu-west-1".to_owned(),
        node_type: NodeType::Instance(InstanceInfo {
            agent_type: Some("amazon-ssm-agent".to_owned()),
            agent_version: None,
            computer_name: None,
            instance_status: "Online".to_owned(),
            ip_address: Some("::1".to_owned()),
            managed_status: "Managed".to_owned(),
            name: None,
            platform_type: None,
            platform_name: None,
            platform_version: None,
            resource_type: ResourceType::ManagedInstance,
            source_id: NODE.to_owned(),
            source_type: "AWS::SSM::ManagedInstance".to_owned(),
        }),
    };
    wire(
        &ListNodesResponse { nodes: vec![node], next_token: None },
        json!({"Nodes": [{"CaptureTime": 1_795_384_779, "Id": NODE, "Owner": {"AccountId": "123456789012"},
            "Region": "eu-west-1", "NodeType": {"Instance": {"AgentType": "amazon-ssm-agent",
            "InstanceStatus": "Online", "IpAddress": "::1", "ManagedStatus": "Managed",
            "ResourceType": "ManagedInstance", "SourceId": NODE, "SourceType": "AWS::SSM::ManagedInstance"}}}]}),
    );
}

#[test]
fn agents() {
    wire(&RegisterManagedInstanceResponse { instance_id: NODE.parse().unwrap() }, json!({"InstanceId": NODE}));
    wire(
        &RequestManagedInstanceRoleTokenResponse {
            access_key_id: "PSIA".to_owned(),
            secret_access_key: "secret".into(),
            session_token: "token".into(),
            token_expiration_date: NOON,
            update_key_pair: false,
        },
        json!({"AccessKeyId": "PSIA", "SecretAccessKey": "secret", "SessionToken": "token",
               "TokenExpirationDate": 1_795_384_779, "UpdateKeyPair": false}),
    );
    wire(&ListInstanceAssociationsResponse::default(), json!({"Associations": []}));
}
