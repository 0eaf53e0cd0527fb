//! Filters of `DescribeInstanceInformation`. AWS's model has two styles, `Filters` (`Key`, `Values`) and the older
//! `InstanceInformationFilterList` (`key`, `valueSet`); both become a [`NodeFilter`].

use std::fmt;

use serde::{Serialize, Serializer};

use super::{PingStatus, PlatformType, ResourceType};
use crate::constraint::Text;
use crate::decode::Input;
use crate::error::{ApiError, ErrorCode};

/// One condition on a node: any of the values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeFilter {
    /// What is compared.
    pub key: NodeFilterKey,
    /// With what. At least one; of the right spelling where the key has a closed set of values.
    pub values: Vec<String>,
}

/// What a [`NodeFilter`] compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeFilterKey {
    /// The activation.
    ActivationIds,
    /// The agent's version.
    AgentVersion,
    /// The state of associations; there are none here.
    AssociationStatus,
    /// The role.
    IamRole,
    /// The id.
    InstanceIds,
    /// Whether it reports.
    PingStatus,
    /// The kind of operating system.
    PlatformTypes,
    /// Managed instance or EC2 instance.
    ResourceType,
    /// The id at its source.
    SourceIds,
    /// The kind of source.
    SourceTypes,
    /// Has a tag with one of these keys.
    TagKey,
    /// Has this tag with one of these values.
    Tag(String),
}

/// The keys of the older style, in the model's order.
const OLDER_KEYS: [&str; 8] = [
    "InstanceIds",
    "AgentVersion",
    "PingStatus",
    "PlatformTypes",
    "ActivationIds",
    "IamRole",
    "ResourceType",
    "AssociationStatus",
];

const KEYS: [(&str, NodeFilterKey); 11] = [
    ("ActivationIds", NodeFilterKey::ActivationIds),
    ("AgentVersion", NodeFilterKey::AgentVersion),
    ("AssociationStatus", NodeFilterKey::AssociationStatus),
    ("IamRole", NodeFilterKey::IamRole),
    ("InstanceIds", NodeFilterKey::InstanceIds),
    ("PingStatus", NodeFilterKey::PingStatus),
    ("PlatformTypes", NodeFilterKey::PlatformTypes),
    ("ResourceType", NodeFilterKey::ResourceType),
    ("SourceIds", NodeFilterKey::SourceIds),
    ("SourceTypes", NodeFilterKey::SourceTypes),
    ("tag-key", NodeFilterKey::TagKey),
];

impl NodeFilterKey {
    fn from_name(name: &str) -> Option<Self> {
        let tag = name.strip_prefix("tag:").filter(|tag| !tag.is_empty()).map(|tag| Self::Tag(tag.to_owned()));
        tag.or_else(|| KEYS.iter().find(|(known, _)| *known == name).map(|(_, key)| key.clone()))
    }
}

impl fmt::Display for NodeFilterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Tag(tag) = self {
            return write!(f, "tag:{tag}");
        }
        let name = KEYS.iter().find(|(_, key)| key == self).map(|(name, _)| *name);
        f.write_str(name.expect("every key but a tag has its name in the table"))
    }
}

impl Serialize for NodeFilterKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl NodeFilter {
    pub(super) fn read(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        Self::read_members(input, "Key", "Values")
    }

    /// The older style has a closed set of keys, which makes an unknown one a broken constraint.
    pub(super) fn read_older(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        if input.required_choice("key", &OLDER_KEYS.map(|key| (key, ())))?.is_none() {
            return Ok(None);
        }
        Self::read_members(input, "key", "valueSet")
    }

    fn read_members(input: &mut Input<'_>, key: &str, values: &str) -> Result<Option<Self>, ApiError> {
        let name = input.required_text(key, Text::length(1, usize::MAX))?;
        let texts = input.texts(values, 1..=100, Text::length(1, usize::MAX))?;
        let Some(texts) = texts else {
            input.report_missing(values);
            return Ok(None);
        };
        if name.is_empty() || texts.is_empty() {
            // Reported above.
            return Ok(None);
        }
        let Some(key) = NodeFilterKey::from_name(&name) else { return Err(unknown_key(&name)) };
        for text in &texts {
            check_value(&key, text)?;
        }
        Ok(Some(Self { key, values: texts }))
    }
}

fn unknown_key(name: &str) -> ApiError {
    let shown: String = name.chars().take(64).collect();
    let keys = KEYS.map(|(name, _)| name).join(", ");
    let message = format!("There is no node filter '{shown}'; the keys are {keys}, tag:<key>.");
    ApiError::new(ErrorCode::InvalidFilterKey, message)
}

fn check_value(key: &NodeFilterKey, value: &str) -> Result<(), ApiError> {
    let (known, allowed) = match key {
        NodeFilterKey::PingStatus => {
            let all = [PingStatus::Online, PingStatus::ConnectionLost, PingStatus::Inactive];
            (all.iter().any(|status| status.as_str() == value), "Online, ConnectionLost, Inactive")
        }
        NodeFilterKey::PlatformTypes => {
            (PlatformType::from_name(value).is_some_and(|kind| kind.as_str() == value), "Windows, Linux, MacOS")
        }
        NodeFilterKey::ResourceType => {
            let all = [ResourceType::ManagedInstance, ResourceType::EC2Instance];
            (all.iter().any(|kind| kind.as_str() == value), "ManagedInstance, EC2Instance")
        }
        NodeFilterKey::InstanceIds if !is_instance_id(value) => {
            let message = "A value of the filter InstanceIds is not the id of a node (mi-… or i-…).";
            return Err(ApiError::new(ErrorCode::InvalidInstanceId, message));
        }
        _ => return Ok(()),
    };
    if known {
        return Ok(());
    }
    let shown: String = value.chars().take(64).collect();
    let message = format!("'{shown}' is not a value of the filter {key}; the values are {allowed}.");
    Err(ApiError::new(ErrorCode::InvalidInstanceInformationFilterValue, message))
}

/// `(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)`.
fn is_instance_id(text: &str) -> bool {
    let word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match (text.strip_prefix("mi-"), text.strip_prefix("i-")) {
        (Some(rest), _) => rest.len() == 17 && word(rest),
        (_, Some(rest)) => matches!(rest.len(), 8 | 17) && word(rest),
        _ => false,
    }
}
