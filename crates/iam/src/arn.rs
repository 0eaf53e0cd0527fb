//! Amazon resource names: how principals and resources are called in requests, policies and records.
//!
//! An ARN is only a name. Whether it exists, and who may touch it, is decided elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{AccountId, ActivationId, IdError, KeyId, NodeId, Region, SessionId};

/// `arn:partition:service:region:account:resource`. Region and account may be empty, the others not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    /// `aws` for everything of ours.
    pub partition: String,
    /// The service's namespace: `ssm`, `iam`, `sts`.
    pub service: String,
    /// Empty for services without regions.
    pub region: String,
    /// Empty for resources the service itself owns.
    pub account: String,
    /// The rest, colons and slashes included.
    pub resource: String,
}

/// The longest ARN taken from anybody, in bytes. IAM's own limit.
pub const MAX_ARN_BYTES: usize = 2048;

const PARTITION: &str = "aws";

impl Arn {
    /// The ARN of a session: what policies about resuming and terminating are written against.
    #[must_use]
    pub fn session(region: &Region, account: &AccountId, session: &SessionId) -> Self {
        Self::ssm(region, account, format!("session/{session}"))
    }

    /// The ARN of a managed node that was registered with an activation.
    #[must_use]
    pub fn node(region: &Region, account: &AccountId, node: &NodeId) -> Self {
        Self::ssm(region, account, format!("managed-instance/{node}"))
    }

    /// The ARN of an activation.
    #[must_use]
    pub fn activation(region: &Region, account: &AccountId, activation: &ActivationId) -> Self {
        Self::ssm(region, account, format!("activation/{activation}"))
    }

    /// The ARN of a document. One that the service owns has no account: pass `None`.
    #[must_use]
    pub fn document(region: &Region, account: Option<&AccountId>, name: &str) -> Self {
        let mut arn = Self {
            partition: PARTITION.to_owned(),
            service: "ssm".to_owned(),
            region: region.to_string(),
            account: String::new(),
            resource: format!("document/{name}"),
        };
        if let Some(account) = account {
            account.as_str().clone_into(&mut arn.account);
        }
        arn
    }

    /// The ARN of a key.
    #[must_use]
    pub fn key(region: &Region, account: &AccountId, key: &KeyId) -> Self {
        Self::of("kms", region, account, format!("key/{key}"))
    }

    /// The ARN of an alias of a key. Its name begins with `alias/`.
    #[must_use]
    pub fn key_alias(region: &Region, account: &AccountId, name: &str) -> Self {
        Self::of("kms", region, account, name.to_owned())
    }

    /// The ARN of a service setting, whose path begins with a slash.
    #[must_use]
    pub fn service_setting(region: &Region, account: &AccountId, path: &str) -> Self {
        Self::ssm(region, account, format!("servicesetting{path}"))
    }

    /// The ARN of a log group.
    #[must_use]
    pub fn log_group(region: &Region, account: &AccountId, name: &str) -> Self {
        Self::of("logs", region, account, format!("log-group:{name}"))
    }

    /// The ARN of a user. The name may have a path.
    #[must_use]
    pub fn user(account: &AccountId, name: &str) -> Self {
        Self::iam(account.as_str(), format!("user/{name}"))
    }

    /// The ARN of a group. The name may have a path.
    #[must_use]
    pub fn group(account: &AccountId, name: &str) -> Self {
        Self::iam(account.as_str(), format!("group/{name}"))
    }

    /// The ARN of a role. The name may have a path.
    #[must_use]
    pub fn role(account: &AccountId, name: &str) -> Self {
        Self::iam(account.as_str(), format!("role/{name}"))
    }

    /// The ARN of a policy of an account's. The name may have a path.
    #[must_use]
    pub fn policy(account: &AccountId, name: &str) -> Self {
        Self::iam(account.as_str(), format!("policy/{name}"))
    }

    /// The ARN of a policy that is there without anybody making it.
    #[must_use]
    pub fn managed_policy(name: &str) -> Self {
        Self::iam("aws", format!("policy/{name}"))
    }

    /// The ARN of a virtual device that makes one-time codes: its serial number. The name may have a path.
    #[must_use]
    pub fn mfa_device(account: &AccountId, name: &str) -> Self {
        Self::iam(account.as_str(), format!("mfa/{name}"))
    }

