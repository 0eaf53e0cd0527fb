//! The operations that are answered, and who may call each at all. Anything else is `UnknownOperationException`, which
//! is also the quietest answer for the many calls a stock agent makes without needing them (agent-api-calls §2).

use std::fmt;

use crate::error::{ApiError, ErrorCode};

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
        }
    }

    /// What precedes the operation's name in `X-Amz-Target`.
    #[must_use]
    pub fn target_prefix(self) -> &'static str {
        match self {
            Self::Ssm => "AmazonSSM.",
            Self::Kms => "TrentService.",
            Self::Logs => "Logs_20140328.",
            Self::Ec2Messages => "EC2WindowsMessageDeliveryService.",
        }
    }

    /// Whose operation an `X-Amz-Target` names, whether there is such an operation or not. What nobody claims is taken
    /// for Systems Manager's, which answers for everything else.
    #[must_use]
    pub fn of_target(target: &str) -> Self {
        let others = [Self::Kms, Self::Logs, Self::Ec2Messages];
        others.into_iter().find(|of| target.starts_with(of.target_prefix())).unwrap_or(Self::Ssm)
    }

    /// How the service calls a request with a member that breaks a constraint.
    #[must_use]
    pub(crate) fn validation_error(self) -> ErrorCode {
        match self {
            Self::Ssm | Self::Kms | Self::Ec2Messages => ErrorCode::ValidationException,
            Self::Logs => ErrorCode::InvalidParameterException,
        }
    }
}

/// Which kind of caller an operation is for. It is a first sieve; the decision itself is made elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// Nobody in particular: the request is not signed, a secret inside it is the proof.
    Anonymous,
    /// A managed node, signing with its registered key.
    NodeKey,
    /// A managed node, signing with the temporary credentials of its role.
    NodeRole,
    /// A person or a program acting for one.
    User,
    /// Either: a person, or a managed node with the temporary credentials of its role.
    UserOrNodeRole,
}

