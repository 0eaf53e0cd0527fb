//! What acts are about, and one type for each act.

use postern_model::tag::TaggedType;

use super::{Act, Action, Arn, KeyId, KeyName, NodeId, Operation, Resource, SessionId};
use postern_iam::DocumentName;
use postern_store::{IdentityKind, Tag};

/// What StartSession is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAndDocument {
    /// The node, or what was named instead.
    pub target: Target,
    /// The document.
    pub document: Arn,
}

/// What a session is asked for with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The id of a managed node, which need not exist.
    Node(NodeId),
    /// Anything else; there is nothing of that name here.
    Other(String),
}

impl From<&Target> for Resource {
    fn from(target: &Target) -> Self {
        match target {
            Target::Node(node) => Self::Node(node.clone()),
            Target::Other(other) => Self::Target(other.clone()),
        }
    }
}

/// What acts on sessions are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnSession {
    /// Which.
    pub id: SessionId,
    /// On which node; none if there is no such session.
    pub node: Option<NodeId>,
}

/// What acts on keys are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnKey {
    /// The key as it was named; it need not exist.
    pub named: KeyName,
    /// The key of that name. A decision is about the key, whichever of its names it is called by.
    pub id: Option<KeyId>,
}

/// What giving a key another name is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAndAlias {
    /// The key.
    pub key: OnKey,
    /// The new name.
    pub alias: KeyName,
}

/// What Decrypt is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDataKey {
    /// The session that the encryption context names, if it names one.
    pub session: Option<SessionId>,
    /// Its node, if there is such a session and the context names its node too.
    pub node: Option<NodeId>,
}

/// What giving a node another role is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAndRole {
    /// The node.
    pub node: NodeId,
    /// The role that it would have.
    pub role: Arn,
}

/// What acts on tags are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnTagged {
    /// A managed node, which need not exist.
    Node(NodeId),
    /// A document, which need not exist.
    Document {
        /// Its ARN.
        arn: Arn,
        /// As the account's own documents are named; none if it is not one of those.
        own: Option<DocumentName>,
    },
    /// Anything else; there is nothing of that kind and name here.
    Other(TaggedType, String),
}

/// What acts on service settings are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnSetting {
    /// One that there is.
    Known {
        /// Its path.
        path: &'static str,
        /// Its ARN.
        arn: Arn,
    },
    /// What was named instead.
    Unknown(String),
}

/// What acts on log streams are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnStream {
    /// In which group.
    pub group: String,
    /// Its name. For a listing, how names begin.
    pub stream: String,
    /// The node of the session that it is the log of, if a node asks and there is such a session.
    pub node: Option<NodeId>,
}

/// What acts on a user, group or role are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnIdentity {
    /// Which kind.
    pub kind: IdentityKind,
    /// Its name.
    pub name: String,
    /// Its ARN, with its path; with none if there is no such identity.
    pub arn: Arn,
    /// What was asked for: nothing of what is kept about the identity, its path or whose key it has, for a denial.
    pub asked: Arn,
    /// Its tags, if it is there.
    pub tags: Vec<Tag>,
}

/// What renaming is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// The identity.
    pub from: OnIdentity,
    /// What it would be called.
    pub to: Arn,
}

/// What acts on a managed policy are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnPolicy {
    /// The policy, which need not exist.
    pub arn: Arn,
    /// Its tags, if it is there.
    pub tags: Vec<Tag>,
}

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident = $action:expr, on $on:ty: $resources:expr;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Act for $name {
                const ACTION: Action = $action;
                type On = $on;

                fn resources(on: &$on) -> Vec<Resource> {
                    let resources: fn(&$on) -> Vec<Resource> = $resources;
                    resources(on)
                }
            }
        )+

        /// Every action that has an act, for the test that none is forgotten.
        #[cfg(test)]
        pub(super) const ACTIONS: &[Action] = &[$($name::ACTION),+];
    };
}

