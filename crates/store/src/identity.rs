//! Users, groups and roles, who is in which group, and users' access keys. Secrets come sealed; only `postern-control`
//! can open them.
//!
//! Identities belong to an account and to no region. Names are unique within a kind, whatever their case, and stay as
//! they were written.

use async_trait::async_trait;
use postern_iam::{AccessKeyId, AccountId, Arn, UniqueId};

use crate::{Lock, StoreError, Tag, UnixMillis};

/// What an identity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityKind {
    /// Somebody with access keys.
    User,
    /// Users who share policies.
    Group,
    /// What somebody or something can act as for a while.
    Role,
}

/// A user, group or role as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRecord {
    /// Which of them.
    pub kind: IdentityKind,
    /// Never given twice.
    pub id: UniqueId,
    /// Its name.
    pub name: String,
    /// `/`, or names between slashes. It is part of the ARN and of nothing else.
    pub path: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// The policy that bounds what its other policies can allow. Groups have none.
    pub boundary: Option<Arn>,
    /// In the order of their keys. Groups have none.
    pub tags: Vec<Tag>,
    /// What only roles have.
    pub role: Option<RoleTerms>,
    /// It may do nothing while this is there. Groups have none.
    pub lock: Option<Lock>,
}

impl IdentityRecord {
    /// Its ARN.
    #[must_use]
    pub fn arn(&self, account: &AccountId) -> Arn {
        let name = format!("{}{}", self.path.trim_start_matches('/'), self.name);
        match self.kind {
            IdentityKind::User => Arn::user(account, &name),
            IdentityKind::Group => Arn::group(account, &name),
            IdentityKind::Role => Arn::role(account, &name),
        }
    }
}

/// What only roles have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleTerms {
    /// Who may act as it: a policy document.
    pub trust_policy: String,
    /// Empty if nobody wrote one.
    pub description: String,
    /// How long credentials for it are good at most, in seconds.
    pub max_session_seconds: u32,
}

/// The answer to [`IdentityStore::create_identity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateIdentity {
    /// It is stored.
    Created,
    /// There is one of this kind and name; nothing changed.
    NameTaken,
    /// There are as many of this kind as there may be.
    LimitReached,
    /// There is no such policy to bound it.
    BoundaryUnknown,
}

/// What is to be different about an identity. All of it happens, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityChange {
    /// Another name, another path, or both.
    Rename {
        /// The new name.
        name: Option<String>,
        /// The new path.
        path: Option<String>,
    },
    /// Another boundary, or none.
    Boundary(Option<Arn>),
    /// Another description, another longest time, or both.
    RoleTerms {
        /// Empty removes it.
        description: Option<String>,
        /// In seconds.
        max_session_seconds: Option<u32>,
    },
    /// Others may act as this role.
    TrustPolicy(String),
    /// Tags are added; a key that is there gets the new value.
    AddTags {
        /// Which.
        tags: Vec<Tag>,
        /// As many as it may have then.
        limit: usize,
    },
    /// The tags with these keys are taken away.
    RemoveTags(Vec<String>),
    /// It is locked, in the place of an earlier lock, or not any more.
    Lock(Option<Lock>),
}

/// The answer to [`IdentityStore::change_identity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeIdentity {
    /// It is as it should be.
    Changed,
    /// There is no such identity.
    Unknown,
    /// There is another one of the new name.
    NameTaken,
    /// It would have more tags than it may have.
    TooManyTags,
    /// There is no such policy to bound it.
    BoundaryUnknown,
}

/// The answer to [`IdentityStore::delete_identity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteIdentity {
    /// It is gone.
    Deleted,
    /// There is none of this name.
    Unknown,
    /// It has something that must be removed first.
    InUse(IdentityUse),
}

/// What keeps an identity from being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityUse {
    /// A user's access keys.
    AccessKeys,
    /// A user's devices that make one-time codes.
    Devices,
    /// A user is in groups, or a group has users.
    Memberships,
    /// Managed policies are attached.
    AttachedPolicies,
    /// It has policies of its own.
    InlinePolicies,
}

/// The answer to acts about a user and a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It is as it was asked for, whether it was before or not.
    Done,
    /// There is no such user.
    UserUnknown,
    /// There is no such group.
    GroupUnknown,
    /// The user is in as many groups as anybody may be.
    LimitReached,
}