macro_rules! operations {
    ($($service:ident { $($(#[$doc:meta])* $name:ident: $caller:ident,)+ })+) => {
        /// An operation of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $($($(#[$doc])* $name,)+)+
        }

        impl Operation {
            /// Every operation, for tables that must not forget one.
            pub const ALL: &[Self] = &[$($(Self::$name),+),+];

            /// Which service it belongs to.
            #[must_use]
            pub fn service(self) -> Service {
                match self {
                    $($(Self::$name)|+ => Service::$service,)+
                }
            }

            /// The name, as in audit records; policies put the service's name before it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $($(Self::$name => stringify!($name),)+)+
                }
            }

            /// Who calls it.
            #[must_use]
            pub fn caller(self) -> CallerKind {
                match self {
                    $($(Self::$name => CallerKind::$caller,)+)+
                }
            }
        }
    };
}

operations! {
    Ssm {
        /// Opens a session with a node.
        StartSession: User,
        /// A new token for a session whose data channel was lost.
        ResumeSession: User,
        /// Ends a session.
        TerminateSession: User,
        /// Lists live or past sessions.
        DescribeSessions: User,
        /// Whether a node can take a session now.
        GetConnectionStatus: User,
        /// Lists managed nodes.
        DescribeInstanceInformation: User,
        /// Lists managed nodes as consoles show them.
        DescribeInstanceProperties: User,
        /// Lists managed nodes as an inventory.
        ListNodes: User,
        /// Gives a node another role.
        UpdateManagedInstanceRole: User,
        /// Puts tags on a node or a document.
        AddTagsToResource: User,
        /// Lists the tags of a node or a document.
        ListTagsForResource: User,
        /// Takes tags from a node or a document.
        RemoveTagsFromResource: User,
        /// Reads a setting of the account.
        GetServiceSetting: User,
        /// Changes a setting of the account.
        UpdateServiceSetting: User,
        /// Returns a setting of the account to its default.
        ResetServiceSetting: User,
        /// Makes an id and code with which machines register.
        CreateActivation: User,
        /// Lists activations.
        DescribeActivations: User,
        /// Removes an activation.
        DeleteActivation: User,
        /// Removes a node.
        DeregisterManagedInstance: User,
        /// Keeps a new document.
        CreateDocument: User,
        /// Reads a document's text.
        GetDocument: User,
        /// Reads what a document says about itself.
        DescribeDocument: User,
        /// Adds a version to a document.
        UpdateDocument: User,
        /// Chooses the version that is used when none is named.
        UpdateDocumentDefaultVersion: User,
        /// Removes a document, or a version of it.
        DeleteDocument: User,
        /// Lists documents.
        ListDocuments: User,
        /// Lists a document's versions.
        ListDocumentVersions: User,
        /// Shares a document, or stops sharing it.
        ModifyDocumentPermission: User,
        /// With whom a document is shared.
        DescribeDocumentPermission: User,
        /// A machine becomes a managed node.
        RegisterManagedInstance: Anonymous,
        /// A node asks for temporary credentials.
        RequestManagedInstanceRoleToken: NodeKey,
        /// A node replaces its key.
        UpdateManagedInstancePublicKey: NodeKey,
        /// A node reports that it is there, and what it is.
        UpdateInstanceInformation: NodeRole,
        /// A node asks what it should apply; the answer is always nothing.
        ListInstanceAssociations: NodeRole,
    }
    Kms {
        /// A new data key, in the clear and encrypted.
        GenerateDataKey: User,
        /// Encrypts a short text.
        Encrypt: User,
        /// Opens what was encrypted.
        Decrypt: UserOrNodeRole,
        /// Makes a key.
        CreateKey: User,
        /// What is known about a key.
        DescribeKey: User,
        /// Lists keys.
        ListKeys: User,
        /// Lets a key be used again.
        EnableKey: User,
        /// Keeps a key from being used.
        DisableKey: User,
        /// Gives a key another name.
        CreateAlias: User,
        /// Lists the other names of keys.
        ListAliases: User,
    }
    Logs {
        /// Makes a place for logs.
        CreateLogGroup: User,
        /// Removes one and all that is in it.
        DeleteLogGroup: User,
        /// Lists them. Agents look whether theirs is there.
        DescribeLogGroups: UserOrNodeRole,
        /// Says how long events stay.
        PutRetentionPolicy: User,
        /// Lets events stay for ever.
        DeleteRetentionPolicy: User,
        /// Makes a stream in a group.
        CreateLogStream: UserOrNodeRole,
        /// Removes one and all that is in it.
        DeleteLogStream: User,
        /// Lists streams.
        DescribeLogStreams: UserOrNodeRole,
        /// Puts events into a stream.
        PutLogEvents: UserOrNodeRole,
        /// Reads a stream.
        GetLogEvents: User,
        /// Searches streams.
        FilterLogEvents: User,
    }
    Ec2Messages {
        /// A node waits for messages; the answer is always that there are none.
        GetMessages: NodeRole,
    }
}

impl Operation {
    /// The value of the `X-Amz-Target` header.
    #[must_use]
    pub fn target(self) -> String {
        format!("{}{}", self.service().target_prefix(), self.name())
    }

    /// Reads the `X-Amz-Target` header.
    ///
    /// # Errors
    /// `UnknownOperationException` for everything that is not answered.
    pub fn from_target(target: &str) -> Result<Self, ApiError> {
        let is_named = |operation: &&Self| {
            target.strip_prefix(operation.service().target_prefix()).is_some_and(|name| name == operation.name())
        };
        Self::ALL.iter().find(is_named).copied().ok_or_else(|| {
            ApiError::new(ErrorCode::UnknownOperationException, "This service does not offer the operation called.")
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_belongs_to_the_service_of_its_prefix() {
        for &operation in Operation::ALL {
            assert_eq!(Service::of_target(&operation.target()), operation.service());
        }
        assert_eq!(Service::of_target("TrentService.NoSuchThing"), Service::Kms);
        assert_eq!(Service::of_target("Logs_20140328.NoSuchThing"), Service::Logs);
        assert_eq!(Service::of_target(""), Service::Ssm);
    }

    #[test]
    fn targets_round_trip_and_nothing_else_is_answered() {
        for &operation in Operation::ALL {
            assert_eq!(Operation::from_target(&operation.target()), Ok(operation));
        }
        for target in [
            "",
            "StartSession",
            "AmazonSSM.",
            "AmazonSSM.startSession",
            "AmazonSSM.StartSession ",
            "TrentService.StartSession",
            "AmazonSSM.Decrypt",
        ] {
            let error = Operation::from_target(target).map_err(|error| error.code());
            assert_eq!(error, Err(ErrorCode::UnknownOperationException), "{target:?}");
        }
    }
}
