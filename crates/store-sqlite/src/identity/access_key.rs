//! Users' access keys.

use postern_iam::{AccessKeyId, AccountId, Arn, UniqueId};
use postern_store::{AccessKeyRecord, AddAccessKey, IdentityRecord, KeyUse};
use sqlx::sqlite::SqliteRow;
use sqlx::{SqliteConnection, SqlitePool};

use super::{find as find_identity, insert as insert_identity, record as identity_record};
use crate::row::{at, count, get, millis, millis_optional, parse};
use crate::writer::Failure;

pub(super) async fn add(
    connection: &mut SqliteConnection,
    key: &AccessKeyRecord,
    limit: u32,
) -> Result<AddAccessKey, Failure> {
    let user = sqlx::query("SELECT * FROM identity WHERE account = $1 AND identity_id = $2 AND kind = 'user'")
        .bind(key.account.as_str())
        .bind(key.user_id.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(user) = user.as_ref().map(identity_record).transpose()? else { return Ok(AddAccessKey::UserUnknown) };
    let held = sqlx::query("SELECT COUNT(*) AS n FROM access_key WHERE account = $1 AND user_id = $2")
        .bind(key.account.as_str())
        .bind(key.user_id.as_str())
        .fetch_one(&mut *connection)
        .await?;
    if count(&held, "n")? >= limit {
        return Ok(AddAccessKey::LimitReached);
    }
    insert(connection, &user, key).await
}

pub(super) async fn add_administrator(
    connection: &mut SqliteConnection,
    user: IdentityRecord,
    policy: &Arn,
    key: AccessKeyRecord,
) -> Result<AddAccessKey, Failure> {
    let account = &key.account;
    let user = match find_identity(connection, account, user.kind, &user.name).await? {
        Some(known) => known,
        None => {
            insert_identity(connection, account, &user).await?;
            user
        }
    };
    sqlx::query("INSERT INTO attached_policy (account, identity_id, arn) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(account.as_str())
        .bind(user.id.as_str())
        .bind(policy.to_string())
        .execute(&mut *connection)
        .await?;
    let key = AccessKeyRecord { user_id: user.id.clone(), ..key };
    insert(connection, &user, &key).await
}

/// The column `principal` is what releases before users read: the ARN of the user at that time.
async fn insert(
    connection: &mut SqliteConnection,
    user: &IdentityRecord,
    key: &AccessKeyRecord,
) -> Result<AddAccessKey, Failure> {
    let done = sqlx::query(
        "INSERT INTO access_key (access_key_id, account, principal, user_id, sealed_secret, active, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (access_key_id) DO NOTHING",
    )
    .bind(key.access_key_id.as_str())
    .bind(key.account.as_str())
    .bind(user.arn(&key.account).to_string())
    .bind(key.user_id.as_str())
    .bind(&key.sealed_secret)
    .bind(key.active)
    .bind(at(key.created_at))
    .execute(connection)
    .await?;
    Ok(if done.rows_affected() > 0 { AddAccessKey::Added } else { AddAccessKey::Exists })
}

pub(super) async fn find(
    readers: &SqlitePool,
    id: &AccessKeyId,
) -> Result<Option<(AccessKeyRecord, IdentityRecord)>, Failure> {
    // Both have columns account and created_at.
    let row = sqlx::query(
        "SELECT identity.*, access_key.access_key_id, access_key.user_id, access_key.sealed_secret, access_key.active, \
         access_key.created_at AS key_created_at, access_key.last_used_at, access_key.last_used_service, \
         access_key.last_used_region FROM access_key JOIN identity ON identity.account = access_key.account \
         AND identity.identity_id = access_key.user_id WHERE access_key.access_key_id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(readers)
    .await?;
    row.map(|row| Ok((record(&row, "key_created_at")?, identity_record(&row)?))).transpose()
}

pub(super) async fn of_user(
    readers: &SqlitePool,
    account: &AccountId,
    user: &UniqueId,
) -> Result<Vec<AccessKeyRecord>, Failure> {
    let sql = "SELECT * FROM access_key WHERE account = $1 AND user_id = $2 ORDER BY created_at, access_key_id";
    let rows = sqlx::query(sql).bind(account.as_str()).bind(user.as_str()).fetch_all(readers).await?;
    rows.iter().map(|row| record(row, "created_at")).collect()
}

pub(super) async fn set_active(
    connection: &mut SqliteConnection,
    account: &AccountId,
    user: Option<&UniqueId>,
    id: &AccessKeyId,
    active: bool,
) -> Result<bool, Failure> {
    let sql = "UPDATE access_key SET active = $4 WHERE account = $1 AND access_key_id = $2 \
               AND ($3 IS NULL OR user_id = $3)";
    let done = sqlx::query(sql)
        .bind(account.as_str())
        .bind(id.as_str())
        .bind(user.map(UniqueId::as_str))
        .bind(active)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn delete(
    connection: &mut SqliteConnection,
    account: &AccountId,
    user: &UniqueId,
    id: &AccessKeyId,
) -> Result<bool, Failure> {
    let done = sqlx::query("DELETE FROM access_key WHERE account = $1 AND access_key_id = $2 AND user_id = $3")
        .bind(account.as_str())
        .bind(id.as_str())
        .bind(user.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn note_use(
    connection: &mut SqliteConnection,
    id: &AccessKeyId,
    used: &KeyUse,
) -> Result<(), Failure> {
    sqlx::query(
        "UPDATE access_key SET last_used_at = $2, last_used_service = $3, last_used_region = $4 WHERE access_key_id = $1",
    )
    .bind(id.as_str())
    .bind(at(used.at))
    .bind(&used.service)
    .bind(&used.region)
    .execute(connection)
    .await?;
    Ok(())
}

fn record(row: &SqliteRow, created_at: &'static str) -> Result<AccessKeyRecord, Failure> {
    let last_used = match millis_optional(row, "last_used_at")? {
        Some(at) => Some(KeyUse { at, service: get(row, "last_used_service")?, region: get(row, "last_used_region")? }),
        None => None,
    };
    Ok(AccessKeyRecord {
        access_key_id: parse(row, "access_key_id")?,
        account: parse(row, "account")?,
        user_id: parse(row, "user_id")?,
        sealed_secret: get(row, "sealed_secret")?,
        active: get(row, "active")?,
        created_at: millis(row, created_at)?,
        last_used,
    })
}
