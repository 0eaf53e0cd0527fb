//! The services of AWS's that are answered for, and how each is spoken to.

use crate::error::ErrorCode;

/// A service of AWS's that we answer for: each has its own prefix in `X-Amz-Target`, and its own name in signing scopes
/// and in policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Systems Manager: sessions, nodes, activations.
    Ssm,
    /// Key Management Service: the keys that sessions and logs are encrypted with.
    Kms,
    /// CloudWatch Logs: where agents put the logs of sessions.
    Logs,
    /// The older way of a node to its messages, which stock agents try beside the control channel.
    Ec2Messages,
    /// Identity and Access Management: users, groups, roles and policies.
    Iam,
    /// Security Token Service: who somebody is.
    Sts,
    /// CloudTrail: what was done.
    CloudTrail,
    /// What AWS has no operation for.
    Postern,
}

/// How a service's requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// JSON 1.1: the operation is in `X-Amz-Target`, and begins with this.
    Json(&'static str),
    /// Query: the operation is in the form, and so is this version. Answers are XML.
    Query(&'static str),
}

impl Service {
    /// The name in a signature's scope, and before the colon of an action in a policy.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssm => "ssm",
            Self::Kms => "kms",
            Self::Logs => "logs",
            Self::Ec2Messages => "ec2messages",
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::CloudTrail => "cloudtrail",
            Self::Postern => "postern",
        }
    }

    /// How its requests and answers are written.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Ssm => Protocol::Json("AmazonSSM."),
            Self::Kms => Protocol::Json("TrentService."),
            Self::Logs => Protocol::Json("Logs_20140328."),
            Self::Ec2Messages => Protocol::Json("EC2WindowsMessageDeliveryService."),
            Self::Iam => Protocol::Query("2010-05-08"),
            Self::Sts => Protocol::Query("2011-06-15"),
            Self::CloudTrail => Protocol::Json("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."),
            Self::Postern => Protocol::Json("Postern."),
        }
    }

    /// Which service of the Query protocol has this version. What nobody claims is taken for IAM's.
    #[must_use]
    pub fn of_version(version: &str) -> Self {
        match version {
            "2011-06-15" => Self::Sts,
            _ => Self::Iam,
        }
    }

    /// Whether it is one for the whole account: its clients sign for `us-east-1`, wherever they are.
    #[must_use]
    pub fn is_global(name: &str) -> bool {
        matches!(name, "iam" | "sts")
    }

    /// Whose operation an `X-Amz-Target` names, whether there is such an operation or not. What nobody claims is taken
    /// for Systems Manager's, which answers for everything else.
    #[must_use]
    pub fn of_target(target: &str) -> Self {
        let others = [Self::Kms, Self::Logs, Self::Ec2Messages, Self::CloudTrail, Self::Postern];
        let claims = |of: &Self| matches!(of.protocol(), Protocol::Json(prefix) if target.starts_with(prefix));
        others.into_iter().find(claims).unwrap_or(Self::Ssm)
    }

    /// How the service calls a request with a member that breaks a constraint.
    #[must_use]
    pub(crate) fn validation_error(self) -> ErrorCode {
        match self {
            Self::Ssm | Self::Kms | Self::Ec2Messages | Self::CloudTrail | Self::Postern => {
                ErrorCode::ValidationException
            }
            Self::Iam | Self::Sts => ErrorCode::ValidationError,
            Self::Logs => ErrorCode::InvalidParameterException,
        }
    }
}
