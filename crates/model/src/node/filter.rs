//! Filters of `DescribeInstanceInformation`. AWS's model has two styles, `Filters` (`Key`, `Values`) and the older
//! `InstanceInformationFilterList` (`key`, `valueSet`); both become a [`NodeFilter`].
//!
//! Where the model closes the set of keys, an unknown one is a broken constraint; where it does not, `InvalidFilterKey`.

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
    /// The document of an association; there are none here. Only of `DescribeInstanceProperties`.
    DocumentName,
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

const KEYS: [(&str, NodeFilterKey); 12] = [
    ("ActivationIds", NodeFilterKey::ActivationIds),
    ("AgentVersion", NodeFilterKey::AgentVersion),
    ("AssociationStatus", NodeFilterKey::AssociationStatus),
    ("DocumentName", NodeFilterKey::DocumentName),
    ("IamRole", NodeFilterKey::IamRole),
    ("InstanceIds", NodeFilterKey::InstanceIds),
    ("PingStatus", NodeFilterKey::PingStatus),
    ("PlatformTypes", NodeFilterKey::PlatformTypes),
    ("ResourceType", NodeFilterKey::ResourceType),
    ("SourceIds", NodeFilterKey::SourceIds),
    ("SourceTypes", NodeFilterKey::SourceTypes),
    ("tag-key", NodeFilterKey::TagKey),
];

/// The keys of `InstanceInformationFilterList`, in the model's order.
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

impl NodeFilterKey {
    /// Reads the name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
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
        let key = open_key(input, Text::length(1, usize::MAX), |key| *key != NodeFilterKey::DocumentName)?;
        Self::read_values(input, key, "Values")
    }

    /// The older style has a closed set of keys, which makes an unknown one a broken constraint.
    pub(super) fn read_older(input: &mut Input<'_>) -> Result<Option<Self>, ApiError> {
        let key = input.required_choice("key", &OLDER_KEYS.map(|name| (name, name)))?;
        Self::read_values(input, key.and_then(NodeFilterKey::from_name), "valueSet")
    }

    fn read_values(input: &mut Input<'_>, key: Option<NodeFilterKey>, member: &str) -> Result<Option<Self>, ApiError> {
        let values = input.required_texts(member, 1..=100, Text::length(1, usize::MAX))?;
        // What is missing or empty is reported, and the request fails as a whole.
        let (Some(key), Some(values)) = (key, values) else { return Ok(None) };
        for value in &values {
            check_value(&key, value, ErrorCode::InvalidInstanceInformationFilterValue)?;
        }
        Ok(Some(Self { key, values }))
    }
}

/// A key of an operation that leaves its set open in the model. Nothing for one that is reported as missing or malformed.
pub(super) fn open_key(
    input: &mut Input<'_>,
    constraint: Text,
    offers: fn(&NodeFilterKey) -> bool,
) -> Result<Option<NodeFilterKey>, ApiError> {
    let name = input.required_text("Key", constraint)?;
    if name.is_empty() {
        return Ok(None);
    }
    let key = NodeFilterKey::from_name(&name).filter(offers);
    key.map(Some).ok_or_else(|| unknown_key(&name, offers))
}

fn unknown_key(name: &str, offers: fn(&NodeFilterKey) -> bool) -> ApiError {
    let shown: String = name.chars().take(64).collect();
    let offered: Vec<&str> = KEYS.iter().filter(|(_, key)| offers(key)).map(|(name, _)| *name).collect();
    let keys = offered.join(", ");
    let message = format!("There is no node filter '{shown}'; the keys are {keys}, tag:<key>.");
    ApiError::new(ErrorCode::InvalidFilterKey, message)
}

/// Refuses what no node can have, with the operation's own code for it.
pub(super) fn check_value(key: &NodeFilterKey, value: &str, code: ErrorCode) -> Result<(), ApiError> {
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
    Err(ApiError::new(code, format!("'{shown}' is not a value of the filter {key}; the values are {allowed}.")))
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
