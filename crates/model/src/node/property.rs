//! `DescribeInstanceProperties`: the view of nodes that consoles ask for. It has two styles of filters, too:
//! `FiltersWithOperator` and the older `InstancePropertyFilterList`; both become a [`PropertyFilter`].

use postern_iam::{ActivationId, DocumentName, NodeId};
use serde::{Deserialize, Serialize};

use super::filter::{check_value, open_key};
use super::{NodeFilterKey, PingStatus, PlatformType, ResourceType};
use crate::constraint::{Pattern, Text};
use crate::decode::{ApiRequest, Input};
use crate::error::{ApiError, ErrorCode};
use crate::operation::Operation;
use crate::timestamp::Timestamp;

/// `DescribeInstanceProperties`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInstancePropertiesRequest {
    /// All of them must hold. Both styles of AWS's model are read into this one.
    #[serde(rename = "FiltersWithOperator", skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<PropertyFilter>,
    /// 5 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_results: Option<u32>,
    /// From the previous page, as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl ApiRequest for DescribeInstancePropertiesRequest {
    const OPERATION: Operation = Operation::DescribeInstanceProperties;
    type Response = DescribeInstancePropertiesResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let mut filters = input.objects("FiltersWithOperator", 1..=40, PropertyFilter::read)?;
        let older = input.objects("InstancePropertyFilterList", 1..=40, PropertyFilter::read_older)?;
        if !filters.is_empty() && !older.is_empty() {
            let message =
                "FiltersWithOperator and InstancePropertyFilterList can not be used together; use FiltersWithOperator.";
            return Err(ApiError::new(ErrorCode::ValidationException, message));
        }
        filters.extend(older);
        let (max_results, next_token) = input.page(5, 1000)?;
        Ok(Self { filters, max_results, next_token })
    }
}

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Comparison {
    /// Is any of the values.
    Equal,
    /// Is none of the values.
    NotEqual,
    /// Begins with any of the values.
    BeginWith,
    /// Is less than any of the values; versions are compared number by number.
    LessThan,
    /// Is greater than any of the values; versions are compared number by number.
    GreaterThan,
}

/// One condition of `DescribeInstanceProperties`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PropertyFilter {
    /// What is compared.
    pub key: NodeFilterKey,
    /// With what. At least one.
    pub values: Vec<String>,
    /// And how.
    #[serde(rename = "Operator")]
    pub comparison: Comparison,
}

/// `^.{1,100000}$`.
const PROPERTY_TEXT: Text = Text::length(1, 100_000).matching(Pattern {
    text: "^.{1,100000}$",
    matches: |text| !text.is_empty() && !text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']),
});

const OPERATORS: [(&str, Comparison); 5] = [
    ("Equal", Comparison::Equal),
    ("NotEqual", Comparison::NotEqual),
    ("BeginWith", Comparison::BeginWith),
    ("LessThan", Comparison::LessThan),
    ("GreaterThan", Comparison::GreaterThan),
];

impl PropertyFilter {
    pub(super) fn read(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let key = open_key(input, PROPERTY_TEXT, |_| true)?;
        let comparison = input.choice("Operator", &OPERATORS)?.unwrap_or(Comparison::Equal);
        Self::read_values(input, key, comparison, "Values")
    }

    pub(super) fn read_older(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let key = input.required_choice("key", &PROPERTY_KEYS.map(|name| (name, name)))?;
        Self::read_values(input, key.and_then(NodeFilterKey::from_name), Comparison::Equal, "valueSet")
    }

    fn read_values(
        input: &mut Input<'_>,
        key: Option<NodeFilterKey>,
        comparison: Comparison,
        member: &str,
    ) -> Result<Option<Self>, ApiError> {
        let values = input.required_texts(member, 1..=40, PROPERTY_TEXT)?;
        let (Some(key), Some(values)) = (key, values) else { return Ok(None) };
        // A beginning, or a bound, need not be a value of its own.
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            for value in &values {
                check_property_value(&key, value)?;
            }
        }
        Ok(Some(Self { key, values, comparison }))
    }
}

/// The keys of `InstancePropertyFilterList`, in the model's order.
const PROPERTY_KEYS: [&str; 9] = [
    "InstanceIds",
    "AgentVersion",
    "PingStatus",
    "PlatformTypes",
    "DocumentName",
    "ActivationIds",
    "IamRole",
    "ResourceType",
    "AssociationStatus",
];

fn check_property_value(key: &NodeFilterKey, value: &str) -> Result<(), ApiError> {
    match key {
        NodeFilterKey::ActivationIds if value.parse::<ActivationId>().is_err() => {
            let message = "A value of the filter ActivationIds is not a UUID in lower-case hexadecimal digits.";
            Err(ApiError::new(ErrorCode::InvalidActivationId, message))
        }
        NodeFilterKey::DocumentName if value.parse::<DocumentName>().is_err() => {
            let message = "A value of the filter DocumentName is not the name of a document.";
            Err(ApiError::new(ErrorCode::InvalidDocument, message))
        }
        _ => check_value(key, value, ErrorCode::InvalidInstancePropertyFilterValue),
    }
}

/// One page of nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInstancePropertiesResponse {
    /// The nodes.
    pub instance_properties: Vec<InstanceProperty>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A node as consoles show it. Of AWS's members those are left out that only a machine of EC2 has (its type, its key
/// pair, its instance profile, when it was launched) and those about associations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceProperty {
    /// The default instance name of its activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its id.
    pub instance_id: NodeId,
    /// Its address as it reports it, version 4 or 6.
    #[serde(default, rename = "IPAddress", skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Whether it reports.
    pub ping_status: PingStatus,
    /// When it last did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ping_date_time: Option<Timestamp>,
    /// Its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// Its kind of operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_type: Option<PlatformType>,
    /// Its distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_name: Option<String>,
    /// And that one's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// What it registered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_id: Option<String>,
    /// Its role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam_role: Option<String>,
    /// When it registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_date: Option<Timestamp>,
    /// Always a managed instance here.
    pub resource_type: ResourceType,
    /// Its fully qualified host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer_name: Option<String>,
    /// Where it comes from: the same as its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// Which kind of source: `AWS::SSM::ManagedInstance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
}
