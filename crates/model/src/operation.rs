//! The operations that are answered, and who may call each at all. Anything else is `UnknownOperationException`, which
//! is also the quietest answer for the many calls a stock agent makes without needing them (agent-api-calls §2).

mod service;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::error::{ApiError, ErrorCode};

pub use service::{Protocol, Service};

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
    Iam {
        /// Makes a user.
        CreateUser: User,
        /// What is known about a user.
        GetUser: User,
        /// Lists users.
        ListUsers: User,
        /// Gives a user another name or path.
        UpdateUser: User,
        /// Removes a user.
        DeleteUser: User,
        /// Makes an access key.
        CreateAccessKey: User,
        /// Lists a user's access keys.
        ListAccessKeys: User,
        /// Switches an access key off or on.
        UpdateAccessKey: User,
        /// Removes an access key.
        DeleteAccessKey: User,
        /// What an access key was last used for.
        GetAccessKeyLastUsed: User,
        /// Makes a group.
        CreateGroup: User,
        /// What is known about a group, and its users.
        GetGroup: User,
        /// Lists groups.
        ListGroups: User,
        /// Gives a group another name or path.
        UpdateGroup: User,
        /// Removes a group.
        DeleteGroup: User,
        /// Puts a user into a group.
        AddUserToGroup: User,
        /// Takes a user out of a group.
        RemoveUserFromGroup: User,
        /// Lists a user's groups.
        ListGroupsForUser: User,
        /// Makes a role.
        CreateRole: User,
        /// What is known about a role.
        GetRole: User,
        /// Lists roles.
        ListRoles: User,
        /// Changes a role's description and longest session.
        UpdateRole: User,
        /// Changes who may act as a role.
        UpdateAssumeRolePolicy: User,
        /// Removes a role.
        DeleteRole: User,
        /// A role's instance profiles, of which there are none.
        ListInstanceProfilesForRole: User,
        /// Makes a managed policy.
        CreatePolicy: User,
        /// What is known about a managed policy.
        GetPolicy: User,
        /// Lists managed policies.
        ListPolicies: User,
        /// Removes a managed policy.
        DeletePolicy: User,
        /// Adds a version to a managed policy.
        CreatePolicyVersion: User,
        /// Reads a version of a managed policy.
        GetPolicyVersion: User,
        /// Lists the versions of a managed policy.
        ListPolicyVersions: User,
        /// Chooses the version that is in effect.
        SetDefaultPolicyVersion: User,
        /// Removes a version of a managed policy.
        DeletePolicyVersion: User,
        /// Who has a managed policy.
        ListEntitiesForPolicy: User,
        /// Gives a user a policy of its own.
        PutUserPolicy: User,
        /// Reads a policy of a user's own.
        GetUserPolicy: User,
        /// Lists a user's own policies.
        ListUserPolicies: User,
        /// Removes a policy of a user's own.
        DeleteUserPolicy: User,
        /// Attaches a managed policy to a user.
        AttachUserPolicy: User,
        /// Takes a managed policy from a user.
        DetachUserPolicy: User,
        /// Lists the managed policies of a user.
        ListAttachedUserPolicies: User,
        /// Gives a group a policy of its own.
        PutGroupPolicy: User,
        /// Reads a policy of a group's own.
        GetGroupPolicy: User,
        /// Lists a group's own policies.
        ListGroupPolicies: User,
        /// Removes a policy of a group's own.
        DeleteGroupPolicy: User,
        /// Attaches a managed policy to a group.
        AttachGroupPolicy: User,
        /// Takes a managed policy from a group.
        DetachGroupPolicy: User,
        /// Lists the managed policies of a group.
        ListAttachedGroupPolicies: User,
        /// Gives a role a policy of its own.
        PutRolePolicy: User,
        /// Reads a policy of a role's own.
        GetRolePolicy: User,
        /// Lists a role's own policies.
        ListRolePolicies: User,
        /// Removes a policy of a role's own.
        DeleteRolePolicy: User,
        /// Attaches a managed policy to a role.
        AttachRolePolicy: User,
        /// Takes a managed policy from a role.
        DetachRolePolicy: User,
        /// Lists the managed policies of a role.
        ListAttachedRolePolicies: User,
        /// Bounds what a user's policies can allow.
        PutUserPermissionsBoundary: User,
        /// Lifts that bound.
        DeleteUserPermissionsBoundary: User,
        /// Bounds what a role's policies can allow.
        PutRolePermissionsBoundary: User,
        /// Lifts that bound.
        DeleteRolePermissionsBoundary: User,
        /// Puts tags on a user.
        TagUser: User,
        /// Takes tags from a user.
        UntagUser: User,
        /// Lists a user's tags.
        ListUserTags: User,
        /// Puts tags on a role.
        TagRole: User,
        /// Takes tags from a role.
        UntagRole: User,
        /// Lists a role's tags.
        ListRoleTags: User,
        /// Puts tags on a policy.
        TagPolicy: User,
        /// Takes tags from a policy.
        UntagPolicy: User,
        /// Lists a policy's tags.
        ListPolicyTags: User,
        /// Makes a device of one-time codes.
        CreateVirtualMFADevice: User,
        /// Makes a device somebody's.
        EnableMFADevice: User,
        /// Makes a device nobody's.
        DeactivateMFADevice: User,
        /// Lists a user's devices.
        ListMFADevices: User,
        /// Lists devices.
        ListVirtualMFADevices: User,
        /// Removes a device.
        DeleteVirtualMFADevice: User,
        /// Learns how wrong a device's clock is.
        ResyncMFADevice: User,
        /// Takes a provider's word for who somebody is.
        CreateOpenIDConnectProvider: User,
        /// What is known about a provider.
        GetOpenIDConnectProvider: User,
        /// Lists providers.
        ListOpenIDConnectProviders: User,
        /// Takes a provider's word no more.
        DeleteOpenIDConnectProvider: User,
        /// Other thumbprints of a provider's certificates.
        UpdateOpenIDConnectProviderThumbprint: User,
        /// A provider's tokens may be made for one more client.
        AddClientIDToOpenIDConnectProvider: User,
        /// A provider's tokens may be made for one client less.
        RemoveClientIDFromOpenIDConnectProvider: User,
        /// Puts tags on a provider.
        TagOpenIDConnectProvider: User,
        /// Takes tags from a provider.
        UntagOpenIDConnectProvider: User,
        /// Lists a provider's tags.
        ListOpenIDConnectProviderTags: User,
        /// What a user's, group's or role's policies would say.
        SimulatePrincipalPolicy: User,
        /// What policies that nobody has would say.
        SimulateCustomPolicy: User,
        /// Which condition keys a user's, group's or role's policies ask for.
        GetContextKeysForPrincipalPolicy: User,
        /// Which condition keys policies that nobody has ask for.
        GetContextKeysForCustomPolicy: User,
    }
    Sts {
        /// Who the caller is.
        GetCallerIdentity: UserOrNodeRole,
        /// Acts as a role for a while.
        AssumeRole: User,
        /// Acts as a role for a while, by the word of a provider of identities.
        AssumeRoleWithWebIdentity: Anonymous,
        /// Credentials of the caller's own that are good for a while.
        GetSessionToken: User,
        /// Whose an access key is.
        GetAccessKeyInfo: User,
    }
    CloudTrail {
        /// Looks up what was done.
        LookupEvents: User,
    }
    Postern {
        /// Stops a user or role, whatever policies say.
        LockPrincipal: User,
        /// Lets it go on.
        UnlockPrincipal: User,
        /// Lets a node have no sessions.
        LockNode: User,
        /// Lets it have sessions again.
        UnlockNode: User,
        /// Lists what is locked.
        ListLocks: User,
        /// Whether somebody may do something, and why.
        ExplainPolicy: User,
        /// Says what is known of a session's recording.
        DescribeRecording: User,
        /// Gives a piece of a session's recording.
        GetRecording: User,
    }
}

