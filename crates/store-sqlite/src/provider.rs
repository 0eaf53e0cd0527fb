//! Providers of identities in SQLite.

use async_trait::async_trait;
use postern_iam::{AccountId, Arn};
use postern_store::{ChangeTags, CreateProvider, ProviderChange, ProviderRecord, ProviderStore, StoreError, TagChange};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::activation::{tags_from_text, tags_to_text};
use crate::identity::{with_tags, without_tags};
use crate::row::{at, corrupt, count, get, millis, parse};
use crate::writer::Failure;

#[async_trait]
impl ProviderStore for SqliteStore {
    async fn create_provider(
        &self,
        account: &AccountId,
        provider: ProviderRecord,
        limit: u32,
    ) -> Result<CreateProvider, StoreError> {
        let account = account.clone();
        self.writer
            .act(move |connection| Box::pin(async move { create(connection, &account, &provider, limit).await }))
            .await
    }

    async fn provider(&self, account: &AccountId, arn: &Arn) -> Result<Option<ProviderRecord>, StoreError> {
        let row = by_arn(account, arn).fetch_optional(&self.readers).await.map_err(Failure::Sql)?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    async fn provider_of_url(&self, account: &AccountId, url: &str) -> Result<Option<ProviderRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM identity_provider WHERE account = $1 AND url = $2")
            .bind(account.as_str())
            .bind(url)
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::Sql)?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    async fn providers(&self, account: &AccountId) -> Result<Vec<ProviderRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM identity_provider WHERE account = $1 ORDER BY arn")
            .bind(account.as_str())
            .fetch_all(&self.readers)
            .await
            .map_err(Failure::Sql)?;
        Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
    }

    async fn change_provider(
        &self,
        account: &AccountId,
        arn: &Arn,
        change: ProviderChange,
    ) -> Result<ChangeTags, StoreError> {
        let (account, arn) = (account.clone(), arn.clone());
        self.writer
            .act(move |connection| Box::pin(async move { self::change(connection, &account, &arn, change).await }))
            .await
    }

    async fn delete_provider(&self, account: &AccountId, arn: &Arn) -> Result<bool, StoreError> {
        let (account, arn) = (account.clone(), arn.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done = sqlx::query("DELETE FROM identity_provider WHERE account = $1 AND arn = $2")
                        .bind(account.as_str())
                        .bind(arn.to_string())
                        .execute(connection)
                        .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }
}

fn by_arn(account: &AccountId, arn: &Arn) -> sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments> {
    sqlx::query("SELECT * FROM identity_provider WHERE account = $1 AND arn = $2")
        .bind(account.to_string())
        .bind(arn.to_string())
}

async fn create(
    connection: &mut SqliteConnection,
    account: &AccountId,
    provider: &ProviderRecord,
    limit: u32,
) -> Result<CreateProvider, Failure> {
    let known = sqlx::query("SELECT COUNT(*) AS n FROM identity_provider WHERE account = $1")
        .bind(account.as_str())
        .fetch_one(&mut *connection)
        .await?;
    let full = count(&known, "n")? >= limit;
    if by_arn(account, &provider.arn).fetch_optional(&mut *connection).await?.is_some() {
        return Ok(CreateProvider::Exists);
    }
    if full {
        return Ok(CreateProvider::LimitReached);
    }
    let done = sqlx::query(
        "INSERT INTO identity_provider (account, arn, url, client_ids, thumbprints, created_at, tags) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(account.as_str())
    .bind(provider.arn.to_string())
    .bind(&provider.url)
    .bind(texts(&provider.client_ids)?)
    .bind(texts(&provider.thumbprints)?)
    .bind(at(provider.created_at))
    .bind(tags_to_text(&provider.tags)?)
    .execute(connection)
    .await?;
    Ok(if done.rows_affected() > 0 { CreateProvider::Created } else { CreateProvider::Exists })
}

async fn change(
    connection: &mut SqliteConnection,
    account: &AccountId,
    arn: &Arn,
    change: ProviderChange,
) -> Result<ChangeTags, Failure> {
    let row = by_arn(account, arn).fetch_optional(&mut *connection).await?;
    let Some(mut provider) = row.as_ref().map(record).transpose()? else { return Ok(ChangeTags::Unknown) };
    match change {
        ProviderChange::AddClient(client, limit) => {
            if !provider.client_ids.contains(&client) {
                provider.client_ids.push(client);
            }
            if provider.client_ids.len() > limit {
                return Ok(ChangeTags::TooMany);
            }
        }
        ProviderChange::RemoveClient(client) => provider.client_ids.retain(|known| *known != client),
        ProviderChange::Thumbprints(thumbprints) => provider.thumbprints = thumbprints,
        ProviderChange::Tags(TagChange::Add { tags, limit }) => match with_tags(provider.tags, tags, limit) {
            Some(tags) => provider.tags = tags,
            None => return Ok(ChangeTags::TooMany),
        },
        ProviderChange::Tags(TagChange::Remove(keys)) => provider.tags = without_tags(provider.tags, &keys),
    }
    sqlx::query(
        "UPDATE identity_provider SET client_ids = $3, thumbprints = $4, tags = $5 WHERE account = $1 AND arn = $2",
    )
    .bind(account.as_str())
    .bind(arn.to_string())
    .bind(texts(&provider.client_ids)?)
    .bind(texts(&provider.thumbprints)?)
    .bind(tags_to_text(&provider.tags)?)
    .execute(connection)
    .await?;
    Ok(ChangeTags::Changed)
}

fn texts(texts: &[String]) -> Result<String, Failure> {
    serde_json::to_string(texts).map_err(|error| corrupt("client_ids", error))
}

fn record(row: &SqliteRow) -> Result<ProviderRecord, Failure> {
    let texts = |column| {
        let text: &str = get(row, column)?;
        serde_json::from_str(text).map_err(|error| corrupt(column, error))
    };
    Ok(ProviderRecord {
        arn: parse(row, "arn")?,
        url: get(row, "url")?,
        client_ids: texts("client_ids")?,
        thumbprints: texts("thumbprints")?,
        created_at: millis(row, "created_at")?,
        tags: tags_from_text(get(row, "tags")?)?,
    })
}
