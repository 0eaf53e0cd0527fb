//! Keys of the key service and their aliases in SQLite.

use async_trait::async_trait;
use postern_iam::KeyId;
use postern_model::kms::AliasName;
use postern_store::{AliasRecord, CreateAlias, CreateKey, KeyRecord, KeyStore, Scope, StoreError};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::activation::{tags_from_text, tags_to_text};
use crate::query::{Select, scoped};
use crate::row::{at, get, millis, parse};
use crate::writer::Failure;

const KEY_OF_ALIAS: &str = "SELECT kms_key.* FROM kms_alias JOIN kms_key ON kms_key.account = kms_alias.account AND \
                            kms_key.region = kms_alias.region AND kms_key.key_id = kms_alias.key_id \
                            WHERE kms_alias.account = $1 AND kms_alias.region = $2 AND kms_alias.name = $3";

#[async_trait]
impl KeyStore for SqliteStore {
    async fn create_key(&self, scope: &Scope, key: KeyRecord, limit: u32) -> Result<CreateKey, StoreError> {
        let scope = scope.clone();
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let sql = "SELECT COUNT(*) FROM kms_key WHERE account = $1 AND region = $2";
                    if count(connection, sql, &scope).await? >= i64::from(limit) {
                        return Ok(CreateKey::LimitReached);
                    }
                    insert_key(connection, &scope, &key).await?;
                    Ok(CreateKey::Created)
                })
            })
            .await
    }

    async fn managed_key(&self, scope: &Scope, alias: &AliasName, key: KeyRecord) -> Result<KeyRecord, StoreError> {
        let (scope, name) = (scope.clone(), alias.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let found =
                        scoped(KEY_OF_ALIAS, &scope).bind(name.as_str()).fetch_optional(&mut *connection).await?;
                    if let Some(found) = found {
                        return record(&found);
                    }
                    insert_key(connection, &scope, &key).await?;
                    let alias = AliasRecord { name, key_id: key.key_id.clone(), created_at: key.created_at };
                    insert_alias(connection, &scope, &alias).await?;
                    Ok(key)
                })
            })
            .await
    }

    async fn key(&self, scope: &Scope, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let row = scoped("SELECT * FROM kms_key WHERE account = $1 AND region = $2 AND key_id = $3", scope)
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::Sql)?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    async fn key_of_alias(&self, scope: &Scope, alias: &AliasName) -> Result<Option<KeyRecord>, StoreError> {
        let row = scoped(KEY_OF_ALIAS, scope)
            .bind(alias.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::Sql)?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    async fn keys_page(&self, scope: &Scope, after: Option<&KeyId>, limit: u32) -> Result<Vec<KeyRecord>, StoreError> {
        let mut select = Select::scoped("SELECT * FROM kms_key WHERE account = ", scope)?;
        if let Some(after) = after {
            select = select.text(" AND key_id > ").bind(after.as_str())?;
        }
        let rows = select.text(" ORDER BY key_id LIMIT ").bind_number(limit.into())?.fetch_all(&self.readers).await?;
        Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
    }

    async fn set_key_enabled(&self, scope: &Scope, id: &KeyId, enabled: bool) -> Result<bool, StoreError> {
        let (scope, id) = (scope.clone(), id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let sql = "UPDATE kms_key SET enabled = $4 WHERE account = $1 AND region = $2 AND key_id = $3";
                    let done = scoped(sql, &scope).bind(id.as_str()).bind(enabled).execute(connection).await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }

    async fn create_alias(&self, scope: &Scope, alias: AliasRecord, limit: u32) -> Result<CreateAlias, StoreError> {
        let scope = scope.clone();
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let sql = "SELECT 1 FROM kms_alias WHERE account = $1 AND region = $2 AND name = $3";
                    if exists(connection, sql, &scope, alias.name.as_str()).await? {
                        return Ok(CreateAlias::Exists);
                    }
                    let sql = "SELECT 1 FROM kms_key WHERE account = $1 AND region = $2 AND key_id = $3";
                    if !exists(connection, sql, &scope, alias.key_id.as_str()).await? {
                        return Ok(CreateAlias::KeyUnknown);
                    }
                    let sql = "SELECT COUNT(*) FROM kms_alias WHERE account = $1 AND region = $2";
                    if count(connection, sql, &scope).await? >= i64::from(limit) {
                        return Ok(CreateAlias::LimitReached);
                    }
                    insert_alias(connection, &scope, &alias).await?;
                    Ok(CreateAlias::Created)
                })
            })
            .await
    }

    async fn aliases_page(
        &self,
        scope: &Scope,
        of: Option<&KeyId>,
        after: Option<&AliasName>,
        limit: u32,
    ) -> Result<Vec<AliasRecord>, StoreError> {
        let mut select = Select::scoped("SELECT * FROM kms_alias WHERE account = ", scope)?;
        if let Some(of) = of {
            select = select.text(" AND key_id = ").bind(of.as_str())?;
        }
        if let Some(after) = after {
            select = select.text(" AND name > ").bind(after.as_str())?;
        }
        let rows = select.text(" ORDER BY name LIMIT ").bind_number(limit.into())?.fetch_all(&self.readers).await?;
        Ok(rows.iter().map(alias_record).collect::<Result<_, _>>()?)
    }
}

async fn count(connection: &mut SqliteConnection, sql: &'static str, scope: &Scope) -> Result<i64, Failure> {
    let count = sqlx::query_scalar(sql).bind(scope.account.as_str()).bind(scope.region.as_str());
    Ok(count.fetch_one(connection).await?)
}

async fn exists(
    connection: &mut SqliteConnection,
    sql: &'static str,
    scope: &Scope,
    name: &str,
) -> Result<bool, Failure> {
    let found = scoped(sql, scope).bind(name);
    Ok(found.fetch_optional(connection).await?.is_some())
}

async fn insert_key(connection: &mut SqliteConnection, scope: &Scope, key: &KeyRecord) -> Result<(), Failure> {
    scoped(
        "INSERT INTO kms_key (account, region, key_id, description, enabled, managed, sealed_material, created_at, \
         tags) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        scope,
    )
    .bind(key.key_id.as_str())
    .bind(&key.description)
    .bind(key.enabled)
    .bind(key.managed)
    .bind(&key.sealed_material)
    .bind(at(key.created_at))
    .bind(tags_to_text(&key.tags)?)
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_alias(connection: &mut SqliteConnection, scope: &Scope, alias: &AliasRecord) -> Result<(), Failure> {
    scoped("INSERT INTO kms_alias (account, region, name, key_id, created_at) VALUES ($1, $2, $3, $4, $5)", scope)
        .bind(alias.name.as_str())
        .bind(alias.key_id.as_str())
        .bind(at(alias.created_at))
        .execute(connection)
        .await?;
    Ok(())
}

fn record(row: &SqliteRow) -> Result<KeyRecord, Failure> {
    Ok(KeyRecord {
        key_id: parse(row, "key_id")?,
        description: get(row, "description")?,
        enabled: get(row, "enabled")?,
        managed: get(row, "managed")?,
        sealed_material: get(row, "sealed_material")?,
        created_at: millis(row, "created_at")?,
        tags: tags_from_text(get(row, "tags")?)?,
    })
}

fn alias_record(row: &SqliteRow) -> Result<AliasRecord, Failure> {
    Ok(AliasRecord { name: parse(row, "name")?, key_id: parse(row, "key_id")?, created_at: millis(row, "created_at")? })
}
