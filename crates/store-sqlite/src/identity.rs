//! Access keys in SQLite.

use async_trait::async_trait;
use postern_iam::{AccessKeyId, AccountId};
use postern_store::{AccessKeyRecord, AddAccessKey, IdentityStore, StoreError};
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::row::{at, get, millis, parse};
use crate::writer::Failure;

#[async_trait]
impl IdentityStore for SqliteStore {
    async fn add_access_key(&self, key: AccessKeyRecord) -> Result<AddAccessKey, StoreError> {
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done = sqlx::query(
                        "INSERT INTO access_key (access_key_id, account, principal, sealed_secret, active, created_at) \
                         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (access_key_id) DO NOTHING",
                    )
                    .bind(key.access_key_id.as_str())
                    .bind(key.account.as_str())
                    .bind(key.principal.to_string())
                    .bind(&key.sealed_secret)
                    .bind(key.active)
                    .bind(at(key.created_at))
                    .execute(connection)
                    .await?;
                    Ok(if done.rows_affected() > 0 { AddAccessKey::Added } else { AddAccessKey::Exists })
                })
            })
            .await
    }

    async fn access_key(&self, id: &AccessKeyId) -> Result<Option<AccessKeyRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM access_key WHERE access_key_id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::Sql)?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    async fn access_keys(&self, account: &AccountId) -> Result<Vec<AccessKeyRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM access_key WHERE account = $1 ORDER BY created_at, access_key_id")
            .bind(account.as_str())
            .fetch_all(&self.readers)
            .await
            .map_err(Failure::Sql)?;
        Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
    }

    async fn set_access_key_active(
        &self,
        account: &AccountId,
        id: &AccessKeyId,
        active: bool,
    ) -> Result<bool, StoreError> {
        let (account, id) = (account.clone(), id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done =
                        sqlx::query("UPDATE access_key SET active = $3 WHERE account = $1 AND access_key_id = $2")
                            .bind(account.as_str())
                            .bind(id.as_str())
                            .bind(active)
                            .execute(connection)
                            .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }
}

fn record(row: &SqliteRow) -> Result<AccessKeyRecord, Failure> {
    Ok(AccessKeyRecord {
        access_key_id: parse(row, "access_key_id")?,
        account: parse(row, "account")?,
        principal: parse(row, "principal")?,
        sealed_secret: get(row, "sealed_secret")?,
        active: get(row, "active")?,
        created_at: millis(row, "created_at")?,
    })
}
