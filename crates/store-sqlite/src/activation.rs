//! Activations in SQLite.

use async_trait::async_trait;
use postern_iam::ActivationId;
use postern_store::{ActivationCursor, ActivationFilter, ActivationRecord, ActivationStore, Scope, StoreError, Tag};
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::query::{Select, scoped};
use crate::row::{at, bytes, corrupt, count, get, millis, parse};
use crate::writer::Failure;

#[async_trait]
impl ActivationStore for SqliteStore {
    async fn create_activation(&self, scope: &Scope, activation: ActivationRecord) -> Result<(), StoreError> {
        let scope = scope.clone();
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    scoped(
                        "INSERT INTO activation (account, region, activation_id, code_hash, description, \
                         default_instance_name, iam_role, registration_limit, registrations_count, expires_at, \
                         created_at, tags) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                        &scope,
                    )
                    .bind(activation.activation_id.as_str())
                    .bind(&activation.code_hash[..])
                    .bind(&activation.description)
                    .bind(&activation.default_instance_name)
                    .bind(&activation.iam_role)
                    .bind(activation.registration_limit)
                    .bind(activation.registrations_count)
                    .bind(at(activation.expires_at))
                    .bind(at(activation.created_at))
                    .bind(tags_to_text(&activation.tags)?)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    async fn activation(&self, scope: &Scope, id: &ActivationId) -> Result<Option<ActivationRecord>, StoreError> {
        let row = scoped("SELECT * FROM activation WHERE account = $1 AND region = $2 AND activation_id = $3", scope)
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::Sql)?;
        Ok(row.as_ref().map(record).transpose()?)
    }

    async fn activations_page(
        &self,
        scope: &Scope,
        filters: &[ActivationFilter],
        after: Option<&ActivationCursor>,
        limit: u32,
    ) -> Result<Vec<ActivationRecord>, StoreError> {
        let mut select = Select::scoped("SELECT * FROM activation WHERE account = ", scope)?;
        for filter in filters {
            select = match filter {
                ActivationFilter::Ids(values) => select.and_in("activation_id", values)?,
                ActivationFilter::DefaultInstanceNames(values) => select.and_in("default_instance_name", values)?,
                ActivationFilter::IamRoles(values) => select.and_in("iam_role", values)?,
            };
        }
        if let Some(after) = after {
            select = select
                .text(" AND (created_at, activation_id) < (")
                .bind_number(after.created_at)?
                .text(", ")
                .bind(after.activation_id.as_str())?
                .text(")");
        }
        select = select.text(" ORDER BY created_at DESC, activation_id DESC LIMIT ").bind_number(limit.into())?;
        let rows = select.fetch_all(&self.readers).await?;
        Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
    }

    async fn delete_activation(&self, scope: &Scope, id: &ActivationId) -> Result<bool, StoreError> {
        let (scope, id) = (scope.clone(), id.clone());
        self.writer
            .act(move |connection| {
                Box::pin(async move {
                    let done = scoped(
                        "DELETE FROM activation WHERE account = $1 AND region = $2 AND activation_id = $3",
                        &scope,
                    )
                    .bind(id.as_str())
                    .execute(connection)
                    .await?;
                    Ok(done.rows_affected() > 0)
                })
            })
            .await
    }
}

/// Tags as they are kept with an activation, where nobody searches by them.
pub(crate) fn tags_from_text(text: &str) -> Result<Vec<Tag>, Failure> {
    serde_json::from_str(text).map_err(|error| corrupt("tags", error))
}

pub(crate) fn tags_to_text(tags: &[Tag]) -> Result<String, Failure> {
    serde_json::to_string(tags).map_err(|error| corrupt("tags", error))
}

fn record(row: &SqliteRow) -> Result<ActivationRecord, Failure> {
    Ok(ActivationRecord {
        activation_id: parse(row, "activation_id")?,
        code_hash: bytes(row, "code_hash")?,
        description: get(row, "description")?,
        default_instance_name: get(row, "default_instance_name")?,
        iam_role: get(row, "iam_role")?,
        registration_limit: count(row, "registration_limit")?,
        registrations_count: count(row, "registrations_count")?,
        expires_at: millis(row, "expires_at")?,
        created_at: millis(row, "created_at")?,
        tags: tags_from_text(get(row, "tags")?)?,
    })
}
