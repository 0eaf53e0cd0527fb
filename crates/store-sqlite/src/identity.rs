//! Users, groups and roles, and who is in which group, in SQLite.

use async_trait::async_trait;
use postern_iam::{AccessKeyId, AccountId, Arn, UniqueId};
use postern_store::{
    AccessKeyRecord, AddAccessKey, ChangeIdentity, CreateIdentity, DeleteIdentity, IdentityChange, IdentityKind,
    IdentityRecord, IdentityStore, IdentityUse, KeyUse, Membership, RoleTerms, StoreError, Tag,
};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::activation::{tags_from_text, tags_to_text};
use crate::query::Select;
use crate::row::{at, corrupt, count, get, lock_from_text, lock_to_text, millis, parse, parse_optional};
use crate::writer::Failure;

mod access_key;
mod member;

#[async_trait]
impl IdentityStore for SqliteStore {
    async fn create_identity(
        &self,
        account: &AccountId,
        identity: IdentityRecord,
        limit: u32,
    ) -> Result<CreateIdentity, StoreError> {
        let account = account.clone();
        self.writer
            .act(move |connection| Box::pin(async move { create(connection, &account, &identity, limit).await }))
            .await
    }

    async fn identity(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
    ) -> Result<Option<IdentityRecord>, StoreError> {
        let row = by_name(account, kind, name).fetch_optional(&self.readers).await.map_err(Failure::Sql)?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    async fn identity_of_id(&self, account: &AccountId, id: &UniqueId) -> Result<Option<IdentityRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM identity WHERE account = $1 AND identity_id = $2")
            .bind(account.as_str())
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::Sql)?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    async fn identities_page(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        path_prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<IdentityRecord>, StoreError> {
        let mut select = Select::new("SELECT * FROM identity WHERE account = ")
            .bind(account.as_str())?
            .text(" AND kind = ")
            .bind(kind_text(kind))?
            .text(" AND ")
            .begins("path", path_prefix)?;
        if let Some(after) = after {
            select = select.text(" AND name_key > ").bind(&name_key(after))?;
        }
        let select = select.text(" ORDER BY name_key LIMIT ").bind_number(limit.into())?;
        let rows = select.fetch_all(&self.readers).await?;
        Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
    }

    async fn count_identities(&self, account: &AccountId, kind: IdentityKind) -> Result<u32, StoreError> {
        let row = counting(account, kind).fetch_one(&self.readers).await.map_err(Failure::Sql)?;
        Ok(count(&row, "n")?)
    }

    async fn change_identity(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
        change: IdentityChange,
    ) -> Result<ChangeIdentity, StoreError> {
        let (account, name) = (account.clone(), name.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move { self::change(connection, &account, kind, &name, change).await })
            })
            .await
    }

    async fn delete_identity(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
    ) -> Result<DeleteIdentity, StoreError> {
        let (account, name) = (account.clone(), name.to_owned());
        self.writer
            .act(move |connection| Box::pin(async move { delete(connection, &account, kind, &name).await }))
            .await
    }

    async fn add_user_to_group(
        &self,
        account: &AccountId,
        user: &str,
        group: &str,
        limit: u32,
    ) -> Result<Membership, StoreError> {
        let (account, user, group) = (account.clone(), user.to_owned(), group.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move { member::add(connection, &account, &user, &group, limit).await })
            })
            .await
    }

    async fn remove_user_from_group(
        &self,
        account: &AccountId,
        user: &str,
        group: &str,
    ) -> Result<Membership, StoreError> {
        let (account, user, group) = (account.clone(), user.to_owned(), group.to_owned());
        self.writer
            .act(move |connection| Box::pin(async move { member::remove(connection, &account, &user, &group).await }))
            .await
    }

    async fn groups_of_user(&self, account: &AccountId, user: &str) -> Result<Option<Vec<IdentityRecord>>, StoreError> {
        let mut snapshot = self.readers.begin().await.map_err(Failure::Sql)?;
        Ok(member::groups(&mut snapshot, account, user).await?)
    }

    async fn users_of_group(
        &self,
        account: &AccountId,
        group: &UniqueId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<IdentityRecord>, StoreError> {
        Ok(member::users(&self.readers, account, group, after, limit).await?)
    }

    async fn add_access_key(&self, key: AccessKeyRecord, limit: u32) -> Result<AddAccessKey, StoreError> {
        self.writer.act(move |connection| Box::pin(async move { access_key::add(connection, &key, limit).await })).await
    }

    async fn add_administrator(
        &self,
        user: IdentityRecord,
        policy: &Arn,
        key: AccessKeyRecord,
    ) -> Result<AddAccessKey, StoreError> {
        let policy = policy.clone();
        self.writer
            .act(move |connection| {
                Box::pin(async move { access_key::add_administrator(connection, user, &policy, key).await })
            })
            .await
    }

    async fn access_key(&self, id: &AccessKeyId) -> Result<Option<(AccessKeyRecord, IdentityRecord)>, StoreError> {
        Ok(access_key::find(&self.readers, id).await?)
    }

    async fn access_keys(&self, account: &AccountId, user: &UniqueId) -> Result<Vec<AccessKeyRecord>, StoreError> {
        Ok(access_key::of_user(&self.readers, account, user).await?)
    }

    async fn set_access_key_active(
        &self,
        account: &AccountId,
        user: Option<&UniqueId>,
        id: &AccessKeyId,
        active: bool,
    ) -> Result<bool, StoreError> {
        let (account, user, id) = (account.clone(), user.cloned(), id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move { access_key::set_active(connection, &account, user.as_ref(), &id, active).await })
            })
            .await
    }

    async fn delete_access_key(
        &self,
        account: &AccountId,
        user: &UniqueId,
        id: &AccessKeyId,
    ) -> Result<bool, StoreError> {
        let (account, user, id) = (account.clone(), user.clone(), id.clone());
        self.writer
            .act(move |connection| Box::pin(async move { access_key::delete(connection, &account, &user, &id).await }))
            .await
    }

    async fn note_access_key_use(&self, id: &AccessKeyId, used: KeyUse) -> Result<(), StoreError> {
        let id = id.clone();
        self.writer
            .act(move |connection| Box::pin(async move { access_key::note_use(connection, &id, &used).await }))
            .await
    }
}

