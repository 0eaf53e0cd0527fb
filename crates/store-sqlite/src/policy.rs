//! Policies in SQLite: inline ones and attachments here, managed ones in `managed`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use postern_iam::{AccountId, Arn, UniqueId};
use postern_store::{
    AddPolicyVersion, AttachPolicy, ChangeTags, CreatePolicy, DeletePolicy, IdentityKind, IdentityRecord, InlinePolicy,
    OnPolicyVersion, PoliciesInEffect, PolicyFilter, PolicyInEffect, PolicyRecord, PolicyStore, PolicyUsage,
    PolicyUses, PolicyVersion, PutInlinePolicy, RemovePolicy, StoreError, TagChange, UnixMillis, policy_size,
};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::identity::{find, has_policy, record as identity_record};
use crate::row::{count, get, parse, parse_optional};
use crate::writer::Failure;

mod managed;

#[async_trait]
impl PolicyStore for SqliteStore {
    async fn put_inline_policy(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
        policy: InlinePolicy,
        max_chars: usize,
    ) -> Result<PutInlinePolicy, StoreError> {
        let (account, name) = (account.clone(), name.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move { put(connection, &account, kind, &name, &policy, max_chars).await })
            })
            .await
    }

    async fn inline_policies(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
    ) -> Result<Option<Vec<InlinePolicy>>, StoreError> {
        let mut snapshot = self.readers.begin().await.map_err(Failure::Sql)?;
        let Some(identity) = find(&mut snapshot, account, kind, name).await? else { return Ok(None) };
        Ok(Some(inline(&mut snapshot, account, &identity.id).await?))
    }

    async fn delete_inline_policy(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
        policy: &str,
    ) -> Result<RemovePolicy, StoreError> {
        const DELETE: &str = "DELETE FROM inline_policy WHERE account = $1 AND identity_id = $2 AND name = $3";
        let (account, name, policy) = (account.clone(), name.to_owned(), policy.to_owned());
        self.writer
            .act(move |connection| {
                Box::pin(async move { remove(connection, &account, kind, &name, DELETE, &policy).await })
            })
            .await
    }

    async fn create_policy(
        &self,
        account: &AccountId,
        policy: PolicyRecord,
        document: String,
        limit: u32,
    ) -> Result<CreatePolicy, StoreError> {
        let account = account.clone();
        self.writer
            .act(move |connection| {
                Box::pin(async move { managed::create(connection, &account, &policy, &document, limit).await })
            })
            .await
    }

    async fn policy(&self, account: &AccountId, arn: &Arn) -> Result<Option<PolicyRecord>, StoreError> {
        Ok(managed::find(&self.readers, account, arn).await?)
    }

    async fn policies_page(
        &self,
        account: &AccountId,
        filter: &PolicyFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<PolicyRecord>, StoreError> {
        Ok(managed::page(&self.readers, account, filter, after, limit).await?)
    }

    async fn delete_policy(&self, account: &AccountId, arn: &Arn) -> Result<DeletePolicy, StoreError> {
        let (account, arn) = (account.clone(), arn.clone());
        self.writer
            .act(move |connection| Box::pin(async move { managed::delete(connection, &account, &arn).await }))
            .await
    }

    async fn add_policy_version(
        &self,
        account: &AccountId,
        arn: &Arn,
        version: PolicyVersion,
        limit: u32,
    ) -> Result<AddPolicyVersion, StoreError> {
        let (account, arn) = (account.clone(), arn.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move { managed::add_version(connection, &account, &arn, &version, limit).await })
            })
            .await
    }

    async fn policy_versions(&self, account: &AccountId, arn: &Arn) -> Result<Option<Vec<PolicyVersion>>, StoreError> {
        let mut snapshot = self.readers.begin().await.map_err(Failure::Sql)?;
        Ok(managed::versions(&mut snapshot, account, arn).await?)
    }

    async fn set_default_policy_version(
        &self,
        account: &AccountId,
        arn: &Arn,
        number: u32,
        now: UnixMillis,
    ) -> Result<OnPolicyVersion, StoreError> {
        let (account, arn) = (account.clone(), arn.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move { managed::set_default(connection, &account, &arn, number, now).await })
            })
            .await
    }

    async fn delete_policy_version(
        &self,
        account: &AccountId,
        arn: &Arn,
        number: u32,
    ) -> Result<OnPolicyVersion, StoreError> {
        let (account, arn) = (account.clone(), arn.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move { managed::delete_version(connection, &account, &arn, number).await })
            })
            .await
    }

    async fn change_policy_tags(
        &self,
        account: &AccountId,
        arn: &Arn,
        change: TagChange,
    ) -> Result<ChangeTags, StoreError> {
        let (account, arn) = (account.clone(), arn.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move { managed::change_tags(connection, &account, &arn, change).await })
            })
            .await
    }

    async fn attach_policy(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
        arn: &Arn,
        limit: u32,
    ) -> Result<AttachPolicy, StoreError> {
        let (account, name, arn) = (account.clone(), name.to_owned(), arn.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move { attach(connection, &account, kind, &name, &arn, limit).await })
            })
            .await
    }

    async fn detach_policy(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
        arn: &Arn,
    ) -> Result<RemovePolicy, StoreError> {
        const DELETE: &str = "DELETE FROM attached_policy WHERE account = $1 AND identity_id = $2 AND arn = $3";
        let (account, name, arn) = (account.clone(), name.to_owned(), arn.to_string());
        self.writer
            .act(move |connection| {
                Box::pin(async move { remove(connection, &account, kind, &name, DELETE, &arn).await })
            })
            .await
    }

    async fn attached_policies(
        &self,
        account: &AccountId,
        kind: IdentityKind,
        name: &str,
    ) -> Result<Option<Vec<Arn>>, StoreError> {
        let mut snapshot = self.readers.begin().await.map_err(Failure::Sql)?;
        let Some(identity) = find(&mut snapshot, account, kind, name).await? else { return Ok(None) };
        let rows = sqlx::query("SELECT arn FROM attached_policy WHERE account = $1 AND identity_id = $2 ORDER BY arn")
            .bind(account.as_str())
            .bind(identity.id.as_str())
            .fetch_all(&mut *snapshot)
            .await
            .map_err(Failure::Sql)?;
        Ok(Some(rows.iter().map(|row| parse(row, "arn")).collect::<Result<_, _>>()?))
    }

    async fn identities_with_policy(
        &self,
        account: &AccountId,
        arn: &Arn,
        usage: PolicyUsage,
    ) -> Result<Vec<IdentityRecord>, StoreError> {
        let sql = match usage {
            PolicyUsage::Attached => {
                "SELECT identity.* FROM attached_policy JOIN identity ON identity.account = attached_policy.account \
                 AND identity.identity_id = attached_policy.identity_id \
                 WHERE attached_policy.account = $1 AND attached_policy.arn = $2 ORDER BY identity.name_key"
            }
            PolicyUsage::Boundary => "SELECT * FROM identity WHERE account = $1 AND boundary = $2 ORDER BY name_key",
        };
        let query = sqlx::query(sql).bind(account.as_str()).bind(arn.to_string());
        let rows = query.fetch_all(&self.readers).await.map_err(Failure::Sql)?;
        let mut found = rows.iter().map(identity_record).collect::<Result<Vec<_>, _>>()?;
        found.sort_by_key(|identity| identity.kind);
        Ok(found)
    }

    async fn policy_uses(&self, account: &AccountId, prefix: &str) -> Result<BTreeMap<String, PolicyUses>, StoreError> {
        Ok(managed::uses(&self.readers, account, prefix).await?)
    }

    async fn policies_in_effect(&self, account: &AccountId, id: &UniqueId) -> Result<PoliciesInEffect, StoreError> {
        let mut snapshot = self.readers.begin().await.map_err(Failure::Sql)?;
        Ok(in_effect(&mut snapshot, account, id).await?)
    }
}

