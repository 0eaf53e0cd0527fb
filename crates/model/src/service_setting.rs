//! Service settings: what an account has decided once for all, by name.

use serde::{Deserialize, Serialize};

use crate::constraint::Text;
use crate::decode::{ApiRequest, Input};
use crate::error::ApiError;
use crate::operation::Operation;
use crate::timestamp::Timestamp;

/// A path (`/ssm/…`) or an ARN.
const SETTING_ID: Text = Text::length(1, 1000);

/// `GetServiceSetting`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetServiceSettingRequest {
    /// The setting's path or ARN.
    pub setting_id: String,
}

impl ApiRequest for GetServiceSettingRequest {
    const OPERATION: Operation = Operation::GetServiceSetting;
    type Response = GetServiceSettingResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { setting_id: input.required_text("SettingId", SETTING_ID)? })
    }
}

/// The setting as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetServiceSettingResponse {
    /// It.
    pub service_setting: ServiceSetting,
}

/// `UpdateServiceSetting`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateServiceSettingRequest {
    /// The setting's path or ARN.
    pub setting_id: String,
    /// 1 to 4096 characters.
    pub setting_value: String,
}

impl ApiRequest for UpdateServiceSettingRequest {
    const OPERATION: Operation = Operation::UpdateServiceSetting;
    type Response = crate::Empty;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            setting_id: input.required_text("SettingId", SETTING_ID)?,
            setting_value: input.required_text("SettingValue", Text::length(1, 4096))?,
        })
    }
}

/// `ResetServiceSetting`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResetServiceSettingRequest {
    /// The setting's path or ARN.
    pub setting_id: String,
}

impl ApiRequest for ResetServiceSettingRequest {
    const OPERATION: Operation = Operation::ResetServiceSetting;
    type Response = ResetServiceSettingResponse;

    fn read(input: &mut Input<'_>) -> Result<Self, ApiError> {
        Ok(Self { setting_id: input.required_text("SettingId", SETTING_ID)? })
    }
}

/// The setting as it is now: its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResetServiceSettingResponse {
    /// It.
    pub service_setting: ServiceSetting,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceSetting {
    /// Its path.
    pub setting_id: String,
    /// What it is set to.
    pub setting_value: String,
    /// When somebody set it; never for a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified_date: Option<Timestamp>,
    /// The ARN of who set it; nobody for a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified_user: Option<String>,
    /// Its ARN.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// `Default` or `Customized`.
    pub status: String,
}

/// A setting that exists, and what it can be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownSetting {
    /// Its path.
    pub path: &'static str,
    /// What it is while nobody has set it.
    pub default: &'static str,
    /// What it may be set to; none: any name of a role.
    choices: Option<&'static [&'static str]>,
}

/// Every setting there is: those that clients of sessions and managed nodes ask for (public-api §6).
pub const SETTINGS: &[KnownSetting] = &[
    // AWS lets hybrid nodes take sessions in the advanced tier only, so that is what clients look for.
    KnownSetting {
        path: "/ssm/managed-instance/activation-tier",
        default: "advanced",
        choices: Some(&["standard", "advanced"]),
    },
    KnownSetting {
        path: "/ssm/managed-instance/default-ec2-instance-management-role",
        default: "$None",
        choices: None,
    },
    KnownSetting {
        path: "/ssm/documents/console/public-sharing-permission",
        default: "Enable",
        choices: Some(&["Enable", "Disable"]),
    },
];

impl KnownSetting {
    /// The constraint that a value breaks, in the form in which AWS reports one; none if it may be set to it.
    #[must_use]
    pub fn broken_constraint(&self, value: &str) -> Option<String> {
        let constraint = match self.choices {
            Some(choices) if choices.contains(&value) => return None,
            Some(choices) => format!("Member must satisfy enum value set: [{}]", choices.join(", ")),
            None if value == self.default || crate::node::is_role_name(value) => return None,
            None => "Member must be the name of a role, or $None".to_owned(),
        };
        let shown: String = value.chars().filter(|c| !c.is_control()).take(256).collect();
        Some(format!(
            "1 validation error detected: Value '{shown}' at 'settingValue' failed to satisfy constraint: {constraint}"
        ))
    }
}