    /// The ARN of a provider of identities, by its address without the scheme.
    #[must_use]
    pub fn oidc_provider(account: &AccountId, address: &str) -> Self {
        Self::iam(account.as_str(), format!("oidc-provider/{address}"))
    }

    /// The account itself, with all rights: how trust policies name "whoever in it may".
    #[must_use]
    pub fn root(account: &AccountId) -> Self {
        Self::iam(account.as_str(), "root".to_owned())
    }

    fn iam(account: &str, resource: String) -> Self {
        Self {
            partition: PARTITION.to_owned(),
            service: "iam".to_owned(),
            region: String::new(),
            account: account.to_owned(),
            resource,
        }
    }

    /// The ARN of a role that is being used under a session name: how a node's temporary credentials are called.
    #[must_use]
    pub fn assumed_role(account: &AccountId, role: &str, session_name: &str) -> Self {
        Self {
            partition: PARTITION.to_owned(),
            service: "sts".to_owned(),
            region: String::new(),
            account: account.to_string(),
            resource: format!("assumed-role/{role}/{session_name}"),
        }
    }

    /// The principal's short name: user name or role session name. Session ids begin with it.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.resource.rsplit('/').next().unwrap_or(&self.resource)
    }

    /// Whether it names something in the partition that every ARN made here is in. In another one there is nothing of
    /// ours, and a policy would not recognise the name.
    #[must_use]
    pub fn is_in_our_partition(&self) -> bool {
        self.partition == PARTITION
    }

    fn ssm(region: &Region, account: &AccountId, resource: String) -> Self {
        Self::of("ssm", region, account, resource)
    }

    fn of(service: &str, region: &Region, account: &AccountId, resource: String) -> Self {
        Self {
            partition: PARTITION.to_owned(),
            service: service.to_owned(),
            region: region.to_string(),
            account: account.to_string(),
            resource,
        }
    }
}

impl FromStr for Arn {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError { kind: "an ARN", expected: "arn:partition:service:region:account:resource" };
        if text.len() > MAX_ARN_BYTES || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(error);
        }
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(error);
        if next()? != "arn" {
            return Err(error);
        }
        let arn = Self {
            partition: next()?.to_owned(),
            service: next()?.to_owned(),
            region: next()?.to_owned(),
            account: next()?.to_owned(),
            resource: next()?.to_owned(),
        };
        if arn.partition.is_empty() || arn.service.is_empty() || arn.resource.is_empty() {
            return Err(error);
        }
        Ok(arn)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl Serialize for Arn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Arn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse is the failure of the test")]

    use super::*;

    #[test]
    fn arns_round_trip() {
        for text in [
            "arn:aws:ssm:us-east-1:123456789012:session/tester-0886922a8af34e9a8",
            "arn:aws:iam::123456789012:user/division/jane",
            "arn:aws:ssm:us-east-1::document/AWS-StartSSHSession",
            "arn:aws:logs:us-east-1:123456789012:log-group:name:*",
        ] {
            assert_eq!(text.parse::<Arn>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_an_arn_is_refused() {
        let long = format!("arn:aws:ssm:r:a:{}", "x".repeat(MAX_ARN_BYTES));
        for text in [
            "",
            "arn",
            "arn:aws:ssm:r:a",
            "nra:aws:ssm:r:a:b",
            "arn::ssm:r:a:b",
            "arn:aws:ssm:r:a:",
            "arn:aws:ssm:r:a:b c",
            &long,
        ] {
            assert!(text.parse::<Arn>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn constructors_give_the_names_aws_gives() {
        let (region, account) = ("eu-west-1".parse().unwrap(), "123456789012".parse().unwrap());
        let node: NodeId = "mi-0c83012b7aac4ccda".parse().unwrap();
        assert_eq!(
            Arn::node(&region, &account, &node).to_string(),
            "arn:aws:ssm:eu-west-1:123456789012:managed-instance/mi-0c83012b7aac4ccda"
        );
        assert_eq!(Arn::user(&account, "jane").to_string(), "arn:aws:iam::123456789012:user/jane");
        assert_eq!(Arn::user(&account, "division/jane").short_name(), "jane");
        assert_eq!(
            Arn::document(&region, None, "AWS-StartSSHSession").to_string(),
            "arn:aws:ssm:eu-west-1::document/AWS-StartSSHSession"
        );
    }
}