async fn put(
    connection: &mut SqliteConnection,
    account: &AccountId,
    kind: IdentityKind,
    name: &str,
    policy: &InlinePolicy,
    max_chars: usize,
) -> Result<PutInlinePolicy, Failure> {
    let Some(identity) = find(connection, account, kind, name).await? else {
        return Ok(PutInlinePolicy::IdentityUnknown);
    };
    let present = inline(connection, account, &identity.id).await?;
    let others = present.iter().filter(|other| other.name != policy.name);
    let size: usize = others.map(|other| policy_size(&other.document)).sum();
    if size + policy_size(&policy.document) > max_chars {
        return Ok(PutInlinePolicy::LimitReached);
    }
    sqlx::query(
        "INSERT INTO inline_policy (account, identity_id, name, document) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (account, identity_id, name) DO UPDATE SET document = $4",
    )
    .bind(account.as_str())
    .bind(identity.id.as_str())
    .bind(&policy.name)
    .bind(&policy.document)
    .execute(connection)
    .await?;
    Ok(PutInlinePolicy::Put)
}

async fn inline(
    connection: &mut SqliteConnection,
    account: &AccountId,
    id: &UniqueId,
) -> Result<Vec<InlinePolicy>, Failure> {
    let sql = "SELECT name, document FROM inline_policy WHERE account = $1 AND identity_id = $2 ORDER BY name";
    let rows = sqlx::query(sql).bind(account.as_str()).bind(id.as_str()).fetch_all(connection).await?;
    let policy = |row: &SqliteRow| Ok(InlinePolicy { name: get(row, "name")?, document: get(row, "document")? });
    rows.iter().map(policy).collect()
}

