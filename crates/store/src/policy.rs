//! Policies: those that belong to one identity, and managed ones with versions, which can be attached to many.
//!
//! Documents are kept as they were written; nothing here reads them. Managed policies that are the service's own are not
//! stored: an attachment to one is only its ARN, whose account is `aws`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use postern_iam::{AccountId, Arn, UniqueId};

use crate::{IdentityKind, IdentityRecord, StoreError, Tag, UnixMillis};

/// A policy that belongs to one identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlinePolicy {
    /// Unique within its identity.
    pub name: String,
    /// The document.
    pub document: String,
}

/// The answer to [`PolicyStore::put_inline_policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutInlinePolicy {
    /// It is stored, in place of an older one if there was one.
    Put,
    /// There is no such identity.
    IdentityUnknown,
    /// The identity's policies would be longer than they may be together.
    LimitReached,
}

/// The answer to acts that remove a policy from an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovePolicy {
    /// It is gone.
    Removed,
    /// There is no such identity.
    IdentityUnknown,
    /// The identity has no such policy.
    PolicyUnknown,
}

/// A managed policy as stored, without its documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRecord {
    /// Never given twice.
    pub id: UniqueId,
    /// Unique, whatever its case.
    pub name: String,
    /// `/`, or names between slashes.
    pub path: String,
    /// Empty if nobody wrote one.
    pub description: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it last got a version, or another default.
    pub updated_at: UnixMillis,
    /// The version in effect.
    pub default_version: u32,
    /// In the order of their keys.
    pub tags: Vec<Tag>,
    /// To how many identities it is attached.
    pub attachments: u32,
    /// Of how many it is the boundary.
    pub boundaries: u32,
}

impl PolicyRecord {
    /// Its ARN.
    #[must_use]
    pub fn arn(&self, account: &AccountId) -> Arn {
        Arn::policy(account, &format!("{}{}", self.path.trim_start_matches('/'), self.name))
    }
}

/// A version of a managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// From 1, never given twice.
    pub number: u32,
    /// The document.
    pub document: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Whether it is the one in effect.
    pub is_default: bool,
}

/// The answer to [`PolicyStore::create_policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatePolicy {
    /// It is stored, with one version.
    Created,
    /// There is one of this name.
    NameTaken,
    /// There are as many as there may be.
    LimitReached,
}

/// The answer to [`PolicyStore::delete_policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletePolicy {
    /// It is gone.
    Deleted,
    /// There is no such policy.
    Unknown,
    /// It is attached, or somebody's boundary.
    Attached,
    /// It has versions besides the default one.
    HasVersions,
}

/// The answer to [`PolicyStore::add_policy_version`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddPolicyVersion {
    /// It has this number.
    Added(u32),
    /// There is no such policy.
    Unknown,
    /// There are as many as there may be.
    LimitReached,
}

/// The answer to acts about one version of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPolicyVersion {
    /// It is done.
    Done,
    /// There is no such policy.
    Unknown,
    /// The policy has no such version.
    VersionUnknown,
    /// The version in effect cannot be deleted.
    IsDefault,
}

/// What is to be different about a policy's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagChange {
    /// Tags are added; a key that is there gets the new value.
    Add {
        /// Which.
        tags: Vec<Tag>,
        /// As many as it may have then.
        limit: usize,
    },
    /// The tags with these keys are taken away.
    Remove(Vec<String>),
}

/// The answer to [`PolicyStore::change_policy_tags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeTags {
    /// They are as they should be.
    Changed,
    /// There is no such policy.
    Unknown,
    /// There would be too many.
    TooMany,
}

/// The answer to [`PolicyStore::attach_policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachPolicy {
    /// It is attached, whether it was before or not.
    Attached,
    /// There is no such identity.
    IdentityUnknown,
    /// There is no such policy.
    PolicyUnknown,
    /// As many are attached as may be.
    LimitReached,
}

/// Which managed policies are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFilter {
    /// How their paths begin.
    pub path_prefix: String,
    /// Only those that are attached to somebody.
    pub attached: bool,
    /// Only those that are somebody's boundary.
    pub boundary: bool,
}

/// How a policy is used by an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyUsage {
    /// It is attached.
    Attached,
    /// It is the boundary.
    Boundary,
}

/// How many identities use a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyUses {
    /// To how many it is attached.
    pub attachments: u32,
    /// Of how many it is the boundary.
    pub boundaries: u32,
}