type Statement<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

pub(crate) fn by_name(account: &AccountId, kind: IdentityKind, name: &str) -> Statement<'static> {
    sqlx::query("SELECT * FROM identity WHERE account = $1 AND kind = $2 AND name_key = $3")
        .bind(account.to_string())
        .bind(kind_text(kind))
        .bind(name_key(name))
}

/// The identity of this name, inside an act.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    account: &AccountId,
    kind: IdentityKind,
    name: &str,
) -> Result<Option<IdentityRecord>, Failure> {
    by_name(account, kind, name).fetch_optional(connection).await?.as_ref().map(record).transpose()
}

/// Whether there is a managed policy with this ARN. The service's own are known elsewhere.
pub(crate) async fn has_policy(
    connection: &mut SqliteConnection,
    account: &AccountId,
    arn: &Arn,
) -> Result<bool, Failure> {
    if arn.account == "aws" {
        return Ok(true);
    }
    let found = sqlx::query("SELECT 1 FROM policy WHERE account = $1 AND arn = $2")
        .bind(account.as_str())
        .bind(arn.to_string());
    Ok(found.fetch_optional(connection).await?.is_some())
}

fn counting(account: &AccountId, kind: IdentityKind) -> Statement<'static> {
    sqlx::query("SELECT COUNT(*) AS n FROM identity WHERE account = $1 AND kind = $2")
        .bind(account.to_string())
        .bind(kind_text(kind))
}