async fn remove(
    connection: &mut SqliteConnection,
    account: &AccountId,
    kind: IdentityKind,
    name: &str,
    delete: &'static str,
    policy: &str,
) -> Result<RemovePolicy, Failure> {
    let Some(identity) = find(connection, account, kind, name).await? else {
        return Ok(RemovePolicy::IdentityUnknown);
    };
    let query = sqlx::query(delete).bind(account.as_str()).bind(identity.id.as_str()).bind(policy);
    let done = query.execute(connection).await?;
    Ok(if done.rows_affected() > 0 { RemovePolicy::Removed } else { RemovePolicy::PolicyUnknown })
}

async fn attach(
    connection: &mut SqliteConnection,
    account: &AccountId,
    kind: IdentityKind,
    name: &str,
    arn: &Arn,
    limit: u32,
) -> Result<AttachPolicy, Failure> {
    let Some(identity) = find(connection, account, kind, name).await? else {
        return Ok(AttachPolicy::IdentityUnknown);
    };
    if !has_policy(connection, account, arn).await? {
        return Ok(AttachPolicy::PolicyUnknown);
    }
    let sql = "SELECT COUNT(*) AS n FROM attached_policy WHERE account = $1 AND identity_id = $2 AND arn <> $3";
    let others = sqlx::query(sql).bind(account.as_str()).bind(identity.id.as_str()).bind(arn.to_string());
    if count(&others.fetch_one(&mut *connection).await?, "n")? >= limit {
        return Ok(AttachPolicy::LimitReached);
    }
    sqlx::query("INSERT INTO attached_policy (account, identity_id, arn) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(account.as_str())
        .bind(identity.id.as_str())
        .bind(arn.to_string())
        .execute(connection)
        .await?;
    Ok(AttachPolicy::Attached)
}

/// The document of the version in effect of each policy that is attached to these.
const DOCUMENTS: &str = "\
    SELECT attached_policy.arn AS name, policy_version.document AS document FROM attached_policy \
    LEFT JOIN policy ON policy.account = attached_policy.account AND policy.arn = attached_policy.arn \
    LEFT JOIN policy_version ON policy_version.account = policy.account AND policy_version.policy_id = policy.policy_id \
    AND policy_version.version = policy.default_version \
    WHERE attached_policy.account = $1 AND (attached_policy.identity_id = $2 OR attached_policy.identity_id IN \
    (SELECT group_id FROM group_member WHERE account = $1 AND user_id = $2)) \
    UNION ALL \
    SELECT identity.kind || '/' || identity.name || '/' || inline_policy.name AS name, document FROM inline_policy \
    JOIN identity USING (account, identity_id) WHERE account = $1 AND (identity_id = $2 OR identity_id IN \
    (SELECT group_id FROM group_member WHERE account = $1 AND user_id = $2))";

const BOUNDARY: &str = "\
    SELECT identity.boundary AS boundary, policy_version.document AS document FROM identity \
    LEFT JOIN policy ON policy.account = identity.account AND policy.arn = identity.boundary \
    LEFT JOIN policy_version ON policy_version.account = policy.account AND policy_version.policy_id = policy.policy_id \
    AND policy_version.version = policy.default_version WHERE identity.account = $1 AND identity.identity_id = $2";

async fn in_effect(
    connection: &mut SqliteConnection,
    account: &AccountId,
    id: &UniqueId,
) -> Result<PoliciesInEffect, Failure> {
    let query = sqlx::query(DOCUMENTS).bind(account.as_str()).bind(id.as_str());
    let rows = query.fetch_all(&mut *connection).await?;
    let policy = |row: &SqliteRow| Ok(PolicyInEffect { name: get(row, "name")?, document: get(row, "document")? });
    let identity = rows.iter().map(policy).collect::<Result<_, Failure>>()?;
    let query = sqlx::query(BOUNDARY).bind(account.as_str()).bind(id.as_str());
    let boundary = match query.fetch_optional(connection).await? {
        None => None,
        Some(row) => match parse_optional::<Arn>(&row, "boundary")? {
            None => None,
            Some(arn) => Some(PolicyInEffect { name: arn.to_string(), document: get(&row, "document")? }),
        },
    };
    Ok(PoliciesInEffect { identity, boundary })
}
