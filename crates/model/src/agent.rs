//! What an agent calls: register, get credentials, change its key, report itself.
//!
//! Stock agents react badly to errors here: any error to the first `UpdateInstanceInformation` sends one into
//! hibernation (agent-api-calls §2). So what a node says about itself is cut to size rather than refused.

use postern_iam::secret::serialize_exposed;
use postern_iam::{ActivationId, NodeId, SecretString};
use serde::{Deserialize, Serialize};

use crate::activation::read_activation_id;
use crate::constraint::Text;
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::node::PlatformType;
use crate::operation::Operation;
use crate::timestamp::Timestamp;

/// A UUID made by the agent; for EC2 the instance id. Only compared.
const FINGERPRINT: Text = Text::length(1, 128);
/// Base64 of a DER SubjectPublicKeyInfo: 60 characters for Ed25519, 736 for RSA-4096.
const PUBLIC_KEY: Text = Text::length(1, 1024);
const KEY_TYPES: [(&str, &str); 2] = [("Rsa", "Rsa"), ("Ed25519", "Ed25519")];

/// `RegisterManagedInstance`, the anonymous form with an activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegisterManagedInstanceRequest {
    /// The activation's secret: the only proof in this request. 20 to 250 characters.
    #[serde(serialize_with = "serialize_exposed")]
    pub activation_code: SecretString,
    /// The activation.
    pub activation_id: ActivationId,
    /// By which the machine is known again.
    pub fingerprint: String,
    /// Base64 of the DER SubjectPublicKeyInfo.
    pub public_key: String,
    /// `Rsa`, or `Ed25519` from our agent.
    pub public_key_type: String,
}

impl ApiRequest for RegisterManagedInstanceRequest {
    const OPERATION: Operation = Operation::RegisterManagedInstance;
    type Response = RegisterManagedInstanceResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let code = input.required_text("ActivationCode", Text::length(20, 250).sensitive())?;
        Ok(Self {
            activation_code: code.into(),
            activation_id: read_activation_id(input)?,
            fingerprint: input.required_text("Fingerprint", FINGERPRINT)?,
            public_key: input.required_text("PublicKey", PUBLIC_KEY)?,
            public_key_type: input.required_choice("PublicKeyType", &KEY_TYPES)?.unwrap_or_default().to_owned(),
        })
    }
}

/// The new node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegisterManagedInstanceResponse {
    /// Its id.
    pub instance_id: NodeId,
}

/// `RequestManagedInstanceRoleToken`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RequestManagedInstanceRoleTokenRequest {
    /// The one the node registered with.
    pub fingerprint: String,
}

impl ApiRequest for RequestManagedInstanceRoleTokenRequest {
    const OPERATION: Operation = Operation::RequestManagedInstanceRoleToken;
    type Response = RequestManagedInstanceRoleTokenResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { fingerprint: input.required_text("Fingerprint", FINGERPRINT)? })
    }
}

/// Temporary credentials. Every member is always there: a stock agent crashes without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RequestManagedInstanceRoleTokenResponse {
    /// Names the credentials.
    pub access_key_id: String,
    /// What signatures are made with.
    #[serde(serialize_with = "serialize_exposed")]
    pub secret_access_key: SecretString,
    /// Goes with every request they sign.
    #[serde(serialize_with = "serialize_exposed")]
    pub session_token: SecretString,
    /// Until when; agents ask again at half of the remaining life.
    pub token_expiration_date: Timestamp,
    /// Whether the node should replace its key now.
    pub update_key_pair: bool,
}

/// `UpdateManagedInstancePublicKey`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateManagedInstancePublicKeyRequest {
    /// Base64 of the DER SubjectPublicKeyInfo.
    pub new_public_key: String,
    /// `Rsa`, or `Ed25519` from our agent.
    pub new_public_key_type: String,
}

impl ApiRequest for UpdateManagedInstancePublicKeyRequest {
    const OPERATION: Operation = Operation::UpdateManagedInstancePublicKey;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let kind = input.required_choice("NewPublicKeyType", &KEY_TYPES)?;
        Ok(Self {
            new_public_key: input.required_text("NewPublicKey", PUBLIC_KEY)?,
            new_public_key_type: kind.unwrap_or_default().to_owned(),
        })
    }
}

/// `UpdateInstanceInformation`. A stock agent sends a short form first; a member that is absent here was absent or
/// empty there and must not erase what is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateInstanceInformationRequest {
    /// The node, which must be the one the credentials belong to.
    pub instance_id: String,
    /// `amazon-ssm-agent`, or ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// Always `Active` so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_status: Option<String>,
    /// The fully qualified host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computer_name: Option<String>,
    /// Version 4 or 6.
    #[serde(rename = "IPAddress", skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// The kind of operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_type: Option<PlatformType>,
    /// The distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_name: Option<String>,
    /// And that one's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// How the agent gets its messages: `ssmmessages` or `ec2messages`.
    #[serde(rename = "SSMConnectionChannel", skip_serializing_if = "Option::is_none")]
    pub ssm_connection_channel: Option<String>,
}

impl ApiRequest for UpdateInstanceInformationRequest {
    const OPERATION: Operation = Operation::UpdateInstanceInformation;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let platform = input.tolerant_text("PlatformType", 16)?;
        Ok(Self {
            instance_id: input.required_text("InstanceId", Text::length(1, 400))?,
            agent_name: input.tolerant_text("AgentName", 64)?,
            agent_version: input.tolerant_text("AgentVersion", 64)?,
            agent_status: input.tolerant_text("AgentStatus", 64)?,
            computer_name: input.tolerant_text("ComputerName", 255)?,
            ip_address: input.tolerant_text("IPAddress", 46)?,
            platform_type: platform.and_then(|name| PlatformType::from_name(&name)),
            platform_name: input.tolerant_text("PlatformName", 255)?,
            platform_version: input.tolerant_text("PlatformVersion", 255)?,
            ssm_connection_channel: input.tolerant_text("SSMConnectionChannel", 64)?,
        })
    }
}

/// `ListInstanceAssociations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInstanceAssociationsRequest {
    /// The node, which must be the one the credentials belong to.
    pub instance_id: String,
}

impl ApiRequest for ListInstanceAssociationsRequest {
    const OPERATION: Operation = Operation::ListInstanceAssociations;
    type Response = ListInstanceAssociationsResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { instance_id: input.required_text("InstanceId", Text::length(1, 400))? })
    }
}

/// No associations: this service has none, and an empty list is the answer that keeps a stock agent quiet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInstanceAssociationsResponse {
    /// Always empty.
    pub associations: Vec<serde_json::Value>,
}

/// `GetMessages`: a poll for what is to be done, beside the control channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetMessagesRequest {
    /// The node, which must be the one the credentials belong to.
    pub destination: String,
    /// A UUID of the agent's, which the answer repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_request_id: Option<String>,
}

impl ApiRequest for GetMessagesRequest {
    const OPERATION: Operation = Operation::GetMessages;
    type Response = GetMessagesResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            destination: input.required_text("Destination", Text::length(1, 400))?,
            messages_request_id: input.tolerant_text("MessagesRequestId", 64)?,
        })
    }
}

/// No messages: what a node has to do it hears on its control channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetMessagesResponse {
    /// The node.
    pub destination: String,
    /// Always empty.
    pub messages: Vec<serde_json::Value>,
    /// As in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_request_id: Option<String>,
}