fn any((): &()) -> Vec<Resource> {
    vec![Resource::Any]
}

fn node(node: &NodeId) -> Vec<Resource> {
    vec![Resource::Node(node.clone())]
}

fn tagged(on: &OnTagged) -> Vec<Resource> {
    vec![match on {
        OnTagged::Node(node) => Resource::Node(node.clone()),
        OnTagged::Document { arn, .. } => Resource::Document(arn.clone()),
        OnTagged::Other(_, name) => Resource::Target(name.clone()),
    }]
}

fn setting(on: &OnSetting) -> Vec<Resource> {
    vec![match on {
        OnSetting::Known { arn, .. } => Resource::ServiceSetting(arn.clone()),
        OnSetting::Unknown(name) => Resource::Target(name.clone()),
    }]
}

fn session(on: &OnSession) -> Vec<Resource> {
    vec![Resource::Session { id: on.id.clone(), node: on.node.clone() }]
}

fn key(on: &OnKey) -> Vec<Resource> {
    vec![Resource::Key { named: on.named.clone(), id: on.id.clone() }]
}

fn document(arn: &Arn) -> Vec<Resource> {
    vec![Resource::Document(arn.clone())]
}

fn identity(on: &OnIdentity) -> Vec<Resource> {
    vec![Resource::Identity { arn: on.arn.clone(), asked: on.asked.clone(), tags: on.tags.clone() }]
}

fn renamed(on: &Renamed) -> Vec<Resource> {
    [
        identity(&on.from),
        vec![Resource::Identity { arn: on.to.clone(), asked: on.to.clone(), tags: on.from.tags.clone() }],
    ]
    .concat()
}

fn policy(on: &OnPolicy) -> Vec<Resource> {
    vec![Resource::Identity { arn: on.arn.clone(), asked: on.arn.clone(), tags: on.tags.clone() }]
}

fn log_group(name: &str) -> Vec<Resource> {
    vec![Resource::LogGroup(name.to_owned())]
}

fn log_stream(on: &OnStream) -> Vec<Resource> {
    let OnStream { group, stream, node } = on.clone();
    vec![Resource::LogStream { group, stream, node }]
}