/// One policy that counts for an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyInEffect {
    /// A managed policy's ARN; or whose own it is and what that calls it: `user/jane/start`, `group/ops/start`,
    /// `role/deploy/start`.
    pub name: String,
    /// The document; none for a policy that is the service's own.
    pub document: Option<String>,
}

/// Every policy that counts for a user or a role, read at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoliciesInEffect {
    /// The identity's own, inline and attached, and those of its groups.
    pub identity: Vec<PolicyInEffect>,
    /// The boundary.
    pub boundary: Option<PolicyInEffect>,
}

/// Acts on policies.
#[async_trait]
pub trait PolicyStore: Send + Sync {
    /// Gives an identity a policy of its own. All of an identity's own may have `max_chars` characters together, not
    /// counting white space.
    async fn put_inline_policy(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
        policy: InlinePolicy,
        max_chars: usize,
    ) -> Result<PutInlinePolicy, StoreError>;

    /// An identity's own policies, by name. `None` if there is no such identity.
    async fn inline_policies(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
    ) -> Result<Option<Vec<InlinePolicy>>, StoreError>;

    /// Removes one of them.
    async fn delete_inline_policy(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
        policy: &str,
    ) -> Result<RemovePolicy, StoreError>;

    /// Makes a managed policy whose first version is this document.
    async fn create_policy(
        &self,
        account: &AccountId,
        policy: PolicyRecord,
        document: String,
        limit: u32,
    ) -> Result<CreatePolicy, StoreError>;

    /// The policy with this ARN.
    async fn policy(&self, account: &AccountId, arn: &Arn) -> Result<Option<PolicyRecord>, StoreError>;

    /// Managed policies in the order of their names without regard to case, after this name.
    async fn policies_page(
        &self,
        account: &AccountId,
        filter: &PolicyFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<PolicyRecord>, StoreError>;

    /// Removes a policy that is in no use and has one version.
    async fn delete_policy(&self, account: &AccountId, arn: &Arn) -> Result<DeletePolicy, StoreError>;

    /// Adds a version, of which there may be `limit`, and lets it be the one in effect if asked to.
    async fn add_policy_version(
        &self,
        account: &AccountId,
        arn: &Arn,
        version: PolicyVersion,
        limit: u32,
    ) -> Result<AddPolicyVersion, StoreError>;

    /// A policy's versions, newest first. `None` if there is no such policy.
    async fn policy_versions(&self, account: &AccountId, arn: &Arn) -> Result<Option<Vec<PolicyVersion>>, StoreError>;

    /// Lets another version be the one in effect.
    async fn set_default_policy_version(
        &self,
        account: &AccountId,
        arn: &Arn,
        number: u32,
        now: UnixMillis,
    ) -> Result<OnPolicyVersion, StoreError>;

    /// Removes a version that is not in effect.
    async fn delete_policy_version(
        &self,
        account: &AccountId,
        arn: &Arn,
        number: u32,
    ) -> Result<OnPolicyVersion, StoreError>;

    /// Changes a policy's tags.
    async fn change_policy_tags(
        &self,
        account: &AccountId,
        arn: &Arn,
        change: TagChange,
    ) -> Result<ChangeTags, StoreError>;

    /// Attaches a managed policy, the account's or the service's own, to an identity. No more than `limit` are.
    async fn attach_policy(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
        arn: &Arn,
        limit: u32,
    ) -> Result<AttachPolicy, StoreError>;

    /// Takes it away.
    async fn detach_policy(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
        arn: &Arn,
    ) -> Result<RemovePolicy, StoreError>;

    /// What is attached to an identity, by ARN. `None` if there is no such identity.
    async fn attached_policies(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
    ) -> Result<Option<Vec<Arn>>, StoreError>;

    /// Who uses a policy in this way: users, groups and roles, each in the order of their names.
    async fn identities_with_policy(
        &self,
        account: &AccountId,
        arn: &Arn,
        usage: PolicyUsage,
    ) -> Result<Vec<IdentityRecord>, StoreError>;

    /// How many identities use each policy whose ARN begins so, by ARN. Those that nobody uses are left out.
    async fn policy_uses(&self, account: &AccountId, prefix: &str) -> Result<BTreeMap<String, PolicyUses>, StoreError>;

    /// Every policy that counts for the user or role with this id.
    async fn policies_in_effect(&self, account: &AccountId, id: &UniqueId) -> Result<PoliciesInEffect, StoreError>;
}

/// How many characters of a document count toward limits: white space does not, as at AWS.
#[must_use]
pub fn policy_size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}
