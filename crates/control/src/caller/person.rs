//! People and their programs: who they are, what their credentials say, and the policies that decide for them.

use std::sync::Arc;

use postern_iam::{AccountId, Arn, UniqueId};
use postern_policy::Layers;
use postern_store::{IdentityRecord, Tag, UnixMillis};

/// Somebody with credentials, as decisions see it at one moment.
#[derive(Clone, Debug)]
pub struct Person {
    /// What it acts as.
    pub kind: PersonKind,
    /// The user's ARN, or that of the session of a role, at this moment. Denials show it, and sessions are owned by it.
    pub arn: Arn,
    /// Who it is for good, as `aws:userid` says: `AIDA…` for a user, `AROA…:name` for a session of a role.
    pub user_id: String,
    /// `aws:PrincipalTag/…`: the tags of the user or role, and over them those of the session.
    pub tags: Vec<Tag>,
    /// What is known about the credentials.
    pub credentials: CredentialFacts,
    /// Every policy that has a say about it, whatever it does to what.
    pub layers: Arc<Layers>,
    /// Somebody has locked it: it may do nothing, whatever policies say.
    pub lock: Option<LockedIdentity>,
}

/// What somebody acts as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonKind {
    /// A user, with its own access key or temporary credentials of its own.
    User {
        /// The user's id.
        id: UniqueId,
        /// The user's name at this moment.
        name: String,
    },
    /// A session of a role.
    RoleSession {
        /// The role's id.
        id: UniqueId,
        /// The role's ARN, with its path, at this moment.
        role: Arn,
        /// The session's name, which whoever assumed the role has chosen.
        session_name: String,
        /// The user of here who began it, however many roles ago. None for somebody whom a provider vouched for.
        begun_by: Option<UniqueId>,
    },
}

/// Which lock stops somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockedIdentity {
    /// That of the user.
    User,
    /// That of the role that it acts as.
    Role,
    /// That of the user who acts as the role.
    UserBehindRole,
}

/// What is known about somebody's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialFacts {
    /// They are an access key, good until somebody switches it off.
    LongLived,
    /// They are good for a while.
    Temporary(TemporaryFacts),
}

/// What is known about temporary credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporaryFacts {
    /// When they were issued: `aws:TokenIssueTime`.
    pub issued_at: UnixMillis,
    /// When a second factor was shown for them, if one was.
    pub mfa_at: Option<UnixMillis>,
    /// Who is behind the session, as a first caller has said for good: `aws:SourceIdentity`.
    pub source_identity: Option<String>,
    /// The provider that vouched for somebody who is not of here: `aws:FederatedProvider`.
    pub federated_provider: Option<String>,
    /// The condition keys by which that provider's word is asked, `ISSUER:sub` and its kin, with their values.
    pub provider_keys: Vec<(String, Vec<String>)>,
    /// Tags of the session that stay when it goes on to another role.
    pub transitive_tags: Vec<Tag>,
}

impl Person {
    /// A user of this account.
    #[must_use]
    pub fn user(user: IdentityRecord, account: &AccountId, credentials: CredentialFacts, layers: Arc<Layers>) -> Self {
        Self {
            arn: user.arn(account),
            lock: user.lock.is_some().then_some(LockedIdentity::User),
            user_id: user.id.to_string(),
            tags: user.tags,
            kind: PersonKind::User { id: user.id, name: user.name },
            credentials,
            layers,
        }
    }

    /// A session of a role of this account, and the user who began it, if one of here did. A tag of the session takes the
    /// place of one of the role with the same key, whatever its case.
    #[must_use]
    pub fn role_session(
        (role, user): (IdentityRecord, Option<IdentityRecord>),
        account: &AccountId,
        session_name: String,
        session_tags: Vec<Tag>,
        facts: TemporaryFacts,
        layers: Arc<Layers>,
    ) -> Self {
        let is_locked = |identity: &IdentityRecord| identity.lock.is_some();
        let lock = match &user {
            _ if is_locked(&role) => Some(LockedIdentity::Role),
            Some(user) if is_locked(user) => Some(LockedIdentity::UserBehindRole),
            Some(_) | None => None,
        };
        let is_replaced = |tag: &Tag| session_tags.iter().any(|other| other.key.eq_ignore_ascii_case(&tag.key));
        let mut tags: Vec<Tag> = role.tags.iter().filter(|tag| !is_replaced(tag)).cloned().collect();
        tags.extend(session_tags);
        Self {
            arn: Arn::assumed_role(account, &role.name, &session_name),
            lock,
            user_id: format!("{}:{session_name}", role.id),
            tags,
            kind: PersonKind::RoleSession {
                role: role.arn(account),
                id: role.id,
                session_name,
                begun_by: user.map(|user| user.id),
            },
            credentials: CredentialFacts::Temporary(facts),
            layers,
        }
    }

    /// The user of here who acts, by itself or as a role.
    #[must_use]
    pub fn user_behind(&self) -> Option<&UniqueId> {
        match &self.kind {
            PersonKind::User { id, .. } => Some(id),
            PersonKind::RoleSession { begun_by, .. } => begun_by.as_ref(),
        }
    }

    /// The user's name; none for a session of a role.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        match &self.kind {
            PersonKind::User { name, .. } => Some(name),
            PersonKind::RoleSession { .. } => None,
        }
    }
}
