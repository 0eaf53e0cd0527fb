//! Log groups and how long they keep what is in them.

use std::collections::BTreeMap;

use postern_iam::Arn;
use serde::{Deserialize, Serialize};

use super::{GROUP_NAME, invalid, is_group_byte, page, refuse};
use crate::constraint::{LABEL, Pattern, Text};
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::kms::KeyName;
use crate::operation::Operation;

/// The one class of groups that there is here.
pub const STANDARD_CLASS: &str = "STANDARD";
const CLASSES: [(&str, &str); 4] = [
    (STANDARD_CLASS, STANDARD_CLASS),
    ("INFREQUENT_ACCESS", "INFREQUENT_ACCESS"),
    ("DELIVERY", "DELIVERY"),
    ("ESSENTIALS", "ESSENTIALS"),
];
/// AWS's closed set of days.
const RETENTION_DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
const IDENTIFIER: Text = Text::length(1, 2048).matching(Pattern {
    text: r"[\w#+=/:,.@-]*",
    matches: |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_#+=/:,.@-".contains(&byte)),
});
const TAG_KEY: Text = Text::length(1, 128).matching(Pattern {
    text: r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]+)$",
    matches: |text| !text.is_empty() && (LABEL.matches)(text),
});
const TAG_VALUE: Text = Text::length(0, 256).matching(LABEL);

/// A group, by its name or by a name or an ARN that stands for one: exactly one of two members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum GroupReference {
    /// `logGroupName`.
    #[serde(rename = "logGroupName")]
    Name(String),
    /// `logGroupIdentifier`.
    #[serde(rename = "logGroupIdentifier")]
    Identifier(String),
}

impl GroupReference {
    pub(super) fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let name = input.text("logGroupName", GROUP_NAME)?;
        let identifier = input.text("logGroupIdentifier", IDENTIFIER)?;
        match (name, identifier) {
            (Some(name), None) => Ok(Self::Name(name)),
            (None, Some(identifier)) => Ok(Self::Identifier(identifier)),
            (Some(_), Some(_)) => Err(invalid("LogGroup name and LogGroup ARN are mutually exclusive parameters.")),
            (None, None) => Err(invalid("Either a LogGroup name or LogGroup ARN must be specified.")),
        }
    }

    /// The group's name, and the ARN that it was named by, which then says where it is.
    ///
    /// # Errors
    /// `InvalidParameterException` for an ARN that is none of a log group.
    pub fn name(&self) -> Result<(String, Option<Arn>), ApiError> {
        let identifier = match self {
            Self::Name(name) => return Ok((name.clone(), None)),
            Self::Identifier(identifier) => identifier,
        };
        let wrong = || invalid("The logGroupIdentifier is neither the name nor the ARN of a log group.");
        let is_name = |name: &str| (1..=512).contains(&name.len()) && name.bytes().all(is_group_byte);
        if is_name(identifier) {
            return Ok((identifier.clone(), None));
        }
        let arn: Arn = identifier.parse().map_err(|_| wrong())?;
        let name = arn.resource.strip_prefix("log-group:").map(|name| name.strip_suffix(":*").unwrap_or(name));
        match name.filter(|name| arn.service == "logs" && is_name(name)) {
            Some(name) => Ok((name.to_owned(), Some(arn))),
            None => Err(wrong()),
        }
    }
}

/// `CreateLogGroup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateLogGroupRequest {
    /// Unique in account and region. 1 to 512 characters.
    pub log_group_name: String,
    /// The key that its events are encrypted with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<KeyName>,
    /// Labels, up to 50.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl ApiRequest for CreateLogGroupRequest {
    const OPERATION: Operation = Operation::CreateLogGroup;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let log_group_name = input.required_text("logGroupName", GROUP_NAME)?;
        let kms_key_id = input.text("kmsKeyId", Text::length(0, 256))?.map(KeyName::new);
        let tags = input.map_of_text("tags", TAG_KEY, TAG_VALUE)?;
        if input.has("tags") && !(1..=50).contains(&tags.len()) {
            input.report_unshown(
                "tags",
                "Member must have length less than or equal to 50 and greater than or equal to 1",
            );
        }
        if input.choice("logGroupClass", &CLASSES)?.is_some_and(|class| class != STANDARD_CLASS) {
            return Err(invalid("logGroupClass must be STANDARD: there is no other class."));
        }
        if input.boolean("deletionProtectionEnabled")? == Some(true) {
            return Err(invalid("deletionProtectionEnabled is not supported."));
        }
        Ok(Self { log_group_name, kms_key_id, tags })
    }
}

