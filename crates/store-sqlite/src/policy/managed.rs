//! Managed policies and their versions.

use std::collections::BTreeMap;

use postern_iam::{AccountId, Arn};
use postern_store::{
    AddPolicyVersion, ChangeTags, CreatePolicy, DeletePolicy, OnPolicyVersion, PolicyFilter, PolicyRecord, PolicyUses,
    PolicyVersion, TagChange, UnixMillis,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{SqliteConnection, SqlitePool};

use crate::activation::{tags_from_text, tags_to_text};
use crate::identity::{name_key, with_tags, without_tags};
use crate::query::Select;
use crate::row::{at, count, get, millis, parse};
use crate::writer::Failure;

const POLICIES: &str = "\
    SELECT policy.*, \
    (SELECT COUNT(*) FROM attached_policy WHERE attached_policy.account = policy.account \
     AND attached_policy.arn = policy.arn) AS attachments, \
    (SELECT COUNT(*) FROM identity WHERE identity.account = policy.account AND identity.boundary = policy.arn) \
    AS boundaries FROM policy WHERE policy.account = ";

pub(super) async fn create(
    connection: &mut SqliteConnection,
    account: &AccountId,
    policy: &PolicyRecord,
    document: &str,
    limit: u32,
) -> Result<CreatePolicy, Failure> {
    let taken = sqlx::query("SELECT 1 FROM policy WHERE account = $1 AND name_key = $2")
        .bind(account.as_str())
        .bind(name_key(&policy.name));
    if taken.fetch_optional(&mut *connection).await?.is_some() {
        return Ok(CreatePolicy::NameTaken);
    }
    let all = sqlx::query("SELECT COUNT(*) AS n FROM policy WHERE account = $1").bind(account.as_str());
    if count(&all.fetch_one(&mut *connection).await?, "n")? >= limit {
        return Ok(CreatePolicy::LimitReached);
    }
    sqlx::query(
        "INSERT INTO policy (account, policy_id, arn, name, name_key, path, description, created_at, updated_at, \
         default_version, versions_made, tags) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 1, 1, $9)",
    )
    .bind(account.as_str())
    .bind(policy.id.as_str())
    .bind(policy.arn(account).to_string())
    .bind(&policy.name)
    .bind(name_key(&policy.name))
    .bind(&policy.path)
    .bind(&policy.description)
    .bind(at(policy.created_at))
    .bind(tags_to_text(&policy.tags)?)
    .execute(&mut *connection)
    .await?;
    insert_version(connection, account, policy.id.as_str(), 1, document, policy.created_at).await?;
    Ok(CreatePolicy::Created)
}

pub(super) async fn find(
    readers: &SqlitePool,
    account: &AccountId,
    arn: &Arn,
) -> Result<Option<PolicyRecord>, Failure> {
    let select = Select::new(POLICIES).bind(account.as_str())?.text(" AND policy.arn = ").bind(&arn.to_string())?;
    select.fetch_all(readers).await?.first().map(record).transpose()
}

pub(super) async fn page(
    readers: &SqlitePool,
    account: &AccountId,
    filter: &PolicyFilter,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<PolicyRecord>, Failure> {
    let mut select =
        Select::new(POLICIES).bind(account.as_str())?.text(" AND ").begins("policy.path", &filter.path_prefix)?;
    if filter.attached {
        select = select.text(" AND attachments > 0");
    }
    if filter.boundary {
        select = select.text(" AND boundaries > 0");
    }
    if let Some(after) = after {
        select = select.text(" AND policy.name_key > ").bind(&name_key(after))?;
    }
    let select = select.text(" ORDER BY policy.name_key LIMIT ").bind_number(limit.into())?;
    select.fetch_all(readers).await?.iter().map(record).collect()
}

pub(super) async fn uses(
    readers: &SqlitePool,
    account: &AccountId,
    prefix: &str,
) -> Result<BTreeMap<String, PolicyUses>, Failure> {
    let select =
        Select::new("SELECT arn, COUNT(*) AS attachments, 0 AS boundaries FROM attached_policy WHERE account = ")
            .bind(account.as_str())?
            .text(" AND ")
            .begins("arn", prefix)?
            .text(" GROUP BY arn UNION ALL SELECT boundary, 0, COUNT(*) FROM identity WHERE account = ")
            .bind(account.as_str())?
            .text(" AND ")
            .begins("boundary", prefix)?
            .text(" GROUP BY boundary");
    let mut all = BTreeMap::<String, PolicyUses>::new();
    for row in &select.fetch_all(readers).await? {
        let uses = all.entry(get(row, "arn")?).or_default();
        uses.attachments += count(row, "attachments")?;
        uses.boundaries += count(row, "boundaries")?;
    }
    Ok(all)
}

pub(super) async fn delete(
    connection: &mut SqliteConnection,
    account: &AccountId,
    arn: &Arn,
) -> Result<DeletePolicy, Failure> {
    let Some(found) = on(connection, account, arn).await? else { return Ok(DeletePolicy::Unknown) };
    if found.attachments > 0 || found.boundaries > 0 {
        return Ok(DeletePolicy::Attached);
    }
    if version_count(connection, account, &found).await? > 1 {
        return Ok(DeletePolicy::HasVersions);
    }
    sqlx::query("DELETE FROM policy WHERE account = $1 AND policy_id = $2")
        .bind(account.as_str())
        .bind(found.id.as_str())
        .execute(connection)
        .await?;
    Ok(DeletePolicy::Deleted)
}

pub(super) async fn add_version(
    connection: &mut SqliteConnection,
    account: &AccountId,
    arn: &Arn,
    version: &PolicyVersion,
    limit: u32,
) -> Result<AddPolicyVersion, Failure> {
    let Some(found) = on(connection, account, arn).await? else { return Ok(AddPolicyVersion::Unknown) };
    if version_count(connection, account, &found).await? >= limit {
        return Ok(AddPolicyVersion::LimitReached);
    }
    let row = sqlx::query(
        "UPDATE policy SET versions_made = versions_made + 1, updated_at = $3, \
         default_version = CASE WHEN $4 THEN versions_made + 1 ELSE default_version END \
         WHERE account = $1 AND policy_id = $2 RETURNING versions_made",
    )
    .bind(account.as_str())
    .bind(found.id.as_str())
    .bind(at(version.created_at))
    .bind(version.is_default)
    .fetch_one(&mut *connection)
    .await?;
    let number = count(&row, "versions_made")?;
    insert_version(connection, account, found.id.as_str(), number, &version.document, version.created_at).await?;
    Ok(AddPolicyVersion::Added(number))
}

pub(super) async fn versions(
    connection: &mut SqliteConnection,
    account: &AccountId,
    arn: &Arn,
) -> Result<Option<Vec<PolicyVersion>>, Failure> {
    let Some(found) = on(connection, account, arn).await? else { return Ok(None) };
    let sql = "SELECT * FROM policy_version WHERE account = $1 AND policy_id = $2 ORDER BY version DESC";
    let rows = sqlx::query(sql).bind(account.as_str()).bind(found.id.as_str()).fetch_all(connection).await?;
    let version = |row: &SqliteRow| {
        let number = count(row, "version")?;
        Ok(PolicyVersion {
            number,
            document: get(row, "document")?,
            created_at: millis(row, "created_at")?,
            is_default: number == found.default_version,
        })
    };
    rows.iter().map(version).collect::<Result<_, Failure>>().map(Some)
}

pub(super) async fn set_default(
    connection: &mut SqliteConnection,
    account: &AccountId,
    arn: &Arn,
    number: u32,
    now: UnixMillis,
) -> Result<OnPolicyVersion, Failure> {
    let Some(found) = on(connection, account, arn).await? else { return Ok(OnPolicyVersion::Unknown) };
    let sql = "UPDATE policy SET default_version = $3, updated_at = $4 WHERE account = $1 AND policy_id = $2 \
               AND EXISTS (SELECT 1 FROM policy_version WHERE account = $1 AND policy_id = $2 AND version = $3)";
    let done = sqlx::query(sql)
        .bind(account.as_str())
        .bind(found.id.as_str())
        .bind(i64::from(number))
        .bind(at(now))
        .execute(connection)
        .await?;
    Ok(if done.rows_affected() > 0 { OnPolicyVersion::Done } else { OnPolicyVersion::VersionUnknown })
}

pub(super) async fn delete_version(
    connection: &mut SqliteConnection,
    account: &AccountId,
    arn: &Arn,
    number: u32,
) -> Result<OnPolicyVersion, Failure> {
    let Some(found) = on(connection, account, arn).await? else { return Ok(OnPolicyVersion::Unknown) };
    if found.default_version == number {
        return Ok(OnPolicyVersion::IsDefault);
    }
    let done = sqlx::query("DELETE FROM policy_version WHERE account = $1 AND policy_id = $2 AND version = $3")
        .bind(account.as_str())
        .bind(found.id.as_str())
        .bind(i64::from(number))
        .execute(connection)
        .await?;
    Ok(if done.rows_affected() > 0 { OnPolicyVersion::Done } else { OnPolicyVersion::VersionUnknown })
}

pub(super) async fn change_tags(
    connection: &mut SqliteConnection,
    account: &AccountId,
    arn: &Arn,
    change: TagChange,
) -> Result<ChangeTags, Failure> {
    let Some(found) = on(connection, account, arn).await? else { return Ok(ChangeTags::Unknown) };
    let tags = match change {
        TagChange::Add { tags, limit } => match with_tags(found.tags, tags, limit) {
            Some(merged) => merged,
            None => return Ok(ChangeTags::TooMany),
        },
        TagChange::Remove(keys) => without_tags(found.tags, &keys),
    };
    sqlx::query("UPDATE policy SET tags = $3 WHERE account = $1 AND policy_id = $2")
        .bind(account.as_str())
        .bind(found.id.as_str())
        .bind(tags_to_text(&tags)?)
        .execute(connection)
        .await?;
    Ok(ChangeTags::Changed)
}

/// The policy that an act is about.
async fn on(
    connection: &mut SqliteConnection,
    account: &AccountId,
    arn: &Arn,
) -> Result<Option<PolicyRecord>, Failure> {
    let select = Select::new(POLICIES).bind(account.as_str())?.text(" AND policy.arn = ").bind(&arn.to_string())?;
    select.fetch_all_on(connection).await?.first().map(record).transpose()
}

async fn version_count(
    connection: &mut SqliteConnection,
    account: &AccountId,
    policy: &PolicyRecord,
) -> Result<u32, Failure> {
    let row = sqlx::query("SELECT COUNT(*) AS n FROM policy_version WHERE account = $1 AND policy_id = $2")
        .bind(account.as_str())
        .bind(policy.id.as_str())
        .fetch_one(connection)
        .await?;
    count(&row, "n")
}

async fn insert_version(
    connection: &mut SqliteConnection,
    account: &AccountId,
    policy_id: &str,
    number: u32,
    document: &str,
    created_at: UnixMillis,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO policy_version (account, policy_id, version, document, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(account.as_str())
    .bind(policy_id)
    .bind(i64::from(number))
    .bind(document)
    .bind(at(created_at))
    .execute(connection)
    .await?;
    Ok(())
}

fn record(row: &SqliteRow) -> Result<PolicyRecord, Failure> {
    Ok(PolicyRecord {
        id: parse(row, "policy_id")?,
        name: get(row, "name")?,
        path: get(row, "path")?,
        description: get(row, "description")?,
        created_at: millis(row, "created_at")?,
        updated_at: millis(row, "updated_at")?,
        default_version: count(row, "default_version")?,
        tags: tags_from_text(get(row, "tags")?)?,
        attachments: count(row, "attachments")?,
        boundaries: count(row, "boundaries")?,
    })
}
