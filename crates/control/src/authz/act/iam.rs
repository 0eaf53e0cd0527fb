//! Users, groups, roles and policies.

use postern_iam::Arn;
use postern_policy::Context;
use postern_store::{IdentityKind, Tag};

use super::{Creation, Question, Resource, Subject, Tagging, only};

/// A user, group or role, which need not exist.
#[derive(Clone, Debug)]
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
    /// Its permissions boundary, if it is there and has one.
    pub boundary: Option<Arn>,
}

impl OnIdentity {
    pub(super) fn resource(&self) -> Resource<'_> {
        Resource::Identity { arn: &self.arn, asked: &self.asked, tags: &self.tags }
    }
}

impl AsRef<OnIdentity> for OnIdentity {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Subject for OnIdentity {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(self.resource())
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// A user or role that is to be made, with its tags and boundary.
#[derive(Clone, Debug)]
pub struct NewIdentity {
    /// What it would be.
    pub identity: Creation<OnIdentity>,
    /// The boundary that it would have, as it was named: `iam:PermissionsBoundary`.
    pub boundary: Option<String>,
}

impl Subject for NewIdentity {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        self.identity.ways()
    }

    fn request_keys(&self, keys: &mut Context) {
        self.identity.request_keys(keys);
        set_boundary(keys, self.boundary.as_deref());
    }
}

/// A user or role that is to have another boundary.
#[derive(Clone, Debug)]
pub struct NewBoundary {
    /// Which.
    pub identity: OnIdentity,
    /// The boundary that it would have, as it was named: `iam:PermissionsBoundary`.
    pub boundary: String,
}

impl Subject for NewBoundary {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        self.identity.ways()
    }

    fn request_keys(&self, keys: &mut Context) {
        set_boundary(keys, Some(&self.boundary));
    }
}

/// A user or role in acts that policies can tie to the boundary that it has: `iam:PermissionsBoundary`.
#[derive(Clone, Debug)]
pub struct Bounded(pub OnIdentity);

impl Subject for Bounded {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        self.0.ways()
    }

    fn request_keys(&self, keys: &mut Context) {
        set_boundary(keys, self.0.boundary.as_ref().map(Arn::to_string).as_deref());
    }
}

impl AsRef<OnIdentity> for Bounded {
    fn as_ref(&self) -> &OnIdentity {
        &self.0
    }
}

/// A managed policy that somebody is to get or lose: `iam:PolicyARN`, and the boundary that it has.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Who.
    pub identity: Bounded,
    /// The policy, as it was named.
    pub policy: String,
}

impl Subject for Attachment {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        self.identity.ways()
    }

    fn request_keys(&self, keys: &mut Context) {
        self.identity.request_keys(keys);
        keys.set("iam:PolicyARN", self.policy.as_str());
    }
}

fn set_boundary(keys: &mut Context, boundary: Option<&str>) {
    if let Some(boundary) = boundary {
        keys.set("iam:PermissionsBoundary", boundary);
    }
}

/// What renaming is about: the identity, and the one that it would be.
#[derive(Clone, Debug)]
pub struct Renamed {
    /// The identity.
    pub from: OnIdentity,
    /// What it would be called.
    pub to: Arn,
}

impl Subject for Renamed {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        let Self { from, to } = self;
        let to = Resource::Identity { arn: to, asked: to, tags: &from.tags };
        vec![vec![Question::about(from.resource()), Question::about(to)]]
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// A managed policy, which need not exist.
#[derive(Clone, Debug)]
pub struct OnPolicy {
    /// Its ARN.
    pub arn: Arn,
    /// Its tags, if it is there.
    pub tags: Vec<Tag>,
}

impl Subject for OnPolicy {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(Resource::Identity { arn: &self.arn, asked: &self.arn, tags: &self.tags })
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// A device of one-time codes, which need not exist.
#[derive(Clone, Debug)]
pub struct OnDevice {
    /// Its ARN.
    pub serial: Arn,
    /// Its tags, if it is there.
    pub tags: Vec<Tag>,
}

impl Subject for OnDevice {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(Resource::Identity { arn: &self.serial, asked: &self.serial, tags: &self.tags })
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// A provider of identities, which need not exist.
#[derive(Clone, Debug)]
pub struct OnProvider {
    /// Its ARN.
    pub arn: Arn,
    /// Its tags, if it is there.
    pub tags: Vec<Tag>,
}

impl Subject for OnProvider {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(Resource::Identity { arn: &self.arn, asked: &self.arn, tags: &self.tags })
    }