/// An access key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyRecord {
    /// The public half, unique across accounts.
    pub access_key_id: AccessKeyId,
    /// Whose it is.
    pub account: AccountId,
    /// The user who signs with it.
    pub user_id: UniqueId,
    /// The secret half, encrypted and bound to the id above.
    pub sealed_secret: Vec<u8>,
    /// Whether requests signed with it are accepted.
    pub active: bool,
    /// When it was made.
    pub created_at: UnixMillis,
    /// What it was last good for, as far as that was noted.
    pub last_used: Option<KeyUse>,
}

/// A use of an access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// When.
    pub at: UnixMillis,
    /// The service that was called.
    pub service: String,
    /// Where.
    pub region: String,
}

/// The answer to [`IdentityStore::add_access_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddAccessKey {
    /// It is stored.
    Added,
    /// There is a key with this id already; nothing changed.
    Exists,
    /// There is no such user.
    UserUnknown,
    /// The user has as many as there may be.
    LimitReached,
}

/// Acts on identities.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// Makes a user, group or role, of which there may be `limit` of its kind.
    async fn create_identity(
        &self,
        account: &AccountId,
        identity: IdentityRecord,
        limit: u32,
    ) -> Result<CreateIdentity, StoreError>;

    /// The identity of this kind and name, in any case.
    async fn identity(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
    ) -> Result<Option<IdentityRecord>, StoreError>;

    /// The user, group or role with this id.
    async fn identity_of_id(&self, account: &AccountId, id: &UniqueId) -> Result<Option<IdentityRecord>, StoreError>;

    /// Identities of a kind whose path begins so, in the order of their names without regard to case, after this name.
    async fn identities_page(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        path_prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<IdentityRecord>, StoreError>;

    /// How many there are of a kind.
    async fn count_identities(&self, account: &AccountId, kind: IdentityKind) -> Result<u32, StoreError>;

    /// Changes an identity.
    async fn change_identity(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
        change: IdentityChange,
    ) -> Result<ChangeIdentity, StoreError>;

    /// Removes an identity that has nothing left.
    async fn delete_identity(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
    ) -> Result<DeleteIdentity, StoreError>;

    /// Puts a user into a group. Nobody is in more than `limit`.
    async fn add_user_to_group(
        &self,
        account: &AccountId,
        user: &str,
        group: &str,
        limit: u32,
    ) -> Result<Membership, StoreError>;

    /// Takes a user out of a group.
    async fn remove_user_from_group(
        &self,
        account: &AccountId,
        user: &str,
        group: &str,
    ) -> Result<Membership, StoreError>;

    /// The groups of a user, by name. `None` if there is no such user.
    async fn groups_of_user(&self, account: &AccountId, user: &str) -> Result<Option<Vec<IdentityRecord>>, StoreError>;

    /// The users of the group with this id, by name, after this name.
    async fn users_of_group(
        &self,
        account: &AccountId,
        group: &UniqueId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<IdentityRecord>, StoreError>;

    /// Stores a new access key of a user, who may have `limit` of them.
    async fn add_access_key(&self, key: AccessKeyRecord, limit: u32) -> Result<AddAccessKey, StoreError>;

    /// Stores a new access key of the user of this name, who is made if there is none, and to whom this policy is
    /// attached: what an operator does on the machine itself. The key becomes that user's, and there is no limit.
    async fn add_administrator(
        &self,
        user: IdentityRecord,
        policy: &Arn,
        key: AccessKeyRecord,
    ) -> Result<AddAccessKey, StoreError>;

    /// The key with this id, active or not, whatever its account, and its user.
    async fn access_key(&self, id: &AccessKeyId) -> Result<Option<(AccessKeyRecord, IdentityRecord)>, StoreError>;

    /// A user's keys in the order they were made.
    async fn access_keys(&self, account: &AccountId, user: &UniqueId) -> Result<Vec<AccessKeyRecord>, StoreError>;

    /// Makes a key of this user's active or inactive; of any user's, if none is named. False if there is no such key.
    async fn set_access_key_active(
        &self,
        account: &AccountId,
        user: Option<&UniqueId>,
        id: &AccessKeyId,
        active: bool,
    ) -> Result<bool, StoreError>;

    /// Removes a key of this user's. False if there is no such key.
    async fn delete_access_key(
        &self,
        account: &AccountId,
        user: &UniqueId,
        id: &AccessKeyId,
    ) -> Result<bool, StoreError>;

    /// Notes what a key was good for.
    async fn note_access_key_use(&self, id: &AccessKeyId, used: KeyUse) -> Result<(), StoreError>;
}
