//! Activations: the ids and codes with which machines register as managed nodes.

use postern_iam::secret::serialize_exposed;
use postern_iam::{ActivationId, SecretString};
use serde::{Deserialize, Serialize};

use crate::constraint::{LABEL, Pattern, Text};
use crate::decode::{ApiRequest, Input};
use crate::error::{ApiError, ErrorCode};
use crate::node::read_role;
use crate::operation::Operation;
use crate::timestamp::Timestamp;

/// A key and its value, on what can be found and allowed by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// Up to 256 characters.
    pub value: String,
}

impl Tag {
    pub(crate) fn read(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let key = input.required_text("Key", Text::length(1, 128).matching(LABEL))?;
        let value = input.required_text("Value", Text::length(0, 256).matching(LABEL))?;
        Ok(Some(Self { key, value }))
    }
}

/// `CreateActivation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateActivationRequest {
    /// For people. Up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The `Name` of every node that registers with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_instance_name: Option<String>,
    /// The role those nodes have, optionally with the path `service-role/`. Up to 64 characters.
    pub iam_role: String,
    /// How many nodes may register, 1 to 1000; absent is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_limit: Option<u32>,
    /// Until when; absent is 24 hours from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<Timestamp>,
    /// Copied to every node that registers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

impl ApiRequest for CreateActivationRequest {
    const OPERATION: Operation = Operation::CreateActivation;
    type Response = CreateActivationResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let limit = input.integer("RegistrationLimit", 1, 1000)?;
        // For AWS's own use. What is wrong with it is wrong with the request all the same.
        input.objects("RegistrationMetadata", 0..=usize::MAX, read_registration_metadata)?;
        Ok(Self {
            description: input.text("Description", Text::length(0, 256))?,
            default_instance_name: input.text("DefaultInstanceName", Text::length(0, 256).matching(LABEL))?,
            iam_role: read_role(input, ErrorCode::InvalidParameters)?,
            registration_limit: limit.and_then(|limit| u32::try_from(limit).ok()),
            expiration_date: input.timestamp("ExpirationDate")?,
            tags: input.objects("Tags", 0..=1000, Tag::read)?,
        })
    }
}

fn read_registration_metadata(input: &mut Input<'_>) -> Result<Option<()>, ApiError> {
    const NOT_BLANK: Pattern = Pattern {
        text: r"^(?!\s*$).+",
        matches: |text| text.contains(|c: char| !c.is_whitespace()) && !text.contains(['\n', '\r']),
    };
    input.required_text("Key", Text::length(1, 128).matching(NOT_BLANK))?;
    input.required_text("Value", Text::length(1, 2048).matching(NOT_BLANK))?;
    Ok(None)
}

/// The new activation. The code is shown here and never again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateActivationResponse {
    /// Its id.
    pub activation_id: ActivationId,
    /// Its secret, 20 to 250 characters.
    #[serde(serialize_with = "serialize_exposed")]
    pub activation_code: SecretString,
}

/// `DescribeActivations`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeActivationsRequest {
    /// All of them must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<ActivationFilter>,
    /// 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the previous page, as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl ApiRequest for DescribeActivationsRequest {
    const OPERATION: Operation = Operation::DescribeActivations;
    type Response = DescribeActivationsResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let filters = input.objects("Filters", 0..=50, ActivationFilter::read)?;
        let (max_results, next_token) = input.page(1, 50)?;
        Ok(Self { filters, max_results, next_token })
    }
}

/// One condition on an activation: any of the values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActivationFilter {
    /// What is compared.
    #[serde(rename = "FilterKey")]
    pub key: ActivationFilterKey,
    /// With what.
    #[serde(rename = "FilterValues")]
    pub values: Vec<String>,
}

/// What an [`ActivationFilter`] compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ActivationFilterKey {
    /// The id.
    ActivationIds,
    /// The default name of nodes.
    DefaultInstanceName,
    /// The role of nodes.
    IamRole,
}

impl ActivationFilter {
    fn read(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let key = match input.text("FilterKey", Text::ANY)?.as_deref() {
            Some("ActivationIds") => ActivationFilterKey::ActivationIds,
            Some("DefaultInstanceName") => ActivationFilterKey::DefaultInstanceName,
            Some("IamRole") => ActivationFilterKey::IamRole,
            _ => {
                let message = "A filter needs one of the FilterKeys ActivationIds, DefaultInstanceName, IamRole.";
                return Err(ApiError::new(ErrorCode::InvalidFilter, message));
            }
        };
        let values = input.texts("FilterValues", 0..=100, Text::length(0, 256))?;
        Ok(Some(Self { key, values: values.unwrap_or_default() }))
    }
}

/// One page of activations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeActivationsResponse {
    /// The activations.
    pub activation_list: Vec<Activation>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An activation as it is listed: never with its code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Activation {
    /// Its id.
    pub activation_id: ActivationId,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The `Name` of nodes that register with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_instance_name: Option<String>,
    /// Their role.
    pub iam_role: String,
    /// How many may register.
    pub registration_limit: u32,
    /// How many have.
    pub registrations_count: u32,
    /// Until when.
    pub expiration_date: Timestamp,
    /// Whether that is over.
    pub expired: bool,
    /// Since when.
    pub created_date: Timestamp,
    /// Copied to every node that registers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// `DeleteActivation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteActivationRequest {
    /// The activation.
    pub activation_id: ActivationId,
}

impl ApiRequest for DeleteActivationRequest {
    const OPERATION: Operation = Operation::DeleteActivation;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { activation_id: read_activation_id(input)? })
    }
}

/// `ActivationId`, whose wrong form has an error code of its own.
pub(crate) fn read_activation_id(input: &mut Input<'_>) -> Result<ActivationId, ApiError> {
    let text = input.required_text("ActivationId", Text::ANY)?;
    match text.parse() {
        Ok(id) => Ok(id),
        // A missing one is reported already; what stands in for it is never seen.
        Err(_) if !input.has("ActivationId") => Ok(ActivationId::generate(&[0; 16])),
        Err(_) => {
            let message = "The ActivationId is not a UUID in lower-case hexadecimal digits; copy it whole.";
            Err(ApiError::new(ErrorCode::InvalidActivationId, message))
        }
    }
}