acts! {
    /// Open a session.
    StartSession = Action::Api(Operation::StartSession), on NodeAndDocument:
        |on| vec![Resource::from(&on.target), Resource::Document(on.document.clone())];
    /// Get a new client token.
    ResumeSession = Action::Api(Operation::ResumeSession), on OnSession: session;
    /// End a session.
    TerminateSession = Action::Api(Operation::TerminateSession), on OnSession: session;
    /// List sessions.
    DescribeSessions = Action::Api(Operation::DescribeSessions), on (): any;
    /// Ask whether a node is connected.
    GetConnectionStatus = Action::Api(Operation::GetConnectionStatus), on Target: |on| vec![Resource::from(on)];
    /// List nodes.
    DescribeInstanceInformation = Action::Api(Operation::DescribeInstanceInformation), on (): any;
    /// List nodes as consoles show them.
    DescribeInstanceProperties = Action::Api(Operation::DescribeInstanceProperties), on (): any;
    /// List nodes as an inventory.
    ListNodes = Action::Api(Operation::ListNodes), on (): any;
    /// Give a node another role.
    UpdateManagedInstanceRole = Action::Api(Operation::UpdateManagedInstanceRole), on NodeAndRole:
        |on| vec![Resource::Node(on.node.clone()), Resource::Role(on.role.clone())];
    /// Put tags on something.
    AddTagsToResource = Action::Api(Operation::AddTagsToResource), on OnTagged: tagged;
    /// List the tags of something.
    ListTagsForResource = Action::Api(Operation::ListTagsForResource), on OnTagged: tagged;
    /// Take tags from something.
    RemoveTagsFromResource = Action::Api(Operation::RemoveTagsFromResource), on OnTagged: tagged;
    /// Read a setting.
    GetServiceSetting = Action::Api(Operation::GetServiceSetting), on OnSetting: setting;
    /// Change a setting.
    UpdateServiceSetting = Action::Api(Operation::UpdateServiceSetting), on OnSetting: setting;
    /// Return a setting to its default.
    ResetServiceSetting = Action::Api(Operation::ResetServiceSetting), on OnSetting: setting;
    /// Make an activation.
    CreateActivation = Action::Api(Operation::CreateActivation), on (): any;
    /// List activations.
    DescribeActivations = Action::Api(Operation::DescribeActivations), on (): any;
    /// Remove an activation.
    DeleteActivation = Action::Api(Operation::DeleteActivation), on (): any;
    /// Remove a node.
    DeregisterManagedInstance = Action::Api(Operation::DeregisterManagedInstance), on NodeId: node;
    /// Keep a document.
    CreateDocument = Action::Api(Operation::CreateDocument), on Arn: document;
    /// Read a document's text.
    GetDocument = Action::Api(Operation::GetDocument), on Arn: document;
    /// Read what a document says about itself.
    DescribeDocument = Action::Api(Operation::DescribeDocument), on Arn: document;
    /// Add a version.
    UpdateDocument = Action::Api(Operation::UpdateDocument), on Arn: document;
    /// Choose the default version.
    UpdateDocumentDefaultVersion = Action::Api(Operation::UpdateDocumentDefaultVersion), on Arn: document;
    /// Remove a document or a version.
    DeleteDocument = Action::Api(Operation::DeleteDocument), on Arn: document;
    /// List documents.
    ListDocuments = Action::Api(Operation::ListDocuments), on (): any;
    /// List a document's versions.
    ListDocumentVersions = Action::Api(Operation::ListDocumentVersions), on Arn: document;
    /// Share a document.
    ModifyDocumentPermission = Action::Api(Operation::ModifyDocumentPermission), on Arn: document;
    /// See with whom a document is shared.
    DescribeDocumentPermission = Action::Api(Operation::DescribeDocumentPermission), on Arn: document;
    /// Become a node.
    RegisterManagedInstance = Action::Api(Operation::RegisterManagedInstance), on (): any;
    /// Get temporary credentials.
    RequestManagedInstanceRoleToken = Action::Api(Operation::RequestManagedInstanceRoleToken), on NodeId: node;
    /// Replace the node's key.
    UpdateManagedInstancePublicKey = Action::Api(Operation::UpdateManagedInstancePublicKey), on NodeId: node;
    /// Report.
    UpdateInstanceInformation = Action::Api(Operation::UpdateInstanceInformation), on NodeId: node;
    /// Ask what to apply.
    ListInstanceAssociations = Action::Api(Operation::ListInstanceAssociations), on NodeId: node;
    /// Poll for messages.
    GetMessages = Action::Api(Operation::GetMessages), on NodeId: node;
    /// Make a data key.
    GenerateDataKey = Action::Api(Operation::GenerateDataKey), on OnKey: key;
    /// Encrypt a text.
    Encrypt = Action::Api(Operation::Encrypt), on OnKey: key;
    /// Open a ciphertext.
    Decrypt = Action::Api(Operation::Decrypt), on OnDataKey:
        |on| vec![Resource::DataKey { session: on.session.clone(), node: on.node.clone() }];
    /// Make a key.
    CreateKey = Action::Api(Operation::CreateKey), on (): any;
    /// Look at a key.
    DescribeKey = Action::Api(Operation::DescribeKey), on OnKey: key;
    /// List keys.
    ListKeys = Action::Api(Operation::ListKeys), on (): any;
    /// Switch a key on.
    EnableKey = Action::Api(Operation::EnableKey), on OnKey: key;
    /// Switch a key off.
    DisableKey = Action::Api(Operation::DisableKey), on OnKey: key;
    /// Give a key another name.
    CreateAlias = Action::Api(Operation::CreateAlias), on KeyAndAlias:
        |on| [key(&on.key), vec![Resource::Key { named: on.alias.clone(), id: None }]].concat();
    /// List the other names of keys.
    ListAliases = Action::Api(Operation::ListAliases), on (): any;
    /// Make a log group.
    CreateLogGroup = Action::Api(Operation::CreateLogGroup), on String: |name| log_group(name);
    /// Remove one.
    DeleteLogGroup = Action::Api(Operation::DeleteLogGroup), on String: |name| log_group(name);
    /// List them.
    DescribeLogGroups = Action::Api(Operation::DescribeLogGroups), on (): any;
    /// Say how long events stay.
    PutRetentionPolicy = Action::Api(Operation::PutRetentionPolicy), on String: |name| log_group(name);
    /// Let them stay for ever.
    DeleteRetentionPolicy = Action::Api(Operation::DeleteRetentionPolicy), on String: |name| log_group(name);
    /// Make a log stream.
    CreateLogStream = Action::Api(Operation::CreateLogStream), on OnStream: log_stream;
    /// Remove one.
    DeleteLogStream = Action::Api(Operation::DeleteLogStream), on OnStream: log_stream;
    /// List them.
    DescribeLogStreams = Action::Api(Operation::DescribeLogStreams), on OnStream: log_stream;
    /// Put events into one.
    PutLogEvents = Action::Api(Operation::PutLogEvents), on OnStream: log_stream;
    /// Read one.
    GetLogEvents = Action::Api(Operation::GetLogEvents), on OnStream: log_stream;
    /// Search them.
    FilterLogEvents = Action::Api(Operation::FilterLogEvents), on String: |name| log_group(name);
    /// Makes a user.
    CreateUser = Action::Api(Operation::CreateUser), on OnIdentity: identity;
    /// What is known about a user.
    GetUser = Action::Api(Operation::GetUser), on OnIdentity: identity;
    /// Lists users.
    ListUsers = Action::Api(Operation::ListUsers), on (): any;
    /// Gives a user another name or path.
    UpdateUser = Action::Api(Operation::UpdateUser), on Renamed: renamed;
    /// Removes a user.
    DeleteUser = Action::Api(Operation::DeleteUser), on OnIdentity: identity;
    /// Makes an access key.
    CreateAccessKey = Action::Api(Operation::CreateAccessKey), on OnIdentity: identity;
    /// Lists a user's access keys.
    ListAccessKeys = Action::Api(Operation::ListAccessKeys), on OnIdentity: identity;
    /// Switches an access key off or on.
    UpdateAccessKey = Action::Api(Operation::UpdateAccessKey), on OnIdentity: identity;
    /// Removes an access key.
    DeleteAccessKey = Action::Api(Operation::DeleteAccessKey), on OnIdentity: identity;
    /// What an access key was last used for.
    GetAccessKeyLastUsed = Action::Api(Operation::GetAccessKeyLastUsed), on OnIdentity: identity;
    /// Makes a group.
    CreateGroup = Action::Api(Operation::CreateGroup), on OnIdentity: identity;
    /// What is known about a group, and its users.
    GetGroup = Action::Api(Operation::GetGroup), on OnIdentity: identity;
    /// Lists groups.
    ListGroups = Action::Api(Operation::ListGroups), on (): any;
    /// Gives a group another name or path.
    UpdateGroup = Action::Api(Operation::UpdateGroup), on Renamed: renamed;
    /// Removes a group.
    DeleteGroup = Action::Api(Operation::DeleteGroup), on OnIdentity: identity;
    /// Puts a user into a group.
    AddUserToGroup = Action::Api(Operation::AddUserToGroup), on OnIdentity: identity;
    /// Takes a user out of a group.
    RemoveUserFromGroup = Action::Api(Operation::RemoveUserFromGroup), on OnIdentity: identity;
    /// Lists a user's groups.
    ListGroupsForUser = Action::Api(Operation::ListGroupsForUser), on OnIdentity: identity;
    /// Makes a role.
    CreateRole = Action::Api(Operation::CreateRole), on OnIdentity: identity;
    /// What is known about a role.
    GetRole = Action::Api(Operation::GetRole), on OnIdentity: identity;
    /// Lists roles.
    ListRoles = Action::Api(Operation::ListRoles), on (): any;
    /// Changes a role's description and longest session.
    UpdateRole = Action::Api(Operation::UpdateRole), on OnIdentity: identity;
    /// Changes who may act as a role.
    UpdateAssumeRolePolicy = Action::Api(Operation::UpdateAssumeRolePolicy), on OnIdentity: identity;
    /// Removes a role.
    DeleteRole = Action::Api(Operation::DeleteRole), on OnIdentity: identity;
    /// A role's instance profiles, of which there are none.
    ListInstanceProfilesForRole = Action::Api(Operation::ListInstanceProfilesForRole), on OnIdentity: identity;
    /// Makes a managed policy.
    CreatePolicy = Action::Api(Operation::CreatePolicy), on OnPolicy: policy;
    /// What is known about a managed policy.
    GetPolicy = Action::Api(Operation::GetPolicy), on OnPolicy: policy;
    /// Lists managed policies.
    ListPolicies = Action::Api(Operation::ListPolicies), on (): any;
    /// Removes a managed policy.
    DeletePolicy = Action::Api(Operation::DeletePolicy), on OnPolicy: policy;
    /// Adds a version to a managed policy.
    CreatePolicyVersion = Action::Api(Operation::CreatePolicyVersion), on OnPolicy: policy;
    /// Reads a version of a managed policy.
    GetPolicyVersion = Action::Api(Operation::GetPolicyVersion), on OnPolicy: policy;
    /// Lists the versions of a managed policy.
    ListPolicyVersions = Action::Api(Operation::ListPolicyVersions), on OnPolicy: policy;
    /// Chooses the version that is in effect.
    SetDefaultPolicyVersion = Action::Api(Operation::SetDefaultPolicyVersion), on OnPolicy: policy;
    /// Removes a version of a managed policy.
    DeletePolicyVersion = Action::Api(Operation::DeletePolicyVersion), on OnPolicy: policy;
    /// Who has a managed policy.
    ListEntitiesForPolicy = Action::Api(Operation::ListEntitiesForPolicy), on OnPolicy: policy;
    /// Gives a user a policy of its own.
    PutUserPolicy = Action::Api(Operation::PutUserPolicy), on OnIdentity: identity;
    /// Reads a policy of a user's own.
    GetUserPolicy = Action::Api(Operation::GetUserPolicy), on OnIdentity: identity;
    /// Lists a user's own policies.
    ListUserPolicies = Action::Api(Operation::ListUserPolicies), on OnIdentity: identity;
    /// Removes a policy of a user's own.
    DeleteUserPolicy = Action::Api(Operation::DeleteUserPolicy), on OnIdentity: identity;
    /// Attaches a managed policy to a user.
    AttachUserPolicy = Action::Api(Operation::AttachUserPolicy), on OnIdentity: identity;
    /// Takes a managed policy from a user.
    DetachUserPolicy = Action::Api(Operation::DetachUserPolicy), on OnIdentity: identity;
    /// Lists the managed policies of a user.
    ListAttachedUserPolicies = Action::Api(Operation::ListAttachedUserPolicies), on OnIdentity: identity;
    /// Gives a group a policy of its own.
    PutGroupPolicy = Action::Api(Operation::PutGroupPolicy), on OnIdentity: identity;
    /// Reads a policy of a group's own.
    GetGroupPolicy = Action::Api(Operation::GetGroupPolicy), on OnIdentity: identity;
    /// Lists a group's own policies.
    ListGroupPolicies = Action::Api(Operation::ListGroupPolicies), on OnIdentity: identity;
    /// Removes a policy of a group's own.
    DeleteGroupPolicy = Action::Api(Operation::DeleteGroupPolicy), on OnIdentity: identity;
    /// Attaches a managed policy to a group.
    AttachGroupPolicy = Action::Api(Operation::AttachGroupPolicy), on OnIdentity: identity;
    /// Takes a managed policy from a group.
    DetachGroupPolicy = Action::Api(Operation::DetachGroupPolicy), on OnIdentity: identity;
    /// Lists the managed policies of a group.
    ListAttachedGroupPolicies = Action::Api(Operation::ListAttachedGroupPolicies), on OnIdentity: identity;
    /// Gives a role a policy of its own.
    PutRolePolicy = Action::Api(Operation::PutRolePolicy), on OnIdentity: identity;
    /// Reads a policy of a role's own.
    GetRolePolicy = Action::Api(Operation::GetRolePolicy), on OnIdentity: identity;
    /// Lists a role's own policies.
    ListRolePolicies = Action::Api(Operation::ListRolePolicies), on OnIdentity: identity;
    /// Removes a policy of a role's own.
    DeleteRolePolicy = Action::Api(Operation::DeleteRolePolicy), on OnIdentity: identity;
    /// Attaches a managed policy to a role.
    AttachRolePolicy = Action::Api(Operation::AttachRolePolicy), on OnIdentity: identity;
    /// Takes a managed policy from a role.
    DetachRolePolicy = Action::Api(Operation::DetachRolePolicy), on OnIdentity: identity;
    /// Lists the managed policies of a role.
    ListAttachedRolePolicies = Action::Api(Operation::ListAttachedRolePolicies), on OnIdentity: identity;
    /// Bounds what a user's policies can allow.
    PutUserPermissionsBoundary = Action::Api(Operation::PutUserPermissionsBoundary), on OnIdentity: identity;
    /// Lifts that bound.
    DeleteUserPermissionsBoundary = Action::Api(Operation::DeleteUserPermissionsBoundary), on OnIdentity: identity;
    /// Bounds what a role's policies can allow.
    PutRolePermissionsBoundary = Action::Api(Operation::PutRolePermissionsBoundary), on OnIdentity: identity;
    /// Lifts that bound.
    DeleteRolePermissionsBoundary = Action::Api(Operation::DeleteRolePermissionsBoundary), on OnIdentity: identity;
    /// Puts tags on a user.
    TagUser = Action::Api(Operation::TagUser), on OnIdentity: identity;
    /// Takes tags from a user.
    UntagUser = Action::Api(Operation::UntagUser), on OnIdentity: identity;
    /// Lists a user's tags.
    ListUserTags = Action::Api(Operation::ListUserTags), on OnIdentity: identity;
    /// Puts tags on a role.
    TagRole = Action::Api(Operation::TagRole), on OnIdentity: identity;
    /// Takes tags from a role.
    UntagRole = Action::Api(Operation::UntagRole), on OnIdentity: identity;
    /// Lists a role's tags.
    ListRoleTags = Action::Api(Operation::ListRoleTags), on OnIdentity: identity;
    /// Puts tags on a policy.
    TagPolicy = Action::Api(Operation::TagPolicy), on OnPolicy: policy;
    /// Takes tags from a policy.
    UntagPolicy = Action::Api(Operation::UntagPolicy), on OnPolicy: policy;
    /// Lists a policy's tags.
    ListPolicyTags = Action::Api(Operation::ListPolicyTags), on OnPolicy: policy;
    /// Who the caller is.
    GetCallerIdentity = Action::Api(Operation::GetCallerIdentity), on (): any;
    /// Ask for a control channel.
    CreateControlChannel = Action::CreateControlChannel, on NodeId: node;
    /// Open a control channel, signed.
    OpenControlChannel = Action::OpenControlChannel, on NodeId: node;
    /// Ask for the agent's side of a data channel.
    CreateDataChannel = Action::CreateDataChannel, on OnSession: session;
    /// Open a side of a data channel, signed.
    OpenDataChannel = Action::OpenDataChannel, on OnSession: session;
}