async fn create(
    connection: &mut SqliteConnection,
    account: &AccountId,
    identity: &IdentityRecord,
    limit: u32,
) -> Result<CreateIdentity, Failure> {
    if find(connection, account, identity.kind, &identity.name).await?.is_some() {
        return Ok(CreateIdentity::NameTaken);
    }
    if count(&counting(account, identity.kind).fetch_one(&mut *connection).await?, "n")? >= limit {
        return Ok(CreateIdentity::LimitReached);
    }
    if let Some(boundary) = &identity.boundary
        && !has_policy(connection, account, boundary).await?
    {
        return Ok(CreateIdentity::BoundaryUnknown);
    }
    insert(connection, account, identity).await?;
    Ok(CreateIdentity::Created)
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    account: &AccountId,
    identity: &IdentityRecord,
) -> Result<(), Failure> {
    let role = identity.role.as_ref();
    sqlx::query(
        "INSERT INTO identity (account, identity_id, kind, name, name_key, path, created_at, boundary, tags, \
         trust_policy, description, max_session_seconds, lock) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(account.as_str())
    .bind(identity.id.as_str())
    .bind(kind_text(identity.kind))
    .bind(&identity.name)
    .bind(name_key(&identity.name))
    .bind(&identity.path)
    .bind(at(identity.created_at))
    .bind(identity.boundary.as_ref().map(Arn::to_string))
    .bind(tags_to_text(&identity.tags)?)
    .bind(role.map(|role| role.trust_policy.as_str()))
    .bind(role.map(|role| role.description.as_str()))
    .bind(role.map(|role| i64::from(role.max_session_seconds)))
    .bind(lock_to_text(identity.lock.as_ref())?)
    .execute(connection)
    .await?;
    Ok(())
}

async fn change(
    connection: &mut SqliteConnection,
    account: &AccountId,
    kind: IdentityKind,
    name: &str,
    change: IdentityChange,
) -> Result<ChangeIdentity, Failure> {
    let Some(mut identity) = find(connection, account, kind, name).await? else {
        return Ok(ChangeIdentity::Unknown);
    };
    match change {
        IdentityChange::Rename { name, path } => {
            if let Some(name) = name {
                let other = find(connection, account, kind, &name).await?;
                if other.is_some_and(|other| other.id != identity.id) {
                    return Ok(ChangeIdentity::NameTaken);
                }
                identity.name = name;
            }
            identity.path = path.unwrap_or(identity.path);
        }
        IdentityChange::Boundary(boundary) => {
            if let Some(boundary) = &boundary
                && !has_policy(connection, account, boundary).await?
            {
                return Ok(ChangeIdentity::BoundaryUnknown);
            }
            identity.boundary = boundary;
        }
        IdentityChange::RoleTerms { description, max_session_seconds } => {
            if let Some(role) = &mut identity.role {
                role.description = description.unwrap_or(std::mem::take(&mut role.description));
                role.max_session_seconds = max_session_seconds.unwrap_or(role.max_session_seconds);
            }
        }
        IdentityChange::TrustPolicy(document) => {
            if let Some(role) = &mut identity.role {
                role.trust_policy = document;
            }
        }
        IdentityChange::AddTags { tags, limit } => match with_tags(identity.tags, tags, limit) {
            Some(merged) => identity.tags = merged,
            None => return Ok(ChangeIdentity::TooManyTags),
        },
        IdentityChange::RemoveTags(keys) => identity.tags = without_tags(identity.tags, &keys),
        IdentityChange::Lock(lock) => identity.lock = lock,
    }
    update(connection, account, &identity).await?;
    Ok(ChangeIdentity::Changed)
}

async fn update(
    connection: &mut SqliteConnection,
    account: &AccountId,
    identity: &IdentityRecord,
) -> Result<(), Failure> {
    let role = identity.role.as_ref();
    sqlx::query(
        "UPDATE identity SET name = $3, name_key = $4, path = $5, boundary = $6, tags = $7, trust_policy = $8, \
         description = $9, max_session_seconds = $10, lock = $11 WHERE account = $1 AND identity_id = $2",
    )
    .bind(account.as_str())
    .bind(identity.id.as_str())
    .bind(&identity.name)
    .bind(name_key(&identity.name))
    .bind(&identity.path)
    .bind(identity.boundary.as_ref().map(Arn::to_string))
    .bind(tags_to_text(&identity.tags)?)
    .bind(role.map(|role| role.trust_policy.as_str()))
    .bind(role.map(|role| role.description.as_str()))
    .bind(role.map(|role| i64::from(role.max_session_seconds)))
    .bind(lock_to_text(identity.lock.as_ref())?)
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete(
    connection: &mut SqliteConnection,
    account: &AccountId,
    kind: IdentityKind,
    name: &str,
) -> Result<DeleteIdentity, Failure> {
    const USES: [(&str, IdentityUse); 5] = [
        ("SELECT 1 FROM access_key WHERE account = $1 AND user_id = $2", IdentityUse::AccessKeys),
        ("SELECT 1 FROM mfa_device WHERE account = $1 AND user_id = $2", IdentityUse::Devices),
        ("SELECT 1 FROM group_member WHERE account = $1 AND (user_id = $2 OR group_id = $2)", IdentityUse::Memberships),
        ("SELECT 1 FROM attached_policy WHERE account = $1 AND identity_id = $2", IdentityUse::AttachedPolicies),
        ("SELECT 1 FROM inline_policy WHERE account = $1 AND identity_id = $2", IdentityUse::InlinePolicies),
    ];
    let Some(identity) = find(connection, account, kind, name).await? else {
        return Ok(DeleteIdentity::Unknown);
    };
    for (sql, used) in USES {
        let found = sqlx::query(sql).bind(account.as_str()).bind(identity.id.as_str());
        if found.fetch_optional(&mut *connection).await?.is_some() {
            return Ok(DeleteIdentity::InUse(used));
        }
    }
    sqlx::query("DELETE FROM identity WHERE account = $1 AND identity_id = $2")
        .bind(account.as_str())
        .bind(identity.id.as_str())
        .execute(connection)
        .await?;
    Ok(DeleteIdentity::Deleted)
}

/// Keys are the same in any case, and the newer spelling stays. `None` if there would be more than `limit`.
pub(crate) fn with_tags(present: Vec<Tag>, added: Vec<Tag>, limit: usize) -> Option<Vec<Tag>> {
    let mut tags: std::collections::BTreeMap<String, Tag> =
        present.into_iter().chain(added).map(|tag| (tag.key.to_lowercase(), tag)).collect();
    (tags.len() <= limit).then(|| {
        let mut tags: Vec<Tag> = std::mem::take(&mut tags).into_values().collect();
        tags.sort();
        tags
    })
}

pub(crate) fn without_tags(present: Vec<Tag>, keys: &[String]) -> Vec<Tag> {
    let keys: std::collections::BTreeSet<String> = keys.iter().map(|key| key.to_lowercase()).collect();
    present.into_iter().filter(|tag| !keys.contains(&tag.key.to_lowercase())).collect()
}

pub(crate) fn name_key(name: &str) -> String {
    name.to_ascii_lowercase()
}

pub(crate) fn kind_text(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::User => "user",
        IdentityKind::Group => "group",
        IdentityKind::Role => "role",
    }
}

pub(crate) fn record(row: &SqliteRow) -> Result<IdentityRecord, Failure> {
    let kind = match get(row, "kind")? {
        "user" => IdentityKind::User,
        "group" => IdentityKind::Group,
        "role" => IdentityKind::Role,
        _ => return Err(corrupt("kind", "not a kind of identity")),
    };
    let role = match kind {
        IdentityKind::User | IdentityKind::Group => None,
        IdentityKind::Role => Some(RoleTerms {
            trust_policy: get(row, "trust_policy")?,
            description: get(row, "description")?,
            max_session_seconds: count(row, "max_session_seconds")?,
        }),
    };
    Ok(IdentityRecord {
        kind,
        id: parse(row, "identity_id")?,
        name: get(row, "name")?,
        path: get(row, "path")?,
        created_at: millis(row, "created_at")?,
        boundary: parse_optional(row, "boundary")?,
        tags: tags_from_text(get(row, "tags")?)?,
        role,
        lock: lock_from_text(row)?,
    })
}