macro_rules! on_group {
    ($(#[$doc:meta])* $request:ident, $operation:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $request {
            /// The group.
            pub log_group_name: String,
        }

        impl ApiRequest for $request {
            const OPERATION: Operation = Operation::$operation;
            type Response = crate::Empty;

            fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
                Ok(Self { log_group_name: input.required_text("logGroupName", GROUP_NAME)? })
            }
        }
    };
}

on_group! {
    /// `DeleteLogGroup`: with all that is in it.
    DeleteLogGroupRequest, DeleteLogGroup
}
on_group! {
    /// `DeleteRetentionPolicy`: nothing in it disappears by itself any more.
    DeleteRetentionPolicyRequest, DeleteRetentionPolicy
}

/// `PutRetentionPolicy`: what is older disappears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRetentionPolicyRequest {
    /// The group.
    pub log_group_name: String,
    /// One of AWS's 22 numbers of days.
    pub retention_in_days: u32,
}

impl ApiRequest for PutRetentionPolicyRequest {
    const OPERATION: Operation = Operation::PutRetentionPolicy;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        let log_group_name = input.required_text("logGroupName", GROUP_NAME)?;
        let days = input.integer("retentionInDays", i64::MIN, i64::MAX)?;
        match days {
            None => input.report_missing("retentionInDays"),
            Some(days) if !RETENTION_DAYS.iter().any(|known| i64::from(*known) == days) => {
                let known = RETENTION_DAYS.map(|days| days.to_string()).join(", ");
                let constraint = format!("Member must satisfy enum value set: [{known}]");
                input.report("retentionInDays", &days.to_string(), &constraint);
            }
            Some(_) => {}
        }
        let retention_in_days = days.and_then(|days| u32::try_from(days).ok()).unwrap_or_default();
        Ok(Self { log_group_name, retention_in_days })
    }
}

/// `DescribeLogGroups`. It is how an agent sees that there is a group to log to (spec agent-sessions §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeLogGroupsRequest {
    /// How names begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_group_name_prefix: Option<String>,
    /// What names contain; not together with a prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_group_name_pattern: Option<String>,
    /// Of which class, by AWS's name. Here all are [`STANDARD_CLASS`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_group_class: Option<&'static str>,
    /// 1 to 50; absent is 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// From the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl ApiRequest for DescribeLogGroupsRequest {
    const OPERATION: Operation = Operation::DescribeLogGroups;
    type Response = DescribeLogGroupsResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        const CONTAINED: Text = Text::length(0, 512)
            .matching(Pattern { text: r"[\.\-_/#A-Za-z0-9]*", matches: |text| text.bytes().all(is_group_byte) });
        refuse(input, "accountIdentifiers", "no other account can be seen")?;
        refuse(input, "logGroupIdentifiers", "use logGroupNamePrefix or logGroupNamePattern")?;
        if input.boolean("includeLinkedAccounts")? == Some(true) {
            return Err(invalid("includeLinkedAccounts is not supported: no other account can be seen."));
        }
        let prefix = input.text("logGroupNamePrefix", GROUP_NAME)?;
        let contained = input.text("logGroupNamePattern", CONTAINED)?;
        if prefix.is_some() && contained.is_some() {
            return Err(invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
        }
        let log_group_class = input.choice("logGroupClass", &CLASSES)?;
        let (limit, next_token) = page(input, 50)?;
        Ok(Self {
            log_group_name_prefix: prefix,
            log_group_name_pattern: contained,
            log_group_class,
            limit,
            next_token,
        })
    }
}

/// One page of groups, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeLogGroupsResponse {
    /// The groups.
    pub log_groups: Vec<LogGroup>,
    /// Only while more remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A group as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogGroup {
    /// Its name.
    pub log_group_name: String,
    /// When it was made, in milliseconds since the epoch.
    pub creation_time: u64,
    /// How long events stay; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_in_days: Option<u32>,
    /// Always 0 here.
    #[serde(default)]
    pub metric_filter_count: u32,
    /// Its ARN with `:*` behind it.
    pub arn: String,
    /// Bytes of events that are kept.
    #[serde(default)]
    pub stored_bytes: u64,
    /// The ARN of the key that its events are encrypted with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// Always `STANDARD` here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group_class: Option<String>,
    /// Its ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group_arn: Option<String>,
}