    fn request_keys(&self, _: &mut Context) {}
}

acts! {
    /// Makes a user.
    CreateUser = Api(CreateUser), on NewIdentity;
    /// What is known about a user.
    GetUser = Api(GetUser), on OnIdentity;
    /// Lists users.
    ListUsers = Api(ListUsers), on ();
    /// Gives a user another name or path.
    UpdateUser = Api(UpdateUser), on Renamed;
    /// Removes a user.
    DeleteUser = Api(DeleteUser), on OnIdentity;
    /// Makes an access key.
    CreateAccessKey = Api(CreateAccessKey), on OnIdentity;
    /// Lists a user's access keys.
    ListAccessKeys = Api(ListAccessKeys), on OnIdentity;
    /// Switches an access key off or on.
    UpdateAccessKey = Api(UpdateAccessKey), on OnIdentity;
    /// Removes an access key.
    DeleteAccessKey = Api(DeleteAccessKey), on OnIdentity;
    /// What an access key was last used for.
    GetAccessKeyLastUsed = Api(GetAccessKeyLastUsed), on OnIdentity;
    /// Makes a group.
    CreateGroup = Api(CreateGroup), on OnIdentity;
    /// What is known about a group, and its users.
    GetGroup = Api(GetGroup), on OnIdentity;
    /// Lists groups.
    ListGroups = Api(ListGroups), on ();
    /// Gives a group another name or path.
    UpdateGroup = Api(UpdateGroup), on Renamed;
    /// Removes a group.
    DeleteGroup = Api(DeleteGroup), on OnIdentity;
    /// Puts a user into a group.
    AddUserToGroup = Api(AddUserToGroup), on OnIdentity;
    /// Takes a user out of a group.
    RemoveUserFromGroup = Api(RemoveUserFromGroup), on OnIdentity;
    /// Lists a user's groups.
    ListGroupsForUser = Api(ListGroupsForUser), on OnIdentity;
    /// Makes a role.
    CreateRole = Api(CreateRole), on NewIdentity;
    /// What is known about a role.
    GetRole = Api(GetRole), on OnIdentity;
    /// Lists roles.
    ListRoles = Api(ListRoles), on ();
    /// Changes a role's description and longest session.
    UpdateRole = Api(UpdateRole), on OnIdentity;
    /// Changes who may act as a role.
    UpdateAssumeRolePolicy = Api(UpdateAssumeRolePolicy), on OnIdentity;
    /// Removes a role.
    DeleteRole = Api(DeleteRole), on OnIdentity;
    /// A role's instance profiles, of which there are none.
    ListInstanceProfilesForRole = Api(ListInstanceProfilesForRole), on OnIdentity;
    /// Makes a managed policy.
    CreatePolicy = Api(CreatePolicy), on Creation<OnPolicy>;
    /// What is known about a managed policy.
    GetPolicy = Api(GetPolicy), on OnPolicy;
    /// Lists managed policies.
    ListPolicies = Api(ListPolicies), on ();
    /// Removes a managed policy.
    DeletePolicy = Api(DeletePolicy), on OnPolicy;
    /// Adds a version to a managed policy.
    CreatePolicyVersion = Api(CreatePolicyVersion), on OnPolicy;
    /// Reads a version of a managed policy.
    GetPolicyVersion = Api(GetPolicyVersion), on OnPolicy;
    /// Lists the versions of a managed policy.
    ListPolicyVersions = Api(ListPolicyVersions), on OnPolicy;
    /// Chooses the version that is in effect.
    SetDefaultPolicyVersion = Api(SetDefaultPolicyVersion), on OnPolicy;
    /// Removes a version of a managed policy.
    DeletePolicyVersion = Api(DeletePolicyVersion), on OnPolicy;
    /// Who has a managed policy.
    ListEntitiesForPolicy = Api(ListEntitiesForPolicy), on OnPolicy;
    /// Gives a user a policy of its own.
    PutUserPolicy = Api(PutUserPolicy), on Bounded;
    /// Reads a policy of a user's own.
    GetUserPolicy = Api(GetUserPolicy), on OnIdentity;
    /// Lists a user's own policies.
    ListUserPolicies = Api(ListUserPolicies), on OnIdentity;
    /// Removes a policy of a user's own.
    DeleteUserPolicy = Api(DeleteUserPolicy), on Bounded;
    /// Attaches a managed policy to a user.
    AttachUserPolicy = Api(AttachUserPolicy), on Attachment;
    /// Takes a managed policy from a user.
    DetachUserPolicy = Api(DetachUserPolicy), on Attachment;
    /// Lists the managed policies of a user.
    ListAttachedUserPolicies = Api(ListAttachedUserPolicies), on OnIdentity;
    /// Gives a group a policy of its own.
    PutGroupPolicy = Api(PutGroupPolicy), on OnIdentity;
    /// Reads a policy of a group's own.
    GetGroupPolicy = Api(GetGroupPolicy), on OnIdentity;
    /// Lists a group's own policies.
    ListGroupPolicies = Api(ListGroupPolicies), on OnIdentity;
    /// Removes a policy of a group's own.
    DeleteGroupPolicy = Api(DeleteGroupPolicy), on OnIdentity;
    /// Attaches a managed policy to a group.
    AttachGroupPolicy = Api(AttachGroupPolicy), on Attachment;
    /// Takes a managed policy from a group.
    DetachGroupPolicy = Api(DetachGroupPolicy), on Attachment;
    /// Lists the managed policies of a group.
    ListAttachedGroupPolicies = Api(ListAttachedGroupPolicies), on OnIdentity;
    /// Gives a role a policy of its own.
    PutRolePolicy = Api(PutRolePolicy), on Bounded;
    /// Reads a policy of a role's own.
    GetRolePolicy = Api(GetRolePolicy), on OnIdentity;
    /// Lists a role's own policies.
    ListRolePolicies = Api(ListRolePolicies), on OnIdentity;
    /// Removes a policy of a role's own.
    DeleteRolePolicy = Api(DeleteRolePolicy), on Bounded;
    /// Attaches a managed policy to a role.
    AttachRolePolicy = Api(AttachRolePolicy), on Attachment;
    /// Takes a managed policy from a role.
    DetachRolePolicy = Api(DetachRolePolicy), on Attachment;
    /// Lists the managed policies of a role.
    ListAttachedRolePolicies = Api(ListAttachedRolePolicies), on OnIdentity;
    /// Bounds what a user's policies can allow.
    PutUserPermissionsBoundary = Api(PutUserPermissionsBoundary), on NewBoundary;
    /// Lifts that bound.
    DeleteUserPermissionsBoundary = Api(DeleteUserPermissionsBoundary), on Bounded;
    /// Bounds what a role's policies can allow.
    PutRolePermissionsBoundary = Api(PutRolePermissionsBoundary), on NewBoundary;
    /// Lifts that bound.
    DeleteRolePermissionsBoundary = Api(DeleteRolePermissionsBoundary), on Bounded;
    /// Puts tags on a user.
    TagUser = Api(TagUser), on Tagging<OnIdentity>;
    /// Takes tags from a user.
    UntagUser = Api(UntagUser), on Tagging<OnIdentity>;
    /// Lists a user's tags.
    ListUserTags = Api(ListUserTags), on OnIdentity;
    /// Puts tags on a role.
    TagRole = Api(TagRole), on Tagging<OnIdentity>;
    /// Takes tags from a role.
    UntagRole = Api(UntagRole), on Tagging<OnIdentity>;
    /// Lists a role's tags.
    ListRoleTags = Api(ListRoleTags), on OnIdentity;
    /// Puts tags on a policy.
    TagPolicy = Api(TagPolicy), on Tagging<OnPolicy>;
    /// Takes tags from a policy.
    UntagPolicy = Api(UntagPolicy), on Tagging<OnPolicy>;
    /// Lists a policy's tags.
    ListPolicyTags = Api(ListPolicyTags), on OnPolicy;
    /// Makes a device of one-time codes.
    CreateVirtualMFADevice = Api(CreateVirtualMFADevice), on Creation<OnDevice>;
    /// Makes a device somebody's.
    EnableMFADevice = Api(EnableMFADevice), on OnIdentity;
    /// Makes a device nobody's.
    DeactivateMFADevice = Api(DeactivateMFADevice), on OnIdentity;
    /// Lists a user's devices.
    ListMFADevices = Api(ListMFADevices), on OnIdentity;
    /// Lists devices.
    ListVirtualMFADevices = Api(ListVirtualMFADevices), on ();
    /// Removes a device.
    DeleteVirtualMFADevice = Api(DeleteVirtualMFADevice), on OnDevice;
    /// Learns how wrong a device's clock is.
    ResyncMFADevice = Api(ResyncMFADevice), on OnIdentity;
    /// Takes a provider's word for who somebody is.
    CreateOpenIDConnectProvider = Api(CreateOpenIDConnectProvider), on Creation<OnProvider>;
    /// What is known about a provider.
    GetOpenIDConnectProvider = Api(GetOpenIDConnectProvider), on OnProvider;
    /// Lists providers.
    ListOpenIDConnectProviders = Api(ListOpenIDConnectProviders), on ();
    /// Takes a provider's word no more.
    DeleteOpenIDConnectProvider = Api(DeleteOpenIDConnectProvider), on OnProvider;
    /// Other thumbprints of a provider's certificates.
    UpdateOpenIDConnectProviderThumbprint = Api(UpdateOpenIDConnectProviderThumbprint), on OnProvider;
    /// A provider's tokens may be made for one more client.
    AddClientIDToOpenIDConnectProvider = Api(AddClientIDToOpenIDConnectProvider), on OnProvider;
    /// A provider's tokens may be made for one client less.
    RemoveClientIDFromOpenIDConnectProvider = Api(RemoveClientIDFromOpenIDConnectProvider), on OnProvider;
    /// Puts tags on a provider.
    TagOpenIDConnectProvider = Api(TagOpenIDConnectProvider), on Tagging<OnProvider>;
    /// Takes tags from a provider.
    UntagOpenIDConnectProvider = Api(UntagOpenIDConnectProvider), on Tagging<OnProvider>;
    /// Lists a provider's tags.
    ListOpenIDConnectProviderTags = Api(ListOpenIDConnectProviderTags), on OnProvider;
    /// Asks what somebody's policies would say.
    SimulatePrincipalPolicy = Api(SimulatePrincipalPolicy), on OnIdentity;
    /// Asks what some policies would say.
    SimulateCustomPolicy = Api(SimulateCustomPolicy), on ();
    /// Asks which condition keys somebody's policies ask for.
    GetContextKeysForPrincipalPolicy = Api(GetContextKeysForPrincipalPolicy), on OnIdentity;
    /// Asks which condition keys some policies ask for.
    GetContextKeysForCustomPolicy = Api(GetContextKeysForCustomPolicy), on ();
}