impl Operation {
    /// The value of the `X-Amz-Target` header; of an operation of the Query protocol, which has none, its name in
    /// policies.
    #[must_use]
    pub fn target(self) -> String {
        match self.service().protocol() {
            Protocol::Json(prefix) => format!("{prefix}{}", self.name()),
            Protocol::Query(_) => format!("{}:{}", self.service().name(), self.name()),
        }
    }

    /// Whether it changes nothing, as AWS counts it in audit events: what gives out keys or credentials without keeping
    /// anything is read-only there.
    #[must_use]
    pub fn is_read_only(self) -> bool {
        let asks = |prefix: &&str| self.name().starts_with(prefix);
        let gives = matches!(
            self,
            Self::Decrypt | Self::Encrypt | Self::GenerateDataKey | Self::AssumeRole | Self::AssumeRoleWithWebIdentity
        );
        gives || ["Describe", "Explain", "Filter", "Get", "List", "Lookup", "Simulate"].iter().any(asks)
    }

    /// Reads the `Action` and the `Version` of a form.
    ///
    /// # Errors
    /// `InvalidAction` for everything that is not answered.
    pub fn from_action(action: &str, version: &str) -> Result<Self, ApiError> {
        let is_named = |operation: &&Self| {
            let is_of_version = matches!(operation.service().protocol(), Protocol::Query(known) if known == version);
            is_of_version && operation.name() == action
        };
        Self::ALL.iter().find(is_named).copied().ok_or_else(|| {
            let message = "Could not find an operation of that name and version; this service does not offer it.";
            ApiError::new(ErrorCode::InvalidAction, message)
        })
    }

    /// Reads the `X-Amz-Target` header.
    ///
    /// # Errors
    /// `UnknownOperationException` for everything that is not answered.
    pub fn from_target(target: &str) -> Result<Self, ApiError> {
        let is_named = |operation: &&Self| {
            let Protocol::Json(prefix) = operation.service().protocol() else { return false };
            target.strip_prefix(prefix).is_some_and(|name| name == operation.name())
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
